"""Deploying, before a double of AWS that answers what a test put into it."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from functools import cache
from pathlib import Path
from unittest import mock

import boto3
import botocore.session
import jmespath
from botocore.exceptions import ClientError
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from samtranslator.yaml_helper import yaml_parse

import account
import check
import combinations
import deploy
import forms
import pages
import restore
from account import Wrong
from transformed import referred

APPLICATION = [{"Key": "Application", "Value": "ilock-call"}]
TYPED = [f"{name}={value}" for name, value in combinations.REQUIRED.items() if name != "Release"]

parsed_once = cache(yaml_parse)


def environment(**region):
    """What AWS's tools find around them: this, and no profile."""
    nobody = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return mock.patch.dict(os.environ, others | nobody | region, clear=True)


def resource(name, kind, physical, status):
    """A resource as CloudFormation lists it."""
    return {"LogicalResourceId": name, "ResourceType": kind, "PhysicalResourceId": physical, "ResourceStatus": status}


class Pages(list):
    def paginate(self, **_):
        return self

    def search(self, _):
        return iter(self)


class Aws:
    """Every client in one: stacks by name, and what they consist of."""

    def __init__(self):
        self.stacks, self.resources, self.protected, self.objects = {}, [], [], {}
        self.at_once = 1000
        # Executions of functions, reserved by whomever; and the states of alarms.
        self.reserved, self.alarms = {}, {}
        self.secrets = {f"ilock-dev/{name}": "v1" for name in ("auth", "mqtt", "payload", "trtc", "trtc-callback")}
        self.exceptions = mock.Mock(ResourceNotFoundException=KeyError)
        # The keys of the deployed stage's route settings; tables, and buckets with what HEAD answers.
        self.route_settings, self.tables, self.buckets = [], [], {}

    def client(self, _):
        return self

    def describe_stacks(self, StackName):
        if StackName not in self.stacks:
            error = {"Code": "ValidationError", "Message": f"Stack with id {StackName} does not exist"}
            raise ClientError({"Error": error}, "DescribeStacks")
        return {"Stacks": [self.stacks[StackName]]}

    def get_paginator(self, name):
        return Pages(self.stacks.values() if name == "describe_stacks" else self.resources)

    def describe_secret(self, SecretId):
        return {"VersionIdsToStages": {"v0": ["AWSPREVIOUS"], self.secrets[SecretId]: ["AWSCURRENT"]}}

    def get_caller_identity(self):
        return {"Account": combinations.ACCOUNT}

    def get_account_settings(self):
        unreserved = self.at_once - sum(self.reserved.values())
        return {"AccountLimit": {"ConcurrentExecutions": self.at_once, "UnreservedConcurrentExecutions": unreserved}}

    def get_function_concurrency(self, FunctionName):
        return {"ReservedConcurrentExecutions": self.reserved[FunctionName]} if FunctionName in self.reserved else {}

    def describe_alarms(self, AlarmNames):
        assert AlarmNames, "without names CloudWatch describes every alarm of the account"
        states = {name: self.alarms.get(name, "OK") for name in AlarmNames}
        return {"MetricAlarms": [{"AlarmName": name, "StateValue": state} for name, state in states.items()]}

    def update_termination_protection(self, StackName, EnableTerminationProtection):
        assert EnableTerminationProtection
        self.protected.append(StackName)

    def get_stage(self, ApiId, StageName):
        assert (ApiId, StageName) == ("api-id", "$default")
        return {"RouteSettings": {key: {} for key in self.route_settings}}

    def describe_table(self, TableName):
        if TableName not in self.tables:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "not found"}}, "DescribeTable")
        return {"Table": {"TableName": TableName}}

    def head_bucket(self, Bucket):
        if (code := self.buckets.get(Bucket, "404")) != "200":
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "HeadBucket")
        return {}

    def put_object(self, Bucket, Key, Body, **about):
        self.objects[f"{Bucket}/{Key}"] = (Body, about)

    def stack(self, name, status="CREATE_COMPLETE", **parameters):
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        self.stacks[name] = {"StackName": name, "StackStatus": status, "Parameters": given, "Tags": APPLICATION}


