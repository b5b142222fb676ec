"""Logging out: DELETE /api/mqtt/clients/{client_id}."""

import time

import pytest

from phone import Refused


def test_a_phone_that_is_logged_out_is_thrown_out_and_not_let_in_again(scenario):
    phone = scenario.phone(scenario.resident)
    scenario.resident.logs_out(phone.client_id)
    phone.is_thrown_out()
    with pytest.raises(Refused):
        phone.returns()


def test_a_phone_that_is_logged_out_rings_no_more_and_the_others_do(scenario):
    stolen, kept = scenario.phone(scenario.resident, "stolen"), scenario.phone(scenario.resident, "kept")
    scenario.resident.logs_out(stolen.client_id)
    stolen.is_thrown_out()

    scenario.door.rings(scenario.resident.id)
    kept.hears("incoming")
    stolen.hears_nothing()


def test_nothing_waits_for_a_phone_that_was_logged_out(scenario):
    phone = scenario.phone(scenario.resident)
    scenario.resident.registers("kept")
    phone.vanishes()
    scenario.door.rings(scenario.resident.id)
    # A login of the very second of the logout would count as later.
    time.sleep(1.1)
    scenario.resident.logs_out(phone.client_id)
    scenario.door.rings(scenario.resident.id)

    # The same phone comes back with a later login, and with no earlier one.
    body = {"client_id": phone.client_id, "platform": "android"}
    refused = scenario.resident.asks("POST", "/api/mqtt/clients/register", body)
    assert (refused.status, refused.code) == (403, 40302), refused
    scenario.resident.logs_in_anew()
    # Its old session must be gone, with every message queued for it.
    again = scenario.connect(scenario.login(scenario.resident))
    assert not again.session_present
    again.listens().hears_nothing()


def test_a_person_cannot_log_out_another_persons_phone(scenario):
    phone, door = scenario.phone(scenario.resident), scenario.phone(scenario.door)
    for meddler in (scenario.neighbour, scenario.door):
        answer = meddler.asks("DELETE", f"/api/mqtt/clients/{phone.client_id}")
        assert answer.status in (403, 404), answer
    scenario.door.rings(scenario.resident.id)
    phone.hears("incoming")
    door.hears("ringing")
