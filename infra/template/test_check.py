"""The check itself: it finds what is planted, in just the deployments that have it."""

import copy
import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import botocore.session
from cfnlint.schema import ResourceNotFoundError
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

import check
import combinations
from transformed import Conditions, broken_rules, referred

CORE = dict(combinations.core())
WITHOUT_PUSH = "staging, no pager, gradual deployments, no push, no callback"
WITH_PUSH = "prod, a pager, gradual deployments, push, callback"
NOT_GRADUAL = "staging, no pager, no gradual deployments, no push, no callback"
UNWATCHED = "dev, no pager, gradual deployments, no push, no callback"


class Planted(unittest.TestCase):
    def setUp(self):
        self.template = copy.deepcopy(check.template())
        self.resources = self.template["Resources"]

    def assert_refused(self, refused, taken):
        for name in refused:
            self.assertTrue(check.problems(CORE[name], self.template), name)
        for name in taken:
            self.assertEqual(check.problems(CORE[name], self.template), [], name)

    def test_a_deployment_group_that_outlives_its_function(self):
        preference = self.resources["PushFeedbackFunction"]["Properties"]["DeploymentPreference"]
        del preference["PassthroughCondition"]
        # An alarm that is there with push only. Where nobody watches, none is named.
        preference["Alarms"] = {"Fn::If": ["Watched", [{"Ref": "PushesFailing"}], [{"Ref": "AWS::NoValue"}]]}
        self.assert_refused([WITHOUT_PUSH], [WITH_PUSH, NOT_GRADUAL, UNWATCHED])
        preference["PassthroughCondition"] = True
        self.assert_refused([], [WITHOUT_PUSH, WITH_PUSH, NOT_GRADUAL, UNWATCHED])

    def test_a_resource_that_waits_for_one_that_is_left_out(self):
        self.resources["ApiLogs"]["DependsOn"] = ["PushFailures"]
        self.assert_refused([WITHOUT_PUSH], [WITH_PUSH])

    def test_a_reference_inside_a_text(self):
        named = {"Fn::Sub": "/aws/vendedlogs/${PushFailures.TopicName}"}
        self.resources["ApiLogs"]["Properties"]["LogGroupName"] = named
        self.assert_refused([WITHOUT_PUSH], [WITH_PUSH])

    def test_an_output_of_what_is_left_out(self):
        del self.template["Outputs"]["PushFailuresTopic"]["Condition"]
        self.assert_refused([WITHOUT_PUSH], [WITH_PUSH])

    def test_a_branch_that_is_not_taken_refers_to_nothing(self):
        taken = {"Fn::If": ["PushUsed", {"Ref": "PushFailures"}, {"Ref": "AWS::NoValue"}]}
        self.resources["ApiLogs"]["Properties"]["KmsKeyId"] = taken
        self.assert_refused([], [WITHOUT_PUSH, WITH_PUSH])

    def test_a_condition_that_does_not_exist(self):
        self.resources["ApiLogs"]["Condition"] = "Nowhere"
        self.assert_refused([WITHOUT_PUSH, WITH_PUSH], [])

    def test_a_rule_that_objects(self):
        self.resources.clear()
        unwatched = CORE[WITH_PUSH] | {"AlarmTopicArn": ""}
        [objection] = broken_rules(self.template, unwatched, combinations.REGION)
        self.assertTrue(objection.startswith("AlarmTopicArn: "))
        for region, allowed in {"ap-southeast-1": True, "cn-north-1": False, "us-gov-west-1": False}.items():
            objections = broken_rules(self.template, CORE[WITH_PUSH], region)
            self.assertEqual(objections == [], allowed, region)


