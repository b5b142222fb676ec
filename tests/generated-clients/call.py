"""A whole call, with the client that openapi-python-client makes of openapi.yaml.

Every answer is read into its class, good or not: a class that does not fit raises, and a type that does not is found by
mypy. The people are `device123` at the door, `user456` and an auditor.
"""

import os
import time
from datetime import datetime, timezone
from typing import TypeVar

from ilock_call import AuthenticatedClient
from ilock_call.api.audit import list_accesses, list_audit, replay_call
from ilock_call.api.calls import callee_action, caller_action, create_call, get_call, list_calls
from ilock_call.api.clients import register_client, register_push_token, remove_client, update_client_status
from ilock_call.models import (
    AccessesOfDayReply,
    BadAddressReply,
    BadRequestReply,
    CalleeAct,
    CalleeAction,
    CallerAct,
    CallerAction,
    CallEventsReply,
    CallsOfDayReply,
    CallState,
    CallView,
    CallViewReply,
    ClientRegisteredReply,
    ClientRemovedReply,
    ClientStatus,
    Direction,
    ForbiddenReply,
    HistoryReply,
    NoSuchCallReply,
    NotFoundReply,
    NothingReply,
    OtherStateReply,
    PlaceCall,
    PlaceCallCallerInfo,
    PlaceCallInvitationDataType0,
    PushTokenRegisteredReply,
    RegisterClient,
    RegisterPushToken,
    RoomInfo,
    UnauthenticatedReply,
    UpdateStatus,
)

T = TypeVar("T")

DOOR, RESIDENT = "device123", "user456"


def as_a(kind: type[T], answer: object) -> T:
    """`answer`, which must be of this class."""
    assert isinstance(answer, kind), answer
    return answer


def party(name: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=os.environ["ILOCK_URL"], token=os.environ[name])


def call_of(answer: object) -> CallView:
    return as_a(CallViewReply, answer).data


door, resident, auditor = party("ILOCK_DOOR_TOKEN"), party("ILOCK_USER_TOKEN"), party("ILOCK_AUDITOR_TOKEN")

# Both register.
registered = as_a(
    ClientRegisteredReply,
    register_client.sync(client=door, body=RegisterClient(client_id=f"{DOOR}_main", platform="linux")),
)
assert registered.data.topics.call_control.endswith("/calls/control")
phone = RegisterClient(client_id=f"{RESIDENT}_phone", user_id=RESIDENT, platform="android", app_version="1.2.3")
registered = as_a(ClientRegisteredReply, register_client.sync(client=resident, body=phone))
phone_id = registered.data.mqtt_credentials.client_id
token = RegisterPushToken("android", push_token="a-token", client_id=phone_id)
assert as_a(PushTokenRegisteredReply, register_push_token.sync(client=resident, body=token)).data.client_id == phone_id
status = UpdateStatus(phone_id, ClientStatus.ACTIVE, priority=10, last_active=int(time.time() * 1000))
assert as_a(NothingReply, update_client_status.sync(client=resident, body=status)).data is None

# The door rings, and the phone answers.
caller_info = PlaceCallCallerInfo(name="前门设备", location="小区大门")
caller_info["floor"] = 3
invitation = PlaceCallInvitationDataType0()
invitation["why"] = "parcel"
press = PlaceCall(callee_id=RESIDENT, caller_info=caller_info, ring_seconds=30, invitation_data=invitation)
placed = call_of(create_call.sync(client=door, body=press, idempotency_key="press-1"))
assert placed.state is CallState.RINGING and as_a(RoomInfo, placed.room_info).user_sig
assert call_of(create_call.sync(client=door, body=press, idempotency_key="press-1")).call_id == placed.call_id
seen = call_of(get_call.sync(placed.call_id, client=resident))
assert seen.caller_info.name == "前门设备" and seen.caller_info["floor"] == 3
for act, state in [(CalleeAct.RINGING, CallState.RINGING), (CalleeAct.ACCEPTED, CallState.ACTIVE)]:
    action = CalleeAction(placed.call_id, act, client_id=phone_id)
    assert call_of(callee_action.sync(client=resident, body=action)).state is state
