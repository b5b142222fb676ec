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


def is_refused(house, login):
    with pytest.raises(Refused) as refused:
        house.connect(login)
    # paho tells of 3.1.1's return code 5 in the words of MQTT 5.
    assert refused.value.reason.value == NOT_AUTHORIZED


def test_a_wrong_password_does_not_let_in(house):
    login = house.login(house.resident)
    is_refused(house, replace(login, password=login.password[:-4] + "AAAA"))


def test_no_password_does_not_let_in(house):
    is_refused(house, house.login(house.resident, password=None))


def test_no_name_and_no_password_do_not_let_in(house):
    is_refused(house, house.login(house.resident, username=None, password=None))


def test_an_access_token_is_no_mqtt_password(house):
    is_refused(house, house.login(house.resident, password=house.resident.token))


def test_a_password_is_for_one_client_id_only(house):
    login = house.login(house.resident, "phone")
    house.resident.registers("other")
    is_refused(house, replace(login, client_id="user456_other"))
    is_refused(house, replace(login, client_id="user456_unknown"))
    is_refused(house, replace(login, client_id="user789_phone"))


def test_a_password_is_for_one_name_only(house):
    is_refused(house, house.login(house.resident, username="user789"))


@pytest.mark.parametrize("topic", ["users/user456/calls/incoming", "users/user789/calls/control", "anything"])
def test_a_will_is_refused_at_connect(house, topic):
    victim = house.phone(house.resident)
    is_refused(house, house.login(house.neighbour, will=topic))
    victim.hears_nothing(0.3)


def test_topics_of_others_cannot_be_subscribed_to_and_nothing_of_them_is_heard(house):
    spy = house.phone(house.neighbour)
    victim, door = house.phone(house.resident), house.phone(house.door)
    for topic in OTHERS_TOPICS + WIDE_FILTERS:
        reason = spy.subscribes(topic)
        assert reason.value == NOT_AUTHORIZED if house.version == "5" else reason.value == 0x80, f"{topic}: {reason}"

    call = house.answered_call(house.door, victim)
    house.door.as_caller(call, "hangup")
    for kind in ("incoming", "accepted", "hangup"):
        victim.hears(kind)
    for kind in ("ringing", "accepted"):
        door.hears(kind)
    spy.hears_nothing()


def test_one_phone_cannot_take_its_owners_other_phones_out_of_the_ring_by_sharing(house):
    greedy, other = house.phone(house.resident, "ios_1"), house.phone(house.resident, "ios_2")
    assert greedy.subscribes("$share/mine/users/user456/calls/incoming").is_failure
    house.door.rings(house.resident.id)
    other.hears("incoming")


@pytest.mark.parametrize("retain", [False, True], ids=["not retained", "retained"])
@pytest.mark.parametrize("qos", [0, 1], ids="QoS {}".format)
def test_what_a_client_publishes_arrives_at_nobody(house, qos, retain):
    listening = [house.phone(house.resident, "ios_1"), house.phone(house.neighbour), house.phone(house.door)]
    topics = [*OTHERS_TOPICS, "users/user789/calls/control", "anything"]
    for n, topic in enumerate(topics):
        # One connection each: the broker may close it at the first attempt.
        forger = house.phone(house.resident, f"forger_{n}")
        listening.append(forger)
        forger.publishes(topic, qos, retain)

    none_hears_anything(*listening)
    # Nor is anything kept for who comes later.
    house.phone(house.resident, "late").hears_nothing(0.3)


def test_a_door_station_publishes_nothing_either(house):
    phone, door = house.phone(house.resident), house.phone(house.door)
    for topic in OTHERS_TOPICS:
        if door.is_connected():
            door.publishes(topic)
    none_hears_anything(phone, door)


def test_a_door_station_cannot_read_a_persons_topics(house):
    door = house.phone(house.door)
    for topic in OTHERS_TOPICS[:3]:
        assert door.subscribes(topic).is_failure, topic


def test_a_client_that_was_refused_everything_still_hears_its_own_calls(house):
    phone = house.phone(house.resident)
    for topic in WIDE_FILTERS:
        phone.subscribes(topic)
    house.door.rings(house.resident.id)
    phone.hears("incoming")
    phone.hears_nothing()
