"""Apps that behave as those do which were written before this product: docs/earlier-listings.md names their lines.

A Java phone with Paho, and a Flutter app that Firebase wakes. Both are written anew here; what they do, and what they leave
undone, is what the listings do.
"""

import json
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from stack import Answer, Party

# How long something may take that must come.
PATIENCE = 10

# Paho for Java waits 1, 2, 4 … seconds between attempts, at most 128; in place of that the page says 2.
FIRST_DELAY, LONGEST_DELAY, RECOMMENDED_DELAY = 1, 128, 2


@dataclass
class Room:
    """What the app hands to TRTC, as it reads it."""

    sdk_app_id: int
    user_id: str
    user_sig: str
    room_id: int
    private_map_key: str | None = None


class EarlierPhone:
    """The Java phone. `changed` has the lines of docs/earlier-listings.md."""

    def __init__(self, person: Party, registered: dict, changed: bool = False):
        mqtt = registered["mqtt_credentials"]
        self.person = person
        self.client_id = mqtt["client_id"]
        self.changed = changed
        self.shown: dict | None = None
        self.ringing = False
        self.room: Room | None = None
        self.toasts: list[str] = []
        self.connections = 0
        self.refusals = 0
        self._room_info: dict | None = None
        self._turn = threading.Condition()
        self._topics = list(registered["topics"].values())
        self._paho = Client(CallbackAPIVersion.VERSION2, client_id=self.client_id, clean_session=False, protocol=MQTTv311)
        self._paho.on_connect = self._on_connect
        self._paho.on_message = self._on_message
        self._paho.username_pw_set(mqtt["username"], mqtt["password"])
        self._paho.reconnect_delay_set(FIRST_DELAY, RECOMMENDED_DELAY if changed else LONGEST_DELAY)
        url = urlsplit(mqtt["broker_url"])
        self._paho.connect(url.hostname, url.port, keepalive=60)
        self._paho.loop_start()

    # MQTT

    def _on_connect(self, client, _data, _flags, reason, _properties):
        with self._turn:
            if reason.is_failure:
                self.refusals += 1
            else:
                self.connections += 1
            self._turn.notify_all()
            first = self.connections == 1
        if reason.is_failure:
            if self.changed:
                self._renews_password()
        elif self.changed:
            client.subscribe([(topic, 1) for topic in self._topics])
        elif first:
            # Once, when the first connection succeeds; and not to devices/sync.
            client.subscribe(f"users/{self.person.id}/calls/incoming", 1)
            client.subscribe(f"users/{self.person.id}/calls/control", 1)

    def _renews_password(self):
        mqtt = self.person.registers(self.client_id.removeprefix(f"{self.person.id}_"))["mqtt_credentials"]
        self._paho.username_pw_set(mqtt["username"], mqtt["password"])

    def _on_message(self, _client, _data, message):
        body = json.loads(message.payload)
        with self._turn:
            if message.topic.endswith("/calls/incoming"):
                self._incoming(body)
            elif message.topic.endswith("/calls/control"):
                self._control(body)
            elif self.changed:
                self._sync(body)
            self._turn.notify_all()

    def _incoming(self, call: dict):
        self.shown = {"call_id": call["call_id"], "caller_id": call["caller_id"], "name": call["caller_info"]["name"]}
        self._room_info = call["room_info"]
        self.ringing = True
        if self.changed:
            timer = threading.Timer(call["remaining_ms"] / 1000, self._has_rung, [call["call_id"]])
            timer.daemon = True
            timer.start()

    def _has_rung(self, call_id: str):
        with self._turn:
            if self.shown is not None and self.shown["call_id"] == call_id:
                self.ringing = False
            self._turn.notify_all()

    def _control(self, control: dict):
        match control["action"]:
            case "cancelled":
                self._closes("the caller gave up")
            case "hangup":
                self.room = None
                self._closes("the other side hung up")

    def _sync(self, sync: dict):
        if sync["device_id"] != self.client_id and sync["action"] in ("accepted", "rejected"):
            self._closes(f"{sync['action']} on another phone")

    def _closes(self, toast: str):
        self.ringing = False
        self.shown = None
        self.toasts.append(toast)

    # Taps

    def accepts(self) -> Answer:
        call_id, self.ringing = self.shown["call_id"], False
        answer = self._acts(call_id, "accepted", None)
        if answer.status == 200:
            room = answer.data["room_info"] if self.changed else self._room_info
            self.room = Room(
                int(room["sdk_app_id"]), room["user_id"], room["user_sig"], int(room["room_id"]), room.get("private_map_key")
            )
        return answer

    def rejects(self) -> Answer:
        call_id, self.ringing, self.shown = self.shown["call_id"], False, None
        return self._acts(call_id, "rejected", "用户拒绝接听")

    def hangs_up(self) -> Answer:
        call_id, self.room, self.shown = self.shown["call_id"], None, None
        return self._acts(call_id, "hangup", None)

    def _acts(self, call_id: str, action: str, reason: str | None) -> Answer:
        body = {"call_id": call_id, "action": action, "reason": reason}
        if self.changed:
            body["client_id"] = self.client_id
        return self.person.asks("POST", "/api/calls/callee-action", body)

    # What a test waits for

    def until(self, what, seconds: float = PATIENCE):
        """Waits until `what` holds of this phone."""
        end = time.monotonic() + seconds
        with self._turn:
            while not what(self):
                left = end - time.monotonic()
                assert left > 0, f"not within {seconds} s: {vars(self)}"
                self._turn.wait(left)

    def rings(self, call: dict, seconds: float = PATIENCE):
        self.until(lambda phone: phone.ringing and phone.shown["call_id"] == call["call_id"], seconds)

    def is_silent(self, seconds: float = PATIENCE):
        self.until(lambda phone: not phone.ringing, seconds)

    def stays(self, what, seconds: float):
        """`what` holds for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert what(self), vars(self)
            time.sleep(0.05)

    def is_connected(self) -> bool:
        return self._paho.is_connected()

    def loses_connection(self):
        self._paho.socket().shutdown(2)

    def goes_away(self):
        """Offline, until it comes back. Its session stays."""
        self._paho.disconnect()
        self._paho.loop_stop()

    def comes_back(self):
        self._paho.reconnect()
        self._paho.loop_start()

    def ends(self):
        self._paho.disconnect()
        self._paho.loop_stop()


class EarlierFlutterApp:
    """The Flutter app: it uploads Firebase's token, and shows a call when a push of it arrives."""

    def __init__(self, person: Party):
        self.person = person
        self.token = ""
        self._read = 0
        self.shown: list[dict] = []

    def uploads(self, token: str, platform: str = "android") -> Answer:
        self.token = token
        return self.person.asks("POST", "/api/v1/devices/register", {"fcm_token": token, "platform": platform})

    def reads_pushes(self) -> list[dict]:
        """What the system's handler gets as `data`: every push to any token of this stack since the last look."""
        pushes = self.person.asks("GET", "/dev/pushes").well()["pushes"]
        new = [push for push in pushes if push["id"] > self._read]
        self._read = max([self._read, *(push["id"] for push in new)])
        datas = [push["payload"]["fcmV1Message"]["message"]["data"] for push in new if "fcmV1Message" in push["payload"]]
        for data in datas:
            if data.get("type") == "VIDEO_CALL":
                self.shown.append({"name": data.get("caller_name", "对方"), "room_id": data.get("room_id", "")})
        return datas
