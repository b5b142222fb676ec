"""Phones that lose the network."""

import time

import pytest

from phone import Phone

LEAVING = pytest.mark.parametrize("leave", [Phone.says_goodbye, Phone.vanishes], ids=["with a goodbye", "without a word"])


@LEAVING
@pytest.mark.parametrize("fast_path", ["on", "off"], ids="fast path {}".format)
def test_a_phone_that_returns_in_time_rings_exactly_once(house, leave, fast_path):
    phone = house.phone(house.resident)
    leave(phone)
    call = house.door.rings(house.resident.id)
    time.sleep(0.5)

    phone = phone.returns()
    assert phone.session_present
    assert phone.hears("incoming").body["call_id"] == call["call_id"]
    phone.hears_nothing()
    # With both at work the projector may say again what the fast path was slow to keep a receipt of.
    if fast_path == "off":
        assert phone.repeated == []


@LEAVING
def test_a_phone_that_returns_after_the_deadline_hears_nothing_at_all(house, leave):
    phone = house.phone(house.resident)
    leave(phone)
    call = house.door.rings(house.resident.id, seconds=5)
    # The deadline, and the second that a "time is up" lives.
    time.sleep(call["expires_at"] / 1000 - time.time() + 1.5)

    phone = phone.returns()
    assert phone.session_present
    phone.hears_nothing()
    house.door.rings(house.resident.id)
    phone.hears("incoming")


def test_a_phone_that_returns_after_another_has_answered_learns_that_too(house):
    away, winner = house.phone(house.resident, "ios_1"), house.phone(house.resident, "ios_2")
    away.vanishes()
    house.answered_call(house.door, winner)

    away = away.returns()
    incoming, accepted = away.hears("incoming").body, away.hears("accepted").body
    assert accepted["device_id"] == winner.client_id
    assert accepted["seq"] > incoming["seq"]
    away.hears_nothing()
