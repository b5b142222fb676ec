#!/usr/bin/env python3
"""Checks what iLock Call proves, without any of its code: written from docs/verifying.md and the specifications that it names.

    verify.py proof FILE [--key VKEY]      a file of `ilock prove`
    verify.py export FILE                  a file of `ilock export`
    verify.py ledger DIR [--key VKEY] [--export FILE]
                                           a ledger's folder: checkpoint, tiles, entries, statements of keys; and that an export is in it

Prints what was checked and ends with 0, or names what is wrong and ends with 1.
"""
import argparse
import base64
import hashlib
import json
import pathlib
import struct
import sys
import zlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KINDS = {"commits": 1, "receipts": 2, "alerts": 3, "forgotten": 4}
WIDTH = 256


class Wrong(Exception):
    """Something does not fit."""


def check(fits, why):
    if not fits:
        raise Wrong(why)


def sha256(data):
    return hashlib.sha256(data).digest()


# RFC 8785: sorted keys (by UTF-16 code units), no spaces, shortest numbers. What the log holds are whole numbers.
def canonical(value):
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(canonical(key) + ":" + canonical(value[key]) for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    check(not isinstance(value, float), f"the number {value} is not whole: RFC 8785 numbers are not read here")
    check(not isinstance(value, int) or abs(value) < 2**53, f"the number {value} is larger than JSON can keep")
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def unique(pairs):
    fields = dict(pairs)
    check(len(fields) == len(pairs), "an object has a field twice")
    return fields


def strict(text):
    """The value of a text that must be in the form of RFC 8785."""
    value = json.loads(text, object_pairs_hook=unique)
    check(canonical(value) == text, "a text is not in the form of RFC 8785: " + text[:60])
    return value


# Entries: version, type, hash, call, number.
def entry(kind, digest, call_id="", n=0):
    call = sha256(call_id.encode())[:16] if call_id else bytes(16)
    return struct.pack(">BB32s16sI", 1, kind, digest, call, n)


def item_text(item, call_id):
    return canonical({**{k: v for k, v in item.items() if k not in ("pk", "sk", "day", "ttl")}, "call_id": call_id})


def commit_text(commit, call_id):
    return item_text({k: v for k, v in commit.items() if k != "hash"}, call_id)


# A call: its chain.
def check_chain(call_id, commits):
    previous = sha256(call_id.encode()).hex()
    for number, commit in enumerate(commits, 1):
        check(commit["n"] == number, f"{call_id}: commit {number} is missing or out of place")
        check(commit["call_id"] == call_id, f"{call_id}: commit {number} is of another call")
        check(commit["prev"] == previous, f"{call_id}: commit {number} does not continue the one before")
        previous = sha256(commit_text(commit, call_id).encode()).hex()
        check(commit.get("hash", previous) == previous, f"{call_id}: commit {number} does not have its hash")


def check_personal(call_id, texts, commits):
    named = {event["data"]["personal"] for commit in commits for event in commit["events"] if "personal" in event.get("data", {})}
    for text in texts:
        digest = sha256(text["salt"].encode() + text["text"].encode()).hex()
        check(digest == text["digest"], f"{call_id}: a personal text does not have its digest")
        check(digest in named, f"{call_id}: a personal text is named by no commit")


# RFC 6962.
def leaf(data):
    return sha256(b"\0" + data)


def node(left, right):
    return sha256(b"\1" + left + right)


def root_of(hashes):
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256(b"")
    middle = 1 << (len(hashes) - 1).bit_length() - 1
    return node(root_of(hashes[:middle]), root_of(hashes[middle:]))


def check_inclusion(hash_, index, size, proof, root):
    check(index < size, f"the index {index} is not in a tree of {size}")
    at, last = index, size - 1
    for sibling in proof:
        check(last > 0, "the proof is too long")
        if at & 1 or at == last:
            hash_ = node(sibling, hash_)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            hash_ = node(hash_, sibling)
        at, last = at >> 1, last >> 1
    check(last == 0 and hash_ == root, "the proof does not lead to the root")


# Signed notes, keys, checkpoints.
def read_key(text):
    name, key_id, key = text.strip().split("+", 2)
    key = base64.b64decode(key, validate=True)
    check(sha256(name.encode() + b"\n" + key)[:4].hex() == key_id, f"the key {name} does not have its id")
    check(key[0] == 1 and len(key) == 33, f"the key {name} is no Ed25519 key of a log")
    return name, bytes.fromhex(key_id), Ed25519PublicKey.from_public_bytes(key[1:])


def read_checkpoint(note, keys):
    """Size and root of a checkpoint that one of `keys` signed."""
    text, signatures = note.rsplit("\n\n", 1)
    check(signatures.endswith("\n"), "the checkpoint is cut off")
    origin, size, root = text.split("\n")
    check(size == str(int(size)), "the size is not written as it must be")
    signed = 0
    for line in signatures.removesuffix("\n").split("\n"):
        dash, name, signature = line.split(" ")
        check(dash == "—", "a signature line does not begin with a dash")
        signature = base64.b64decode(signature, validate=True)
        for key_name, key_id, key in keys:
            if (name, signature[:4]) == (key_name, key_id) and name == origin:
                key.verify(signature[4:], f"{text}\n".encode())
                signed += 1
    check(signed, "no key that is believed signed the checkpoint")
    return origin, int(size), base64.b64decode(root, validate=True)


def check_tlog_proof(text, data, keys, origin):
    head, checkpoint = text.split("\n\n", 1)
    first, *lines = head.split("\n")
    check(first == "c2sp.org/tlog-proof@v1", "it is no tlog-proof")
    if lines[0].startswith("extra "):
        lines.pop(0)
    name, index = lines.pop(0).split(" ")
    check(name == "index" and index == str(int(index)), "the index is not written as it must be")
    found, size, root = read_checkpoint(checkpoint, keys)
    check(found == origin, "the checkpoint is of another ledger")
    check_inclusion(leaf(data), int(index), size, [base64.b64decode(line, validate=True) for line in lines], root)
    return int(index), size, root


# A file of `ilock prove`.
def verify_proof(asked):
    file = json.loads(pathlib.Path(asked.path).read_text(), object_pairs_hook=unique)
    check(file["ilock_proof"] == 1, "it is of another version")
    keys = [read_key(text) for text in ([asked.key] if asked.key else file["keys"])]
    call_id, commits, places, roots = file["call_id"], [], {}, {}
    for name, kind in KINDS.items():
        for item in file[name]:
            body = strict(item["text"])
            check(body["call_id"] == call_id, f"one of the {name} is of another call")
            data = entry(kind, sha256(item["text"].encode()), call_id, body.get("n", 0))
            index, size, root = check_tlog_proof(item["proof"], data, keys, file["origin"])
            check(roots.setdefault(size, root) == root, f"there are two trees of {size} entries")
            check(places.setdefault(index, data) == data, f"there are two entries {index}")
            if name == "commits":
                commits.append(body)
    check(commits, "it has no commit")
    check_chain(call_id, commits)
    print(f"{call_id}: {len(commits)} commits, {sum(len(file[name]) for name in KINDS)} entries in {file['origin']}")
    if not asked.key:
        print(f"nobody vouches for the key {', '.join(file['keys'])}")


# A file of `ilock export`.
def calls_in(path):
    number, calls, commits, end = 0, 0, 0, None
    for number, line in enumerate(pathlib.Path(path).read_bytes().splitlines(keepends=True)):
        check(end is None, "something stands behind the export's end")
        check(line.startswith(b'{"line":%d,' % number), f"line {number} does not begin with its number")
        check(line.endswith(b'"}\n'), f"line {number} is cut off")
        body, crc = line.rsplit(b',"crc":"', 1)
        check(f"{zlib.crc32(body):08x}" == crc[:8].decode(), f"line {number} does not have its checksum")
        fields = json.loads(line, object_pairs_hook=unique)
        check(number > 0 or fields.get("ilock_export") == 1, "the export's head is not there, or of another version")
        end = fields.get("end")
        if "call" in fields:
            calls, commits = calls + 1, commits + len(fields["commits"])
            yield fields
    check(end == {"calls": calls, "commits": commits}, "the export's end counts other calls than there are")


def verify_export(asked):
    calls = commits = texts = 0
    for line in calls_in(asked.path):
        check_chain(line["call"], line["commits"])
        check_personal(line["call"], line.get("personal", []), line["commits"])
        calls, commits, texts = calls + 1, commits + len(line["commits"]), texts + len(line.get("personal", []))
    print(f"{calls} calls, {commits} commits, {texts} personal texts")


# A ledger's folder.
def tile_path(kind, index, width):
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03}")
    return "/".join(["tile", kind, *groups]) + ("" if width == WIDTH else f".p/{width}")


