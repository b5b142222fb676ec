"""GET /api/calls/{call_id}, minimally: the token, one Query, the envelope. No hash chain, no UserSig."""

import json
import os

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
        return answer(401, {"code": 40101, "message": "未登录", "data": None})
    call_id = event["rawPath"].removeprefix("/api/calls/")
    tenant, call = view(call_id, [plain({"M": item}) for item in query(f"call#{call_id}")])
    theirs = call and tenant == caller.get("tenant", "default")
    if not theirs or caller["sub"] not in (call["caller_id"], call["callee_id"]):
        return answer(404, {"code": 40401, "message": "没有这个通话", "data": None})
    return answer(200, {"code": 0, "message": "成功", "data": call})


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


def view(call_id, items):
    commits = [item for item in items if item["sk"].startswith("commit#")]
    if not commits:
        return None, None
    first, last = commits[0], commits[-1]
    placed = first["events"][0]["data"]
    personal = (item for item in items if item["sk"].startswith("personal#") and item["digest"] == placed.get("personal"))
    text = next(personal, {}).get("text", {})
    by = next((c["actor"] for c in commits if any(e["type"] == "CallAccepted" for e in c["events"])), None)
    call = {
        "call_id": call_id,
        "state": last["state"],
        "seq": last["n"],
        "caller_id": placed["caller"]["id"],
        "callee_id": placed["callee"],
        "caller_info": text.get("caller_info", {}),
        "timestamp": first["at"],
        "expires_at": placed["deadline"],
    }
    if "invitation_data" in text:
        call["invitation_data"] = text["invitation_data"]
    if by:
        call["answered_by"] = by.get("client", by.get("id"))
    return first["tenant"], call
