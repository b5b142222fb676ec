"""Phones that lose the network."""

import time

import pytest

from phone import Phone

LEAVING = pytest.mark.parametrize("leave", [Phone.says_goodbye, Phone.vanishes], ids=["with a goodbye", "without a word"])


@LEAVING
@pytest.mark.parametrize("fast_path", ["on", "off"], ids="fast path {}".format)
def test_a_phone_that_returns_in_time_rings_exactly_once(scenario, leave, fast_path):
    phone = scenario.phone(scenario.resident)
    leave(phone)
    call = scenario.door.rings(scenario.resident.id)
    time.sleep(0.5)

    phone = phone.returns()
    assert phone.session_present
    assert phone.hears("incoming").body["call_id"] == call["call_id"]
    phone.hears_nothing()
    # With both paths at work the projector may send again what has no receipt of the fast path yet.
    if fast_path == "off":
        assert phone.repeated == []


@LEAVING
def test_a_phone_that_returns_after_the_deadline_hears_nothing_at_all(scenario, leave):
    phone = scenario.phone(scenario.resident)
    leave(phone)
    call = scenario.door.rings(scenario.resident.id, seconds=5)
    # The deadline, the two seconds for which an answer still counts, and the second that a "missed" lives.
    time.sleep(call["expires_at"] / 1000 - time.time() + 4)

    phone = phone.returns()
    assert phone.session_present
    phone.hears_nothing()
    scenario.door.rings(scenario.resident.id)
    phone.hears("incoming")


def test_a_phone_that_returns_after_another_has_answered_learns_that_too(scenario):
    away, winner = scenario.phone(scenario.resident, "ios_1"), scenario.phone(scenario.resident, "ios_2")
    away.vanishes()
    scenario.answered_call(scenario.door, winner)

    away = away.returns()
    incoming, accepted = away.hears("incoming").body, away.hears("accepted").body
    assert accepted["device_id"] == winner.client_id
    assert accepted["seq"] > incoming["seq"]
    away.hears_nothing()
