"""Alarms: few enough to be heard, each with its urgency and its line in a runbook. And the throttles."""

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