class Roles(unittest.TestCase):
    def test_every_role_has_the_boundary_and_the_path(self):
        bounded = CORE[WITH_PUSH] | combinations.OTHERS["bounded roles"]
        resources = check.deployed(bounded)["Resources"]
        roles = {name: one["Properties"] for name, one in resources.items() if one["Type"] == "AWS::IAM::Role"}
        self.assertGreater(len(roles), 20)
        for name, role in roles.items():
            self.assertEqual(role.get("PermissionsBoundary"), {"Ref": "PermissionsBoundaryArn"}, name)
            self.assertEqual(role.get("Path"), {"Ref": "RolePath"}, name)

    def test_whoever_reads_a_secret_may_use_the_key_of_the_secrets_and_nobody_else(self):
        keyed = CORE[WITH_PUSH] | combinations.OTHERS["own key of the secrets"]
        resources = check.deployed(keyed)["Resources"]
        functions = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::Lambda::Function"]
        self.assertEqual(len(functions), 27)
        for function in functions:
            variables = json.dumps(function["Environment"]["Variables"])
            role = resources[function["Role"]["Fn::GetAtt"][0]]["Properties"]
            reads = "secretsmanager:" in variables
            self.assertEqual({"Ref": "SecretsKey"} in role["ManagedPolicyArns"], reads, function["FunctionName"])

    def test_prod_says_whose_tokens_it_believes(self):
        prod = {name: parameters for name, parameters in CORE.items() if name.startswith("prod")}
        for parameters in prod.values():
            self.assertEqual(broken_rules(check.template(), parameters, combinations.REGION), [])
            for name in ("AuthIssuer", "AuthAudience"):
                [broken] = broken_rules(check.template(), parameters | {name: ""}, combinations.REGION)
                self.assertTrue(broken.startswith(f"{name}: prod must say"), broken)

    def test_the_gateway_looks_at_tokens_where_it_can(self):
        at_the_gateway = CORE[WITHOUT_PUSH] | combinations.OTHERS["tokens at the gateway"]
        self.assertEqual(broken_rules(check.template(), at_the_gateway, combinations.REGION), [])
        unfit = {"AuthAlgorithms": "RS256,ES256", "AuthIssuer": "", "AuthAudience": ""}
        for name, value in unfit.items():
            [broken] = broken_rules(check.template(), at_the_gateway | {name: value}, combinations.REGION)
            self.assertIn(name, broken)

        def asked(parameters):
            [api] = (one for one in check.deployed(parameters)["Resources"].values() if one["Type"] == "AWS::ApiGatewayV2::Api")
            paths = api["Properties"]["Body"]["paths"]
            return {path for path, methods in paths.items() if any(one.get("security") for one in methods.values())}, set(paths)

        with_callback = asked(at_the_gateway | combinations.CALLBACK["callback"])
        self.assertEqual(with_callback[1] - with_callback[0], {"/api/trtc/callback"})
        self.assertEqual(asked(CORE[WITHOUT_PUSH])[0], set())


class WhatIsLinted(unittest.TestCase):
    def test_the_linter_says_how_many_deployments_are_transformed_and_how_many_cfn_lint_sees(self):
        said = " ".join(re.findall(r"^# (.*)", Path("infra/template/lint").read_text(), re.MULTILINE))
        every, few, more = (len(list(some)) for some in (combinations.combinations(), combinations.linted(), combinations.linted(every=True)))
        self.assertIn(f"Of all {every} deployments of combinations.py SAM's transformation, the template's rules", said)
        self.assertIn(f"so it sees {few}, two of them in other regions, and {more} with --every (make check-all)", said)
        self.assertEqual(len(list(combinations.elsewhere())), 2)
        self.assertIn("\n\tinfra/template/lint --every\n", Path("Makefile").read_text())

    def test_what_cfn_lint_sees_has_every_resource(self):
        seen = set()
        for _, parameters, region in combinations.linted():
            conditions = Conditions(check.template(), parameters, region)
            for name, one in check.template()["Resources"].items():
                if "Condition" not in one or conditions.holds(one["Condition"]):
                    seen.add(name)
        self.assertEqual(check.template()["Resources"].keys() - seen, set())


