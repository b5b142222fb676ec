"""Logging out: DELETE /api/mqtt/clients/{client_id}."""

import pytest

from phone import Refused


def test_a_phone_that_is_logged_out_is_thrown_out_and_not_let_in_again(house):
    phone = house.phone(house.resident)
    house.resident.logs_out(phone.client_id)
    phone.is_thrown_out()
    with pytest.raises(Refused):
        phone.returns()


def test_a_phone_that_is_logged_out_rings_no_more_and_the_others_do(house):
    stolen, kept = house.phone(house.resident, "stolen"), house.phone(house.resident, "kept")
    house.resident.logs_out(stolen.client_id)
    stolen.is_thrown_out()

    house.door.rings(house.resident.id)
    kept.hears("incoming")
    stolen.hears_nothing()


def test_nothing_waits_for_a_phone_that_was_logged_out(house):
    phone = house.phone(house.resident)
    phone.vanishes()
    house.door.rings(house.resident.id)
    house.resident.logs_out(phone.client_id)
    house.door.rings(house.resident.id)

    # The same phone logs in anew. Its old session must be gone, with all that was kept for it.
    again = house.connect(house.login(house.resident))
    assert not again.session_present
    again.listens().hears_nothing()


def test_a_person_cannot_log_out_another_persons_phone(house):
    phone, door = house.phone(house.resident), house.phone(house.door)
    for meddler in (house.neighbour, house.door):
        answer = meddler.asks("DELETE", f"/api/mqtt/clients/{phone.client_id}")
        assert answer.status in (403, 404), answer
    house.door.rings(house.resident.id)
    phone.hears("incoming")
    door.hears("ringing")
