"""`ilock dev` in a process of its own, and the parties that send it HTTP requests."""

import json
import os
import select
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ILOCK = os.environ.get("ILOCK_BIN", Path(__file__).parents[2] / "target/debug/ilock")

START_SECONDS = 20
# The promise is two seconds; a busy machine gets more.
STOP_SECONDS = 6
ASK_SECONDS = 10

ANY_PORT = [f"--{name}=0" for name in ("port", "mqtt-port", "ws-port", "mqtts-port", "dynamodb-port")]

CALLER_INFO = {"name": "前门设备", "location": "小区大门"}


@dataclass
class Answer:
    status: int
    code: int
    data: Any

    def well(self):
        assert (self.status, self.code) == (200, 0), self
        return self.data


class Stack:
    def __init__(self, data_dir: Path, fast_path: str = "on", **settings: str):
        self.certificate = data_dir / "mqtts.crt"
        self._data_dir = data_dir
        self._log = data_dir / "log"
        self._settings = os.environ | {"FAST_PATH": fast_path} | settings
        self._start(ANY_PORT)

    def _start(self, addresses: list[str]):
        command = [ILOCK, "--json", "dev", *addresses, "--data-dir", self._data_dir]
        with self._log.open("a") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=self._settings)
        self.at = self._address()

    def crashes(self, keep_sessions: bool = True):
        """Ends as in a power cut, and starts again at the same addresses."""
        self._process.kill()
        self._process.wait()
        if not keep_sessions:
            shutil.rmtree(self._data_dir / "mqtt", ignore_errors=True)
        names = {"port": "http", "mqtt-port": "mqtt", "ws-port": "ws", "mqtts-port": "mqtts"}
        ports = [f"--{option}={urlsplit(self.at[name]).port}" for option, name in names.items()]
        self._start([*ports, "--dynamodb-port=0"])

    def _address(self) -> dict[str, str]:
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            self._process.kill()
            raise AssertionError(f"not up in {START_SECONDS} s: {self._log.read_text()}")
        return json.loads(line)

    def stop(self):
        """Stops as under an operator's SIGTERM. Connected clients must not delay it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise AssertionError(f"still there {STOP_SECONDS} s after SIGTERM") from None
        assert code == 0, self._log.read_text()

    def user(self, id: str) -> "Party":
        return Party(self, id, "user")

    def door_station(self, id: str) -> "Party":
        return Party(self, id, "device")


class Party:
    """A party with an access token."""

    def __init__(self, stack: Stack, id: str, role: str):
        self._http = stack.at["http"]
        self.id = id
        self._role = role
        self.token = self._new_token()

    def _new_token(self) -> str:
        command = [ILOCK, "token", "--sub", self.id, "--role", self._role]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def logs_in_anew(self):
        """A later login than any before: a token says in which second it was issued."""
        time.sleep(1.1)
        self.token = self._new_token()

    def asks(self, method: str, path: str, body: dict | None = None) -> Answer:
        request = urllib.request.Request(self._http + path, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, timeout=ASK_SECONDS) as response:
                status, text = response.status, response.read()
        except urllib.error.HTTPError as refused:
            status, text = refused.code, refused.read()
        envelope = json.loads(text)
        return Answer(status, envelope["code"], envelope["data"])

    def registers(self, name: str) -> dict:
        """Registers the client `{id}_{name}`."""
        body = {
            "user_id": self.id,
            "device_type": "mobile",
            "client_id": f"{self.id}_{name}",
            "app_version": "1.2.3",
            "platform": "android",
        }
        return self.asks("POST", "/api/mqtt/clients/register", body).well()

    def logs_out(self, client_id: str):
        self.asks("DELETE", f"/api/mqtt/clients/{client_id}").well()

    def rings(self, callee: str, seconds: int = 30) -> dict:
        """Places a call."""
        body = {"callee_id": callee, "ring_seconds": seconds, "caller_info": CALLER_INFO}
        return self.asks("POST", "/api/calls", body).well()

    def rings_all(self, callees: list[str], seconds: int = 30) -> dict:
        """Places a call to a household."""
        body = {"callee_ids": callees, "ring_seconds": seconds, "caller_info": CALLER_INFO}
        return self.asks("POST", "/api/calls", body).well()

    def as_callee(self, call: dict, action: str, client_id: str | None = None, reason: str | None = None) -> dict:
        return self._acts("callee", call, {"action": action, "client_id": client_id, "reason": reason})

    def as_caller(self, call: dict, action: str, reason: str | None = None) -> dict:
        return self._acts("caller", call, {"action": action, "reason": reason})

    def _acts(self, side: str, call: dict, what: dict) -> dict:
        given = {field: value for field, value in what.items() if value is not None}
        return self.asks("POST", f"/api/calls/{side}-action", {"call_id": call["call_id"], **given}).well()