class Commands(unittest.TestCase):
    """What operators type, on Linux or on a Mac."""

    PAGES = [*Path("docs").glob("operators*.md"), *Path("infra/runbooks").glob("*.md")]
    # Of GNU or of bash alone, each with what does the same everywhere.
    ELSEWHERE_OTHERWISE = {
        r"\bhead -n -": "sort -r | tail -n +4",
        r"\bdate (-d|--date)\b": "arithmetic with date +%s",
        r"\bzcat\b": "gzip -dc",
        r"\bxargs -\w*r": "find … -exec … {} +",
        r"\bpaste -s\S* *[)|;&\n]": "paste -s -",
        r"\bread -\w*p\b": "printf, then read",
        r"\bsed -\w*i\b": "another file",
        r"\bgrep -\w*P\b": "grep -E",
        r"\bset -f\b": "quotes",
        r"\b(readlink|base64|stat|timeout|tac|shuf|realpath|mapfile|numfmt) ": "none of these",
    }

    def test_none_needs_gnu_or_bash(self):
        for page in self.PAGES:
            for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL):
                for pattern, instead in self.ELSEWHERE_OTHERWISE.items():
                    self.assertIsNone(re.search(pattern, block), f"{page}: {pattern}: {instead}")

    def test_no_secret_stands_in_a_command_line(self):
        seen = 0
        for page in (*Path("docs").glob("*.md"), *Path("infra/runbooks").glob("*.md"), *Path().glob("*.md")):
            text = page.read_text()
            for given in re.findall(r"--secret-string\s+(\S+)", text):
                self.assertTrue(given.startswith("file://"), f"{page}: {given}")
                seen += 1
            # What is typed before a command, or behind `export`, is kept in the shell's history.
            self.assertIsNone(re.search(r"\b(AUTH_SECRET|ILOCK_TOKEN|TRTC_SECRET_KEY)=…", text), page)
            for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
                if re.search(r"openssl genrsa|--rawfile key \S+ .*> attributes", block):
                    self.assertTrue(block.startswith("umask 077\n"), f"{page}: whoever is on the machine may read the file")
        self.assertGreaterEqual(seen, 10)

    def test_what_needs_all_pages_is_not_asked_as_text(self):
        # As text the AWS CLI puts the query to each page of an answer by itself; as JSON to all of them together.
        of_all = re.compile(r"sort_by\(|reverse\(|max_by\(|length\(|\[-?\d*:-?\d*\]")
        seen = 0
        for page in self.PAGES:
            for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL):
                for command in re.findall(r"aws (?:[^|\n\\']|\\\n|'[^']*')*", block):
                    if of_all.search(command):
                        self.assertIn("--output json", command, page)
                        seen += 1
        self.assertEqual(seen, 6)

    # What answers for AWS in the commands that change a secret: the state of the stack, and the secret in its file.
    AWS = """#!/bin/sh
case "$2" in
describe-stacks) cat state ;;
get-secret-value) cat secret ;;
put-secret-value) new=$(cat) && test -n "$new" && printf '%s' "$new" > secret ;;
esac
"""

    def test_a_secret_is_changed_in_three_steps_of_which_none_begins_before_the_last_has_succeeded(self):
        for page in Path("infra/runbooks").glob("secrets*.md"):
            defined, *steps, leaked = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
            self.assertEqual([step.count("\n") for step in steps], [1, 1, 1], "each is pasted alone")
            with tempfile.TemporaryDirectory() as here:
                for tool, text in {"aws": self.AWS, "make": '#!/bin/sh\necho "$@" >> deployed\n'}.items():
                    Path(here, tool).write_text(text)
                    Path(here, tool).chmod(0o755)
                state, secret, deployed = (Path(here, name) for name in ("state", "secret", "deployed"))

                def run(step):
                    path = f"{here}:{os.environ['PATH']}"
                    subprocess.run(["bash", "-c", defined + step], cwd=here, env=os.environ | {"PATH": path}, capture_output=True)
                    return json.loads(secret.read_text())

                old = {"mqtt_secret": "old"}
                secret.write_text(json.dumps(old))
                state.write_text("UPDATE_COMPLETE\n")
                self.assertEqual(run(steps[1]), old, "nothing is there yet that could sign")
                for refused in ("UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"):
                    state.write_text(f"{refused}\n")
                    for step in steps:
                        self.assertEqual(run(step), old, refused)
                self.assertFalse(deployed.exists())
                state.write_text("UPDATE_COMPLETE\n")
                accepted = run(steps[0])
                new = accepted["mqtt_secret_second"]
                self.assertEqual((accepted["mqtt_secret"], len(new)), ("old", 64))
                self.assertEqual(run(steps[1]), {"mqtt_secret": new, "mqtt_secret_second": "old"})
                self.assertEqual(run(steps[2]), {"mqtt_secret": new})
                self.assertNotIn(run(leaked)["mqtt_secret"], ("old", new))
                self.assertEqual(deployed.read_text().count("deploy STAGE=prod"), 4)

    def test_the_schedule_of_the_sequencer_is_looked_for_by_the_alias_that_it_starts(self):
        rules = [one["Properties"] for one in check.deployed(CORE[WITH_PUSH])["Resources"].values() if one["Type"] == "AWS::Events::Rule"]
        [target] = [target for rule in rules for target in rule["Targets"]]
        self.assertEqual(target["Arn"], {"Ref": "SequencerFunctionAliaslive"})
        for page in Path("infra/runbooks").glob("ledger*.md"):
            [asked] = re.findall(r"list-rule-names-by-target --target-arn \"\$\((.*?)\)\"", page.read_text())
            self.assertEqual(asked, "aws lambda get-alias --function-name ilock-prod-sequencer --name live --query AliasArn --output text")

    def test_a_backup_that_does_not_succeed_is_told_however_it_ends(self):
        backup = botocore.session.get_session().get_service_model("backup")
        states = {state for shape in ("BackupJobState", "CopyJobState") for state in backup.shape_for(shape).enum}
        for page in Path("infra/runbooks").glob("standby*.md"):
            [pattern] = re.findall(r"put-rule --name ilock-prod-backups --event-pattern '(.*?)'", page.read_text(), re.DOTALL)
            told = set(json.loads(pattern)["detail"]["state"])
            self.assertEqual(states - told, {"CREATED", "PENDING", "RUNNING", "ABORTING", "COMPLETED"}, page)


