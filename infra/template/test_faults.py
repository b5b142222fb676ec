"""For each service that can fail or throttle: the test that makes it, and the alarm that tells the operator, by its metric."""

import json
import re
import unittest
from pathlib import Path

from test_alarms import EVERYTHING, alarms

TESTS = Path("tests/tests")

# Service, what goes wrong; the file, in the folder of tests, and the function of the test that injects it and holds that nothing is
# lost; the metric of the alarm, with its namespace. `$` stands for the stack's own namespaces. No emulator refuses in place of a
# function, as API Gateway does: of these two a case of the conformance kit, by its name, gives every client the answer, and holds what
# the client does then.
FAULTS = [
    (
        "DynamoDB: every request of placing and answering throttled, failed, hanging or unanswered",
        "contract/faults.rs",
        "a_press_in_any_trouble_is_placed_once_or_clearly_refused_and_placed_when_it_is_repeated",
        ("AWS/DynamoDB", "WriteThrottleEvents"),
    ),
    (
        "the same, as the door sees it: 503, which API Gateway counts",
        "embedded/outage.rs",
        "a_press_that_failed_half_way_is_refused_clearly_and_rings_and_times_out_when_it_is_repeated",
        ("AWS/ApiGateway", "5xx"),
    ),
    (
        "IoT Core: publishes throttled, failed, hanging or unanswered",
        "embedded/iot.rs",
        "while_iot_core_is_in_trouble_calls_are_placed_at_once_and_everybody_is_told_when_it_is_well",
        ("AWS/IoT", "PublishIn.Throttle"),
    ),
    (
        "IoT Core: down for longer than the fast path waits",
        "embedded/outage.rs",
        "while_the_broker_is_down_calls_are_placed_and_they_ring_when_it_is_back",
        ("$", "RingLatency"),
    ),
    (
        "SNS: pushes throttled or failed",
        "localstack/push.rs",
        "once_sns_is_out_of_trouble_every_phone_has_the_call_once_and_as_if_nothing_had_been",
        ("$", "GaveUp"),
    ),
    (
        "FCM: the service account is refused, messages are refused",
        "embedded/fcm.rs",
        "a_service_account_that_does_not_work_is_refused_and_one_that_was_mended_is_used",
        ("$", "PushesFailed"),
    ),
    (
        "SQS: the ring timer cannot be armed",
        "localstack/timer.rs",
        "without_a_queue_no_call_is_placed",
        ("AWS/ApiGateway", "5xx"),
    ),
    (
        "SNS: the endpoint of a push token cannot be made",
        "telemetry/metrics.rs",
        "placed_calls_rings_refusals_and_tampering_are_counted_as_the_dashboard_and_alarms_read_them",
        ("$", "TokensNotRegistered"),
    ),
    (
        "a function answers 503, which Lambda takes for a success",
        "telemetry/metrics.rs",
        "placed_calls_rings_refusals_and_tampering_are_counted_as_the_dashboard_and_alarms_read_them",
        ("$", "ServerErrors"),
    ),
    (
        "a function has a batch of a stream or a queue shown again, which Lambda takes for a success",
        "telemetry/metrics.rs",
        "placed_calls_rings_refusals_and_tampering_are_counted_as_the_dashboard_and_alarms_read_them",
        ("$", "BatchesFailed"),
    ),
    (
        "Secrets Manager: a secret is not there, as an app sees it: 503",
        "embedded/secrets.rs",
        "who_asks_a_function_that_is_not_ready_is_answered_in_the_envelope",
        ("AWS/ApiGateway", "5xx"),
    ),
    (
        "the same, as the stream and the queues see it: the function fails, and is invoked again",
        "embedded/secrets.rs",
        "a_function_is_ready_once_its_secrets_are_there_and_tries_again_until_then",
        ("AWS/Lambda", "Errors"),
    ),
    (
        "API Gateway: 429 before any function is started",
        "client/conformance/cases/limits.json",
        "a gateway's 429 without a code is asked again under the same key",
        ("$", "RequestsThrottled"),
    ),
    (
        "Lambda: a function is throttled, and API Gateway answers 5xx in its place",
        "client/conformance/cases/limits.json",
        "a gateway's 5xx without a code, as for a function that is throttled, is asked again under the same key",
        ("AWS/Lambda", "Throttles"),
    ),
    (
        "the stream: what the projector cannot deliver becomes a dead letter",
        "localstack/stream.rs",
        "a_call_that_rings_is_told_by_the_stream_alone_and_again_when_the_broker_was_down",
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    ),
    (
        "DynamoDB: the sequencer's table throttled at any step",
        "embedded/ledger.rs",
        "a_sequencer_whose_table_throttles_or_loses_answers_at_any_step_loses_no_entry",
        ("$", "LedgerSequenced"),
    ),
    (
        "S3: tiles and checkpoint fail, or answers are lost",
        "localstack/ledger.rs",
        "lost_and_failed_answers_of_s3_lose_no_entry",
        ("$", "LedgerSequenced"),
    ),
    (
        "KMS: the key is throttled or out of reach",
        "embedded/ledger.rs",
        "while_kms_is_in_trouble_nothing_is_published_and_what_waits_is_signed_when_it_is_well",
        ("$", "LedgerSequenced"),
    ),
    (
        "a commit is changed or deleted in the table",
        "embedded/stream.rs",
        "a_commit_that_is_changed_or_deleted_raises_the_alarm",
        ("$", "Tampered"),
    ),
]


