"""What a message carries beside its fields."""

import base64
import json
import time
import zlib

import pytest
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

SYMBOLS = bytes.maketrans(b"*-_", b"+/=")


def unpacked(user_sig: bytes) -> dict:
    """The fields of a TRTC UserSig."""
    return json.loads(zlib.decompress(base64.b64decode(user_sig.translate(SYMBOLS), validate=True)))


def test_the_user_sig_decrypts_with_the_key_that_the_phone_got_at_registration(scenario):
    key = scenario.resident.registers("phone")["payload_key"]
    phone = scenario.phone(scenario.resident)
    scenario.door.rings(scenario.resident.id)

    encrypted = phone.hears("incoming").body["room_info"]["user_sig"]
    decrypted = jwe.decrypt_compact(encrypted, OctKey.import_key(key), algorithms=["dir", "A256GCM"])
    assert decrypted.protected["kid"] == key["kid"]
    fields = unpacked(decrypted.plaintext)
    assert fields["TLS.identifier"] == "user456"
    assert fields["TLS.sdkappid"] == 1400000001


def test_somebody_elses_key_does_not_decrypt_the_user_sig(scenario):
    key = scenario.neighbour.registers("phone")["payload_key"]
    phone = scenario.phone(scenario.resident)
    scenario.door.rings(scenario.resident.id)
    encrypted = phone.hears("incoming").body["room_info"]["user_sig"]
    with pytest.raises(JoseError):
        jwe.decrypt_compact(encrypted, OctKey.import_key(key), algorithms=["dir", "A256GCM"])


def test_every_message_comes_at_qos_1_and_is_not_retained(scenario):
    door, phone = scenario.phone(scenario.door), scenario.phone(scenario.resident)
    scenario.answered_call(scenario.door, phone)
    heard = [phone.hears("incoming"), phone.hears("accepted"), door.hears("ringing"), door.hears("accepted")]
    assert {(message.qos, message.retain) for message in heard} == {(1, False)}


@pytest.mark.parametrize("version", ["5"], ids="MQTT {}".format, indirect=True)
def test_the_envelope_says_what_it_is_and_how_long_it_counts(scenario):
    door, phone = scenario.phone(scenario.door), scenario.phone(scenario.resident)
    scenario.answered_call(scenario.door, phone)
    heard = [phone.hears("incoming"), phone.hears("accepted"), door.hears("ringing"), door.hears("accepted")]
    for message in heard:
        properties = message.properties
        assert properties.ContentType == "application/json"
        assert properties.UserProperty == [("message_id", message.body["message_id"])]
        seconds_left = (message.body["expires_at"] - message.body["timestamp"]) / 1000
        assert 0 < properties.MessageExpiryInterval <= seconds_left


@pytest.mark.parametrize("version", ["5"], ids="MQTT {}".format, indirect=True)
def test_the_time_in_the_brokers_queue_is_taken_off_the_expiry(scenario):
    phone = scenario.phone(scenario.resident)
    phone.says_goodbye()
    scenario.door.rings(scenario.resident.id, seconds=10)
    time.sleep(2.5)
    message = phone.returns().hears("incoming")
    # MQTT counts whole seconds, so the broker may have rounded by one.
    assert 0 < message.properties.MessageExpiryInterval <= 10 - 2