class Names(unittest.TestCase):
    # What has one space of names for all regions of an account, by where its name stands. Buckets' is that of the whole world.
    OF_THE_ACCOUNT = {
        "AWS::CloudWatch::Dashboard": ("DashboardName",),
        "AWS::CloudFront::Function": ("Name",),
        "AWS::CloudFront::OriginAccessControl": ("OriginAccessControlConfig", "Name"),
        "AWS::CloudFront::ResponseHeadersPolicy": ("ResponseHeadersPolicyConfig", "Name"),
        "AWS::Budgets::Budget": ("Budget", "BudgetName"),
        "AWS::IAM::ManagedPolicy": ("ManagedPolicyName",),
        "AWS::IAM::Role": ("RoleName",),
        "AWS::S3::Bucket": ("BucketName",),
    }
    # CloudFormation names it.
    WITHOUT_A_NAME = ("AWS::CloudFront::Distribution",)

    def test_the_same_stack_fits_into_two_regions_of_an_account(self):
        pages = combinations.OTHERS["pages"] | {"MonthlyBudgetDollars": "500"}
        found = {}
        for one in check.deployed(CORE[WITH_PUSH] | pages)["Resources"].values():
            kind = one["Type"]
            if kind in self.OF_THE_ACCOUNT:
                name = one["Properties"]
                for key in self.OF_THE_ACCOUNT[kind]:
                    name = name.get(key, {})
                found.setdefault(kind, []).append(name)
            else:
                of_all_regions = re.match(r"AWS::(CloudFront|IAM|Budgets|Route53)::", kind)
                self.assertTrue(of_all_regions is None or kind in self.WITHOUT_A_NAME, f"{kind}: where is its name?")
        self.assertEqual(found.keys(), self.OF_THE_ACCOUNT.keys())
        for kind, names in found.items():
            for name in names:
                # Where there is none, CloudFormation makes one that nobody has.
                self.assertTrue(name == {} or "${AWS::StackName}-${AWS::Region}" in name.get("Fn::Sub", ""), f"{kind}: {name}")
        address, _ = check.template()["Outputs"]["DashboardUrl"]["Value"]["Fn::Sub"]
        self.assertTrue(address.endswith("?region=${AWS::Region}#dashboards:name=${Dashboard}"), address)


