"""verify.py accepts what `ilock` wrote, and names what is wrong with everything that was changed in it."""

import base64
import json
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from stack import ILOCK, Stack

VERIFY = Path(__file__).with_name("verify.py")
# The sequencer works every second here; what was entered is published soon after.
PATIENCE_SECONDS = 60


class Written:
    """An export, a ledger's folder and a proof that a stack left."""

    def __init__(self, folder: Path):
        self.export, self.proof, self.ledger = folder / "export.jsonl", folder / "call.proof.json", folder / "data/tlog"
        self.key = (self.ledger / "key").read_text().strip()

    def lines(self):
        return [json.loads(line) for line in self.export.read_text().splitlines()]


def ilock(stack: Stack, *arguments):
    command = [ILOCK, *arguments, "--server", stack.at["http"]]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


def verified(*arguments):
    command = [sys.executable, VERIFY, *arguments]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(*arguments):
    command = [sys.executable, VERIFY, *arguments]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("wrong: "), (done.returncode, done.stdout, done.stderr)
    return done.stderr


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    (folder / "data").mkdir()
    stack = Stack(folder / "data", ILOCK_SEQUENCE_SECONDS="1")
    door, resident = stack.door_station("device123"), stack.user("user456")
    phone = resident.registers("phone")["mqtt_credentials"]["client_id"]
    missed = door.rings("user456", 30)
    door.as_caller(missed, "cancelled", reason="忘了带钥匙")
    answered = door.rings("user456", 30)
    resident.as_callee(answered, "accepted", phone)
    door.as_caller(answered, "hangup")
    until = time.monotonic() + PATIENCE_SECONDS
    for call in (missed, answered):
        while ilock(stack, "prove", call["call_id"], "--output", folder / "call.proof.json").returncode:
            assert time.monotonic() < until, "the call cannot be proven"
            time.sleep(0.5)
    exported = ilock(stack, "export", "--personal", "--output", folder / "export.jsonl")
    assert exported.returncode == 0, exported.stderr
    # Receipts may have been written while the export was made: all of it is in the ledger soon.
    while True:
        ledger = [sys.executable, VERIFY, "ledger", folder / "data/tlog", "--export", folder / "export.jsonl"]
        if subprocess.run([str(part) for part in ledger], capture_output=True).returncode == 0:
            break
        assert time.monotonic() < until, "the export is not in the ledger"
        time.sleep(0.5)
    stack.stop()
    return Written(folder)


def test_what_ilock_wrote_is_verified(written):
    exported = verified("export", written.export)
    assert exported.startswith("2 calls, 5 commits, "), exported
    assert not exported.endswith(" 0 personal texts\n"), exported
    ledger = verified("ledger", written.ledger, "--key", written.key, "--export", written.export)
    assert "commits, receipts and marks of the export are in it" in ledger, ledger
    proof = verified("proof", written.proof, "--key", written.key)
    assert "3 commits" in proof and "nobody vouches" not in proof, proof
    assert "nobody vouches for the key" in verified("proof", written.proof)


def flipped(text, at):
    """The same with one digit or letter changed."""
    return text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]


PROOF_EDITS = {
    "another time": lambda proof: edit_text(proof["commits"][1], '"at":1', '"at":2'),
    "a space": lambda proof: edit_text(proof["commits"][0], "{", "{ "),
    "a receipt's duration": lambda proof: edit_text(proof["receipts"][0], '"ms":', '"ms":1'),
    "another entry's proof": lambda proof: proof["commits"][0].update(proof=proof["commits"][1]["proof"]),
    "the first commit left out": lambda proof: proof["commits"].pop(0),
    "the middle commit left out": lambda proof: proof["commits"].pop(1),
    "commits swapped": lambda proof: proof["commits"].reverse(),
    "no commits": lambda proof: proof["commits"].clear(),
    "another call's id": lambda proof: proof.update(call_id="call_a_b_1"),
    "another origin": lambda proof: proof.update(origin="other.example/ledger"),
    "no keys": lambda proof: proof.update(keys=[]),
    "another version": lambda proof: proof.update(ilock_proof=2),
    "a receipt as an alert": lambda proof: proof["alerts"].append(proof["receipts"][0]),
    "a changed root": lambda proof: edit_checkpoint(proof["commits"][0], 2),
    "a changed size": lambda proof: edit_checkpoint(proof["commits"][0], 1),
}


def edit_text(item, old, new):
    assert old in item["text"]
    item["text"] = item["text"].replace(old, new, 1)