def read_by(alarm):
    """The metrics that an alarm reads: namespace and name."""
    own = [alarm] if "MetricName" in alarm else []
    metrics = own + [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one]
    return {(one["Namespace"] if isinstance(one["Namespace"], str) else "$", one["MetricName"]) for one in metrics}


def given_to_clients(file, name):
    """The statuses of the answers without a code of ours that a case of the conformance kit gives."""
    [case] = [one for one in json.loads(Path(file).read_text()) if one["name"] == name]
    answers = [step["input"] for step in case["steps"] if step.get("input", {}).get("type") == "http_answer"]
    return [answer["status"] for answer in answers if "code" not in answer["body"]]


class FaultsAndAlarms(unittest.TestCase):
    def test_each_fault_is_injected_by_a_test(self):
        for what, file, function, _ in FAULTS:
            if file.endswith(".json"):
                self.assertTrue(given_to_clients(file, function), f"{what}: no case “{function}” in {file} gives an answer")
                continue
            text = (TESTS / file).read_text()
            tested = rf"#\[(tokio::)?test\b[^\n]*\]\n\s*(async )?fn {function}\b"
            self.assertTrue(re.search(tested, text), f"{what}: no {function} in {file}")

    def test_each_fault_has_an_alarm_that_reads_its_metric(self):
        read = {metric: name for name, alarm in alarms(EVERYTHING).items() for metric in read_by(alarm)}
        for what, _, _, metric in FAULTS:
            self.assertIn(metric, read, what)

    def test_rings_that_are_missing_while_calls_are_placed_are_an_alarm_that_pages(self):
        silent = alarms(EVERYTHING)["NobodyRings"]
        self.assertTrue(silent["AlarmDescription"].startswith("[page]"))
        self.assertLessEqual({("$", "RingLatency"), ("AWS/ApiGateway", "Count")}, read_by(silent))

    def test_each_objective_has_an_alarm_for_a_budget_that_burns_and_one_for_a_budget_that_shrinks(self):
        of_all = alarms(EVERYTHING)
        for objective, metric in (("Ring", ("$", "RingLatency")), ("Placing", ("AWS/ApiGateway", "5xx"))):
            for pace, urgency in (("Burning", "[page]"), ("Shrinking", "[ticket]")):
                alarm = of_all[f"{objective}Budget{pace}"]
                self.assertTrue(alarm["AlarmDescription"].startswith(urgency), alarm["AlarmDescription"])
                self.assertIn(metric, read_by(alarm))

    def test_rings_are_measured_against_those_that_were_due(self):
        budgets = {name: alarm for name, alarm in alarms(EVERYTHING).items() if name.startswith("RingBudget")}
        self.assertEqual(set(budgets), {f"RingBudget{pace}" for pace in ("Burning", "Shrinking", "Leaking")})
        for name, alarm in budgets.items():
            self.assertLessEqual({("$", "RingsDue"), ("$", "RingLatency")}, read_by(alarm), name)


if __name__ == "__main__":
    unittest.main()