class Deployments(unittest.TestCase):
    """What deploying is tested with: the double, and no region but what a test chooses."""

    def setUp(self):
        self.aws = Aws()
        self.commands, self.released, self.updated = [], [], []
        self.code = 0
        for patch in (
            environment(AWS_REGION=combinations.REGION),
            mock.patch("boto3.client", self.aws.client),
            mock.patch("subprocess.run", self.run_command),
            mock.patch.object(deploy, "yaml_parse", parsed_once),
            mock.patch("restore.update_readers", self.updated.append),
            mock.patch.object(Path, "is_file", lambda _: True),
            mock.patch.object(deploy, "release", lambda packages, values, secrets: self.released.append(secrets) or "1" * 64),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def run_command(self, command):
        self.commands.append(command)
        return mock.Mock(returncode=self.code)

    def deploy(self, *arguments):
        with contextlib.redirect_stdout(io.StringIO()):
            return deploy.main("sam", [*arguments])

    def refused(self, *arguments):
        with self.assertRaises(Wrong) as refusal:
            self.deploy(*arguments)
        self.assertEqual(self.commands, [])
        return str(refusal.exception)


class Deploying(Deployments):
    def test_a_first_deployment_and_the_next(self):
        self.assertEqual(self.deploy("dev", *TYPED), 0)
        self.assertIn("TrtcSdkAppId=\"1400000000\"", self.commands[0])
        self.aws.stack("ilock-dev", **combinations.REQUIRED)
        self.assertEqual(self.deploy("dev"), 0)
        self.assertEqual(self.aws.protected, [])

    def test_samconfig_is_for_a_new_stack_and_says_only_the_way_of_deploying_at_each_deployment(self):
        def overrides(*arguments):
            self.assertEqual(self.deploy("staging", *arguments), 0)
            return dict(re.findall(r'(\w+)="([^"]*)"', " ".join(self.commands.pop())))

        staged = combinations.stages()["staging"]
        self.assertLessEqual(staged.items(), overrides(*TYPED).items())
        own = {"LogLevel": "warn", "LogRetentionDays": "90", "DeploymentType": "Linear10PercentEvery1Minute", "GradualDeployments": "false"}
        self.aws.stack("ilock-staging", **combinations.REQUIRED, **staged | own)
        for typed in ({}, {"LogRetentionDays": "14"}):
            found = overrides(*(f"{name}={value}" for name, value in typed.items()))
            # What is not handed to SAM, the stack keeps.
            self.assertEqual({name: found[name] for name in found if name in staged}, {"GradualDeployments": "true"} | typed)
        # A stack that never had the parameter gets it.
        self.aws.stack("ilock-staging", **combinations.REQUIRED, **{name: staged[name] for name in staged if name != "MetricsNamespace"})
        self.assertEqual(overrides()["MetricsNamespace"], "iLockCall")

    def test_the_secrets_that_are_needed_must_be_there_and_a_new_version_is_a_new_release(self):
        self.deploy("dev", *TYPED)
        self.assertEqual(sorted(self.released.pop()), [f"ilock-dev/{name}" for name in ("auth", "mqtt", "payload", "trtc")])
        self.aws.secrets["ilock-dev/mqtt"] = "v2"
        keys = ("AuthAlgorithms=ES256", "AuthJwks=https://login.example.com/keys", "TrtcCallback=on")
        self.deploy("dev", *[one for one in TYPED if not one.startswith("SecretsName")], *keys)
        self.assertIn('SecretsName="ilock-dev"', self.commands[-1])
        secrets = self.released.pop()
        self.assertEqual(secrets, {"ilock-dev/mqtt": "v2"} | {f"ilock-dev/{name}": "v1" for name in ("payload", "trtc", "trtc-callback")})
        self.commands.clear()
        self.assertIn("ilock-dev/trtc-api: Secrets Manager has no such secret", self.refused("dev", *TYPED, "TrtcRoomApi=on"))

    def test_the_account_s_concurrency_is_looked_up_and_too_little_is_said(self):
        for at_once, said in ((1000, False), (10, True)):
            self.aws.at_once = at_once
            with contextlib.redirect_stderr(io.StringIO()) as told:
                self.deploy("dev", *TYPED)
            self.assertIn(f'AccountConcurrency="{at_once}"', self.commands.pop())
            self.assertEqual("ask Service Quotas for more" in told.getvalue(), said)
        self.deploy("dev", *TYPED, "AccountConcurrency=500")
        self.assertIn('AccountConcurrency="500"', self.commands.pop())

    def test_only_what_the_account_has_can_be_reserved(self):
        reserving = [*TYPED, "ReserveConcurrency=true", "ExpectedCallsPerSecond=25"]
        wanted = account.reserved(parsed_once(deploy.TEMPLATE.read_text()), "25")
        self.aws.at_once = wanted + 100
        self.assertEqual(self.deploy("dev", *reserving), 0)
        self.commands.clear()
        self.aws.at_once -= 1
        said = self.refused("dev", *reserving)
        self.assertIn(f"{wanted} are reserved and 100 must be left, and the account has {wanted + 99}. Ask", said)
        self.assertEqual(self.deploy("dev", *TYPED), 0)

    def test_what_others_have_reserved_is_not_there_and_what_the_stack_has_is(self):
        reserving = [*TYPED, "ReserveConcurrency=true", "ExpectedCallsPerSecond=25"]
        wanted = account.reserved(parsed_once(deploy.TEMPLATE.read_text()), "25")
        self.aws.at_once = wanted + 100
        self.aws.stack("ilock-dev", **combinations.REQUIRED)
        names = ("create-call", "callee-action")
        self.aws.resources = [resource(name, "AWS::Lambda::Function", f"ilock-dev-{name}", "UPDATE_COMPLETE") for name in names]
        self.aws.reserved = {"ilock-dev-create-call": wanted - 7, "ilock-dev-callee-action": 7}
        self.assertEqual(self.deploy("dev", *reserving), 0)
        self.commands.clear()
        self.aws.reserved["somebody-elses"] = 1
        self.assertIn(f"the account has {wanted + 100}, of which others have reserved 1. Ask", self.refused("dev", *reserving))

    def test_what_must_be_left_grows_with_the_expected_calls(self):
        wanted = account.reserved(parsed_once(deploy.TEMPLATE.read_text()), "400")
        self.aws.at_once = wanted + 399
        said = self.refused("dev", *TYPED, "ReserveConcurrency=true", "ExpectedCallsPerSecond=400")
        self.assertIn(f"{wanted} are reserved and 400 must be left", said)

    def test_a_gradual_deployment_is_refused_while_an_alarm_that_stops_it_is_in_alarm(self):
        watched = account.watched_by_deployments(parsed_once(deploy.TEMPLATE.read_text()))
        self.aws.stack("ilock-staging", **combinations.REQUIRED)
        self.aws.resources = [
            resource(name, "AWS::CloudWatch::Alarm", f"ilock-staging-{name}", "UPDATE_COMPLETE") for name in [*watched, "NobodyRings"]
        ]
        self.aws.alarms = {"ilock-staging-NobodyRings": "ALARM", f"ilock-staging-{watched[0]}": "INSUFFICIENT_DATA"}
        self.assertEqual(self.deploy("staging"), 0)
        self.commands.clear()
        for name in watched:
            self.aws.alarms = {f"ilock-staging-{name}": "ALARM"}
            said = self.refused("staging")
            self.assertTrue(said.startswith(f"ilock-staging-{name}: in ALARM"), said)
            self.assertIn("deploy it once with GradualDeployments=false", said)
        self.assertEqual(self.deploy("staging", "GradualDeployments=false"), 0)

    def test_what_reads_a_restored_log_follows_each_deployment_that_succeeded(self):
        self.assertEqual(self.deploy("dev", "--dry-run", *TYPED), 0)
        self.code = 1
        self.deploy("dev", *TYPED)
        self.assertEqual(self.updated, [])
        self.code = 0
        self.deploy("dev", *TYPED)
        self.assertEqual(self.updated, ["ilock-dev"])

    def test_a_dry_run_does_nothing(self):
        self.assertEqual(self.deploy("staging", "--dry-run", *TYPED), 0)
        self.assertEqual((self.commands, self.aws.protected), ([], []))

    def test_staging_and_prod_are_protected_once_they_are_deployed(self):
        self.code = 1
        self.assertEqual(self.deploy("staging", *TYPED), 1)
        self.assertEqual(self.aws.protected, [])
        self.code = 0
        self.assertEqual(self.deploy("staging", *TYPED), 0)
        self.assertEqual(self.aws.protected, ["ilock-staging"])

    def test_a_second_stack_needs_a_topic_prefix_of_its_own(self):
        self.aws.stack("ilock-prod")
        said = self.refused("dev", *TYPED)
        self.assertIn("TopicPrefix: ilock-prod is deployed in this account and region already, with no prefix either", said)
        self.assertEqual(self.deploy("dev", *TYPED, "TopicPrefix=blue"), 0)
        self.assertIn('TopicPrefix="blue"', self.commands.pop())
        self.aws.stack("ilock-dev", **combinations.REQUIRED, TopicPrefix="blue")
        self.assertEqual(self.deploy("dev"), 0)
        self.commands.clear()
        said = self.refused("staging", *TYPED, "TopicPrefix=blue")
        self.assertIn("TopicPrefix: ilock-dev is deployed in this account and region already, with the prefix blue", said)
        self.assertEqual(self.deploy("staging", *TYPED, "TopicPrefix=green"), 0)

    def test_a_stack_keeps_its_topic_prefix(self):
        self.aws.stack("ilock-dev", **combinations.REQUIRED, TopicPrefix="blue")
        for other in ("", "green"):
            said = self.refused("dev", f"TopicPrefix={other}")
            self.assertIn("TopicPrefix: ilock-dev was deployed with blue and keeps it", said)
        self.aws.stack("ilock-dev", **combinations.REQUIRED)
        self.assertIn("was deployed with none and keeps it", self.refused("dev", "TopicPrefix=blue"))
        self.assertEqual(self.deploy("dev", "TopicPrefix="), 0)

    def test_the_certificate_of_the_mqtt_names_changes_with_both_of_them_only(self):
        def names(number, mqtt="mqtt", websocket="ws"):
            own = {"MqttDomainName": f"{mqtt}.example.com", "WebsocketDomainName": f"{websocket}.example.com"}
            return own | {"MqttCertificateArn": combinations.certificate(number)}

        def typed(values):
            return [f"{name}={value}" for name, value in values.items()]

        # Its own names, and those that AWS gave it, it may leave.
        self.assertEqual(self.deploy("dev", *TYPED, *typed(names(1))), 0)
        self.aws.stack("ilock-dev", **combinations.REQUIRED)
        self.assertEqual(self.deploy("dev", *typed(names(1))), 0)
        self.aws.stack("ilock-dev", **combinations.REQUIRED, **names(1))
        for fine in ({}, names(1), names(1, mqtt="mqtt2"), names(2, mqtt="mqtt2", websocket="ws2"), dict.fromkeys(names(1), "")):
            self.assertEqual(self.deploy("dev", *typed(fine)), 0, fine)
        self.commands.clear()
        for bad, kept in (
            ({"MqttCertificateArn": combinations.certificate(2)}, "mqtt.example.com, ws.example.com"),
            (names(2, mqtt="mqtt2"), "ws.example.com"),
            (names(2, websocket="ws2"), "mqtt.example.com"),
            # Neither may one name take over the other's certificate.
            (names(2, mqtt="ws", websocket="mqtt"), "mqtt.example.com, ws.example.com"),
        ):
            said = self.refused("dev", *typed(bad))
            self.assertIn(f"MqttCertificateArn: IoT Core cannot change the certificate of {kept}", said)
        heading = re.search(r"alarms\.md, “(.+?)”", said)[1]
        self.assertIn(f"\n## {heading}\n", Path("infra/runbooks/alarms.md").read_text())

    def test_cloudformation_cannot_change_the_certificate_of_a_domain_either(self):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(combinations.REGION, "AWS::IoT::DomainConfiguration").schema
        self.assertLessEqual({"/properties/ServerCertificateArns", "/properties/DomainName"}, set(schema["createOnlyProperties"]))

    def test_a_topic_prefix_that_would_bend_a_topic_is_refused(self):
        for bad in ("d", "users", "a/b", "a.b", "Blue", "ninechars", "+"):
            self.assertIn("TopicPrefix: must be up to 8 of a-z 0-9, and not d, users or devices", self.refused("dev", *TYPED, f"TopicPrefix={bad}"))
        for good in ("a", "dd", "0", "staging1"):
            self.assertEqual(self.deploy("dev", *TYPED, f"TopicPrefix={good}"), 0)

    def test_a_form_is_written_only_once_the_deployed_version_reads_it(self):
        required = combinations.REQUIRED
        self.assertEqual(self.deploy("staging", *TYPED), 0)
        all_read = ",".join(forms.read_by_this_version())
        self.assertIn(f'EventForms="{all_read}"', self.commands.pop())
        older = [form for form in forms.read_by_this_version() if form != "CallAccepted.v1"]
        self.aws.stack("ilock-staging", **required, EventForms=",".join(older))
        said = self.refused("staging")
        self.assertIn("writes CallAccepted.v1, and the deployed one cannot read that", said)
        # In dev it may; and what is only read so far may come anywhere.
        self.aws.stack("ilock-dev", **required, EventForms=",".join(older), TopicPrefix="dev")
        self.assertEqual(self.deploy("dev"), 0)
        self.commands.clear()
        with mock.patch.object(forms, "written_by_this_version", lambda: older):
            self.assertEqual(self.deploy("staging"), 0)
        with self.assertRaisesRegex(Wrong, "EventForms: is not yours to set"):
            self.deploy("staging", "EventForms=all")

    def test_another_name_of_the_ledger_is_another_ledger(self):
        required = combinations.REQUIRED
        self.assertEqual(self.deploy("dev", *TYPED, "LogOrigin=calls.example.com/1"), 0)
        self.aws.stack("ilock-dev", **required, LogOrigin="calls.example.com/1")
        self.assertEqual(self.deploy("dev"), 0)
        self.commands.clear()
        for origin in ("calls.example.com/2", ""):
            said = self.refused("dev", f"LogOrigin={origin}")
            self.assertIn("LogOrigin: the ledger of ilock-dev is called calls.example.com/1 for ever", said)
        said = self.refused("dev", "LedgerName=ilock-ledger-2")
        self.assertIn("A new one must be called otherwise", said)
        for origin in ("calls.example.com/2", ""):
            self.assertEqual(self.deploy("dev", "LedgerName=ilock-ledger-2", f"LogOrigin={origin}"), 0)
        # Without a LogOrigin it is called by the address of its bucket, which is another one.
        self.aws.stack("ilock-dev", **required)
        self.assertEqual(self.deploy("dev", "LedgerName=ilock-ledger-2"), 0)
        self.commands.clear()
        self.assertIn("is called by the address of its bucket for ever", self.refused("dev", "LogOrigin=calls.example.com/2"))

    def test_a_new_ledger_takes_a_name_that_no_table_and_no_bucket_has(self):
        new = "LedgerName=ilock-ledger-2"
        self.aws.stack("ilock-dev", **combinations.REQUIRED)
        for last in (True, False):
            if not last:
                self.aws.stacks.clear()
            arguments = ["dev", new, *([] if last else [one for one in TYPED])]
            self.aws.tables, self.aws.buckets = ["another"], {"another": "200"}
            self.assertEqual(self.deploy(*arguments), 0)
            self.commands.clear()
            # A deployment that failed left its protected table.
            self.aws.tables = ["ilock-ledger-2"]
            said = self.refused(*arguments)
            self.assertTrue(said.startswith("LedgerName: ilock-ledger-2 is taken by a table of this account."), said)
            self.assertIn("\n  aws dynamodb update-table --no-deletion-protection-enabled --table-name ilock-ledger-2 && ", said)
            self.assertNotIn("s3", said)
            self.aws.buckets = {"ilock-ledger-2": "200"}
            said = self.refused(*arguments)
            self.assertIn("is taken by a table of this account and a bucket.", said)
            self.assertLess(said.index("delete-bucket-policy --bucket ilock-ledger-2"), said.index("aws s3 rb s3://ilock-ledger-2"))
            # Names of buckets are the world's: of another's, nothing is said but that it is there.
            self.aws.tables = []
            for code in ("403", "301", "400"):
                self.aws.buckets = {"ilock-ledger-2": code}
                said = self.refused(*arguments)
                self.assertIn("is taken by a bucket.", said)
                self.assertNotIn("aws ", said)
        # Its own it keeps.
        self.aws.stack("ilock-dev", **combinations.REQUIRED, LedgerName="ilock-ledger-2")
        self.aws.tables, self.aws.buckets = ["ilock-ledger-2"], {"ilock-ledger-2": "200"}
        self.assertEqual(self.deploy("dev"), 0)
        # One from before is never free again.
        self.commands.clear()
        self.aws.tables += ["ilock-ledger-1"]
        self.assertIn("LedgerName: ilock-ledger-1 is taken", self.refused("dev", "LedgerName=ilock-ledger-1"))

    def test_a_route_with_a_throttle_goes_only_once_its_throttle_is_gone(self):
        template = parsed_once(deploy.TEMPLATE.read_text())["Resources"]["HttpApi"]["Properties"]["RouteSettings"]
        self.aws.stack("ilock-dev", **combinations.REQUIRED)
        self.aws.route_settings = ["POST /api/gone"]
        self.assertEqual(self.deploy("dev"), 0, "it has no API: nothing is asked")
        self.aws.resources = [resource("HttpApi", "AWS::ApiGatewayV2::Api", "api-id", "UPDATE_COMPLETE")]
        for fewer in (list(template), list(template)[1:], []):
            self.aws.route_settings = fewer
            self.assertEqual(self.deploy("dev"), 0)
        self.commands.clear()
        self.aws.route_settings = [*template, "POST /api/gone", "GET /api/old/{id}"]
        said = self.refused("dev")
        self.assertTrue(said.startswith("GET /api/old/{id}, POST /api/gone: the deployed stage has a throttle for it"), said)
        command = "\n  aws apigatewayv2 delete-route-settings --api-id api-id --stage-name '$default' --route-key "
        self.assertEqual(said.split(command)[1:], ["'GET /api/old/{id}'", "'POST /api/gone'"])

    def test_every_throttle_is_of_a_route_that_there_is(self):
        for name in combinations.UNLIKE:
            resources = check.deployed(dict(combinations.core())[name])["Resources"]
            paths = resources["HttpApi"]["Properties"]["Body"]["paths"]
            routes = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
            [stage] = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::ApiGatewayV2::Stage"]
            self.assertEqual((stage["StageName"], set(stage["RouteSettings"]) - routes), ("$default", set()), name)

    def test_what_signs_the_ledger_changes_at_once(self):
        key = "arn:aws:kms:eu-central-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"
        takes_over = (f"LedgerKeyArn={key}", "NextLedgerKeyArn=")
        for last, changes in (
            ({}, (f"NextLedgerKeyArn={key}",)),
            ({"NextLedgerKeyArn": key}, takes_over),
            ({}, ("LedgerName=ilock-ledger-2",)),
        ):
            self.aws.stack("ilock-staging", **combinations.REQUIRED, **last)
            said = self.refused("staging", *changes)
            self.assertIn(f"{changes[0].split('=')[0]}: old and new functions must not run side by side", said)
            self.assertEqual(self.deploy("staging", *changes, "GradualDeployments=false"), 0)
            self.commands.clear()
        # Nobody signs alone whom auditors had no time to learn: not a key at once, and not another one of the stack.
        for last, changes in (({}, takes_over), ({"LedgerKeyArn": key}, ("LedgerKeyArn=",))):
            self.aws.stack("ilock-staging", **combinations.REQUIRED, **last)
            said = self.refused("staging", *changes, "GradualDeployments=false")
            self.assertIn("LedgerKeyArn: a key takes over in two deployments", said)
        self.assertEqual(self.deploy("staging"), 0)

    def test_stacks_of_others_do_not_count(self):
        self.aws.stack("somebody-elses")
        self.aws.stacks["somebody-elses"]["Tags"] = []
        self.assertEqual(self.deploy("dev", *TYPED), 0)

    def test_a_stack_that_was_never_created_is_named_with_what_to_do(self):
        for status in account.NEVER_CREATED:
            self.aws.stack("ilock-dev", status)
            self.aws.resources = [
                resource(f"Kept{number}", kind, f"left-{number}", "DELETE_SKIPPED") for number, kind in enumerate(account.REMOVAL)
            ] + [resource("Gone", "AWS::S3::Bucket", "gone", "DELETE_COMPLETE")]
            said = self.refused("dev", *TYPED)
            self.assertIn(f"ilock-dev is {status}", said)
            self.assertIn("aws cloudformation delete-stack --stack-name ilock-dev", said)
            for number in range(len(account.REMOVAL)):
                self.assertIn(f"left-{number}", said)
            self.assertNotIn("gone", said)

    def test_what_names_another_thing_is_removed_before_it(self):
        self.aws.stack("ilock-dev", "ROLLBACK_FAILED")
        kept = yaml_parse(Path("template.yaml").read_text())["Resources"]
        kept = {name: one for name, one in kept.items() if "DeletionPolicy" in one}
        # As CloudFormation may list them: the other way round.
        named = reversed(sorted(kept, key=lambda name: list(account.REMOVAL).index(kept[name]["Type"])))
        self.aws.resources = [resource(name, kept[name]["Type"], f"physical-{name}-", "DELETE_FAILED") for name in named]
        said = self.refused("dev", *TYPED)
        for name, one in kept.items():
            for other in {*referred(one)} & {*kept} - {name}:
                # A bucket that names the bucket of its logs does not hold it.
                if {one["Type"], kept[other]["Type"]} != {"AWS::S3::Bucket"}:
                    self.assertLess(said.index(f"physical-{name}-"), said.index(f"physical-{other}-"), f"{name} names {other}")
        [authorizer] = [line for line in said.splitlines() if "delete-authorizer" in line]
        self.assertIn("a week later too", authorizer)

    def test_the_ledger_s_bucket_is_emptied_of_its_locked_versions_once_its_policy_is_gone(self):
        self.aws.stack("ilock-dev", "ROLLBACK_FAILED")
        self.aws.resources = [
            resource("LedgerBucket", "AWS::S3::Bucket", "checkpoints", "DELETE_FAILED"),
            resource("LedgerBucketPolicy", "AWS::S3::BucketPolicy", "checkpoints", "DELETE_SKIPPED"),
            resource("LedgerAccessLogsPolicy", "AWS::S3::BucketPolicy", "logs", "DELETE_SKIPPED"),
            resource("LedgerAccessLogs", "AWS::S3::Bucket", "logs", "DELETE_FAILED"),
        ]
        *policies, emptied, logs = (line.strip() for line in self.refused("dev", *TYPED).splitlines()[-4:])
        self.assertEqual(policies, [f"aws s3api delete-bucket-policy --bucket {bucket}" for bucket in ("checkpoints", "logs")])
        self.assertIn("--bypass-governance-retention --bucket checkpoints", emptied)
        self.assertIn("; aws s3 rb s3://checkpoints", emptied)
        self.assertEqual(logs.strip(), "aws s3 rb --force s3://logs")
        # What is deleted is every version and every delete marker.
        [query] = re.findall(r"--query '([^']+)'", emptied)
        listed = {"Versions": [{"Key": "checkpoint", "VersionId": "a"}], "DeleteMarkers": [{"Key": "tile/0/000.p/1", "VersionId": "b"}]}
        self.assertEqual(jmespath.search(query, listed), [["checkpoint", "a"], ["tile/0/000.p/1", "b"]])
        self.assertEqual(jmespath.search(query, {}), [])

    def test_every_state_of_a_stack_is_one_that_takes_a_deployment_or_is_named_with_what_leads_out(self):
        states = botocore.session.get_session().get_service_model("cloudformation").shape_for("StackStatus").enum
        # A stack is not found by its name once it is deleted; and a change set that was never run made none.
        states = set(states) - {"DELETE_COMPLETE", "REVIEW_IN_PROGRESS"}
        known = [*account.TAKES_A_DEPLOYMENT, *account.NEVER_CREATED, *account.WAYS_OUT]
        self.assertEqual(sorted(states), sorted(known))
        waiters = botocore.session.get_session().get_waiter_model("cloudformation").waiter_names
        for state in account.TAKES_A_DEPLOYMENT:
            self.aws.stack("ilock-dev", state, **combinations.REQUIRED)
            self.assertEqual(self.deploy("dev"), 0, state)
        self.commands.clear()
        for state in account.WAYS_OUT:
            self.aws.stack("ilock-dev", state, **combinations.REQUIRED)
            self.aws.resources = [
                resource("EventsTable", "AWS::DynamoDB::Table", "events", "UPDATE_COMPLETE"),
                resource("PresenceRule", "AWS::IoT::TopicRule", "rule", "UPDATE_FAILED"),
            ]
            said = self.refused("dev")
            self.assertTrue(said.startswith(f"ilock-dev is {state}: "), said)
            self.assertEqual("What failed: PresenceRule." in said, state.endswith("_FAILED"), said)
            self.assertNotIn("{0}", said)
            for waiter in re.findall(r"cloudformation wait ([a-z-]+)", said):
                self.assertIn("".join(word.capitalize() for word in waiter.split("-")), waiters)
        self.aws.stack("ilock-dev", "UPDATE_ROLLBACK_FAILED", **combinations.REQUIRED)
        said = self.refused("dev")
        self.assertIn("aws cloudformation continue-update-rollback --stack-name ilock-dev\n", said)
        self.assertIn("delete-route-settings --stage-name '$default' --route-key 'METHOD /PATH' --api-id \"$(aws cloudformation", said)
        self.aws.stack("ilock-dev", "REVIEW_IN_PROGRESS")
        self.assertEqual(self.deploy("dev", *TYPED), 0)

    def test_whatever_the_template_keeps_can_be_removed_by_a_command(self):
        resources = yaml_parse(Path("template.yaml").read_text())["Resources"]
        kept = {name: one["Type"] for name, one in resources.items() if "DeletionPolicy" in one}
        self.assertEqual(set(kept.values()), set(account.REMOVAL))
        self.assertLessEqual(set(account.REMOVAL_BY_NAME), set(kept))
        locked = [name for name, one in resources.items() if one.get("Properties", {}).get("ObjectLockEnabled")]
        self.assertEqual(locked, list(account.REMOVAL_BY_NAME))

    def test_the_pages_are_uploaded_where_they_are_used_and_the_deployment_succeeded(self):
        def deployed(command):
            self.aws.stack("ilock-dev", **combinations.REQUIRED, Pages="true")
            outputs = {"PagesBucketName": "bucket", "PagesUrl": "https://d1.cloudfront.net"}
            self.aws.stacks["ilock-dev"]["Outputs"] = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
            return self.run_command(command)

        self.assertEqual(self.deploy("dev", *TYPED), 0)
        self.assertEqual(self.deploy("dev", "--dry-run", *TYPED, "Pages=true"), 0)
        self.code = 1
        self.assertEqual(self.deploy("dev", *TYPED, "Pages=true"), 1)
        self.assertEqual(self.aws.objects, {})
        self.code = 0
        with mock.patch("subprocess.run", deployed):
            self.assertEqual(self.deploy("dev", *TYPED, "Pages=true"), 0)
        built = {f"bucket/pages/{path.name}": path.read_bytes() for path in pages.FILES.iterdir()}
        self.assertEqual({key: body for key, (body, _) in self.aws.objects.items()}, built)
        self.assertEqual(list(self.aws.objects)[-1], "bucket/pages/page.html")
        for _, about in self.aws.objects.values():
            self.assertEqual(about["CacheControl"], "no-cache")
        self.assertEqual(self.aws.objects["bucket/pages/pages.js"][1]["ContentType"], "text/javascript; charset=utf-8")
        # A stack keeps its parameters, and its pages are brought up to date.
        self.aws.objects.clear()
        self.assertEqual(self.deploy("dev"), 0)
        self.assertEqual(self.aws.objects.keys(), built.keys())

    def test_regions_that_cannot_run_it(self):
        for region in ("cn-north-1", "us-gov-west-1", "ap-northeast-3"):
            os.environ["AWS_REGION"] = region
            elsewhere = [re.sub("eu-central-1", region, one) for one in TYPED]
            said = self.refused("dev", *elsewhere)
            self.assertIn(f"{region}: cannot run it", said)
            self.assertIn("eu-central-1", said)
        os.environ["AWS_REGION"] = "cn-north-1"
        self.assertEqual(self.deploy("dev", *[re.sub("eu-central-1", "cn-north-1", one) for one in TYPED], "MqttEndpoint=default"), 0)

    def test_what_is_in_another_region_or_account(self):
        app = combinations.sns_app("GCM")
        self.assertEqual(self.deploy("dev", *TYPED, f"PushGcm={app}"), 0)
        self.commands.clear()
        there = app.replace("eu-central-1", "eu-west-1")
        self.assertIn("PushGcm: is in eu-west-1", self.refused("dev", *TYPED, f"PushGcm={there}"))
        theirs = app.replace(combinations.ACCOUNT, "999999999999")
        self.assertIn("PushGcm: belongs to the account 999999999999", self.refused("dev", *TYPED, f"PushGcm={theirs}"))
        theirs = combinations.certificate(1).replace("eu-central-1", "us-east-1")
        said = self.refused("dev", *TYPED, "ApiDomainName=api.example.com", f"ApiCertificateArn={theirs}")
        self.assertIn("ApiCertificateArn: is in us-east-1", said)
        # CloudFront's are there.
        pages_names = ["Pages=true", "PagesDomainName=door.example.com"]
        for region in ("eu-central-1", "us-east-1"):
            certificate = combinations.certificate(1).replace("eu-central-1", region)
            arguments = ["dev", "--dry-run", *TYPED, *pages_names, f"PagesCertificateArn={certificate}"]
            if region == "us-east-1":
                self.assertEqual(self.deploy(*arguments), 0)
            else:
                self.assertIn("PagesCertificateArn: must be the ARN of an ACM certificate in us-east-1", self.refused(*arguments))


class Standby(Deployments):
    """The commands that standby.md has for the same deployment in another region, as a shell runs them."""

    PAGE = Path("infra/runbooks/standby.md").read_text()
    THERE = "eu-west-1"
    # What prints the description of prod's stack, and what writes down what it was called with.
    AWS = """#!{python}
import jmespath, json, pathlib, sys
stacks = json.loads(pathlib.Path("stacks.json").read_text())
json.dump(jmespath.search(sys.argv[sys.argv.index("--query") + 1], stacks), sys.stdout, indent=4)
"""
    WRITES = """#!{python}
import json, pathlib, sys
pathlib.Path("called.json").write_text(json.dumps(sys.argv[1:]))
"""

    def setUp(self):
        super().setUp()
        of_secrets = ("mqtt", "mqtt-signing", "payload", "trtc", "trtc-api", "trtc-callback")
        self.aws.secrets, self.aws.at_once = {f"ilock-prod/{name}": "v1" for name in of_secrets}, 10_000
        everything = dict(combinations.combinations())["prod, a pager, gradual deployments, push, callback, everything else"]
        fcm = combinations.PUSH["push by FCM"]
        self.prod = everything | fcm | {"SecretsName": "ilock-prod", "EventForms": "CallCreated.v1", "AccountConcurrency": "1000"}
        self.here = tempfile.TemporaryDirectory()
        self.addCleanup(self.here.cleanup)

    def run_page(self, own):
        """What tools/deploy is called with, where `own` stands in the standby's file."""
        blocks = re.findall(r"```sh\n(.*?)```", self.PAGE, re.DOTALL)
        [saves], [names], [deploys] = ([one for one in blocks if how in one] for how in ("> parameters.json", "<<'END'", "xargs -0 tools/deploy"))
        names = re.sub(r"(?<='END'\n).*(?=END\n)", "".join(f"{name}={value}\n" for name, value in own.items()), names, flags=re.DOTALL)
        here = Path(self.here.name)
        given = [{"ParameterKey": name, "ParameterValue": value} for name, value in self.prod.items()]
        (here / "stacks.json").write_text(json.dumps({"Stacks": [{"Parameters": given}]}))
        for tool, text in {"bin/aws": self.AWS, "bin/make": "#!/bin/sh\n", "tools/deploy": self.WRITES}.items():
            (here / tool).parent.mkdir(exist_ok=True)
            (here / tool).write_text(text.format(python=sys.executable))
            (here / tool).chmod(0o755)
        path = f"{here}/bin:{os.environ['PATH']}"
        for block in (saves, names, deploys):
            # Not by subprocess.run, in whose place the double stands.
            shell = subprocess.Popen(["bash", "-euo", "pipefail", "-c", block], cwd=here, env=os.environ | {"PATH": path})
            self.assertEqual(shell.wait(), 0, block)
        return json.loads((here / "called.json").read_text())

    # What answers for Secrets Manager in two accounts, and writes down each command line.
    SECRETS = """#!{python}
import json, pathlib, sys
arguments = sys.argv[1:]
given = lambda name: arguments[arguments.index(name) + 1] if name in arguments else None
with pathlib.Path("lines").open("a") as lines:
    lines.write(" ".join(arguments) + "\\n")
# The other end of a pipe runs at the same time: all of it is read before anything is written.
value = sys.stdin.read().strip() if given("--secret-string") == "file:///dev/stdin" else None
accounts = json.loads(pathlib.Path("accounts.json").read_text())
secrets, name = accounts[given("--profile")], given("--secret-id") or given("--name")
[command] = [one for one in arguments if one.endswith(("-secret", "-secrets", "-value"))]
if command == "list-secrets":
    print("\\t".join(one for one in secrets if one.startswith(given("--filters").partition("Values=")[2])))
elif command == "create-secret":
    secrets[name] = None
elif name not in secrets:
    sys.exit("ResourceNotFoundException")
elif command == "get-secret-value":
    print(secrets[name])
elif command == "put-secret-value":
    assert value
    secrets[name] = value
if command in ("create-secret", "put-secret-value"):
    pathlib.Path("accounts.json").write_text(json.dumps(accounts))
"""

    def test_the_secrets_of_prod_are_there_too_and_after_each_change_again(self):
        blocks = re.findall(r"```sh\n(.*?)```", self.PAGE, re.DOTALL)
        [copies], [fcm] = ([one for one in blocks if how in one] for how in ("list-secrets", "copy ilock-fcm"))
        here = Path(self.here.name)
        (here / "bin").mkdir()
        (here / "bin/aws").write_text(self.SECRETS.format(python=sys.executable))
        (here / "bin/aws").chmod(0o755)
        names = [one.rpartition("/")[2] for one in self.aws.secrets]
        prod = {f"ilock-prod/{name}": json.dumps({name: "value"}) for name in names} | {"ilock-fcm": '{"private_key": "value"}', "other": "value"}
        there = {}
        for changed in ("value", "another value"):
            prod["ilock-prod/mqtt"] = json.dumps({"mqtt": changed})
            (here / "accounts.json").write_text(json.dumps({"prod": prod, "standby": there}))
            shell = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", copies + fcm],
                cwd=here,
                env=os.environ | {"PATH": f"{here}/bin:{os.environ['PATH']}"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self.assertEqual(shell.wait(), 0)
            there = json.loads((here / "accounts.json").read_text())["standby"]
            self.assertEqual(there, {name: value for name, value in prod.items() if name != "other"})
        self.assertNotIn('{"', (here / "lines").read_text(), "a value stood in a command line")

    def left_empty(self):
        return re.search(r"printf '%s=\\n' ([\w ]+)", self.PAGE)[1].split()

    def regional(self):
        """What prod has of its region and the page does not leave empty, as it is where the standby is."""
        there, empty = combinations.there(self.prod, self.THERE), self.left_empty()
        return {name: value for name, value in there.items() if value != self.prod[name] and name not in empty}

    def test_the_standby_gets_what_prod_has_but_what_is_of_a_region_or_of_one_stack(self):
        own = self.regional() | {"ExpectedCallsPerSecond": "400"}
        os.environ["AWS_REGION"] = self.THERE
        with mock.patch("pages.upload"):
            self.assertEqual(self.deploy(*self.run_page(own)), 0)
        found = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', " ".join(self.commands[0])))
        # Of this deployment, and not of prod's last one.
        for name in deploy.OURS:
            self.assertNotEqual(found.pop(name), self.prod[name], name)
        empty = dict.fromkeys(self.left_empty(), "")
        wanted = {name: value for name, value in self.prod.items() if name not in deploy.OURS}
        self.assertEqual(found, combinations.stages()["prod"] | wanted | own | empty)
        self.assertNotIn("eu-central-1", str(found))

    def test_the_page_names_every_parameter_of_a_region_and_one_that_is_forgotten_is_refused(self):
        named = re.search(r"Every ARN belongs to a region, so name those that prod has of (.*?): `tools/deploy`", self.PAGE, re.DOTALL)[1]
        about = parsed_once(deploy.TEMPLATE.read_text())["Parameters"]
        arns = {name for name, one in about.items() if "arn:" in one.get("AllowedPattern", "")}
        self.assertEqual(sorted(re.findall(r"`(\w+)`", named)), sorted(arns - {*self.left_empty(), "PermissionsBoundaryArn"}))
        os.environ["AWS_REGION"] = self.THERE
        own = self.regional()
        for name in own:
            said = self.refused(*self.run_page({other: value for other, value in own.items() if other != name}))
            self.assertIn(f"{name}: is in eu-central-1, and the deployment goes to {self.THERE}", said)


class Regions(unittest.TestCase):
    """boto3 itself is asked here, and what inherits the environment."""

    def test_aws_region_goes_before_what_boto3_and_sam_read(self):
        for others in ({}, {"AWS_DEFAULT_REGION": "us-east-1"}):
            with environment(AWS_REGION="eu-west-1", **others), mock.patch.object(boto3, "DEFAULT_SESSION", None):
                self.assertEqual(account.chosen_region(), "eu-west-1")
                self.assertEqual(boto3.client("cloudformation").meta.region_name, "eu-west-1")
                started = [sys.executable, "-c", "import boto3; print(boto3.client('s3').meta.region_name)"]
                self.assertEqual(subprocess.run(started, capture_output=True, text=True, check=True).stdout, "eu-west-1\n")

    def test_without_it_the_region_is_boto3_s_and_none_is_refused(self):
        for region in ({}, {"AWS_REGION": ""}):
            with environment(**region), self.assertRaisesRegex(Wrong, "^AWS_REGION: must be set"):
                account.chosen_region()
            with environment(AWS_DEFAULT_REGION="us-east-1", **region):
                self.assertEqual(account.chosen_region(), "us-east-1")

    def test_each_command_says_so_before_it_asks_aws_anything(self):
        with environment(), mock.patch("boto3.client", side_effect=AssertionError("asked")):
            with mock.patch.object(Path, "is_file", lambda _: True), self.assertRaisesRegex(Wrong, "^AWS_REGION: must be set"):
                deploy.main("sam", ["dev", *TYPED])
            with self.assertRaisesRegex(Wrong, "^AWS_REGION: must be set"):
                restore.main(["ilock-prod", "events"])


if __name__ == "__main__":
    unittest.main()
