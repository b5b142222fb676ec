"""Alarms: few enough to be heard, each with its urgency and its line in a runbook, silent about what is no trouble and loud about
what is. And the throttles."""

import json
import re
import unittest
from pathlib import Path

import check
import combinations
from metric_math import Period

EVERYTHING = dict(combinations.combinations())["prod, a pager, gradual deployments, push, callback, everything else"]
RUNBOOKS = Path("infra/runbooks")
AT_MOST = 40
# CloudWatch User Guide, "Create an alarm based on a metric math expression".
METRICS_OF_ONE_ALARM = 10


def alarms(parameters):
    resources = check.deployed(parameters)["Resources"].items()
    return {name: one["Properties"] for name, one in resources if one["Type"] == "AWS::CloudWatch::Alarm"}


def rows(runbook):
    """The tables of a runbook: the first column's names, and the second column."""
    lines = re.findall(r"^\| (`[^|]+`) \| ([^|]+) \|", runbook.read_text(), re.MULTILINE)
    return {name: urgency.strip() for names, urgency in lines for name in re.findall(r"`(\w+)`", names)}


class Alarms(unittest.TestCase):
    def setUp(self):
        self.alarms = alarms(EVERYTHING)

    def test_there_are_not_too_many(self):
        heard = [name for name, alarm in self.alarms.items() if alarm.get("AlarmActions")]
        self.assertEqual(len(heard), len(self.alarms))
        self.assertLessEqual(len(heard), AT_MOST)

    def test_nobody_is_told_where_nobody_watches(self):
        self.assertEqual(alarms(dict(combinations.core())["dev, no pager, gradual deployments, push, callback"]), {})

    def test_each_says_how_urgent_it_is_and_which_runbook_helps(self):
        for name, alarm in self.alarms.items():
            found = re.fullmatch(r"\[(page|ticket)\] [A-Z].*\. Runbook: ([a-z-]+)\.md", alarm["AlarmDescription"])
            self.assertTrue(found, f"{name}: {alarm['AlarmDescription']}")
            for language in ("", ".zh"):
                self.assertTrue((RUNBOOKS / f"{found[2]}{language}.md").is_file(), name)

    def test_what_can_wait_goes_to_the_other_topic(self):
        apart = alarms(EVERYTHING | {"TicketTopicArn": combinations.PAGER["AlarmTopicArn"] + "-tickets"})
        for name, alarm in apart.items():
            urgent = alarm["AlarmDescription"].startswith("[page]")
            topic = [{"Ref": "AlarmTopicArn" if urgent else "TicketTopicArn"}]
            self.assertEqual((alarm["AlarmActions"], alarm["OKActions"]), (topic, topic), name)
        for name, alarm in self.alarms.items():
            self.assertEqual(alarm["AlarmActions"], [{"Ref": "AlarmTopicArn"}], name)

    def test_the_table_of_alarms_is_complete_and_says_the_same(self):
        said = {name: re.match(r"\[(\w+)\]", alarm["AlarmDescription"])[1] for name, alarm in self.alarms.items()}
        self.assertEqual(rows(RUNBOOKS / "alarms.md"), said)
        words = {"page": "立即", "ticket": "可缓"}
        self.assertEqual(rows(RUNBOOKS / "alarms.zh.md"), {name: words[urgency] for name, urgency in said.items()})

    def test_none_calculates_with_too_many_metrics(self):
        for name, alarm in self.alarms.items():
            metrics = [metric for metric in alarm.get("Metrics", []) if "MetricStat" in metric]
            self.assertLessEqual(len(metrics), METRICS_OF_ONE_ALARM, name)

    def test_every_function_is_in_one_alarm_about_errors_and_one_about_throttles(self):
        resources = check.deployed(EVERYTHING)["Resources"].values()
        functions = {
            one["Properties"]["FunctionName"]["Fn::Sub"] for one in resources if one["Type"] == "AWS::Lambda::Function"
        }
        for about in ("Errors", "Throttles"):
            watched = [
                metric["MetricStat"]["Metric"]["Dimensions"][0]["Value"]["Fn::Sub"]
                for alarm in self.alarms.values()
                for metric in alarm.get("Metrics", [])
                if metric.get("MetricStat", {}).get("Metric", {}).get("MetricName") == about
            ]
            self.assertEqual(sorted(watched), sorted(functions), about)

    def test_a_gradual_deployment_is_taken_back_by_alarms_that_are_there(self):
        groups = [
            one["Properties"]
            for one in check.deployed(EVERYTHING)["Resources"].values()
            if one["Type"] == "AWS::CodeDeploy::DeploymentGroup"
        ]
        self.assertEqual(len(groups), 26)
        for group in groups:
            named = [alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]]
            self.assertEqual(len(named), 4)
            self.assertLessEqual(set(named), set(self.alarms))
            # A function that answers 5xx, or has a batch shown again, is no error for Lambda: it counts that itself.
            of = [one["MetricStat"] for name in named for one in self.alarms[name].get("Metrics", []) if "MetricStat" in one]
            own = {(one["Metric"]["MetricName"], one["Period"]) for one in of if one["Metric"]["Namespace"] == {"Ref": "MetricsNamespace"}}
            self.assertEqual(own, {("ServerErrors", 60), ("BatchesFailed", 60)})

    def test_what_lambda_takes_for_a_success_is_counted_whether_functions_are_ready_or_not(self):
        self.assertIn('pub const SERVER_ERRORS: &str = "ServerErrors";', Path("functions/src/metrics.rs").read_text())
        answering = Path("functions/src/http/error_body.rs").read_text()
        self.assertRegex(answering, r"if status\.is_server_error\(\) \{\s+::metrics::counter!\(metrics::SERVER_ERRORS\)\.increment\(1\);")
        self.assertIn('pub const BATCHES_FAILED: &str = "BatchesFailed";', Path("functions/src/metrics.rs").read_text())
        # Only there answers to batches are made, and counted.
        triggers = {path.stem: path.read_text() for path in Path("functions/src/triggers").glob("*.rs")}
        for kind, place in (("DynamoDbEventResponse", "stream_batch"), ("SqsBatchResponse", "queue_batch")):
            self.assertEqual([name for name, text in triggers.items() if f"{kind}::default()" in text], [place])
            self.assertIn("count_batch(", triggers[place])
        # Around the answer of a function without its secrets or settings too.
        self.assertIn("flush_metrics_after(Box::pin(ready.answer(", Path("functions/lambda/src/start.rs").read_text())


