"""paho-mqtt by itself, as an app that connects and rings: what a maker gets who writes the signalling by hand.

LONGEST_DELAY is the longest wait between attempts, in seconds: Paho begins with one second and doubles it. It subscribes at each
connect, and registers again when it is refused.
"""

import json
import os
import sys
import threading
import urllib.request
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

SERVER, TOKEN, NAME = (os.environ[name] for name in ("CLIENT_SERVER", "CLIENT_TOKEN", "CLIENT_ID"))


def tell(event: str, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def register() -> dict:
    body = json.dumps({"client_id": NAME, "platform": "android"}).encode()
    request = urllib.request.Request(SERVER + "/api/mqtt/clients/register", body)
    request.add_header("Authorization", f"Bearer {TOKEN}")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)["data"]


registered = register()
mqtt = registered["mqtt_credentials"]
client = Client(CallbackAPIVersion.VERSION2, client_id=mqtt["client_id"], clean_session=False, protocol=MQTTv311)


def on_connect(client, _data, _flags, reason, _properties):
    if reason.is_failure:
        fresh = register()["mqtt_credentials"]
        client.username_pw_set(fresh["username"], fresh["password"])
        return
    client.subscribe([(topic, 1) for topic in registered["topics"].values()])


def on_message(_client, _data, message):
    if message.topic.endswith("/calls/incoming"):
        call = json.loads(message.payload)
        tell("ring", call_id=call["call_id"], caller_name=call["caller_info"].get("name"))


client.on_connect = on_connect
client.on_subscribe = lambda *_: tell("online")
client.on_disconnect = lambda *_: tell("offline")
client.on_message = on_message
client.username_pw_set(mqtt["username"], mqtt["password"])
client.reconnect_delay_set(1, int(os.environ["LONGEST_DELAY"]))
url = urlsplit(mqtt["broker_url"])
client.connect(url.hostname, url.port, keepalive=60)
threading.Thread(target=client.loop_forever, daemon=True).start()
sys.stdin.read()
