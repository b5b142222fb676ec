"""A phone, or a door station, that listens with paho-mqtt."""

import json
import queue
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

# How long a phone waits for a message that must come.
PATIENCE = 10

# How long a phone listens before it reports silence: several rounds of the projector, which polls four times a second.
SILENCE = 1.2

SESSION_SECONDS = 3600

VERSIONS = {"3.1.1": MQTTv311, "5": MQTTv5}


class Refused(Exception):
    """The broker's answer to CONNECT."""

    def __init__(self, reason: ReasonCode):
        super().__init__(str(reason))
        self.reason = reason


@dataclass
class Heard:
    topic: str
    body: dict
    qos: int
    retain: bool
    properties: Properties | None

    @property
    def kind(self) -> str:
        return "incoming" if self.topic.endswith("/calls/incoming") else self.body.get("action", "?")


@dataclass
class Login:
    """What a phone connects with. Kept, so that it can come back; tests change it to see it refused."""

    url: str
    client_id: str
    username: str | None
    password: str | None
    topics: list[str]
    # The certificate to trust, for ssl://; the system's when absent.
    ca: Path | None = None
    # Topic of a will.
    will: str | None = None

    @classmethod
    def of(cls, registered: dict, url: str | None = None) -> "Login":
        mqtt = registered["mqtt_credentials"]
        topics = list(registered["topics"].values())
        return cls(url or mqtt["broker_url"], mqtt["client_id"], mqtt["username"], mqtt["password"], topics)


class Phone:
    """A connection with a persistent session. As every client must, it drops a message whose `message_id` it has seen."""

    def __init__(self, login: Login, version: str, seen: set[str] | None = None):
        """Connects.

        Raises Refused when the broker refuses.
        """
        self.login = login
        self.repeated: list[Heard] = []
        self._seen = set() if seen is None else seen
        self.version = version
        self.session_present = False
        self._heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self._connack: queue.SimpleQueue[ReasonCode] = queue.SimpleQueue()
        self._suback: queue.SimpleQueue[list[ReasonCode]] = queue.SimpleQueue()
        self._gone = threading.Event()
        self._paho = self._client()
        self._connect()

    @property
    def client_id(self) -> str:
        return self.login.client_id

    def _client(self) -> Client:
        v5 = self.version == "5"
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.login.client_id,
            clean_session=None if v5 else False,
            protocol=VERSIONS[self.version],
            reconnect_on_failure=False,
        )
        client.on_connect = self._on_connect
        client.on_subscribe = lambda _client, _data, _mid, reasons, _properties: self._suback.put(reasons)
        client.on_message = self._on_message
        client.on_disconnect = lambda *_: self._gone.set()
        client.username_pw_set(self.login.username, self.login.password)
        if self.login.will:
            client.will_set(self.login.will, forged(), qos=1)
        return client

    def _connect(self):
        url = urlsplit(self.login.url)
        if url.scheme == "ssl":
            self._paho.tls_set(ca_certs=self.login.ca and str(self.login.ca), cert_reqs=ssl.CERT_REQUIRED)
        session = {}
        if self.version == "5":
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = SESSION_SECONDS
            session = {"clean_start": False, "properties": properties}
        self._paho.connect(url.hostname, url.port, **session)
        self._paho.loop_start()
        reason = self._connack.get(timeout=PATIENCE)
        if reason.is_failure:
            self._paho.loop_stop()
            raise Refused(reason)

    def _on_connect(self, _client, _data, flags, reason, _properties):
        self.session_present = flags.session_present
        self._connack.put(reason)

    def _on_message(self, _client, _data, message):
        properties = message.properties if self.version == "5" else None
        heard = Heard(message.topic, json.loads(message.payload), message.qos, message.retain, properties)
        if heard.body.get("action") in ("client_added", "client_removed"):
            return  # These are about no call.
        message_id = heard.body.get("message_id")
        if message_id in self._seen:
            self.repeated.append(heard)
            return
        if message_id:
            self._seen.add(message_id)
        self._heard.put(heard)

    def subscribes(self, topic: str) -> ReasonCode:
        """The broker's answer."""
        self._paho.subscribe(topic, qos=1)
        [reason] = self._suback.get(timeout=PATIENCE)
        return reason

    def listens(self) -> "Phone":
        """Subscribes to every topic that the registration named."""
        for topic in self.login.topics:
            reason = self.subscribes(topic)
            assert not reason.is_failure, f"{topic}: {reason}"
        return self

    def publishes(self, topic: str, qos: int = 1, retain: bool = False):
        self._paho.publish(topic, forged(), qos=qos, retain=retain)

    def hears(self, kind: str) -> Heard:
        """The next message, which must be of this action (`incoming` for a call)."""
        try:
            heard = self._heard.get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError(f"{self.client_id} heard nothing, and {kind} was due") from None
        assert heard.kind == kind, f"{self.client_id}: {kind} was due, and this came: {heard}"
        return heard

    def hears_nothing(self, seconds: float = SILENCE):
        try:
            heard = self._heard.get(timeout=seconds)
        except queue.Empty:
            return
        raise AssertionError(f"{self.client_id} heard {heard}")

    def is_connected(self) -> bool:
        return not self._gone.is_set()

    def is_thrown_out(self):
        assert self._gone.wait(PATIENCE), f"{self.client_id} is still connected"

    def says_goodbye(self):
        """DISCONNECT: in both versions the session stays."""
        self._paho.disconnect()
        assert self._gone.wait(PATIENCE)
        self._paho.loop_stop()

    def vanishes(self):
        """The connection breaks without a DISCONNECT, as in a lift."""
        self._paho.socket().shutdown(socket.SHUT_RDWR)
        assert self._gone.wait(PATIENCE)
        self._paho.loop_stop()

    def returns(self) -> "Phone":
        """Connects again and subscribes to nothing: the broker still has its session."""
        return Phone(self.login, self.version, self._seen)


def none_hears_anything(*phones: Phone, seconds: float = SILENCE):
    """All listen at the same time."""
    until = time.monotonic() + seconds
    for phone in phones:
        phone.hears_nothing(max(0.05, until - time.monotonic()))


def forged() -> str:
    """A message that only the backend may send."""
    return json.dumps({"action": "hangup", "call_id": "call_forged_forged_1", "timestamp": 0, "reason": "forged"})
