"""Calls from the first ring to the end."""

import time

from phone import none_hears_anything

COMMON = {"message_id", "seq", "state", "expires_at"}
INCOMING = {"call_id", "caller_id", "caller_info", "timestamp", "room_info", "waiting", "sent_at", "remaining_ms"} | COMMON
CONTROL = {"action", "call_id", "timestamp", "reason"} | COMMON
TO_CALLER = CONTROL | {"request_id"}
RINGING = {"sent_at", "remaining_ms"}
SYNC = {"action", "call_id", "timestamp", "device_id"} | COMMON


def test_the_phone_is_told_everything_that_it_needs_to_show_and_answer_a_call(scenario):
    phone = scenario.phone(scenario.resident)
    call = scenario.door.rings(scenario.resident.id)

    heard = phone.hears("incoming")
    body = heard.body
    assert heard.topic == "users/user456/calls/incoming"
    assert set(body) == INCOMING
    assert body["call_id"] == call["call_id"]
    assert body["caller_id"] == "device123"
    assert body["caller_info"] == {"name": "前门设备", "location": "小区大门"}
    assert body["timestamp"] == call["timestamp"]
    assert abs(body["timestamp"] - time.time() * 1000) < 5_000

    room = body["room_info"]
    assert set(room) == {"room_id", "sdk_app_id", "user_id", "user_sig"}
    assert isinstance(room["room_id"], str) and room["room_id"].isdigit()
    assert 1 <= int(room["room_id"]) <= 2**31 - 1
    assert room["room_id"] == call["room_info"]["room_id"]
    assert room["sdk_app_id"] == 1400000001
    assert room["user_id"] == "user456"
    assert room["user_sig"]

    assert body["message_id"].startswith(f"{call['call_id']}:1:")
    assert (body["seq"], body["state"]) == (1, "ringing")
    assert body["expires_at"] == call["expires_at"] == body["timestamp"] + 30_000
    assert 0 < body["remaining_ms"] == body["expires_at"] - body["sent_at"] <= 30_000
    assert body["waiting"] is False


def test_a_call_is_answered_and_the_callee_hangs_up(scenario):
    door = scenario.phone(scenario.door)
    phone, other = scenario.phone(scenario.resident, "ios_1"), scenario.phone(scenario.resident, "ios_2")
    call = scenario.door.rings(scenario.resident.id)
    phone.hears("incoming")
    other.hears("incoming")
    ringing = door.hears("ringing")
    assert ringing.topic == "devices/device123/calls/control"
    assert set(ringing.body) == TO_CALLER | RINGING

    view = scenario.resident.as_callee(call, "accepted", phone.client_id)
    assert view["room_info"]["room_id"] == call["room_info"]["room_id"]
    accepted = door.hears("accepted").body
    assert set(accepted) == TO_CALLER
    assert (accepted["call_id"], accepted["seq"], accepted["state"]) == (call["call_id"], 2, "active")
    for either in (phone, other):
        sync = either.hears("accepted")
        assert sync.topic == "users/user456/devices/sync"
        assert set(sync.body) == SYNC
        assert sync.body["device_id"] == phone.client_id
        assert sync.body["call_id"] == call["call_id"]

    scenario.resident.as_callee(call, "hangup", phone.client_id, reason="通话已结束")
    hangup = door.hears("hangup").body
    assert hangup["reason"] == "通话已结束"
    assert (hangup["seq"], hangup["state"], hangup["reason_code"]) == (3, "ended", "hangup")
    for either in (phone, other):
        sync = either.hears("hangup")
        assert sync.topic == "users/user456/devices/sync"
        assert sync.body["device_id"] == phone.client_id
    none_hears_anything(door, phone, other)


def test_the_door_hangs_up(scenario):
    door, phone = scenario.phone(scenario.door), scenario.phone(scenario.resident)
    call = scenario.answered_call(scenario.door, phone)
    phone.hears("incoming")
    phone.hears("accepted")
    door.hears("ringing")
    door.hears("accepted")

    scenario.door.as_caller(call, "hangup", reason="通话已结束")
    hangup = phone.hears("hangup")
    assert hangup.topic == "users/user456/calls/control"
    assert set(hangup.body) == CONTROL | {"reason_code"}
    assert hangup.body["reason"] == "通话已结束"
    none_hears_anything(door, phone)


