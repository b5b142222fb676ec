"""Apps in the form of the earlier listings, unchanged, and with the lines that docs/earlier-listings.md names."""

import json
import time

import pytest

from earlier_app import EarlierFlutterApp, EarlierPhone
from phone import Login, Phone, Refused
from stack import Stack

# What an operator sets while such apps are in use.
SETTINGS = {"USER_SIG_IN_MESSAGES": "plain"}


@pytest.fixture
def stack(tmp_path):
    stack = Stack(tmp_path, **SETTINGS)
    yield stack
    stack.stop()


@pytest.fixture
def door(stack):
    return stack.door_station("device123")


@pytest.fixture
def person(stack):
    return stack.user("user456")


@pytest.fixture
def phone(person):
    phone = EarlierPhone(person, person.registers("android_1"))
    phone.until(EarlierPhone.is_connected)
    time.sleep(0.3)
    yield phone
    phone.ends()


@pytest.fixture
def changed(person):
    phone = EarlierPhone(person, person.registers("android_1"), changed=True)
    phone.until(EarlierPhone.is_connected)
    time.sleep(0.3)
    yield phone
    phone.ends()


def test_it_rings_with_the_name_answers_and_enters_the_room(phone, door):
    call = door.rings("user456")
    phone.rings(call)
    assert (phone.shown["caller_id"], phone.shown["name"]) == ("device123", "前门设备")
    answer = phone.accepts().well()
    assert answer["answered_by"] == phone.client_id, "with one client the backend knows which one it is"
    assert phone.room.room_id == int(call["room_info"]["room_id"])
    assert phone.room.user_sig.startswith("eJ") and "." not in phone.room.user_sig, "what TRTC takes, not a JWE"
    assert phone.room.private_map_key.startswith("eJ"), "for apps that pass it on from the message"


def test_it_rejects_and_the_door_hears_why(phone, door):
    call = door.rings("user456")
    phone.rings(call)
    assert phone.rejects().well()["state"] == "rejected"
    assert door.asks("GET", f"/api/calls/{call['call_id']}").well()["state"] == "rejected"


def test_it_hangs_up_and_is_hung_up_on(phone, door):
    call = door.rings("user456")
    phone.rings(call)
    phone.accepts().well()
    assert phone.hangs_up().well()["state"] == "ended"
    call = door.rings("user456")
    phone.rings(call)
    phone.accepts().well()
    door.as_caller(call, "hangup")
    phone.until(lambda phone: phone.room is None)
    assert phone.toasts == ["the other side hung up"]


def test_it_falls_silent_when_the_caller_gives_up(phone, door):
    call = door.rings("user456")
    phone.rings(call)
    door.as_caller(call, "cancelled")
    phone.is_silent(1)


def test_it_falls_silent_at_the_deadline_though_it_has_no_timer_and_no_word_for_that(phone, door):
    call = door.rings("user456", seconds=5)
    phone.rings(call)
    phone.is_silent(8)
    assert phone.toasts == ["the caller gave up"]


def test_offline_at_the_end_it_rings_on_unchanged_and_stops_by_itself_changed(person, door):
    unchanged = EarlierPhone(person, person.registers("android_1"))
    changed = EarlierPhone(person, person.registers("android_2"), changed=True)
    for phone in (unchanged, changed):
        phone.until(EarlierPhone.is_connected)
    time.sleep(0.3)
    call = door.rings("user456", seconds=5)
    for phone in (unchanged, changed):
        phone.rings(call)
        phone.goes_away()
    changed.is_silent(8)
    # The deadline, the two seconds for which an answer still counts, and the second that a "missed" lives.
    time.sleep(max(0, call["expires_at"] / 1000 - time.time() + 4))
    for phone in (unchanged, changed):
        phone.comes_back()
        phone.until(lambda phone: phone.connections == 2)
    unchanged.stays(lambda phone: phone.ringing, 1)
    assert not changed.ringing
    for phone in (unchanged, changed):
        phone.ends()


def test_two_unchanged_phones_ring_and_the_other_rings_on_until_the_call_is_over(phone, person, door):
    other = EarlierPhone(person, person.registers("android_2"))
    other.until(EarlierPhone.is_connected)
    time.sleep(0.3)
    call = door.rings("user456")
    phone.rings(call)
    other.rings(call)
    # It does not say which of the two it is, and is in the call all the same: it does not listen to devices/sync.
    assert phone.accepts().well()["answered_by"] == "user456"
    assert phone.room is not None
    other.stays(lambda other: other.ringing, 1)
    door.as_caller(call, "hangup")
    other.is_silent()
    other.ends()


def test_changed_the_other_phone_falls_silent_and_the_one_that_answers_knows_itself(changed, person, door):
    other = EarlierPhone(person, person.registers("android_2"), changed=True)
    other.until(EarlierPhone.is_connected)
    time.sleep(0.3)
    call = door.rings("user456")
    changed.rings(call)
    other.rings(call)
    assert changed.accepts().well()["answered_by"] == changed.client_id
    other.is_silent(1)
    assert other.toasts == ["accepted on another phone"]
    changed.stays(lambda phone: phone.room is not None, 0.5)
    assert changed.room.private_map_key, "from the response, which TRTC wants where advanced permission control is on"