def decided(node, given=EVERYTHING):
    """A threshold or an expression, of a deployment with everything."""

    def value_of(name):
        return given.get(name, check.template()["Parameters"][name].get("Default"))

    match node:
        case {"Fn::FindInMap": [mapping, {"Ref": name}, key]}:
            return check.template()["Mappings"][mapping][value_of(name)][key]
        case {"Ref": name}:
            return float(value_of(name))
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{(\w+)\}", lambda name: str(value_of(name[1])), text)
    return node


def judged(alarm, fills=True, **counted):
    """What the alarm's expression makes of one period in which the metrics of these ids were counted and no other; None for no data."""
    queries = [one | {"Expression": decided(one["Expression"])} if "Expression" in one else one for one in alarm["Metrics"]]
    return Period(queries, counted, fills).returned()


def goes_off(alarm, fills=True, **counted):
    """Whether such a period goes beyond the threshold."""
    value, threshold = judged(alarm, fills, **counted), decided(alarm["Threshold"])
    if value is None:
        return alarm["TreatMissingData"] == "breaching"
    return {
        "GreaterThanOrEqualToThreshold": value >= threshold,
        "GreaterThanThreshold": value > threshold,
        "LessThanThreshold": value < threshold,
    }[alarm["ComparisonOperator"]]