class Pages(unittest.TestCase):
    def test_without_them_nothing_of_cloudfront_is_there(self):
        kinds = {one["Type"] for one in check.deployed(CORE[WITH_PUSH])["Resources"].values()}
        self.assertEqual([kind for kind in kinds if "CloudFront" in kind], [])

    def test_a_name_of_ones_own_comes_with_its_certificate(self):
        own = combinations.OTHERS["pages with rooms, own names"]
        self.assertEqual(broken_rules(check.template(), CORE[WITH_PUSH] | own, combinations.REGION), [])
        for name in ("PagesDomainName", "PagesCertificateArn"):
            [broken] = broken_rules(check.template(), CORE[WITH_PUSH] | own | {name: ""}, combinations.REGION)
            self.assertTrue(broken.startswith(f"{name}: must be set"), broken)

    def test_the_api_is_asked_at_the_name_that_is_open(self):
        for features, name in (({}, None), (combinations.OTHERS["own API domain"], {"Ref": "ApiDomainName"})):
            resources = check.deployed(CORE[WITH_PUSH] | {"Pages": "true"} | features)["Resources"]
            origins = resources["PagesDistribution"]["Properties"]["DistributionConfig"]["Origins"]
            [api] = [origin["DomainName"] for origin in origins if origin["Id"] == "api"]
            self.assertEqual(api == name, name is not None, api)

    def test_no_host_of_others_is_named_unless_the_operator_names_it(self):
        for hosts, in_policy, room in (("", "", "none"), ("https://a.example wss://a.example", " ${PagesTrtcHosts}", "trtc")):
            resources = check.deployed(CORE[WITH_PUSH] | {"Pages": "true", "PagesTrtcHosts": hosts})["Resources"]
            policy = resources["PagesHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
            [text, more] = policy["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Sub"]
            self.assertIn("connect-src 'self' wss://${IotEndpoint.WebsocketHost}${TrtcHosts};", text)
            self.assertIn(more, ({"TrtcHosts": in_policy}, {"TrtcHosts": {"Fn::Sub": in_policy}}))
            self.assertEqual(resources["PagesPaths"]["Properties"]["FunctionCode"]["Fn::Sub"][1], {"Room": room})

    def test_what_would_end_the_policy_s_line_is_no_host(self):
        pattern = check.template()["Parameters"]["PagesTrtcHosts"]["AllowedPattern"]
        for good in ("", "https://*.rtc.qq.com", "https://a.example:8687 wss://a.example"):
            self.assertRegex(good, pattern)
        for bad in ("*", "https:", "a.example", "https://a.example; script-src *", "https://a.example\nx", "https://a 'unsafe-inline'", "'self'"):
            self.assertNotRegex(bad, pattern)


class Patterns(unittest.TestCase):
    """What AWS calls its things is taken, in every partition."""

    KEYS = ("KmsKeyArn", "SecretsKeyArn", "LedgerKeyArn", "NextLedgerKeyArn")
    GOOD = {
        **{
            name: [
                "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
                # A multi-Region key, primary or replica.
                "arn:aws:kms:eu-central-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab",
                "arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
                "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab",
            ]
            for name in KEYS
        },
        "PermissionsBoundaryArn": [
            "arn:aws:iam::123456789012:policy/boundary",
            "arn:aws-cn:iam::123456789012:policy/teams/calls/boundary",
            "arn:aws:iam::aws:policy/PowerUserAccess",
        ],
        "RolePath": ["/", "/apps/", "/apps/i.lock_1/@team=calls,eu+1/"],
        "MqttCertificateArn": ["arn:aws-cn:acm:cn-north-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"],
        "ApiCertificateArn": ["arn:aws-cn:acm:cn-north-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"],
        "PagesCertificateArn": ["arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"],
        "PushFcmAccountArn": ["arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:calls/fcm+_=.@-x-AbCdEf"],
        "AlarmTopicArn": ["arn:aws-cn:sns:cn-north-1:123456789012:on_call-1", "arn:aws:sns:eu-central-1:123456789012:pager.fifo"],
        "TicketTopicArn": ["arn:aws-us-gov:sns:us-gov-west-1:123456789012:tickets"],
        "PushGcm": ["arn:aws:sns:eu-central-1:123456789012:app/GCM/i.lock_-1"],
        "ApiHostedZoneId": ["Z0123456789ABCDEFGHIJ", "Z3M3LMPEXAMPLE"],
        "SecretsName": ["calls/prod_1+a=b.c@d-e"],
        "LedgerName": ["ilock-prod-ledger-2", "a1b"],
    }
    BAD = {
        **{
            name: [
                "1234abcd-12ab-34cd-56ef-1234567890ab",
                "arn:aws:kms:eu-central-1:123456789012:alias/ledger",
                "arn:aws:kms:eu-central-1:123456789012:key/1234abcd,arn:aws:kms:eu-central-1:123456789012:key/1234abcd",
            ]
            for name in KEYS
        },
        "LedgerName": ["a", "ab", "Ledger", "ledger.2", "-ledger", "ledger-", "ledger_2", "l" * 64],
        "RolePath": ["apps", "/apps", "apps/", "/a b/"],
    }

    def test_names_that_aws_gives_are_taken_and_others_are_not(self):
        parameters = check.template()["Parameters"]
        for names, assert_is in ((self.GOOD, self.assertRegex), (self.BAD, self.assertNotRegex)):
            for name, values in names.items():
                for value in values:
                    assert_is(value, parameters[name]["AllowedPattern"], name)
        for name in self.GOOD:
            if parameters[name].get("Default") == "":
                self.assertRegex("", parameters[name]["AllowedPattern"], name)

    def test_every_parameter_that_takes_an_arn_is_among_them(self):
        takes_arn = {name for name, about in check.template()["Parameters"].items() if "arn:" in about.get("AllowedPattern", "")}
        self.assertEqual(takes_arn - set(self.GOOD), {"PushApns", "PushApnsSandbox", "PushApnsVoip", "PushApnsVoipSandbox"})


class LedgerKeys(unittest.TestCase):
    STACK = {"Fn::GetAtt": ["LedgerKey", "Arn"]}
    LATER, NEXT = {"Ref": "LedgerKeyArn"}, {"Ref": "NextLedgerKeyArn"}
    SECOND, THIRD = (f"arn:aws:kms:eu-central-1:123456789012:key/mrk-{number * 32}" for number in "23")

    def test_each_step_of_two_rotations_has_the_keys_that_sign_and_no_other(self):
        for keys, signing in (
            ({}, [self.STACK]),
            ({"NextLedgerKeyArn": self.SECOND}, [self.STACK, self.NEXT]),
            ({"LedgerKeyArn": self.SECOND}, [self.LATER]),
            ({"LedgerKeyArn": self.SECOND, "NextLedgerKeyArn": self.THIRD}, [self.LATER, self.NEXT]),
            ({"LedgerKeyArn": self.THIRD}, [self.LATER]),
        ):
            parameters = CORE[WITHOUT_PUSH] | keys
            self.assertEqual(check.problems(parameters), [], keys)
            resources = check.deployed(parameters)["Resources"]
            variables = resources["SequencerFunction"]["Properties"]["Environment"]["Variables"]
            self.assertEqual(variables["LEDGER_KEY_ARNS"], {"Fn::Join": [",", signing]}, keys)
            policy = resources["SequencerRole"]["Properties"]["Policies"][0]["PolicyDocument"]
            [may_sign] = [one["Resource"] for one in policy["Statement"] if one["Sid"] == "Sign"]
            self.assertEqual(may_sign, signing, keys)
            # A key that no longer signs leaves the stack and stays in KMS: the operator deletes it, and no deployment misses it.
            self.assertEqual("LedgerKey" in resources, self.STACK in signing, keys)
        key = check.template()["Resources"]["LedgerKey"]
        self.assertEqual(key["DeletionPolicy"], "RetainExceptOnCreate")

    def test_no_key_signs_twice(self):
        twice = CORE[WITHOUT_PUSH] | {"LedgerKeyArn": self.SECOND, "NextLedgerKeyArn": self.SECOND}
        [broken] = broken_rules(check.template(), twice, combinations.REGION)
        self.assertTrue(broken.startswith("NextLedgerKeyArn: has taken over"), broken)


class NewLedger(unittest.TestCase):
    def test_another_name_is_another_bucket_and_table_and_the_old_ones_stay_as_they_are(self):
        for given, name in ({}, None), ({"LedgerName": "ilock-ledger-2"}, {"Ref": "LedgerName"}):
            resources = check.deployed(CORE[WITH_PUSH] | given)["Resources"]
            self.assertEqual(resources["LedgerTable"]["Properties"].get("TableName"), name)
            self.assertEqual(resources["LedgerBucket"]["Properties"].get("BucketName"), name)
        for kept in ("LedgerTable", "LedgerBucket", "LedgerBucketPolicy", "LedgerAccessLogs", "LedgerAccessLogsPolicy"):
            self.assertEqual(check.template()["Resources"][kept]["UpdateReplacePolicy"], "Retain", kept)
            self.assertEqual(check.template()["Resources"][kept]["DeletionPolicy"], "RetainExceptOnCreate", kept)
        # The old bucket's access log is still taken.
        statements = check.template()["Resources"]["LedgerAccessLogsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        [delivered] = [one for one in statements if one["Sid"] == "Delivered"]
        self.assertEqual(delivered["Condition"], {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}})


class Streams(unittest.TestCase):
    def test_the_log_has_two_readers_each_with_rules_of_its_own(self):
        resources = check.deployed(CORE[WITH_PUSH])["Resources"].values()
        sources = [one["Properties"] for one in resources if one["Type"] == "AWS::Lambda::EventSourceMapping"]
        readers = {one["FunctionName"]["Ref"]: one for one in sources if "StartingPosition" in one}
        # DynamoDB throttles a third one.
        self.assertEqual(set(readers), {"LedgerFunctionAliaslive", "ProjectorFunctionAliaslive"})
        for name, reader in readers.items():
            own = name.removesuffix("FunctionAliaslive")
            self.assertEqual(reader["MaximumRetryAttempts"], {"Ref": f"{own}Retries"})
            self.assertEqual(reader["MaximumRecordAgeInSeconds"], {"Ref": f"{own}MaxAgeSeconds"})
        # Whatever is given up reaches the dead letters before the stream forgets it.
        self.assertLess(check.template()["Parameters"]["LedgerMaxAgeSeconds"]["Default"], 24 * 60 * 60)


class Loops(unittest.TestCase):
    """Lambda stops a function that its own messages invoke again and again, unless it is told that this is meant."""

    @staticmethod
    def in_loops(resources):
        """The functions that a message can come back to, by the queues that their roles may send to and that invoke functions."""
        queues = {name for name, one in resources.items() if one["Type"] == "AWS::SQS::Queue"}
        roles, invoked = {}, {}
        for name, one in resources.items():
            if one["Type"] == "AWS::Lambda::Function":
                roles[one["Properties"]["Role"]["Fn::GetAtt"][0]] = name
            elif one["Type"] == "AWS::Lambda::EventSourceMapping":
                [source] = {*referred(one["Properties"]["EventSourceArn"])} & {*resources}
                alias = resources[one["Properties"]["FunctionName"]["Ref"]]
                invoked.setdefault(source, set()).add(alias["Properties"]["FunctionName"]["Ref"])
        follows = {function: set() for function in roles.values()}
        for role, function in roles.items():
            policies = resources[role]["Properties"].get("Policies", [])
            for statement in (one for policy in policies for one in policy["PolicyDocument"]["Statement"]):
                if "sqs:SendMessage" in statement["Action"]:
                    follows[function] |= {next_one for queue in {*referred(statement["Resource"])} & queues for next_one in invoked.get(queue, ())}

        def reached(function):
            found, new = set(), follows[function]
            while new:
                found |= new
                new = set().union(*(follows[one] for one in new)) - found
            return found

        return {function for function in follows if function in reached(function)}

    def test_what_its_own_queue_invokes_is_not_taken_for_a_loop(self):
        resources = check.deployed(CORE[WITH_PUSH])["Resources"]
        allowed = {name for name, one in resources.items() if one["Type"] == "AWS::Lambda::Function" and one["Properties"].get("RecursiveLoop") == "Allow"}
        self.assertEqual(allowed, {"ExpireCallFunction", "PresenceFunction", "ProjectorFunction"})
        self.assertEqual(allowed, self.in_loops(resources))

    def test_a_loop_by_way_of_another_function_is_found(self):
        resources = copy.deepcopy(check.deployed(CORE[WITH_PUSH])["Resources"])
        statement = {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": {"Fn::GetAtt": ["LedgerDeadLetters", "Arn"]}}
        resources["ProjectorRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].append(statement)
        back = statement | {"Resource": {"Fn::GetAtt": ["ProjectorQueue", "Arn"]}}
        resources["LedgerRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].append(back)
        read = {"EventSourceArn": {"Fn::GetAtt": ["LedgerDeadLetters", "Arn"]}, "FunctionName": {"Ref": "LedgerFunctionAliaslive"}}
        resources["Read"] = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": read}
        self.assertIn("LedgerFunction", self.in_loops(resources))


class Regions(unittest.TestCase):
    # The deployment with everything; the stack makes a key of the ledger only where it is given none.
    MOST = dict(combinations.combinations())[f"{WITH_PUSH}, everything else"] | {"LedgerKeyArn": ""}
    BUDGET = "AWS::Budgets::Budget"
    # cfn-lint has no list of this region any more, and would take that of us-east-1. Its last one (src/cfnlint/data/schemas/providers/
    # me_south_1 at a5000d61138b) had every type but the budget.
    WITHOUT_SCHEMAS = {"me-south-1"}

    @staticmethod
    def types(parameters, region=combinations.REGION):
        return {one["Type"] for one in check.deployed(parameters, region=region)["Resources"].values()} - {"Custom::IotEndpoint"}

    @staticmethod
    def missing(types, region):
        def there(type_name):
            try:
                return PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, type_name)
            except ResourceNotFoundError:
                return None

        return {type_name for type_name in types if not there(type_name)}

    def test_each_region_that_the_template_allows_has_every_type_of_resource(self):
        rules = check.template()["Rules"]
        allowed = rules["RegionCanRunIt"]["Assertions"][0]["Assert"]["Fn::Or"][0]["Fn::Contains"][0]
        without_schemas = {region for region in allowed if not (PROVIDER_SCHEMA_MANAGER._providers_dir / f"{region}.json").exists()}
        self.assertEqual(without_schemas, self.WITHOUT_SCHEMAS)
        types = self.types(self.MOST)
        lacking = {region: self.missing(types, region) for region in set(allowed) - without_schemas}
        budgetless = rules["NoBudgetWhereCloudFormationMakesNone"]["RuleCondition"]["Fn::Contains"][0]
        self.assertEqual({region: found for region, found in lacking.items() if found}, {region: {self.BUDGET} for region in set(budgetless) - without_schemas})
        self.assertLessEqual(set(budgetless), set(allowed))

    def test_every_type_of_resource_is_among_those_that_are_looked_for(self):
        seen = set()
        for _, parameters in combinations.combinations():
            conditions = Conditions(check.template(), parameters)
            for name, one in check.template()["Resources"].items():
                if "Condition" not in one or conditions.holds(one["Condition"]):
                    seen.add(one["Type"])
        self.assertEqual({one for one in seen if not re.match("AWS::Serverless::|Custom::", one)} - self.types(self.MOST), set())

    def test_a_budget_is_refused_where_cloudformation_makes_none(self):
        for region in ("ap-east-1", "eu-north-1", "me-central-1", "me-south-1"):
            [refused] = broken_rules(check.template(), self.MOST, region)
            self.assertTrue(refused.startswith("MonthlyBudgetDollars: CloudFormation makes no budget in this region"), refused)
            without = combinations.there(self.MOST, region) | {"MonthlyBudgetDollars": "0"}
            self.assertEqual(check.problems(without, region=region), [])
            self.assertNotIn(self.BUDGET, self.types(without, region))
        for page in Path("docs").glob("operators*.md"):
            self.assertIn("\naws budgets create-budget ", page.read_text())

    def test_what_is_linted_elsewhere_is_what_can_be_deployed_there(self):
        deployments = list(combinations.elsewhere())
        self.assertEqual([region for _, _, region in deployments], ["us-east-1", "cn-north-1"])
        for name, parameters, region in deployments:
            self.assertEqual(check.problems(parameters, region=region), [], name)
            arns = [value for value in parameters.values() if value.startswith("arn:")]
            self.assertTrue(arns, name)
            for arn in arns:
                self.assertIn(arn.split(":")[3], ("", region), arn)
                self.assertEqual(arn.split(":")[1], "aws-cn" if region == "cn-north-1" else "aws", arn)
        in_china = deployments[1][1]
        self.assertEqual(in_china["MqttEndpoint"], "default")
        self.assertNotIn("Tracing", in_china)
        # Neither the template nor SAM writes an address of another partition.
        resources = json.dumps(check.deployed(in_china, region="cn-north-1")["Resources"])
        self.assertEqual(re.findall(r"arn:aws:[a-z0-9-]*", resources), [])

    def test_in_china_only_without_configurable_endpoints_push_and_traces(self):
        default = combinations.DEFAULT_ENDPOINT
        for region in ("cn-north-1", "cn-northwest-1"):
            self.assertEqual(broken_rules(check.template(), CORE[WITHOUT_PUSH] | default, region), [])
            self.assertTrue(broken_rules(check.template(), CORE[WITHOUT_PUSH], region)[0].startswith("This region"))
            for push in ("push", "push to Android", "push by FCM"):
                pushing = CORE[WITHOUT_PUSH] | default | combinations.PUSH[push]
                [no_push] = broken_rules(check.template(), pushing, region)
                self.assertIn("no mobile push in China", no_push)
            [no_pages] = broken_rules(check.template(), CORE[WITHOUT_PUSH] | default | {"Pages": "true"}, region)
            self.assertIn("ICP recordal", no_pages)
            [no_traces] = broken_rules(check.template(), CORE[WITHOUT_PUSH] | default | {"Tracing": "Active"}, region)
            self.assertIn("X-Ray", no_traces)
            resources = check.deployed(CORE[WITHOUT_PUSH] | default)["Resources"].values()
            types = {resource["Type"] for resource in resources}
            self.assertNotIn("AWS::IoT::DomainConfiguration", types)
            in_china = list(combinations.elsewhere())[1][1]
            self.assertEqual(self.missing(self.types(combinations.there(in_china, region), region), region), set())

    def test_the_default_endpoint_takes_no_name_of_its_own_and_port_443_only(self):
        for name, value in (("MqttDomainName", "mqtt.example.com"), ("MqttPort", "8883")):
            parameters = CORE[WITH_PUSH] | combinations.OTHERS["own MQTT domain"] | combinations.DEFAULT_ENDPOINT
            if name == "MqttPort":
                parameters = CORE[WITH_PUSH] | combinations.DEFAULT_ENDPOINT | {name: value}
            objections = broken_rules(check.template(), parameters, combinations.REGION)
            self.assertTrue(any(one.startswith(name) for one in objections), objections)


if __name__ == "__main__":
    unittest.main()
