"""LocalStack as a process of this machine, for `infra/localstack/run`.

    host.py FOLDER    keeps its files in FOLDER, and writes there, into `port`, where it listens

It and all that it starts (a Java for DynamoDB, a Node for the streams) are one process group, so that one signal ends
them. It ends when the process that started it does.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

folder = Path(sys.argv[1])
del sys.argv[1:]
parent = os.getppid()
try:
    os.setsid()
except PermissionError:
    pass  # It leads a group already.

# LocalStack gives each of its children a session of its own, out of reach.
start = subprocess.Popen.__init__
subprocess.Popen.__init__ = lambda self, *args, start_new_session=False, **named: start(self, *args, **named)


def end_with_parent():
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=end_with_parent, daemon=True).start()

tempfile.tempdir = str(folder)
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]

os.environ.update(
    GATEWAY_LISTEN=f"127.0.0.1:{port}",
    # How it names itself, in the URLs of queues.
    LOCALSTACK_HOST=f"127.0.0.1:{port}",
    SQS_ENDPOINT_STRATEGY="path",
    FILESYSTEM_ROOT=str(folder),
    # In a container too, it keeps to its folder.
    OVERRIDE_IN_DOCKER="0",
    # What a start waits for; everything else is loaded when it is asked for.
    EAGER_SERVICE_LOADING="1",
    SERVICES="dynamodb,dynamodbstreams,kinesis,sns,sqs",
    STRICT_SERVICE_LOADING="0",
    DYNAMODB_IN_MEMORY="1",
    # A stream of a table takes one of its shards; tests make many tables.
    KINESIS_SHARD_LIMIT="10000",
    KINESIS_LATENCY="0",
    # It talks to nobody but its caller.
    DNS_ADDRESS="0",
    DISABLE_EVENTS="1",
    SKIP_SSL_CERT_DOWNLOAD="1",
)
# Written beside and moved over: who reads it reads all of it.
written = folder / "port.next"
written.write_text(str(port))
written.rename(folder / "port")

from localstack.runtime.main import main  # noqa: E402  (it reads the environment when it is imported)

main()