# For each alarm that calculates: a period that must be an alarm, and one like it that must not.
RINGS = dict(owed=900_000, fast=899_000, projected=1_000)
TROUBLE = {
    "NobodyRings": (dict(asked=1), dict(asked=1, fast=1)),
    "RingBudgetBurning": (
        RINGS | dict(fast_in_time=886_000, projected_in_time=1_000),
        RINGS | dict(fast_in_time=888_000, projected_in_time=1_000),
    ),
    "RingBudgetShrinking": (
        RINGS | dict(fast_in_time=893_000, projected_in_time=1_000),
        RINGS | dict(fast_in_time=895_000, projected_in_time=1_000),
    ),
    "RingBudgetLeaking": (
        RINGS | dict(fast_in_time=896_000, projected_in_time=1_000),
        RINGS | dict(fast_in_time=898_000, projected_in_time=1_000),
    ),
    "PlacingBudgetBurning": (dict(asked=100_000, failed=400, throttled=400), dict(asked=100_000, failed=300, throttled=300)),
    "PlacingBudgetShrinking": (dict(asked=100_000, failed=200, throttled=200), dict(asked=100_000, failed=100, throttled=100)),
    "ApiServerErrors": (dict(asked=63_000, failed=6_300), dict(asked=63_000, failed=5)),
    "RequestsThrottled": (dict(throttled=10), dict(throttled=9)),
    "IotThrottled": (dict(connects=6, delivered=4), dict(connects=5, delivered=4)),
    "IotRefusing": (dict(refused=20, taken=80), dict(refused=20, taken=81)),
    "TablesThrottled": (dict(by_day=10, runs=5), dict(by_day=9, runs=5)),
    # 500 of 1000 are reserved.
    "ConcurrencyShort": (dict(unreserved=400, claimed=900), dict(unreserved=399, claimed=899)),
    "NotSequenced": (dict(runs=1), dict(runs=1, sequenced=1)),
    "LogNotRead": (dict(placed=1, projector=3), dict(placed=1, projector=3, ledger=1)),
    "QueuesNotRead": (dict(timers=1), dict(timers=1, timers_received=1)),
    "ProjectorDeadLettersFilling": (dict(of_queue=1), dict(of_queue=0)),
    "NoticesGivenUp": (dict(given_up=5, fast=100), dict(given_up=5, fast=1_000)),
    "PushesFailing": (dict(failed=6, fast=6), dict(failed=60, fast=126_000)),
    "MqttCertificateExpiring": (dict(days=20), dict(days=21)),
    "ApiCertificateExpiring": (dict(days=20), dict(days=21)),
    # Throttles["100"] in the template: 20 errors a minute.
    "CallFunctionsFailing": (dict(create_call=15, projector=5), dict(create_call=15, projector=4)),
    "CallFunctionsThrottled": (dict(mqtt_authorizer=1), dict(mqtt_authorizer=0)),
    "ClientFunctionsFailing": (dict(presence=20), dict(presence=19)),
    "ClientFunctionsThrottled": (dict(presence=1), dict()),
    "OtherFunctionsFailing": (dict(sequencer=20), dict(sequencer=19)),
    "OtherFunctionsThrottled": (dict(ledger=1), dict()),
    "ReleaseAnswersErrors": (dict(requests=15, batches=5), dict(requests=15, batches=4)),
}


class EachThatCalculates(unittest.TestCase):
    def setUp(self):
        self.alarms = {name: alarm for name, alarm in alarms(EVERYTHING).items() if "Metrics" in alarm}

    def test_each_goes_off_in_trouble_and_not_just_before(self):
        self.assertEqual(set(TROUBLE), set(self.alarms))
        # Whatever FILL makes of a metric that never had any data.
        for fills in (True, False):
            for name, (trouble, none) in TROUBLE.items():
                self.assertTrue(goes_off(self.alarms[name], fills, **trouble), f"{name}, {fills}: {trouble}")
                self.assertFalse(goes_off(self.alarms[name], fills, **none), f"{name}, {fills}: {none}")

    def test_none_but_one_goes_off_where_nothing_is_counted(self):
        for name, alarm in self.alarms.items():
            for fills in (True, False):
                # The sequencer has to run every minute, whether there are calls or not.
                self.assertEqual(goes_off(alarm, fills), name == "NotSequenced", name)

    def test_where_missing_data_is_the_alarm_a_function_that_fails_gives_data(self):
        breaching = {name for name, alarm in alarms(EVERYTHING).items() if alarm["TreatMissingData"] == "breaching"}
        self.assertEqual(breaching, {"NotSequenced"})
        alarm = self.alarms["NotSequenced"]
        for fills in (True, False):
            # Older data decides where there is none: not that the ledger was sequenced a quarter of an hour ago.
            self.assertEqual(judged(alarm, fills, runs=1), 0)
            self.assertEqual(judged(alarm, fills, sequenced=1), 1)
        periods = {one["MetricStat"]["Period"] for one in alarm["Metrics"] if "MetricStat" in one}
        self.assertEqual(({60}, 5, 5), (periods, alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]))

    def test_an_alarm_about_dynamodb_has_data_when_nothing_is_throttled_any_more(self):
        of_tables = []
        for name, alarm in alarms(EVERYTHING).items():
            # Missing data would leave it as it is, whatever TreatMissingData says.
            self.assertNotEqual(alarm.get("Namespace"), "AWS/DynamoDB", name)
            stats = [one for one in alarm.get("Metrics", []) if "MetricStat" in one]
            others = {one["Id"]: 5 for one in stats if one["MetricStat"]["Metric"]["Namespace"] != "AWS/DynamoDB"}
            if len(others) < len(stats):
                of_tables.append(name)
                for fills in (True, False):
                    self.assertEqual(judged(alarm, fills, **others), 0, name)
        self.assertEqual(of_tables, ["TablesThrottled"])