def test_the_callee_rejects_and_says_why(scenario):
    door = scenario.phone(scenario.door)
    phone, other = scenario.phone(scenario.resident, "ios_1"), scenario.phone(scenario.resident, "ios_2")
    call = scenario.door.rings(scenario.resident.id)
    other.hears("incoming")
    door.hears("ringing")

    scenario.resident.as_callee(call, "rejected", phone.client_id, reason="在开会")
    rejected = door.hears("rejected").body
    assert (rejected["reason"], rejected["state"]) == ("在开会", "rejected")
    sync = other.hears("rejected")
    assert sync.topic == "users/user456/devices/sync"
    assert sync.body["device_id"] == phone.client_id
    none_hears_anything(door, other)


def test_the_caller_gives_up(scenario):
    door, phone = scenario.phone(scenario.door), scenario.phone(scenario.resident)
    call = scenario.door.rings(scenario.resident.id)
    phone.hears("incoming")
    door.hears("ringing")

    scenario.door.as_caller(call, "cancelled", reason="按错了")
    cancelled = phone.hears("cancelled")
    assert cancelled.topic == "users/user456/calls/control"
    assert cancelled.body["call_id"] == call["call_id"]
    assert (cancelled.body["reason"], cancelled.body["state"]) == ("按错了", "cancelled")
    none_hears_anything(door, phone)


def test_nobody_answers_in_time(scenario):
    door, phone = scenario.phone(scenario.door), scenario.phone(scenario.resident)
    call = scenario.door.rings(scenario.resident.id, seconds=5)
    phone.hears("incoming")
    door.hears("ringing")

    for waiting, action in ((door, "timeout"), (phone, "cancelled")):
        over = waiting.hears(action).body
        assert over["call_id"] == call["call_id"]
        assert (over["state"], over["reason_code"]) == ("missed", "timeout")
        # An answer counts for two seconds more.
        assert 2_000 <= over["timestamp"] - call["expires_at"] < 3_000
    none_hears_anything(door, phone)


def test_a_person_calls_a_person(scenario):
    caller, phone = scenario.phone(scenario.neighbour), scenario.phone(scenario.resident)
    call = scenario.neighbour.rings(scenario.resident.id)
    assert phone.hears("incoming").body["caller_id"] == "user789"
    ringing = caller.hears("ringing")
    assert ringing.topic == "users/user789/calls/control"

    scenario.resident.as_callee(call, "accepted", phone.client_id)
    assert caller.hears("accepted").topic == "users/user789/calls/control"
    phone.hears("accepted")
    scenario.resident.as_callee(call, "hangup", phone.client_id)
    assert caller.hears("hangup").topic == "users/user789/calls/control"
    assert phone.hears("hangup").body["device_id"] == phone.client_id
    none_hears_anything(caller, phone)


def test_a_household_rings_one_phone_declines_and_another_answers(scenario):
    door = scenario.phone(scenario.door)
    mum, tablet = scenario.phone(scenario.resident, "ios_1"), scenario.phone(scenario.resident, "ios_2")
    dad = scenario.phone(scenario.neighbour)
    call = scenario.door.rings_all([scenario.resident.id, scenario.neighbour.id, "nobody"])
    assert (call["callee_ids"], call["not_rung"]) == (["user456", "user789"], ["nobody"])
    for phone in (mum, tablet, dad):
        incoming = phone.hears("incoming").body
        assert "callee_ids" not in incoming
        assert incoming["room_info"]["room_id"] == call["room_info"]["room_id"]
    door.hears("ringing")

    scenario.resident.as_callee(call, "declined", mum.client_id)
    for phone in (mum, tablet):
        declined = phone.hears("declined").body
        assert set(declined) == SYNC | RINGING
        assert declined["device_id"] == mum.client_id
        assert 0 < declined["remaining_ms"] == declined["expires_at"] - declined["sent_at"]
    scenario.neighbour.as_callee(call, "accepted", dad.client_id)
    assert door.hears("accepted").body["state"] == "active"
    for phone, user in ((mum, "user456"), (tablet, "user456"), (dad, "user789")):
        sync = phone.hears("accepted")
        assert sync.topic == f"users/{user}/devices/sync"
        assert sync.body["device_id"] == dad.client_id
    scenario.door.as_caller(call, "hangup")
    assert dad.hears("hangup").topic == "users/user789/calls/control"
    none_hears_anything(door, mum, tablet, dad)
