"""What a call leaves behind, in bytes: measured in `ilock dev`, the whole backend in one process.

    stored.py ILOCK          prints what tools/cost writes to stored.json

A door station calls a person with three phones, as in the other counts: each reports that it rings, one accepts, the door hangs
up. Phones are not connected, so pushes reach them. The tables are read before and after, and each item is measured as DynamoDB does
it ("DynamoDB item sizes and formats"), with the 100 bytes that it adds to each item, and to each entry of an index.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import boto3

DOOR, PERSON, PHONES = "device123", "user456", ("phone", "tablet", "watch")
# DynamoDB's own, of an item and of an entry of an index.
OVERHEAD = 100
# What waits for the stream and for the ledger is written by then.
SETTLED = 12
# The index of the log: keys alone, of the items that have them.
INDEX = ("day", "at", "pk", "sk")


def size(value):
    """Of an attribute's value."""
    [(kind, content)] = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "B":
            return len(content)
        case "N":
            return (len(content.strip("-").replace(".", "")) + 1) // 2 + 1
        case "M":
            return 3 + sum(1 + len(name.encode()) + size(one) for name, one in content.items())
        case "L":
            return 3 + sum(1 + size(one) for one in content)
        case "SS":
            return sum(len(one.encode()) for one in content)
    return 1  # BOOL, NULL


def stored(item):
    """Of an item, and of its entry in the index."""
    whole = OVERHEAD + sum(len(name.encode()) + size(value) for name, value in item.items())
    if not all(name in item for name in INDEX):
        return whole
    return whole + OVERHEAD + sum(len(name.encode()) + size(item[name]) for name in INDEX)


def tables(address):
    """The items of each table, by their keys."""
    client = boto3.client("dynamodb", endpoint_url=address, region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    found = {}
    for name in ("directory", "events", "ledger"):
        pages = client.get_paginator("scan").paginate(TableName=name)
        found[name] = {(one["pk"]["S"], one["sk"]["S"]): one for page in pages for one in page["Items"]}
    return found


class Backend:
    def __init__(self, ilock):
        ports = [f"--{name}port=0" for name in ("", "mqtt-", "ws-", "mqtts-", "dynamodb-")]
        self.ilock = ilock
        self.process = subprocess.Popen([ilock, "dev", "--json", *ports], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.at = json.loads(self.process.stdout.readline())

    def ask(self, who, role, path, body):
        token = subprocess.run([self.ilock, "token", "--sub", who, "--role", role], check=True, capture_output=True, text=True).stdout.strip()
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        request = urllib.request.Request(self.at["http"].rstrip("/") + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())["data"]

    def act(self, call, action, phone=None):
        who, role, side = (PERSON, "user", "callee") if phone else (DOOR, "device", "caller")
        self.ask(who, role, f"/api/calls/{side}-action", {"call_id": call, "action": action} | ({"client_id": phone} if phone else {}))


def measure(ilock):
    """By what becomes of it: what stays for ever, what is deleted after PersonalDays or sooner, and the ledger's files."""
    backend = Backend(ilock)
    try:
        for name in PHONES:
            body = {"client_id": name, "platform": "android", "push_token": f"token-{name}"}
            backend.ask(PERSON, "user", "/api/mqtt/clients/register", body)
        # The second call is measured: the first leaves what both share, such as that the two have talked.
        for _ in range(2):
            before, files_before = tables(backend.at["dynamodb"]), tiles(backend.at["ledger"])
            caller = {"name": "前门设备", "location": "小区大门"}
            call = backend.ask(DOOR, "device", "/api/calls", {"callee_id": PERSON, "caller_info": caller})["call_id"]
            time.sleep(1)
            for name in PHONES:
                backend.act(call, "ringing", name)
            time.sleep(1)
            backend.act(call, "accepted", PHONES[0])
            time.sleep(1)
            backend.act(call, "hangup")
            time.sleep(SETTLED)
        after, files = tables(backend.at["dynamodb"]), tiles(backend.at["ledger"])
    finally:
        backend.process.terminate()
        backend.process.wait()
    new = [item for name, items in after.items() for key, item in items.items() if key not in before[name]]
    return {
        "for_ever": sum(stored(item) for item in new if "ttl" not in item),
        "for_a_time": sum(stored(item) for item in new if "ttl" in item),
        "ledger_files": files - files_before,
    }


def tiles(folder):
    """Of the entries' bundle and of the tile of their hashes, which hold up to 256: both are one file that grows, in a new version each
    time. What stands above them is a 256th."""
    found = 0
    for kind in ("entries", "0"):
        sizes = [path.stat().st_size for path in Path(folder, "tile", kind).rglob("*") if path.is_file()]
        found += max(sizes, default=0)
    return found


if __name__ == "__main__":
    os.environ["RUST_LOG"] = "error"
    print(json.dumps(measure(sys.argv[1]), indent=2))
