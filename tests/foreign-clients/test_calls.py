"""Calls from the first ring to the end."""

import time

from phone import none_hears_anything

COMMON = {"message_id", "seq", "state", "expires_at"}
INCOMING = {"call_id", "caller_id", "caller_info", "timestamp", "room_info"} | COMMON
CONTROL = {"action", "call_id", "timestamp"} | COMMON
SYNC = CONTROL | {"device_id"}


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


def test_a_call_is_answered_and_the_callee_hangs_up(scenario):
    door = scenario.phone(scenario.door)
    phone, other = scenario.phone(scenario.resident, "ios_1"), scenario.phone(scenario.resident, "ios_2")
    call = scenario.door.rings(scenario.resident.id)
    phone.hears("incoming")
    other.hears("incoming")
    ringing = door.hears("ringing")
    assert ringing.topic == "devices/device123/calls/control"
    assert set(ringing.body) == CONTROL

    view = scenario.resident.as_callee(call, "accepted", phone.client_id)
    assert view["room_info"]["room_id"] == call["room_info"]["room_id"]
    accepted = door.hears("accepted").body
    assert set(accepted) == CONTROL
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
    assert (hangup["seq"], hangup["state"]) == (3, "ended")
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
    assert set(hangup.body) == CONTROL | {"reason"}
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

    for waiting in (door, phone):
        timeout = waiting.hears("timeout").body
        assert timeout["call_id"] == call["call_id"]
        assert timeout["state"] == "missed"
        assert 0 <= timeout["timestamp"] - call["expires_at"] < 1_000
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
    none_hears_anything(caller, phone)
