"""The fold of a call with PyPI eventsourcing: fold.py FILE CALLS. It prints what it measured, a JSON object a line."""

import json
import resource
import sys
import time
from datetime import datetime, timezone
from importlib.metadata import version
from itertools import islice
from uuid import UUID

from eventsourcing.domain import Aggregate, event
from eventsourcing.utils import get_topic


class Call(Aggregate):
    @event("CallPlaced")
    def __init__(self, actor, caller, callees, room_id, ring_seconds, deadline, max_call_seconds, personal=None):
        self.caller, self.callees = caller, callees
        self.room_id, self.ring_seconds, self.deadline = room_id, ring_seconds, deadline
        self.max_call_seconds = max_call_seconds
        self.state, self.winner, self.answered_by, self.alerted = "ringing", actor, None, None
        self.gone, self.declined = set(), set()

    @event("CallAlerted")
    def alerted_by(self, actor, callee, client_id=None):
        self.alerted = client_id

    @event("CallDeclined")
    def declined_by(self, actor, callee, client_id):
        self.declined.add(client_id)
        self.without_them(actor)

    @event("CallAccepted")
    def accepted(self, actor, callee, client_id=None):
        self.state, self.winner, self.answered_by = "active", actor, actor

    @event("CallRejected")
    def rejected(self, actor, callee, reason, client_id=None, personal=None):
        self.gone.add(callee)
        self.without_them(actor)

    def without_them(self, actor):
        """The call is rejected once everybody who is called is out of it."""
        if all(callee["id"] in self.gone or self.declined.issuperset(callee["clients"]) for callee in self.callees):
            self.state, self.winner = "rejected", actor

    @event("CallCancelled")
    def cancelled(self, actor, personal=None):
        self.state, self.winner = "cancelled", actor

    @event("CallMissed")
    def missed(self, actor):
        self.state, self.winner = "missed", actor

    @event("CallEnded")
    def ended(self, actor, by, reason, personal=None):
        self.state, self.winner = "ended", actor

    @event("CallFailed")
    def failed(self, actor, reason):
        self.state, self.winner = "failed", actor


TOPIC = get_topic(Call)

# What an event may leave out.
OPTIONAL = {
    "CallPlaced": {"personal": None},
    "CallAlerted": {"client_id": None},
    "CallAccepted": {"client_id": None},
    "CallRejected": {"client_id": None, "personal": None},
    "CallCancelled": {"personal": None},
    "CallEnded": {"personal": None},
}


def events_of(number, line):
    """The events of a line, as the library has them."""
    call = UUID(int=number)
    events = []
    for commit in line["commits"]:
        at = datetime.fromtimestamp(commit["at"] / 1000, timezone.utc)
        for stored in commit["events"]:
            kind = getattr(Call, stored["type"])
            more = {"originator_topic": TOPIC} if commit["n"] == 1 else {}
            said = OPTIONAL.get(stored["type"], {}) | stored.get("data", {})
            events.append(
                kind(
                    originator_id=call, originator_version=commit["n"], timestamp=at, actor=commit["actor"], **more, **said
                )
            )
    return events


def fold(events):
    call = None
    for happened in events:
        call = happened.mutate(call)
    return call


def say(what, commits, seconds, size, states):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    who = f"eventsourcing {version('eventsourcing')}"
    print(json.dumps({"who": who, "what": what, "commits": commits, "seconds": seconds, "bytes": size, "peak_kb": peak,
                      "states": states}))


def main(path, calls):
    def lines(file):
        next(file)
        return islice(file, calls)

    states, commits, size = {}, 0, 0
    begun = time.process_time()
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(lines(file)):
            size += len(text.encode())
            line = json.loads(text)
            events = events_of(number, line)
            state = fold(events).state
            states[state] = states.get(state, 0) + 1
            commits += len(events)
    say("replay", commits, time.process_time() - begun, size, states)

    with open(path, encoding="utf-8") as file:
        read = [events_of(number, json.loads(text)) for number, text in enumerate(lines(file))]
    states, commits = {}, 0
    begun = time.process_time()
    for events in read:
        state = fold(events).state
        states[state] = states.get(state, 0) + 1
        commits += len(events)
    say("fold", commits, time.process_time() - begun, 0, states)


main(sys.argv[1], int(sys.argv[2]))
