"""An evening, second by second, from what was counted of one call: what is used up first at 1 to 50 times the load.

Calls come at random (Poisson) around a peak; clients lose their connection and come back; at the peak the secret of MQTT
passwords is changed, and every client registers again. A model: it has the throttles of the template, the quotas that an
account starts with, and the counts of tools/cost. It runs no function. `evening(times, counts, template)` is the same each time.
"""

import math
import random

HOURS = 4
PEAK_CALLS = 25  # a second, at 1x: the template's default of ExpectedCallsPerSecond
# A household has a door station and three phones, and calls three times a day; the peak is five times the average.
DOORS_OF_A_HOUSEHOLD, PHONES_OF_A_HOUSEHOLD = 1, 3
CALLS_A_DAY, PEAK_OVER_AVERAGE = 3, 5
ACCEPTED_AFTER, ENDED_AFTER = 8, 48  # seconds
# As events/src/topics.rs has them: a phone's incoming calls, its control topic and its person's devices; a door's control topic.
SUBSCRIPTIONS_OF_A_PHONE, SUBSCRIPTIONS_OF_A_DOOR = 3, 1
# So long IoT Core keeps a session without a connection. A client that finds its session does not subscribe again.
SESSION_SECONDS = 3600
# client/core waits a random time before it registers again: up to 1, 2, 4 … 30 seconds.
LONGEST_WAIT = 30
# Defaults of us-east-1; some regions have less. API Gateway: me-central-1 has 2,500 requests a second ("Amazon API Gateway quotas").
# IoT Core: "AWS IoT Core endpoints and quotas", AWS General Reference. Subscriptions are counted by topic filter: over all connections of the
# account, and those made within a second.
QUOTAS = {
    "concurrency": 1000,
    "api_account": 10_000,
    "iot_in": 20_000,
    "iot_out": 20_000,
    "iot_connects": 500,
    "iot_connections": 500_000,
    "iot_subscriptions": 500_000,
    "iot_subscribes": 500,
}
TABLE_UNITS = 4000  # of a new on-demand table; twice its peak of half an hour ago
GROWS_WITHIN = 1800


class Bucket:
    """A throttle: so many a second, and so many at once."""

    def __init__(self, rate, burst):
        self.rate, self.burst, self.tokens = rate, burst, burst

    def take(self, wanted):
        self.tokens = min(self.burst, self.tokens + self.rate)
        taken = min(wanted, self.tokens)
        self.tokens -= taken
        return taken


def poisson(rng, mean):
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, number = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        number += 1
    return number


def size_for(peak, throttles):
    sizes = sorted(int(size) for size in throttles)
    return next((size for size in sizes if size >= peak), sizes[-1])


def evening(times, counts, throttles, seconds_of_a_call, busy_units, standing):
    """`standing`: what a client does in a second by itself: reconnects, registrations, and the Lambda time of each."""
    rng = random.Random(times)
    peak = PEAK_CALLS * times
    households = round(peak / PEAK_OVER_AVERAGE * 86_400 / CALLS_A_DAY)
    clients = households * (DOORS_OF_A_HOUSEHOLD + PHONES_OF_A_HOUSEHOLD)
    size = size_for(peak, throttles)
    of = throttles[str(size)]
    place, callee = Bucket(of["Call"], of["CallBurst"]), Bucket(of["Callee"], of["CalleeBurst"])
    call, use, seconds = counts["call"], {}, HOURS * 3600
    reports = call["http_requests"] - 3  # placed, accepted and hung up are the others
    later, asked, placed, answers, answered = {}, 0, 0, 0, 0
    units_before = []

    def note(what, share):
        use[what] = max(use.get(what, 0), share)

    for second in range(seconds):
        rate = peak * math.exp(-(((second - seconds / 2) / 3600) ** 2) / 2)
        wanted = poisson(rng, rate)
        let_in = place.take(wanted)
        asked, placed = asked + wanted, placed + let_in
        accepts = later.pop(second, 0)
        taken = callee.take(let_in * reports + accepts)
        # Answers and reports are one route: neither comes before the other.
        share = taken / max(1, let_in * reports + accepts)
        answers, answered = answers + accepts, answered + accepts * share
        if second + ACCEPTED_AFTER < seconds:
            later[second + ACCEPTED_AFTER] = later.get(second + ACCEPTED_AFTER, 0) + let_in
        reconnects = poisson(rng, clients * standing["reconnects"])
        running = let_in * seconds_of_a_call + clients * standing["lambda_seconds"]
        note("call_route", wanted / of["Call"])
        note("callee_route", (let_in * reports + accepts) / of["Callee"])
        note("concurrency", running / QUOTAS["concurrency"])
        note("api_account", (let_in * call["http_requests"] + clients * standing["registrations"]) / QUOTAS["api_account"])
        note("iot_in", let_in * call["mqtt_published"] / QUOTAS["iot_in"])
        note("iot_out", let_in * call["mqtt_delivered"] / QUOTAS["iot_out"])
        note("iot_connects", reconnects / QUOTAS["iot_connects"])
        units_before.append(let_in)
        earlier = units_before[: max(0, second - GROWS_WITHIN)]
        if second % 60 == 0:
            most_before = max(earlier, default=0)
        for table, units in busy_units.items():
            note(f"table_{table}", let_in * units / max(TABLE_UNITS, 2 * most_before * units))
    note("iot_connections", clients / QUOTAS["iot_connections"])
    note("iot_subscriptions", households * subscriptions_of_a_household() / QUOTAS["iot_subscriptions"])
    full = sorted(((share, what) for what, share in use.items() if share >= 1), reverse=True)
    return {
        "times": times,
        "peak": peak,
        "clients": clients,
        "size": size,
        "placed": placed / asked,
        "answered": answered / max(1, answers),
        "full": [(what, share) for share, what in full],
        "back_after": storm(clients, Bucket(of["Register"], of["RegisterBurst"])),
    }


def subscriptions_of_a_household():
    return DOORS_OF_A_HOUSEHOLD * SUBSCRIPTIONS_OF_A_DOOR + PHONES_OF_A_HOUSEHOLD * SUBSCRIPTIONS_OF_A_PHONE


def connects_without_sessions():
    """How many clients without a session can be back in a second: each has to subscribe."""
    clients = DOORS_OF_A_HOUSEHOLD + PHONES_OF_A_HOUSEHOLD
    return min(QUOTAS["iot_connects"], QUOTAS["iot_subscribes"] * clients / subscriptions_of_a_household())


def storm(clients, register):
    """Seconds until every client has registered and connected again, each trying as client/core does. Whoever is back after its
    session was dropped has to subscribe too."""
    waiting, to_connect, second = float(clients), 0.0, 0
    while waiting >= 1 or to_connect >= 1:
        longest = min(LONGEST_WAIT, 2 ** min(second // 2, 5))
        tries = waiting / max(1, longest / 2)
        registered = register.take(tries) if waiting > 1 else waiting
        connects = QUOTAS["iot_connects"] if second < SESSION_SECONDS else connects_without_sessions()
        connected = min(to_connect, connects)
        waiting, to_connect, second = waiting - registered, to_connect + registered - connected, second + 1
    return second
