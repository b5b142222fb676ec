"""MQTT over TLS, with the stack's self-signed certificate as the only one trusted."""

import ssl

import pytest

from phone import Refused


def over_tls(scenario, owner, name="phone", **changed):
    login = {"url": scenario.stack.at["mqtts"], "ca": scenario.stack.certificate} | changed
    return scenario.phone(owner, name, **login)


def test_a_call_over_tls(scenario):
    door, phone = over_tls(scenario, scenario.door), over_tls(scenario, scenario.resident)
    call = scenario.answered_call(scenario.door, phone)
    assert phone.hears("incoming").body["call_id"] == call["call_id"]
    phone.hears("accepted")
    door.hears("ringing")
    door.hears("accepted")
    scenario.resident.as_callee(call, "hangup", phone.client_id)
    door.hears("hangup")


def test_phones_on_tls_and_tcp_hear_the_same_call(scenario):
    one, other = over_tls(scenario, scenario.resident, "ios_1"), scenario.phone(scenario.resident, "ios_2")
    scenario.door.rings(scenario.resident.id)
    assert one.hears("incoming").body == other.hears("incoming").body


def test_a_session_moves_from_tcp_to_tls(scenario):
    phone = scenario.phone(scenario.resident)
    phone.vanishes()
    scenario.door.rings(scenario.resident.id)
    phone.login.url, phone.login.ca = scenario.stack.at["mqtts"], scenario.stack.certificate
    phone = phone.returns()
    phone.hears("incoming")
    phone.hears_nothing(0.3)


def test_a_wrong_password_does_not_let_in_over_tls_either(scenario):
    with pytest.raises(Refused):
        over_tls(scenario, scenario.resident, password="wrong")


def test_a_phone_that_trusts_only_the_public_authorities_does_not_connect(scenario):
    with pytest.raises(ssl.SSLCertVerificationError):
        over_tls(scenario, scenario.resident, ca=None)