assert call_of(get_call.sync(placed.call_id, client=door)).answered_by == phone_id

# What is refused says why, and what has hung up is over.
too_late = caller_action.sync(client=door, body=CallerAction(placed.call_id, CallerAct.CANCELLED))
assert as_a(OtherStateReply, too_late).data.state is CallState.ACTIVE
ended = caller_action.sync(client=door, body=CallerAction(placed.call_id, CallerAct.HANGUP, reason="done"))
assert call_of(ended).state is CallState.ENDED
missing = as_a(NoSuchCallReply, get_call.sync("call_of_nobody", client=door))
assert missing.code == 40401
bad = as_a(BadRequestReply, create_call.sync(client=door, body=PlaceCall(callee_id=RESIDENT, ring_seconds=1)))
assert bad.data.field == "ring_seconds"
assert as_a(BadAddressReply, list_calls.sync(client=door, cursor="no cursor")).data.field == "cursor"
nobody = AuthenticatedClient(base_url=os.environ["ILOCK_URL"], token="none")
assert as_a(UnauthenticatedReply, list_calls.sync(client=nobody)).code == 40101

# A second press is rejected: histories have both calls, seen from both ends.
second = call_of(create_call.sync(client=door, body=PlaceCall(callee_id=RESIDENT)))
refused = CalleeAction(second.call_id, CalleeAct.REJECTED, reason="not now", client_id=phone_id)
assert call_of(callee_action.sync(client=resident, body=refused)).state is CallState.REJECTED
both = {placed.call_id: CallState.ENDED, second.call_id: CallState.REJECTED}
for who, direction in [(door, Direction.OUTGOING), (resident, Direction.INCOMING)]:
    for _ in range(100):
        history = as_a(HistoryReply, list_calls.sync(client=who)).data.calls
        if {entry.call_id: entry.state for entry in history} == both:
            break
        time.sleep(0.1)  # It is written beside the call.
    assert {entry.call_id: entry.state for entry in history} == both, history
    assert {entry.direction for entry in history} == {direction}
page = as_a(HistoryReply, list_calls.sync(client=door, limit=1)).data
rest = as_a(HistoryReply, list_calls.sync(client=door, limit=1, cursor=as_a(str, page.next_cursor))).data
assert [entry.call_id for entry in page.calls + rest.calls] == [second.call_id, placed.call_id]

# An auditor finds and reads them; nobody else does, and that somebody looked is kept.
day = datetime.fromtimestamp(placed.timestamp / 1000, timezone.utc).date()
assert as_a(ForbiddenReply, list_audit.sync(client=door, day=day)).code == 40301
for _ in range(100):
    found = as_a(CallsOfDayReply, list_audit.sync(client=auditor, day=day)).data.calls
    if {call.call_id for call in found} == set(both):
        break
    time.sleep(0.1)
assert {call.call_id: call.state for call in found} == both
read = as_a(CallEventsReply, replay_call.sync(placed.call_id, client=auditor, personal=True)).data
assert [commit.state for commit in read.commits][-1] is CallState.ENDED and read.personal
assert [commit.actor.kind for commit in read.commits] == ["device", "user", "user", "device"]
accesses = as_a(AccessesOfDayReply, list_accesses.sync(client=auditor, day=day)).data.accesses
assert any(access.call_id == placed.call_id for access in accesses)

# The phone logs out.
assert as_a(ClientRemovedReply, remove_client.sync(phone_id, client=resident)).data.removed == [phone_id]
assert as_a(NotFoundReply, remove_client.sync(phone_id, client=resident)).code == 40402
print(f"a whole call with openapi-python-client: {len(read.commits)} commits")
