"""aics-witness in a process of its own, and a proxy before it that keeps what it answered."""

import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

START_SECONDS = 20
ASK_SECONDS = 10
COMMAND = Path(sys.executable).with_name("aics-witness")


class Witness:
    def __init__(self, folder: Path, name: str):
        folder.mkdir()
        self._config = folder / "witness.json"
        self.name = name
        self.key = self._run("init", "--name", name).strip().splitlines()[-1]
        self.statuses: list[int] = []
        serve = [COMMAND, "serve", "--config", self._config, "--listen", "127.0.0.1:0"]
        self._process = subprocess.Popen(serve, stderr=subprocess.PIPE, text=True)
        self._own = self._address()
        self._proxy = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._proxy.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._proxy.server_port}"

    def _run(self, command: str, *arguments: str) -> str:
        done = subprocess.run([COMMAND, command, "--config", self._config, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _address(self) -> str:
        for line in self._process.stderr:
            if "listening on " in line:
                # Read on, so that it never waits for us.
                threading.Thread(target=self._process.stderr.read, daemon=True).start()
                return line.split("listening on ")[1].split(" ")[0]
        raise AssertionError("the witness ended at once")

    def _handler(witness):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = witness.asked(body, self.path)
                witness.statuses.append(status)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        return Handler

    def asked(self, body: bytes, path: str = "/add-checkpoint") -> tuple[int, bytes]:
        """What it answers to `body`, past the proxy."""
        request = urllib.request.Request(self._own + path, data=body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=ASK_SECONDS) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()

    def trusts(self, origin: str, key: str):
        """From now on it cosigns for this log."""
        self._run("add-log", "--origin", origin, "--vkey", key)
        self._process.send_signal(signal.SIGHUP)

    def evidence(self) -> str:
        return self._run("evidence")

    def stop(self):
        self._proxy.shutdown()
        self._process.terminate()
        self._process.wait(START_SECONDS)