def read_tiles(folder, kind, count):
    for index in range((count + WIDTH - 1) // WIDTH):
        width = min(WIDTH, count - index * WIDTH)
        yield (folder / tile_path(kind, index, width)).read_bytes()


def entries_in(folder, size):
    for bundle in read_tiles(folder, "entries", size):
        while bundle:
            length = int.from_bytes(bundle[:2], "big")
            yield bundle[2 : 2 + length]
            bundle = bundle[2 + length :]


def check_hours_and_keys(folder, entries):
    """Each hour has one entry, behind all hours before it. The statements that keys began or ended are those that were entered."""
    days = (f"{year}-{month:02}-{day:02}" for year in range(2020, 2040) for month in range(1, 13) for day in range(1, 32))
    hours = {entry(7, sha256(f"{day}T{hour:02}".encode())): f"{day}T{hour:02}" for day in days for hour in range(24)}
    last = ""
    for index, data in enumerate(entries):
        if data in hours:
            check(hours[data] > last, f"entry {index} is of an hour that began before")
            last = hours[data]
        if data[:2] == b"\1\6":
            name = f"keys/{data[2:34].hex()}.json"
            check(sha256((folder / name).read_bytes()) == data[2:34], f"{name} is not the one that was entered")


def verify_ledger(asked):
    folder = pathlib.Path(asked.path)
    keys = [read_key(text) for text in ([asked.key] if asked.key else (folder / "key").read_text().split())]
    origin, size, root = read_checkpoint((folder / "checkpoint").read_text(), keys)
    entries = list(entries_in(folder, size))
    check(len(entries) == size, f"there are {len(entries)} entries, and the checkpoint has {size}")
    check_hours_and_keys(folder, entries)
    hashes, level = [leaf(data) for data in entries], 0
    check(root_of(hashes) == root, "the entries do not lead to the checkpoint's root")
    while hashes:
        check(b"".join(read_tiles(folder, str(level), len(hashes))) == b"".join(hashes), f"the tiles of level {level} are not those of the entries")
        hashes = [root_of(hashes[at : at + WIDTH]) for at in range(0, len(hashes) - WIDTH + 1, WIDTH)]
        level += 1
    print(f"{origin}: {size} entries, {level} levels of tiles")
    if asked.export:
        entered, looked_for = set(entries), 0
        for line in calls_in(asked.export):
            for name, kind in KINDS.items():
                for item in line[name] if kind < 3 else line.get(name, []):
                    text = (commit_text if kind == 1 else item_text)(item, line["call"])
                    there = entry(kind, sha256(text.encode()), line["call"], item.get("n", 0)) in entered
                    check(there, f"{line['call']}: something of type {kind} is not in the ledger: {text[:80]}")
                    looked_for += 1
        print(f"{looked_for} commits, receipts and marks of the export are in it")


def main():
    judges = {"proof": verify_proof, "export": verify_export, "ledger": verify_ledger}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=judges)
    parser.add_argument("path")
    parser.add_argument("--key", help="the ledger's key, as you keep it")
    parser.add_argument("--export", help="a file whose calls must be in the ledger")
    asked = parser.parse_args()
    try:
        judges[asked.what](asked)
    except (Wrong, InvalidSignature, KeyError, ValueError, OSError) as wrong:
        sys.exit(f"wrong: {wrong or 'a signature does not fit'}")


if __name__ == "__main__":
    main()
