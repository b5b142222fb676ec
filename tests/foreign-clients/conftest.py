"""Every test has its own stack, a scenario on it, and one of the two MQTT versions."""

import pytest

from scenario import Scenario
from phone import VERSIONS
from stack import Stack


@pytest.fixture
def fast_path():
    """Whether messages are sent by the function that made the commit (`on`), or by the projector alone (`off`)."""
    return "on"


@pytest.fixture
def stack(tmp_path, fast_path):
    stack = Stack(tmp_path, fast_path)
    yield stack
    # Phones are still connected; they must not delay it.
    stack.stop()


@pytest.fixture(params=VERSIONS, ids="MQTT {}".format)
def version(request):
    return request.param


@pytest.fixture
def scenario(stack, version):
    return Scenario(stack, version)
