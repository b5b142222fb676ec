"""What the ledger never got is named by `ilock verify --day`'s reading, entered by `ilock ledger backfill`, and then proven."""

import base64
import json
import subprocess
import time
import urllib.request

from stack import ILOCK, Stack
from test_c2sp import UNSIGNED

PATIENCE_SECONDS = 60


def dynamodb(stack, operation, body):
    request = urllib.request.Request(stack.at["dynamodb"], method="POST", data=json.dumps(body).encode())
    request.add_header("X-Amz-Target", f"DynamoDB_20120810.{operation}")
    request.add_header("Content-Type", "application/x-amz-json-1.0")
    request.add_header("Authorization", UNSIGNED)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def waiting(stack):
    """The items that wait for the sequencer, and how many entries they have."""
    found = dynamodb(stack, "Scan", {"TableName": "ledger"})["Items"]
    items = [item for item in found if item["pk"]["S"].startswith("pending#")]
    return items, sum(len(base64.b64decode(item["entries"]["B"])) // 54 for item in items)


def ilock(stack, *arguments):
    command = [ILOCK, "--json", *arguments, "--server", stack.at["http"]]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def until(true):
    last = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < last
        time.sleep(0.2)


def test_what_the_ledger_never_got_is_entered_from_the_log(tmp_path):
    # It sequences when it starts, and then not for an hour.
    stack = Stack(tmp_path, ILOCK_SEQUENCE_SECONDS="3600")
    until((tmp_path / "tlog/checkpoint").exists)
    door, resident = stack.door_station("device123"), stack.user("user456")
    resident.registers("phone")
    call = door.rings("user456")["call_id"]
    door.as_caller({"call_id": call}, "cancelled")
    # Placed and cancelled, and a receipt of each at least; until nothing comes any more.
    until(lambda: waiting(stack)[1] >= 4)
    time.sleep(3)
    items, entered = waiting(stack)
    # The batches are lost: an operator has deleted the dead letters.
    for item in items:
        dynamodb(stack, "DeleteItem", {"TableName": "ledger", "Key": {name: item[name] for name in ("pk", "sk")}})
    assert waiting(stack)[1] == 0
    day = time.strftime("%Y-%m-%d", time.gmtime())
    done, said = ilock(stack, "ledger", "backfill", day)
    assert done.returncode == 0, done.stderr
    assert said[0]["event"] == "entered" and said[0]["entries"] >= 4, said
    # It says which stores it read.
    assert stack.at["dynamodb"].removeprefix("http://") in said[0]["log"] and said[0]["ledger"] == str(tmp_path / "tlog")
    assert waiting(stack)[1] == said[0]["entries"] <= entered
    # Again is harmless: it meets itself.
    done, again = ilock(stack, "ledger", "backfill", day)
    assert done.returncode == 0 and again[0]["entries"] == said[0]["entries"]
    assert waiting(stack)[1] == said[0]["entries"]
    stack.stop()

    stack = Stack(tmp_path, ILOCK_SEQUENCE_SECONDS="1")
    until(lambda: waiting(stack)[1] == 0)
    done, said = ilock(stack, "prove", call, "--output", tmp_path / "proof.json")
    assert done.returncode == 0, done.stderr
    done, said = ilock(stack, "verify", "--day", day)
    assert done.returncode == 0, (done.stdout, done.stderr)
    done, said = ilock(stack, "ledger", "backfill", day)
    assert said[0]["entries"] == 0, "nothing is lacking any more"
    stack.stop()
