"""What clients may not do."""

from dataclasses import replace

import pytest

from phone import Refused, none_hears_anything

NOT_AUTHORIZED = 0x87

OTHERS_TOPICS = [
    "users/user456/calls/incoming",
    "users/user456/calls/control",
    "users/user456/devices/sync",
    "devices/device123/calls/control",
]
WIDE_FILTERS = [
    "#",
    "+/#",
    "users/#",
    "users/user456/#",
    "users/+/calls/incoming",
    "+/+/+/+",
    "$share/thieves/#",
    "$share/thieves/users/user456/calls/incoming",
    "$share/thieves/users/+/calls/incoming",
    "$SYS/#",
]


def is_refused(scenario, login):
    with pytest.raises(Refused) as refused:
        scenario.connect(login)
    # paho reports return code 5 of MQTT 3.1.1 as the reason code of MQTT 5.
    assert refused.value.reason.value == NOT_AUTHORIZED


def test_a_wrong_password_does_not_let_in(scenario):
    login = scenario.login(scenario.resident)
    is_refused(scenario, replace(login, password=login.password[:-4] + "AAAA"))


def test_no_password_does_not_let_in(scenario):
    is_refused(scenario, scenario.login(scenario.resident, password=None))


def test_no_name_and_no_password_do_not_let_in(scenario):
    is_refused(scenario, scenario.login(scenario.resident, username=None, password=None))


def test_an_access_token_is_no_mqtt_password(scenario):
    is_refused(scenario, scenario.login(scenario.resident, password=scenario.resident.token))


def test_a_password_is_for_one_client_id_only(scenario):
    login = scenario.login(scenario.resident, "phone")
    scenario.resident.registers("other")
    is_refused(scenario, replace(login, client_id="user456_other"))
    is_refused(scenario, replace(login, client_id="user456_unknown"))
    is_refused(scenario, replace(login, client_id="user789_phone"))


def test_a_password_is_for_one_name_only(scenario):
    is_refused(scenario, scenario.login(scenario.resident, username="user789"))


@pytest.mark.parametrize("topic", ["users/user456/calls/incoming", "users/user789/calls/control", "anything"])
def test_a_will_is_refused_at_connect(scenario, topic):
    victim = scenario.phone(scenario.resident)
    is_refused(scenario, scenario.login(scenario.neighbour, will=topic))
    victim.hears_nothing(0.3)


def test_topics_of_others_cannot_be_subscribed_to_and_nothing_of_them_is_heard(scenario):
    spy = scenario.phone(scenario.neighbour)
    victim, door = scenario.phone(scenario.resident), scenario.phone(scenario.door)
    for topic in OTHERS_TOPICS + WIDE_FILTERS:
        reason = spy.subscribes(topic)
        assert reason.value == NOT_AUTHORIZED if scenario.version == "5" else reason.value == 0x80, f"{topic}: {reason}"

    call = scenario.answered_call(scenario.door, victim)
    scenario.door.as_caller(call, "hangup")
    for kind in ("incoming", "accepted", "hangup"):
        victim.hears(kind)
    for kind in ("ringing", "accepted"):
        door.hears(kind)
    spy.hears_nothing()


def test_one_phone_cannot_take_its_owners_other_phones_out_of_the_ring_by_sharing(scenario):
    greedy, other = scenario.phone(scenario.resident, "ios_1"), scenario.phone(scenario.resident, "ios_2")
    assert greedy.subscribes("$share/mine/users/user456/calls/incoming").is_failure
    scenario.door.rings(scenario.resident.id)
    other.hears("incoming")


@pytest.mark.parametrize("retain", [False, True], ids=["not retained", "retained"])
@pytest.mark.parametrize("qos", [0, 1], ids="QoS {}".format)
def test_what_a_client_publishes_arrives_at_nobody(scenario, qos, retain):
    listening = [scenario.phone(scenario.resident, "ios_1"), scenario.phone(scenario.neighbour), scenario.phone(scenario.door)]
    topics = [*OTHERS_TOPICS, "users/user789/calls/control", "anything"]
    for n, topic in enumerate(topics):
        # One connection each: the broker may close it at the first attempt.
        forger = scenario.phone(scenario.resident, f"forger_{n}")
        listening.append(forger)
        forger.publishes(topic, qos, retain)

    none_hears_anything(*listening)
    # Nothing is retained for a later subscriber either.
    scenario.phone(scenario.resident, "late").hears_nothing(0.3)


def test_a_door_station_publishes_nothing_either(scenario):
    phone, door = scenario.phone(scenario.resident), scenario.phone(scenario.door)
    for topic in OTHERS_TOPICS:
        if door.is_connected():
            door.publishes(topic)
    none_hears_anything(phone, door)


def test_a_door_station_cannot_read_a_persons_topics(scenario):
    door = scenario.phone(scenario.door)
    for topic in OTHERS_TOPICS[:3]:
        assert door.subscribes(topic).is_failure, topic


def test_a_client_that_was_refused_everything_still_hears_its_own_calls(scenario):
    phone = scenario.phone(scenario.resident)
    for topic in WIDE_FILTERS:
        phone.subscribes(topic)
    scenario.door.rings(scenario.resident.id)
    phone.hears("incoming")
    phone.hears_nothing()