class MetricMath(unittest.TestCase):
    """The examples of the User Guide."""

    def worked_out(self, expression, fills=True, **counted):
        metrics = [{"Id": id_, "MetricStat": {}, "ReturnData": False} for id_ in ("m1", "m2")]
        return Period([*metrics, {"Id": "e1", "Expression": expression}], counted, fills).returned()

    def test_what_is_missing_is_0_beside_what_is_there(self):
        self.assertEqual(self.worked_out("m1 < m2", m1=30, m2=20), 0)
        self.assertEqual(self.worked_out("m1 < m2", m1=20), 0)
        self.assertEqual(self.worked_out("m1 > 15 AND m2 > 15", m1=0), 0)
        self.assertEqual(self.worked_out("m1 - m2", m2=20), -20)
        self.assertEqual(self.worked_out("SUM(METRICS())", m2=20), 20)
        for all_missing in ("m1 - m2", "5 * m1", "m1 == 0", "SUM(METRICS())", "IF(m1, 1, 0)"):
            self.assertIsNone(self.worked_out(all_missing), all_missing)
        self.assertIsNone(self.worked_out("m1 / m2", m1=1))

    def test_if_takes_0_for_what_it_wants_and_does_not_find(self):
        self.assertEqual(self.worked_out("IF(m1, m2, 5)", m1=1, m2=30), 30)
        self.assertEqual(self.worked_out("IF(m1, m2, 5)", m1=1), 0)
        self.assertEqual(self.worked_out("IF(m1, m2, 5)", m1=0), 5)
        self.assertIsNone(self.worked_out("IF(m1, 5, m2)", m1=0))

    def test_fill_fills_a_series_that_there_is(self):
        self.assertEqual(self.worked_out("FILL(m1, 7)"), 7)
        self.assertIsNone(self.worked_out("FILL(m1, 7)", fills=False))
        self.assertEqual(self.worked_out("SUM(FILL(METRICS(), 7))", m1=1), 8)