def test_a_broken_connection_comes_back_and_its_session_rings(phone, door):
    phone.loses_connection()
    phone.until(lambda phone: phone.connections == 2)
    phone.rings(door.rings("user456"))


def test_unchanged_it_is_deaf_once_its_session_is_lost_and_changed_it_rings(stack, person, door):
    unchanged = EarlierPhone(person, person.registers("android_1"))
    changed = EarlierPhone(person, person.registers("android_2"), changed=True)
    for phone in (unchanged, changed):
        phone.until(EarlierPhone.is_connected)
    time.sleep(0.3)
    stack.crashes(keep_sessions=False)
    for phone in (unchanged, changed):
        phone.until(lambda phone: phone.connections == 2)
    time.sleep(0.3)
    call = door.rings("user456")
    changed.rings(call)
    unchanged.stays(lambda phone: not phone.ringing, 1)
    for phone in (unchanged, changed):
        phone.ends()


def test_unchanged_it_is_dark_once_its_password_is_refused_and_changed_it_comes_back(stack, person, door):
    unchanged = EarlierPhone(person, person.registers("android_1"))
    changed = EarlierPhone(person, person.registers("android_2"), changed=True)
    for phone, name in ((unchanged, "android_1"), (changed, "android_2")):
        phone.until(EarlierPhone.is_connected)
        # Its client connects with a newer password, which puts it out, and registers once more: its own is not let in any
        # more, as one that has run out.
        Phone(Login.of(person.registers(name)), "3.1.1").says_goodbye()
        person.registers(name)
    changed.until(lambda phone: phone.connections == 2)
    changed.rings(door.rings("user456"))
    unchanged.until(lambda phone: phone.refusals >= 2)
    assert unchanged.connections == 1 and changed.refusals >= 1
    for phone in (unchanged, changed):
        phone.ends()


def test_its_login_token_is_no_password(person):
    registered = person.registers("android_1")
    login = Login.of(registered)
    login.password = person.token
    with pytest.raises(Refused):
        Phone(login, "3.1.1")


def test_a_new_client_id_at_every_start_is_one_more_phone_each_time(person, door):
    for start in range(3):
        person.registers(f"android_{start}")
    clients = person.asks("GET", "/api/mqtt/clients").well()["clients"]
    assert len(clients) == 3


def test_a_push_shows_the_call_and_its_answer_goes_by_the_call_id(person, door):
    app = EarlierFlutterApp(person)
    app.uploads("firebase-token-1").well()
    call = door.asks(
        "POST",
        "/api/calls",
        {"callee_id": "user456", "caller_info": {"name": "前门"}, "invitation_data": {"caller_id": 7, "room": "x"}},
    ).well()
    [data] = app.reads_pushes()
    assert all(isinstance(value, str) for value in data.values())
    assert app.shown == [{"name": "前门", "room_id": call["room_info"]["room_id"]}]
    assert json.loads(data["invitation_data"]) == {"caller_id": 7, "room": "x"}
    # The line that must change: a room cannot be entered by its number alone.
    room = person.asks("GET", f"/api/calls/{data['call_id']}").well()["room_info"]
    assert room["room_id"] == data["room_id"] and room["user_sig"]


def test_a_refreshed_token_replaces_the_old_one(person, door):
    app = EarlierFlutterApp(person)
    app.uploads("firebase-token-1").well()
    app.uploads("firebase-token-2").well()
    door.rings("user456")
    assert len(app.reads_pushes()) == 1


def test_both_apps_in_one_are_one_phone(person, door):
    person.asks(
        "POST",
        "/api/mqtt/clients/register",
        {"user_id": "user456", "client_id": "user456_android_1", "push_token": "token-1", "platform": "android"},
    ).well()
    app = EarlierFlutterApp(person)
    assert app.uploads("token-1").well()["client_id"] == "user456_android_1"
    call = door.rings("user456")
    assert len(app.reads_pushes()) == 1
    answered = person.asks("POST", "/api/calls/callee-action", {"call_id": call["call_id"], "action": "accepted"}).well()
    assert answered["answered_by"] == "user456_android_1"


def test_firebases_token_on_ios_is_taken(person):
    EarlierFlutterApp(person).uploads("dGVzdA:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx", "ios").well()


def test_a_whole_number_is_an_id(stack, door):
    person = stack.user("42")
    person.registers("android_1")
    call = door.asks("POST", "/api/calls", {"callee_id": 42}).well()
    assert call["callee_id"] == "42"


def test_an_unknown_platform_is_registered(person):
    for platform in ("Android", "harmonyos"):
        body = {"user_id": "user456", "client_id": f"user456_{platform}", "platform": platform}
        person.asks("POST", "/api/mqtt/clients/register", body).well()
