"""Alarms: few enough to be heard, each with its urgency and its line in a runbook, silent about what is no trouble and loud about
what is. And the throttles."""

import json
import re
import unittest
from pathlib import Path

import check
import combinations

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
            self.assertEqual(len(named), 3)
            self.assertLessEqual(set(named), set(self.alarms))


def goes_off(alarm, **counted):
    """Whether one period goes beyond the threshold in which the metrics of these ids were counted and no other: metric math, read
    as Python."""
    [text] = [one["Expression"] for one in alarm["Metrics"] if one["Id"] == "judged"]
    ids = [one["Id"] for one in alarm["Metrics"] if "MetricStat" in one]
    assert set(counted) <= set(ids), (counted, ids)
    text = re.sub(r"FILL\((\w+), (\d+)\)", lambda fill: str(counted.get(fill[1], int(fill[2]))), text)
    # Both branches are worked out, as in CloudWatch; a division by zero is no data there.
    words = {"IF": lambda condition, one, other: one if condition else other}
    try:
        value = eval(text.replace(" AND ", " and ").replace(" OR ", " or "), {"__builtins__": {}}, words)
    except ZeroDivisionError:
        return False
    beyond = {"GreaterThanOrEqualToThreshold": value >= alarm["Threshold"], "GreaterThanThreshold": value > alarm["Threshold"]}
    return beyond[alarm["ComparisonOperator"]]


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

    def test_the_api_answers_5xx(self):
        failing = self.alarms["ApiServerErrors"]
        for counted in (dict(), dict(asked=63000, failed=5), dict(asked=63000, failed=63000 // 2000), dict(asked=4, failed=4)):
            self.assertFalse(goes_off(failing, **counted), counted)
        # All of a few requests at night, all of them at the busiest, one route of ten.
        for counted in (dict(asked=5, failed=5), dict(asked=300, failed=5), dict(asked=63000, failed=63000), dict(asked=63000, failed=6300)):
            self.assertTrue(goes_off(failing, **counted), counted)

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


class Throttles(unittest.TestCase):
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
