"""MQTT over TLS, with the stack's self-signed certificate as the only one trusted."""

import ssl

import pytest

from phone import Refused


def over_tls(house, owner, name="phone", **changed):
    login = {"url": house.stack.at["mqtts"], "ca": house.stack.certificate} | changed
    return house.phone(owner, name, **login)


def test_a_call_over_tls(house):
    door, phone = over_tls(house, house.door), over_tls(house, house.resident)
    call = house.answered_call(house.door, phone)
    assert phone.hears("incoming").body["call_id"] == call["call_id"]
    phone.hears("accepted")
    door.hears("ringing")
    door.hears("accepted")
    house.resident.as_callee(call, "hangup", phone.client_id)
    door.hears("hangup")


def test_phones_on_tls_and_tcp_hear_the_same_call(house):
    one, other = over_tls(house, house.resident, "ios_1"), house.phone(house.resident, "ios_2")
    house.door.rings(house.resident.id)
    assert one.hears("incoming").body == other.hears("incoming").body


def test_a_session_moves_from_tcp_to_tls(house):
    phone = house.phone(house.resident)
    phone.vanishes()
    house.door.rings(house.resident.id)
    phone.login.url, phone.login.ca = house.stack.at["mqtts"], house.stack.certificate
    phone = phone.returns()
    phone.hears("incoming")
    phone.hears_nothing(0.3)


def test_a_wrong_password_does_not_let_in_over_tls_either(house):
    with pytest.raises(Refused):
        over_tls(house, house.resident, password="wrong")


def test_a_phone_that_trusts_only_the_public_authorities_does_not_connect(house):
    with pytest.raises(ssl.SSLCertVerificationError):
        over_tls(house, house.resident, ca=None)