def edit_checkpoint(item, line):
    head, checkpoint = item["proof"].split("\n\n", 1)
    lines = checkpoint.split("\n")
    lines[line] = flipped(lines[line], 0)
    item["proof"] = head + "\n\n" + "\n".join(lines)


@pytest.mark.parametrize("what", PROOF_EDITS)
def test_a_changed_proof_is_refused(written, tmp_path, what):
    proof = json.loads(written.proof.read_text())
    PROOF_EDITS[what](proof)
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(proof, ensure_ascii=False))
    refused("proof", changed, "--key", written.key if what != "no keys" else "")


def test_a_proof_under_a_strangers_key_is_refused(written):
    name, key_id, key = written.key.split("+", 2)
    assert "does not have its id" in refused("proof", written.proof, "--key", f"{name}+00000000+{key}")
    other = b"\x01" + bytes(range(32))
    import verify

    key_id = verify.sha256(name.encode() + b"\n" + other)[:4].hex()
    stranger = f"{name}+{key_id}+{base64.b64encode(other).decode()}"
    assert "no key that is believed signed" in refused("proof", written.proof, "--key", stranger)
    assert "no key that is believed signed" in refused("ledger", written.ledger, "--key", stranger)


def with_checksums(lines):
    """The lines of an export, numbered and with checksums as an insider would write them."""
    for number, line in enumerate(lines):
        line.pop("crc", None)
        line["line"] = number
        body = json.dumps(line, ensure_ascii=False, separators=(",", ":"))[:-1].encode()
        yield body + f',"crc":"{zlib.crc32(body):08x}"}}\n'.encode()


EXPORT_EDITS = {
    "another state": lambda lines: lines[1]["commits"][1].update(state="missed"),
    "another time": lambda lines: lines[1]["commits"][0].update(at=1),
    "the last commit left out": lambda lines: lines[2]["commits"].pop(),
    "the first commit left out": lambda lines: lines[2]["commits"].pop(0),
    "a call left out": lambda lines: lines.pop(1),
    "another call's id": lambda lines: lines[1].update(call=lines[2]["call"]),
    "personal text that was changed": lambda lines: lines[1]["personal"][0].update(text='{"name":"x"}'),
    "personal text of another call": lambda lines: lines[1]["personal"].extend(lines[2]["personal"]),
    "another end": lambda lines: lines[-1]["end"].update(commits=9),
    "something behind the end": lambda lines: lines.append(dict(lines[1])),
}


@pytest.mark.parametrize("what", EXPORT_EDITS)
def test_a_changed_export_is_refused_even_with_its_checksums_made_anew(written, tmp_path, what):
    lines = written.lines()
    EXPORT_EDITS[what](lines)
    changed = tmp_path / "changed.jsonl"
    changed.write_bytes(b"".join(with_checksums(lines)))
    refused("export", changed)


def test_an_export_that_was_touched_or_cut_off_is_refused(written, tmp_path):
    whole, changed = written.export.read_bytes(), tmp_path / "changed.jsonl"
    changed.write_bytes(whole.replace(b'"ms":', b'"ms":1', 1))
    assert "checksum" in refused("export", changed)
    changed.write_bytes(whole[:-3])
    refused("export", changed)
    changed.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    assert "the export's end" in refused("export", changed)


def test_what_was_changed_with_new_hashes_is_not_in_the_ledger(written, tmp_path):
    import verify

    lines = written.lines()
    commit = lines[2]["commits"][-1]
    commit["at"] += 1
    commit["hash"] = verify.sha256(verify.commit_text(commit, lines[2]["call"]).encode()).hex()
    changed = tmp_path / "changed.jsonl"
    changed.write_bytes(b"".join(with_checksums(lines)))
    # Its chain fits; only the ledger knows better.
    verified("export", changed)
    assert "is not in the ledger" in refused("ledger", written.ledger, "--export", changed)
    lines = written.lines()
    lines[1]["receipts"][0]["at"] += 1
    changed.write_bytes(b"".join(with_checksums(lines)))
    assert "is not in the ledger" in refused("ledger", written.ledger, "--export", changed)


@pytest.mark.parametrize("what", ["tile/entries", "tile/0", "checkpoint", "keys"])
@pytest.mark.parametrize("how", ["changed", "cut", "gone"])
def test_a_changed_ledger_is_refused(written, tmp_path, what, how):
    copy = tmp_path / "tlog"
    subprocess.run(["cp", "-r", written.ledger, copy], check=True)
    found = copy / what
    # The widest partial tile is the one of this checkpoint.
    file = found if found.is_file() else max((path for path in found.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    whole = file.read_bytes()
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(whole[:-1] if how == "cut" else whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    refused("ledger", copy, "--key", written.key)