class WhatIsTrouble(unittest.TestCase):
    """Loads in five minutes: 10,500 calls are 35 a second, with six requests each."""

    def setUp(self):
        self.alarms = alarms(EVERYTHING)

    def test_nobody_rings(self):
        nobody = self.alarms["NobodyRings"]
        for counted in (
            dict(),
            dict(asked=1, fast=1),
            dict(asked=9, refused=5, failed=4),
            # A blocked caller, somebody who wants no second call, a press on a call that lasts.
            dict(asked=7, silent=7),
            dict(asked=9, refused=1, failed=1, silent=7),
            dict(asked=9, silent=7, projected=2),
        ):
            self.assertFalse(goes_off(nobody, **counted), counted)
        # The last two: a nuisance caller does not hide an outage, and where metrics are lost nothing is taken off.
        for counted in (dict(asked=1), dict(asked=8, silent=7), dict(asked=7)):
            self.assertTrue(goes_off(nobody, **counted), counted)

    def test_functions_that_reserve_nothing_have_what_is_not_reserved(self):
        short = self.alarms["ConcurrencyShort"]
        for counted in (
            dict(),
            dict(unreserved=799, claimed=799),
            # By this stack and by whatever else is in the account: what is reserved is used up by nobody else, busy or not.
            dict(unreserved=0, claimed=900),
            dict(unreserved=79, claimed=979),
            # Nothing else runs.
            dict(claimed=900),
        ):
            self.assertFalse(goes_off(short, **counted), counted)
        for counted in (
            dict(unreserved=800, claimed=800),
            # A tenth of the account, and nine tenths of what is left to them.
            dict(unreserved=90, claimed=990),
            dict(unreserved=100, claimed=1000),
            # More than the account was said to have: tools/deploy was not told yet.
            dict(unreserved=0, claimed=1100),
            dict(unreserved=300, claimed=1300),
        ):
            self.assertTrue(goes_off(short, **counted), counted)

    def test_rings_that_never_come_spend_the_budget(self):
        burning, shrinking, leaking = (self.alarms[f"RingBudget{pace}"] for pace in ("Burning", "Shrinking", "Leaking"))
        for due, missing, off in (
            (100_000, 0, []),
            (100_000, 50, []),
            # Half a per cent of a day's, and of an hour's.
            (100_000, 500, [leaking]),
            (100_000, 1_000, [leaking, shrinking]),
            (100_000, 2_000, [leaking, shrinking, burning]),
            (100_000, 100_000, [leaking, shrinking, burning]),
            # At night, and with fewer than five there is nothing to say.
            (20, 4, []),
            (20, 5, [leaking, shrinking, burning]),
        ):
            counted = dict(owed=due, fast=due - missing, fast_in_time=due - missing)
            for alarm in (burning, shrinking, leaking):
                self.assertEqual(goes_off(alarm, **counted), alarm in off, (alarm["AlarmDescription"], counted))

    def test_late_rings_and_missing_ones_spend_the_same_budget(self):
        burning = self.alarms["RingBudgetBurning"]
        for counted in (
            dict(owed=1_000, fast=990, projected=10, fast_in_time=990),
            dict(owed=1_000, fast=990, fast_in_time=990),
            # Rung twice, and the count of what was due lost with a function that was stopped: nothing is missing.
            dict(owed=1_000, fast=1_100, fast_in_time=1_090),
            dict(fast=1_000, projected=10, fast_in_time=1_000),
            dict(projected=1_000, projected_in_time=1_000),
        ):
            self.assertFalse(goes_off(burning, **counted), counted)
        for counted in (
            dict(owed=1_000, fast=980, projected=20, fast_in_time=980),
            dict(owed=1_000, fast=990, projected=2, fast_in_time=980),
            dict(owed=1_000, projected=1_000),
            dict(fast=1_000, projected=20, fast_in_time=1_000),
        ):
            self.assertTrue(goes_off(burning, **counted), counted)

    def test_a_function_that_nothing_invokes_is_behind_however_young_its_last_record_was(self):
        unread = self.alarms["LogNotRead"]
        for counted in (dict(), dict(projector=4, ledger=2), dict(placed=9, projector=20, ledger=9), dict(projector=1), dict(ledger=1)):
            self.assertFalse(goes_off(unread, **counted), counted)
        for counted in (dict(placed=1), dict(placed=1, ledger=1), dict(placed=9, projector=20), dict(placed=9, projector=0, ledger=4)):
            for fills in (True, False):
                self.assertTrue(goes_off(unread, fills, **counted), counted)

    def test_a_queue_that_nothing_reads_is_told_from_one_that_is_busy(self):
        unread = self.alarms["QueuesNotRead"]
        for counted in (
            dict(),
            dict(timers=0, timers_received=0, departures=0, departures_received=0),
            dict(timers=900, timers_received=9_000, departures=900, departures_received=9_000),
            # One that fails is received again after a minute, or six.
            dict(timers=1, timers_received=5),
            # Timers that are delayed are not visible: a call that rings is no alarm.
            dict(timers=0, departures=2, departures_received=40),
            dict(retries=3, retries_received=1),
            dict(timers_received=3),
        ):
            for fills in (True, False):
                self.assertFalse(goes_off(unread, fills, **counted), counted)
        for counted in (
            dict(timers=1),
            dict(timers=1, timers_received=0),
            dict(departures=1),
            dict(timers=0, timers_received=0, departures=1, departures_received=0),
            dict(timers=7, departures=20, departures_received=900),
            dict(retries=1),
            dict(retries=1, timers=7, timers_received=9),
        ):
            for fills in (True, False):
                self.assertTrue(goes_off(unread, fills, **counted), counted)

    def test_letters_of_the_projectors_stream_and_of_its_queue(self):
        filling = self.alarms["ProjectorDeadLettersFilling"]
        for counted in (dict(of_stream=1), dict(of_queue=1), dict(of_stream=1, of_queue=0)):
            for fills in (True, False):
                self.assertTrue(goes_off(filling, fills, **counted), counted)
                self.assertFalse(goes_off(filling, fills, of_stream=0, of_queue=0))

    def test_each_queue_that_a_function_reads_is_in_the_alarm_about_queues_that_nothing_reads(self):
        resources = check.deployed(EVERYTHING)["Resources"].values()
        sources = [one["Properties"]["EventSourceArn"] for one in resources if one["Type"] == "AWS::Lambda::EventSourceMapping"]
        queues = {source["Fn::GetAtt"][0] for source in sources if source["Fn::GetAtt"][1] == "Arn"}
        metrics = [one["MetricStat"] for one in self.alarms["QueuesNotRead"]["Metrics"] if "MetricStat" in one]
        for name in ("ApproximateNumberOfMessagesVisible", "NumberOfMessagesReceived"):
            of = [one["Metric"]["Dimensions"][0]["Value"]["Fn::GetAtt"][0] for one in metrics if one["Metric"]["MetricName"] == name]
            self.assertEqual(set(of), queues, name)

    def test_the_api_answers_5xx(self):
        failing = self.alarms["ApiServerErrors"]
        for counted in (dict(), dict(asked=63000, failed=5), dict(asked=63000, failed=63000 // 2000), dict(asked=4, failed=4)):
            self.assertFalse(goes_off(failing, **counted), counted)
        # All of a few requests at night, all of them at the busiest, one route of ten.
        for counted in (dict(asked=5, failed=5), dict(asked=300, failed=5), dict(asked=63000, failed=63000), dict(asked=63000, failed=6300)):
            self.assertTrue(goes_off(failing, **counted), counted)

    def test_a_route_that_few_use_and_that_fails_is_seen_within_a_quarter_of_an_hour(self):
        persist = self.alarms["ServerErrorsPersist"]
        self.assertTrue(persist["AlarmDescription"].startswith("[ticket]"))
        self.assertEqual((persist["Namespace"], persist["MetricName"]), ({"Ref": "MetricsNamespace"}, "ServerErrors"))
        self.assertEqual(persist["Dimensions"], [{"Name": "Stage", "Value": {"Ref": "Stage"}}])
        self.assertEqual((persist["Period"], persist["EvaluationPeriods"], persist["DatapointsToAlarm"]), (300, 3, 3))
        # That many at the busiest are no share that ApiServerErrors sees.
        self.assertEqual((persist["Threshold"], persist["ComparisonOperator"]), (5, "GreaterThanOrEqualToThreshold"))
        self.assertFalse(goes_off(self.alarms["ApiServerErrors"], asked=63000, failed=5))

    def test_notices_are_given_up(self):
        given_up = self.alarms["NoticesGivenUp"]
        # A phone that a push service holds back; a little of much.
        for counted in (dict(), dict(given_up=3, fast=1), dict(given_up=6, fast=1000), dict(given_up=300, fast=31500)):
            self.assertFalse(goes_off(given_up, **counted), counted)
        for counted in (dict(given_up=5), dict(given_up=5, fast=100), dict(given_up=31500, projected=100), dict(given_up=400, fast=31500)):
            self.assertTrue(goes_off(given_up, **counted), counted)

    def test_pushes_fail(self):
        failing = self.alarms["PushesFailing"]
        # One token of another app among many; one call of it at a small deployment.
        for counted in (dict(), dict(failed=60, fast=126000), dict(failed=3, fast=1)):
            self.assertFalse(goes_off(failing, **counted), counted)
        for counted in (dict(failed=5), dict(failed=6, fast=6), dict(failed=126000, fast=126000), dict(failed=12600, projected=126000)):
            self.assertTrue(goes_off(failing, **counted), counted)


def written_out(node):
    """What a reference stands as in the dashboard's text."""
    match node:
        case {"Ref": name}:
            return "${" + name + "}"
        case {"Fn::GetAtt": [name, attribute]}:
            return "${" + name + "." + attribute + "}"
        case {"Fn::Sub": text}:
            return text
    return node


def metric_of(metric):
    """Namespace, name and dimensions of a metric that an alarm reads."""
    dimensions = {one["Name"]: written_out(one["Value"]) for one in metric.get("Dimensions", [])}
    return written_out(metric["Namespace"]), metric["MetricName"], frozenset(dimensions.items())


def shown_by(widget):
    """The same of a widget's lines, each of which may begin with "...", for as much as the line before has in that place."""
    before, shown = [], set()
    for line in widget["properties"]["metrics"]:
        words = [word for word in line if isinstance(word, str)]
        if words and words[0] == "...":
            words = before[: len(before) - len(words) + 1] + words[1:]
        if words:
            before = words
            shown.add((words[0], words[1], frozenset(zip(words[2::2], words[3::2]))))
    return shown


class MetricsOfRoutes(unittest.TestCase):
    def test_api_gateway_counts_by_itself_the_routes_that_something_reads(self):
        resources = check.deployed(EVERYTHING)["Resources"]
        [stage] = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::ApiGatewayV2::Stage"]
        routes = stage["RouteSettings"] | {"every other": stage["DefaultRouteSettings"]}
        counted = {route for route, about in routes.items() if about["DetailedMetricsEnabled"]}
        metrics = [one["MetricStat"]["Metric"] for alarm in alarms(EVERYTHING).values() for one in alarm.get("Metrics", []) if "MetricStat" in one]
        read = [{one["Name"]: one["Value"] for one in metric.get("Dimensions", [])} for metric in metrics]
        self.assertEqual(counted, {f"{of['Method']} {of['Resource']}" for of in read if "Resource" in of})
        self.assertNotIn('"Resource"', check.template()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])


class Dashboard(unittest.TestCase):
    """A runbook that sends somebody to a graph sends them to one that is there, and has what the alarm read."""

    def setUp(self):
        body = check.template()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        # A number, where it is one.
        widgets = json.loads(body.replace("${RingLatencyTargetMilliseconds}", "500"))["widgets"]
        self.widgets = {one["properties"]["title"]: one for one in widgets}
        self.assertEqual(len(self.widgets), len(widgets))

    def named_in(self, text):
        """The titles in quotation marks that are on a line behind the word for a dashboard."""
        lines = [re.split(r"dashboard|仪表板", line, maxsplit=1)[1] for line in text.splitlines() if re.search(r"dashboard|仪表板", line)]
        return [title for line in lines for title in re.findall(r"[\"“]([A-Z][^\"”]+)[\"”]", line)]

    def test_the_graphs_that_runbooks_name_are_there(self):
        named = {title for page in RUNBOOKS.glob("*.md") for title in self.named_in(page.read_text())}
        self.assertLessEqual({"MQTT connections", "Tables: throttled", "Functions: errors and throttles"}, named)
        self.assertLessEqual(named, set(self.widgets))

    def test_a_graph_that_an_alarm_s_row_names_has_the_alarm_s_metrics(self):
        read, held = alarms(EVERYTHING), 0
        for page in ("alarms.md", "alarms.zh.md"):
            for line in (RUNBOOKS / page).read_text().splitlines():
                row = re.match(r"\| (`[^|]+`) \|", line)
                titles = self.named_in(line) if row else []
                shown = {metric for title in titles for metric in shown_by(self.widgets[title])}
                for name in re.findall(r"`(\w+)`", row[1]) if titles else []:
                    stats = [one["MetricStat"]["Metric"] for one in read[name]["Metrics"] if "MetricStat" in one]
                    # Runs of the sequencer give one of them data, and are no trouble.
                    metrics = {metric_of(metric) for metric in stats if metric["MetricName"] != "Invocations"}
                    self.assertLessEqual(metrics, shown, f"{page}, {name}: {titles}")
                    held += 1
        self.assertEqual(held, 8)

    def test_lines_that_leave_words_out_are_read_with_those_of_the_line_before(self):
        lines = [["A", "M", "D", "x", {"stat": "Sum"}], ["...", "y"], ["...", {"stat": "p99"}], [{"expression": "SEARCH('')"}], ["A", "N"]]
        shown = {("A", "M", frozenset({("D", "x")})), ("A", "M", frozenset({("D", "y")})), ("A", "N", frozenset())}
        self.assertEqual(shown_by({"properties": {"metrics": lines}}), shown)


class Refused(unittest.TestCase):
    """The access log: what API Gateway refused by itself, and what a function answered with 429."""

    def counted(self, **line):
        """The metrics that count a line of the access log."""
        found = set()
        for one in check.deployed(EVERYTHING)["Resources"].values():
            if one["Type"] == "AWS::Logs::MetricFilter":
                wanted = re.findall(r'\(\$\.(\w+) = "([^"]*)"\)', one["Properties"]["FilterPattern"])
                whole = "{ " + " && ".join(f'($.{name} = "{value}")' for name, value in wanted) + " }"
                self.assertEqual(one["Properties"]["FilterPattern"], whole)
                if all(line[name] == value for name, value in wanted):
                    found.add(one["Properties"]["MetricTransformations"][0]["MetricName"])
        return found

    def test_a_429_of_a_function_is_no_alarm(self):
        place, register = "POST /api/calls", "POST /api/mqtt/clients/register"
        for status, function_ms, route, counted in (
            ("429", "-", place, {"RequestsThrottled", "CallsThrottled"}),
            ("429", "-", register, {"RequestsThrottled"}),
            # 42901 to 42904: one caller, who asks too often.
            ("429", "38", place, set()),
            ("429", "38", register, set()),
            ("200", "38", place, set()),
            ("503", "-", place, set()),
        ):
            self.assertEqual(self.counted(status=status, functionMs=function_ms, route=route), counted)

    def test_the_log_says_how_long_the_function_took(self):
        format_ = json.loads(check.template()["Resources"]["HttpApi"]["Properties"]["AccessLogSettings"]["Format"])
        said = {"status": "$context.status", "route": "$context.routeKey", "functionMs": "$context.integrationLatency"}
        self.assertEqual(format_ | said, format_)


# What a request takes at most on the average, in seconds, where the fast path gives up after 0.2.
TAKES = {
    "create-call": 0.35,
    "callee-action": 0.35,
    # Of the ten reports about a call one ends it, and waits for the fast path.
    "trtc-callback": 0.1,
    "list-audit": 0.35,
    "replay-call": 0.35,
    "prove-call": 0.35,
    "list-accesses": 0.35,
}
# Its route has the rate of all other routes, for the few who audit: a cap, so that they take nothing from calls.
CAPPED = {"read-ledger"}


def reserving_functions():
    """Each function of the API that reserves executions: its name, what it reserves, and the rates of its routes."""
    resources = check.template()["Resources"].values()
    [api] = [one["Properties"] for one in resources if one["Type"] == "AWS::Serverless::HttpApi"]
    for properties in (one.get("Properties", {}) for one in resources):
        routes = [one["Properties"] for one in properties.get("Events", {}).values() if one["Type"] == "HttpApi"]
        if routes and "ReservedConcurrentExecutions" in properties:
            named = [f"{route['Method']} {route['Path']}" for route in routes]
            rates = [api["RouteSettings"].get(route, api["DefaultRouteSettings"])["ThrottlingRateLimit"] for route in named]
            name = properties["FunctionName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
            yield name, (properties["ReservedConcurrentExecutions"]["Fn::If"][1], rates)


class Throttles(unittest.TestCase):
    def test_what_a_route_lets_in_has_executions_where_they_are_reserved(self):
        reserving = dict(reserving_functions())
        self.assertEqual(set(reserving), set(TAKES) | CAPPED)
        for expected in check.template()["Mappings"]["Throttles"]:
            given = EVERYTHING | {"ExpectedCallsPerSecond": expected}
            for name, seconds in TAKES.items():
                reserved, rates = reserving[name]
                let_in = sum(decided(rate, given) for rate in rates)
                self.assertGreaterEqual(decided(reserved, given) / let_in, seconds, (name, expected))

    def test_a_call_that_is_let_in_can_be_answered(self):
        template = check.template()
        sizes = template["Mappings"]["Throttles"]
        self.assertEqual(list(sizes), template["Parameters"]["ExpectedCallsPerSecond"]["AllowedValues"])
        for calls, of_route in sizes.items():
            self.assertGreaterEqual(of_route["Call"], 2 * int(calls))
            # Three phones ring, one answers, one hangs up, and one tries again.
            self.assertGreaterEqual(of_route["Callee"], 6 * of_route["Call"])
            for route in ("Call", "Callee", "Register", "Callback", "Any"):
                rate, burst = of_route[route], of_route[f"{route}Burst"]
                self.assertEqual(burst, min(2 * rate, 5000), (calls, route))
                self.assertLessEqual(rate, 10000)


if __name__ == "__main__":
    unittest.main()
