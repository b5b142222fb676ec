"""Somebody else's transparency log (aics-tlog) and witness (aics-witness) accept a ledger of more than 100,000 entries; and the
witness refuses every other history, though the ledger's own key signed it."""

import base64
import hashlib
import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from aics_tlog import (
    FileSystemTileReader,
    MerkleTree,
    VerifiedTileReader,
    audit_tiles,
    consistency_proof_from_tiles,
    inclusion_proof_from_tiles,
    parse_checkpoint,
    parse_note,
    parse_vkey,
    sign_checkpoint,
    verify_checkpoint,
    verify_consistency,
    verify_leaf_inclusion,
)
from aics_tlog import Checkpoint as Head
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import verify
from stack import ILOCK, Stack
from witness import Witness

ENTRIES = 100_000
# A batch of the stream has up to 1,000 records.
ENTRIES_OF_A_BATCH = 1_000
STEPS = 10
PATIENCE_SECONDS = 90
# On AWS a message of DynamoDB is signed; the laptop's does not look.
UNSIGNED = "AWS4-HMAC-SHA256 Credential=local/20260101/eu-central-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"


class Ledger:
    """A ledger that two witnesses cosign, and every checkpoint of it that was seen."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.witnesses = [Witness(folder / name, f"{name}.example/witness") for name in ("w1", "w2")]
        (folder / "data").mkdir()
        self.stack = Stack(folder / "data", ILOCK_SEQUENCE_SECONDS="1", LEDGER_WITNESSES=self.policy(";"))
        self.tlog = folder / "data/tlog"
        self.seen: list[str] = []
        first = self.waits_for(lambda note: True)
        self.key = (self.tlog / "key").read_text().strip()
        self.origin = first.split("\n")[0]
        for witness in self.witnesses:
            witness.trusts(self.origin, self.key)
        self.waits_for(self.is_cosigned)

    def policy(self, end="\n", logs=(), quorum="both") -> str:
        lines = [f"log {key}" for key in logs]
        lines += [f"witness W{n} {witness.key} {witness.url}" for n, witness in enumerate(self.witnesses, 1)]
        return end.join([*lines, "group both all W1 W2", f"quorum {quorum}"]) + end

    def checkpoint(self) -> str | None:
        try:
            return (self.tlog / "checkpoint").read_text()
        except FileNotFoundError:
            return None

    def waits_for(self, good) -> str:
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            note = self.checkpoint()
            if note and (not self.seen or note != self.seen[-1]):
                self.seen.append(note)
            if note and good(note):
                return note
            time.sleep(0.05)
        raise AssertionError(f"the checkpoint stayed {self.checkpoint()!r}")

    def is_cosigned(self, note: str) -> bool:
        return all(f"— {witness.name} " in note for witness in self.witnesses)

    def enters(self, numbers: range) -> list[bytes]:
        """Enters as the function `ledger` does: what was seen together is one item under the hash of its content."""
        entries = [verify.entry(1, verify.sha256(b"commit %d" % n), f"call_a_b_{n // 4}", n % 4 + 1) for n in numbers]
        content = b"".join(entries)
        key = hashlib.sha256(content).hexdigest()
        item = {"pk": {"S": "pending#" + key[0]}, "sk": {"S": key}, "entries": {"B": base64.b64encode(content).decode()}}
        item["writing"] = {"B": base64.b64encode(os.urandom(8)).decode()}
        request = urllib.request.Request(self.stack.at["dynamodb"], method="POST")
        request.add_header("X-Amz-Target", "DynamoDB_20120810.PutItem")
        request.add_header("Content-Type", "application/x-amz-json-1.0")
        request.add_header("Authorization", UNSIGNED)
        request.data = json.dumps({"TableName": "ledger", "Item": item}).encode()
        urllib.request.urlopen(request, timeout=10).read()
        return entries

    def stop(self):
        self.stack.stop()
        for witness in self.witnesses:
            witness.stop()


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    ledger.entered = []
    for step in range(STEPS):
        share = ENTRIES // STEPS
        for first in range(step * share, (step + 1) * share, ENTRIES_OF_A_BATCH):
            ledger.entered += ledger.enters(range(first, first + ENTRIES_OF_A_BATCH))
        done = len(ledger.entered)
        ledger.waits_for(lambda note: head_of(note).size >= done and ledger.is_cosigned(note))
    yield ledger
    ledger.stop()


def head_of(note):
    return parse_checkpoint(parse_note(note).text)


@pytest.fixture(scope="module")
def now(ledger):
    """The last checkpoint: nothing is entered any more but hours."""
    return head_of(ledger.seen[-1])


def test_every_checkpoint_is_signed_by_the_log_and_the_last_by_both_witnesses(ledger):
    log, witnesses = parse_vkey(ledger.key), [parse_vkey(witness.key) for witness in ledger.witnesses]
    assert len(ledger.seen) > STEPS
    for note in ledger.seen:
        checked = verify_checkpoint(parse_note(note), log, [], 0, expected_origin=ledger.origin)
        assert checked.log_ok, checked
    checked = verify_checkpoint(parse_note(ledger.seen[-1]), log, witnesses, 2, expected_origin=ledger.origin)
    assert checked.ok, checked


def test_every_tile_and_every_entry_of_it_is_accepted(ledger, now):
    report = audit_tiles(FileSystemTileReader(ledger.tlog), now.size, now.root)
    assert report.size == now.size >= ENTRIES
    reader = VerifiedTileReader(FileSystemTileReader(ledger.tlog), now.size, now.root)
    # Behind them stand a key and the hours: the sequencer's own.
    there = {reader.entry(index) for index in range(now.size)}
    assert there >= set(ledger.entered) and now.size - ENTRIES < 10
    # What is full stands there as a full tile, and nothing of it as a partial one.
    partial = [path for path in (ledger.tlog / "tile/0").rglob("*.p")]
    assert [path.name for path in partial] == [f"{now.size // 256 % 1000:03}.p"]


def test_inclusion_is_proven_from_the_tiles(ledger, now):
    reader = VerifiedTileReader(FileSystemTileReader(ledger.tlog), now.size, now.root)
    for index in [*range(0, now.size, now.size // 40), 255, 256, 65_535, 65_536, now.size - 1]:
        proof = inclusion_proof_from_tiles(reader, index, now.size)
        assert verify_leaf_inclusion(reader.entry(index), index, now.size, proof, now.root), index
        assert not verify_leaf_inclusion(reader.entry(index) + b"0", index, now.size, proof, now.root), index


def test_every_checkpoint_continues_the_one_before_and_the_last_continues_all(ledger, now):
    heads = list({(head.size, head.root): head for head in map(head_of, ledger.seen)}.values())
    assert len(heads) > STEPS and len({head.size for head in heads}) == len(heads), "one tree of each size"
    assert [head.size for head in heads] == sorted(head.size for head in heads), "never a smaller one"
    reader = FileSystemTileReader(ledger.tlog)
    for old, new in [*zip(heads, heads[1:]), *((head, heads[-1]) for head in heads)]:
        proof = consistency_proof_from_tiles(reader, old.size, new.size, now.size)
        assert verify_consistency(old.size, new.size, old.root, new.root, proof), (old.size, new.size)


def test_the_witnesses_cosigned_and_were_never_sent_what_they_refuse(ledger):
    for witness in ledger.witnesses:
        # 404 until it was told of this log; 409 where it had seen less than expected, which is followed once.
        known = [status for status in witness.statuses if status != 404]
        assert known.count(200) > STEPS and set(known) <= {200, 409}, witness.statuses
        following = [known[at + 1] for at, status in enumerate(known) if status == 409]
        assert following and set(following) == {200}, "the first round that it knows the log asks from another size"
        assert json.loads(witness.evidence()) == []


def own_key(ledger):
    return Ed25519PrivateKey.from_private_bytes((ledger.folder / "data/tlog.key").read_bytes())


def request(old, proof, note):
    lines = "".join(base64.b64encode(hash_).decode() + "\n" for hash_ in proof)
    return (f"old {old}\n{lines}\n" + note.serialise()).encode()


def refuses(ledger, body, statuses):
    for witness in ledger.witnesses:
        status, answer = witness.asked(body)
        assert status in statuses, (status, answer)
        assert "— ".encode() not in answer


def test_a_split_view_is_refused_by_the_witness_though_the_ledgers_key_signed_it(ledger, now):
    other = MerkleTree([b"%d" % n for n in range(now.size + 10)])
    for size in (now.size, now.size + 10):
        proof = other.consistency_proof(now.size, size) if size > now.size else []
        note = sign_checkpoint(Head(ledger.origin, size, other.root(size)), own_key(ledger), ledger.origin)
        refuses(ledger, request(now.size, proof, note), {409, 422})
    assert all(len(json.loads(witness.evidence())) >= 2 for witness in ledger.witnesses), "it keeps what it refused"


def test_a_tree_that_went_back_in_time_is_refused_by_the_witness(ledger, now):
    early = next(head for head in map(head_of, ledger.seen) if 0 < head.size < now.size)
    note = sign_checkpoint(early, own_key(ledger), ledger.origin)
    refuses(ledger, request(early.size, [], note), {409})
    refuses(ledger, request(now.size, [], note), {400})


def test_a_foreign_key_is_refused_by_the_witness(ledger, now):
    note = sign_checkpoint(now, Ed25519PrivateKey.generate(), ledger.origin)
    refuses(ledger, request(now.size, [], note), {403})


def ilock(ledger, *arguments):
    command = [ILOCK, *arguments]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


@pytest.fixture(scope="module")
def proven(ledger):
    """A file of `ilock prove`, of a call that was made when the ledger was large."""
    door, resident = ledger.stack.door_station("device123"), ledger.stack.user("user456")
    resident.registers("phone")
    call = door.rings("user456")
    door.as_caller(call, "cancelled")
    file, until = ledger.folder / "call.proof.json", time.monotonic() + PATIENCE_SECONDS
    while True:
        made = ilock(ledger, "prove", call["call_id"], "--output", file, "--server", ledger.stack.at["http"])
        if made.returncode == 0 and "w1.example" in file.read_text() and "w2.example" in file.read_text():
            return file
        assert time.monotonic() < until, made.stderr
        time.sleep(0.5)


def test_a_proof_of_ilock_is_accepted(ledger, proven):
    file, checked = json.loads(proven.read_text()), 0
    witnesses = [parse_vkey(witness.key) for witness in ledger.witnesses]
    for kind, items in (("commits", file["commits"]), ("receipts", file["receipts"])):
        for item in items:
            head, note = item["proof"].split("\n\n", 1)
            version, index, *hashes = head.split("\n")
            assert version == "c2sp.org/tlog-proof@v1"
            index, hashes = int(index.removeprefix("index ")), [base64.b64decode(line) for line in hashes]
            under = head_of(note)
            assert verify_checkpoint(parse_note(note), parse_vkey(ledger.key), witnesses, 2).ok
            digest, n = verify.sha256(item["text"].encode()), json.loads(item["text"])["n"]
            entry = verify.entry(verify.KINDS[kind], digest, file["call_id"], n)
            assert verify_leaf_inclusion(entry, index, under.size, hashes, under.root), item
            checked += 1
    assert checked >= 4 and under.size > ENTRIES


def test_a_policy_says_whose_cosignatures_are_enough(ledger, proven, tmp_path):
    policy = tmp_path / "policy"

    def judged(text, *arguments):
        policy.write_text(text)
        return ilock(ledger, "--json", "verify", *arguments, "--policy", policy)

    at, since = ["--server", ledger.stack.at["http"]], tmp_path / "kept"
    since.write_text(ledger.seen[0])
    third = f"witness W3 {key_of('w3.example/witness', 4)}\ngroup three all W1 W2 W3\n"
    for what in (["--proof", proven], ["--since", since, *at]):
        good = judged(ledger.policy(logs=[ledger.key]), *what)
        assert (good.returncode, good.stderr) == (0, ""), (what, good)
        # One that asks for a third witness, who signed nothing; and one that believes another log.
        strict = ledger.policy(logs=[ledger.key], quorum="three").replace("quorum", third + "quorum")
        foreign = ledger.policy(logs=[key_of("other.example/ledger", 1)])
        for text in (strict, foreign):
            bad = judged(text, *what)
            assert bad.returncode in (1, 7), (what, text, bad)


class Elsewhere:
    """The stack as a backend on another machine shows itself: its API, and nothing of its stores."""

    def __init__(self, at: str):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, body = 404, b"{}"
                if self.path.startswith("/api/"):
                    asked = urllib.request.Request(at + self.path)
                    asked.add_header("Authorization", self.headers["Authorization"])
                    try:
                        with urllib.request.urlopen(asked, timeout=30) as answer:
                            status, body = answer.status, answer.read()
                    except urllib.error.HTTPError as refused:
                        status, body = refused.code, refused.read()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.at = f"http://127.0.0.1:{self.server.server_port}"


def test_a_backend_elsewhere_is_asked_by_http_and_proves_the_same(ledger, proven, tmp_path):
    elsewhere, file, kept = Elsewhere(ledger.stack.at["http"]), tmp_path / "by-http.json", tmp_path / "kept"
    call_id = json.loads(proven.read_text())["call_id"]
    made = ilock(ledger, "--json", "prove", call_id, "--output", file, "--server", elsewhere.at)
    assert made.returncode == 0 and elsewhere.at in json.loads(made.stdout)["ledger"], made
    texts = [[item["text"] for item in json.loads(path.read_text())["commits"]] for path in (file, proven)]
    assert texts[0] == texts[1]
    assert ilock(ledger, "verify", "--proof", file, "--policy", policy_file(ledger, tmp_path)).returncode == 0
    for note, code in ((ledger.seen[0], 0), (other_history(ledger), 7)):
        kept.write_text(note)
        since = ilock(ledger, "--json", "verify", "--since", kept, "--server", elsewhere.at, "--ledger-key", ledger.key)
        assert since.returncode == code and elsewhere.at in since.stdout, since
    none = ilock(ledger, "prove", "call_a_b_1", "--output", file, "--server", elsewhere.at)
    assert none.returncode == 1 and "404" in none.stderr, none
    day = ilock(ledger, "verify", "--day", "2026-01-01", "--server", elsewhere.at)
    assert day.returncode == 1 and "does not hand out its log" in day.stderr, day
    elsewhere.server.shutdown()


def policy_file(ledger, folder):
    file = folder / "policy"
    file.write_text(ledger.policy(logs=[ledger.key]))
    return file


def other_history(ledger):
    """A checkpoint of the size of an early one, which the ledger's own key signed, and of another tree."""
    early = next(head for head in map(head_of, ledger.seen) if head.size > 1)
    root = MerkleTree([b"%d" % n for n in range(early.size)]).root()
    return sign_checkpoint(Head(ledger.origin, early.size, root), own_key(ledger), ledger.origin).serialise()


def key_of(name, kind):
    """A key that nobody has the secret of."""
    public = bytes([kind]) + Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    key_id = verify.sha256(name.encode() + b"\n" + public)[:4].hex()
    return f"{name}+{key_id}+{base64.b64encode(public).decode()}"
