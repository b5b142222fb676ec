"""GET /api/calls/{call_id}, minimally: the token, one Query, the envelope. No hash chain, no ended logins, no UserSig."""

import json
import os
import time

import boto3
import jwt

TABLE = os.environ["EVENTS_TABLE"]
dynamodb = boto3.client("dynamodb")


def query(pk):
    return dynamodb.query(
        TableName=TABLE,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": pk}},
        ConsistentRead=True,
    )["Items"]


# In init, as the binary does it.
if os.environ.get("COLDSTART_WARM") == "on":
    query("-")


def handler(event, _context):
    caller = verified(event["headers"].get("authorization", ""))
    if caller is None:
        return answer(401, {"code": 40101, "message": "未通过身份验证", "data": None})
    call_id = event["rawPath"].removeprefix("/api/calls/")
    items = [plain({"M": item}) for item in query(f"call#{call_id}")]
    commits = [item for item in items if item["sk"].startswith("commit#")]
    theirs = commits and commits[0]["tenant"] == caller.get("tenant", "default")
    if not theirs or caller["sub"] not in parties(commits[0]):
        return answer(404, {"code": 40401, "message": "通话不存在", "data": None})
    return answer(200, {"code": 0, "message": "成功", "data": view(call_id, items, commits, caller["sub"])})


def answer(status, envelope):
    body = json.dumps(envelope, ensure_ascii=False)
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": body}


def verified(authorization):
    """The claims of an HS256 token that is signed, meant for us, and valid now."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        return jwt.decode(
            token, os.environ["AUTH_SECRET"], algorithms=["HS256"], audience=os.environ["AUTH_AUDIENCE"], leeway=60
        )
    except jwt.InvalidTokenError:
        return None


def plain(value):
    """What DynamoDB means by a typed value."""
    ((kind, it),) = value.items()
    match kind:
        case "M":
            return {name: plain(value) for name, value in it.items()}
        case "L":
            return [plain(value) for value in it]
        case "N":
            return int(it)
        case "NULL":
            return None
    return it


def callees(placed):
    return [callee["id"] for callee in placed["callees"]]


def parties(first):
    placed = first["events"][0]["data"]
    return [placed["caller"]["id"], *callees(placed)]


def view(call_id, items, commits, party):
    first, last = commits[0], commits[-1]
    placed = first["events"][0]["data"]
    personal = (item for item in items if item["sk"].startswith("personal#") and item["digest"] == placed.get("personal"))
    text = json.loads(next(personal, {}).get("text", "{}"))
    called = callees(placed)
    call = {
        "call_id": call_id,
        "state": last["state"],
        "seq": last["n"],
        "caller_id": placed["caller"]["id"],
        "callee_id": party if party in called else called[0],
        "repeated": False,
        "caller_info": text.get("caller_info", {}),
        "timestamp": first["at"],
        "expires_at": placed["deadline"],
        "remaining_ms": max(0, placed["deadline"] - int(time.time() * 1000)) if last["state"] == "ringing" else 0,
    }
    if party == placed["caller"]["id"]:
        call["callee_ids"] = called
    if "invitation_data" in text:
        call["invitation_data"] = text["invitation_data"]
    accepted = next((c for c in commits if any(e["type"] == "CallAccepted" for e in c["events"])), None)
    if accepted:
        call["answered_by"] = accepted["actor"].get("client", accepted["actor"]["id"])
        call["answered_at"] = accepted["at"]
    if reason := last["events"][-1]["data"].get("reason"):
        call["reason"] = reason
    return call
