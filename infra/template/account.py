"""What is in the account already, and whether a deployment goes with it."""

import os
import re

import boto3
from botocore.exceptions import ClientError

from transformed import Conditions

# Lambda lets no function reserve the last 100.
UNRESERVED = 100
# What one call a second may keep busy of the functions that reserve nothing: a second of them. By bench/cost/tables.py a call takes
# 0.57 s, of which the projector takes 0.49, and the registrations that API Gateway lets in 0.07 s; the rest is for what reads.
# test_cost.py holds it to them, and cli/src/aws/doctor/concurrency.rs has the same number.
UNRESERVED_PER_CALL = 1
# CloudFormation updates a stack in one of these states, and in no other.
TAKES_A_DEPLOYMENT = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE")
# Of a first deployment that failed.
NEVER_CREATED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
# What to do in the other states: what happened, and what leads out, command by command.
WAYS_OUT = {
    "UPDATE_ROLLBACK_FAILED": (
        "its last deployment failed, and so did the way back",
        "Put right what failed: a resource that somebody deleted is made again under its name, a permission is given back. Then go on "
        "with the way back, and deploy again:",
        "  aws cloudformation continue-update-rollback --stack-name {0}",
        "  aws cloudformation wait stack-rollback-complete --stack-name {0}",
        "“Unable to find Route by key” of the stage of the HTTP API means that the way back removes a route, and that the stage keeps its "
        "throttle. Take that away before:",
        "  aws apigatewayv2 delete-route-settings --stage-name '$default' --route-key 'METHOD /PATH' --api-id \"$(aws cloudformation "
        'describe-stack-resource --stack-name {0} --logical-resource-id HttpApi --query StackResourceDetail.PhysicalResourceId --output text)"',
        "What cannot be put right is left out: --resources-to-skip, with its name in the template.",
    ),
    "UPDATE_FAILED": (
        "its last deployment failed, and nothing was taken back",
        "Take it back, and deploy again:",
        "  aws cloudformation rollback-stack --stack-name {0}",
        "  aws cloudformation wait stack-rollback-complete --stack-name {0}",
    ),
    "IMPORT_ROLLBACK_FAILED": (
        "resources were imported, that failed, and so did the way back",
        "CloudFormation has no command that goes on with it: ask AWS Support.",
    ),
    "DELETE_FAILED": (
        "it was to be deleted, and something could not be",
        "Delete it again once that is out of the way, or without it, and wait:",
        "  aws cloudformation delete-stack --stack-name {0}",
        "  aws cloudformation delete-stack --stack-name {0} --deletion-mode FORCE_DELETE_STACK   # leaves there what cannot be deleted",
        "  aws cloudformation wait stack-delete-complete --stack-name {0}",
    ),
    "DELETE_IN_PROGRESS": (
        "it is being deleted",
        "Wait until it is gone, and deploy again:",
        "  aws cloudformation wait stack-delete-complete --stack-name {0}",
    ),
    "CREATE_IN_PROGRESS": (
        "its first deployment is under way",
        "Wait for it:",
        "  aws cloudformation wait stack-create-complete --stack-name {0}",
    ),
    "ROLLBACK_IN_PROGRESS": (
        "its first deployment failed, and what it made is being removed",
        "Wait until it is ROLLBACK_COMPLETE or ROLLBACK_FAILED, and run this again: it says then what is to be done.",
    ),
    "UPDATE_IN_PROGRESS": (
        "another deployment is under way",
        "Wait for it, or take it back:",
        "  aws cloudformation wait stack-update-complete --stack-name {0}",
        "  aws cloudformation cancel-update-stack --stack-name {0}",
    ),
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": (
        "another deployment has succeeded, and what it replaced is being removed",
        "Wait for that:",
        "  aws cloudformation wait stack-update-complete --stack-name {0}",
    ),
    "UPDATE_ROLLBACK_IN_PROGRESS": (
        "another deployment failed and is being taken back",
        "Wait for that:",
        "  aws cloudformation wait stack-rollback-complete --stack-name {0}",
    ),
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": (
        "another deployment was taken back, and what it had made is being removed",
        "Wait for that:",
        "  aws cloudformation wait stack-rollback-complete --stack-name {0}",
    ),
    "IMPORT_IN_PROGRESS": (
        "resources are being imported",
        "Wait for that:",
        "  aws cloudformation wait stack-import-complete --stack-name {0}",
    ),
    "IMPORT_ROLLBACK_IN_PROGRESS": (
        "an import of resources failed and is being taken back",
        "Wait until it is IMPORT_ROLLBACK_COMPLETE, and deploy again.",
    ),
}
# How each kind of resource is removed that a stack may leave behind.
REMOVAL = {
    "AWS::DynamoDB::Table": (
        "aws dynamodb update-table --no-deletion-protection-enabled --table-name {0} && "
        "aws dynamodb delete-table --table-name {0}"
    ),
    # The domains name the authorizer, and IoT Core deletes none that something names.
    "AWS::IoT::DomainConfiguration": (
        "aws iot update-domain-configuration --domain-configuration-status DISABLED --domain-configuration-name {0} && "
        "aws iot delete-domain-configuration --domain-configuration-name {0}"
        "   # a week after it was disabled, unless the domain's name is your own"
    ),
    "AWS::IoT::Authorizer": (
        "aws iot update-authorizer --status INACTIVE --authorizer-name {0} && "
        "aws iot delete-authorizer --authorizer-name {0}"
        "   # once the domains are deleted, so a week later too, unless their names are your own"
    ),
    "AWS::KMS::Key": "aws kms schedule-key-deletion --pending-window-in-days 7 --key-id {0}",
    # Its policy forbids to delete what is kept, so that goes first.
    "AWS::S3::BucketPolicy": "aws s3api delete-bucket-policy --bucket {0}",
    "AWS::S3::Bucket": "aws s3 rb --force s3://{0}",
}
# By their names in the template, instead of by their types. `aws s3 rb --force` deletes no versions, and every object of the ledger is
# one that is locked.
REMOVAL_BY_NAME = {
    "LedgerBucket": (
        "aws s3api list-object-versions --bucket {0} --output text --query '[Versions,DeleteMarkers][].[Key,VersionId]' | "
        'while read -r key version; do aws s3api delete-object --bypass-governance-retention --bucket {0} --key "$key" '
        '--version-id "$version"; done; aws s3 rb s3://{0}'
        "   # with LedgerRetentionMode=COMPLIANCE nobody can before LedgerRetentionDays: leave it, a new stack makes another one"
    ),
}


# What a ledger is called, where it is, and who signs it.
OF_LEDGER = ("LogOrigin", "LedgerName", "LedgerKeyArn", "NextLedgerKeyArn")


class Wrong(Exception):
    """Something that the operator can put right."""


def chosen_region():
    """AWS_REGION, else AWS_DEFAULT_REGION, else the region of the profile, as for the AWS CLI and `ilock`. boto3 does not read
    AWS_REGION, and neither does SAM, which inherits this environment."""
    if region := os.environ.get("AWS_REGION"):
        os.environ["AWS_DEFAULT_REGION"] = region
    region = boto3.session.Session().region_name
    if region is None:
        raise Wrong("AWS_REGION: must be set, or a region in your AWS profile")
    return region


def last_parameters(stack):
    """What the stack was given last; None when there is no stack yet."""
    try:
        found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    status = found["StackStatus"]
    if status == "REVIEW_IN_PROGRESS":  # a change set was made and never run
        return None
    if status in NEVER_CREATED:
        raise Wrong(never_created(stack, status))
    if status not in TAKES_A_DEPLOYMENT:
        raise Wrong(stuck(stack, status))
    return parameters_of(found)


def parameters_of(described):
    """The parameters of a stack that CloudFormation has described."""
    return {one["ParameterKey"]: one["ParameterValue"] for one in described.get("Parameters", [])}


def resources_of(stack):
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    return list(pages.search("StackResourceSummaries[]"))


def stuck(stack, status):
    """What to do about a stack that takes no deployment as it is."""
    unknown = ("nobody has thought of that", "CloudFormation's documentation of stack states says what leads out.")
    happened, *ways = WAYS_OUT.get(status, unknown)
    lines = [f"{stack} is {status}: {happened}. CloudFormation takes no deployment for it."]
    if status.endswith("_FAILED"):
        failed = [one["LogicalResourceId"] for one in resources_of(stack) if one["ResourceStatus"].endswith("_FAILED")]
        lines += [f"What failed: {', '.join(failed)}."] if failed else []
        lines += [f"Its events say why (`aws cloudformation describe-stack-events --stack-name {stack}`)."]
    return "\n".join([*lines, *(way.format(stack) for way in ways)])


def never_created(stack, status):
    """What to do about a stack whose first deployment failed, command by command."""
    there = [
        one
        for one in resources_of(stack)
        if one["ResourceType"] in REMOVAL
        and one.get("PhysicalResourceId")
        and one["ResourceStatus"] != "DELETE_COMPLETE"
    ]
    # In the order of the commands: a bucket's policy goes before the bucket.
    there.sort(key=lambda one: list(REMOVAL).index(one["ResourceType"]))
    left = [
        REMOVAL_BY_NAME.get(one["LogicalResourceId"], REMOVAL[one["ResourceType"]]).format(one["PhysicalResourceId"])
        for one in there
    ]
    lines = [
        f"{stack} is {status}: its first deployment failed. CloudFormation takes no other one for it.",
        "Its events say why (`aws cloudformation describe-stack-events`). Then remove it, and deploy again:",
        f"  aws cloudformation delete-stack --stack-name {stack}",
        f"  aws cloudformation wait stack-delete-complete --stack-name {stack}",
    ]
    if left:
        lines += ["and what it leaves behind, if nothing in there is needed:", *(f"  {command}" for command in left)]
    return "\n".join(lines)


def topics_of_its_own(stack, last, prefix):
    """IoT Core has one space of topics and of client ids per account and region: two stacks in it with the same prefix
    ring each other's phones. And a stack that takes another prefix knows none of its clients any more."""
    before = prefix if last is None else last.get("TopicPrefix", "")
    if prefix != before:
        raise Wrong(
            f"TopicPrefix: {stack} was deployed with {before or 'none'} and keeps it: with another one no phone rings until "
            "it has registered again"
        )
    pages = boto3.client("cloudformation").get_paginator("describe_stacks").paginate()
    others = [
        found["StackName"]
        for found in pages.search("Stacks[]")
        if found["StackName"] != stack
        and {"Key": "Application", "Value": "ilock-call"} in found.get("Tags", [])
        and prefix_of(found) == prefix
    ]
    if others:
        raise Wrong(
            f"TopicPrefix: {', '.join(others)} is deployed in this account and region already, with "
            f"{'the prefix ' + prefix if prefix else 'no prefix either'}. IoT Core has one space of topics and of client ids "
            "for both: a call in one rings phones of the other. Take another account (best), another region, or "
            "TopicPrefix=NAME: up to 8 of a-z 0-9."
        )


def ledger_goes_on(stack, last, values):
    """A ledger has one name for ever. Another name over the same bucket and table is refused by the sequencer, for good; the
    same name over new ones would be a second history, which every witness finds. And of functions that sign differently, or write
    into different tables, only one may run."""
    if last is None:
        return
    before, now = ({name: of.get(name, "") for name in OF_LEDGER} for of in (last, values))
    changed = [name for name in OF_LEDGER if now[name] != before[name]]
    if "LogOrigin" in changed and "LedgerName" not in changed:
        raise Wrong(
            f"LogOrigin: the ledger of {stack} is called {before['LogOrigin'] or 'by the address of its bucket'} for ever. Only a new "
            "ledger takes another name, with another LedgerName: infra/runbooks/ledger.md"
        )
    if "LedgerName" in changed and "LogOrigin" not in changed and now["LogOrigin"]:
        raise Wrong(
            f"LogOrigin: {now['LogOrigin']} is what the ledger of {stack} is called so far. A new one must be called otherwise: say "
            "another LogOrigin, or none (LogOrigin=)"
        )
    if "LedgerKeyArn" in changed and "LedgerName" not in changed and (now["LedgerKeyArn"] or None) != before["NextLedgerKeyArn"]:
        raise Wrong(
            f"LedgerKeyArn: a key takes over in two deployments: with NextLedgerKeyArn={now['LedgerKeyArn'] or 'KEY'} first, so that auditors "
            "and witnesses learn it. Empty would make another key of the stack, which nobody knows: infra/runbooks/ledger.md"
        )
    if changed and values.get("GradualDeployments") == "true":
        raise Wrong(f"{changed[0]}: old and new functions must not run side by side: deploy this once with GradualDeployments=false")


def new_ledger_has_free_names(last, values):
    """A new ledger's bucket and table are called by its LedgerName. Where a deployment that was to make them failed, the table is left:
    it is protected from deletion. And a name that was used before is never free again."""
    name = values.get("LedgerName", "")
    if not name or (last is not None and last.get("LedgerName", "") == name):
        return
    table, bucket = table_called(name), a_bucket(name)
    if not table and not bucket:
        return
    taken = " and ".join(what for what, is_there in (("a table of this account", table), ("a bucket", bucket)) if is_there)
    lines = [f"LedgerName: {name} is taken by {taken}. A new ledger needs a name that neither has: take another one."]
    if bucket == "somebody's":
        raise Wrong("\n".join([*lines, "The bucket does not answer you: it is somebody else's, or you may not see it."]))
    commands = [REMOVAL["AWS::DynamoDB::Table"].format(name)] if table else []
    if bucket:
        commands += [one.format(name) for one in (REMOVAL["AWS::S3::BucketPolicy"], REMOVAL_BY_NAME["LedgerBucket"])]
    lines += ["Or, if a deployment that failed made it, and no ledger was ever in it, remove what is left:"]
    raise Wrong("\n".join([*lines, *(f"  {command}" for command in commands)]))


def table_called(name):
    """The table of the account and region that is called so; None where there is none."""
    try:
        return boto3.client("dynamodb").describe_table(TableName=name)["Table"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise


def a_bucket(name):
    """Whose bucket is called so, anywhere in the world: nobody's (None), one that you may see, or somebody's."""
    try:
        boto3.client("s3").head_bucket(Bucket=name)
    except ClientError as error:
        # The answer to HEAD has no body, so there is no other code.
        if error.response["Error"]["Code"] == "404":
            return None
        return "somebody's"
    return "yours"


def no_throttle_outlives_its_route(template, stack, last):
    """API Gateway's UpdateStage takes away no route's settings that it is not told of, and refuses all of them once the route is gone. So
    CloudFormation can remove no route that has a throttle of its own."""
    if last is None:
        return
    [api, *_] = [one["PhysicalResourceId"] for one in resources_of(stack) if one["LogicalResourceId"] == "HttpApi"] or [None]
    if api is None:
        return
    stage = boto3.client("apigatewayv2").get_stage(ApiId=api, StageName="$default")
    gone = sorted(set(stage.get("RouteSettings", {})) - set(template["Resources"]["HttpApi"]["Properties"]["RouteSettings"]))
    if gone:
        command = f"  aws apigatewayv2 delete-route-settings --api-id {api} --stage-name '$default' --route-key"
        raise Wrong(
            "\n".join(
                [
                    f"{', '.join(gone)}: the deployed stage has a throttle for it, and this template has none. CloudFormation cannot take it away, "
                    "and fails where the route goes too. Take it away first; until the deployment the route has the throttle of any other:",
                    *(f"{command} '{key}'" for key in gone),
                ]
            )
        )


def mqtt_certificate_stays(last, values):
    """IoT Core takes the certificate of a domain configuration when that is made, and never another one: CloudFormation would make a
    second one with the same name, which IoT Core refuses."""
    if last is None:
        return
    before, now = (of.get("MqttCertificateArn", "") for of in (last, values))
    names = ("MqttDomainName", "WebsocketDomainName")
    had, has = ({of.get(name, "") for name in names} - {""} for of in (last, values))
    kept = sorted(had & has)
    if kept and before != now:
        raise Wrong(
            f"MqttCertificateArn: IoT Core cannot change the certificate of {', '.join(kept)}, only its contents under the same ARN "
            "(aws acm import-certificate --certificate-arn). Another ARN takes two new names: infra/runbooks/alarms.md, “Another "
            "certificate for MQTT”"
        )


def prefix_of(stack):
    """A stack's TopicPrefix, as CloudFormation describes it."""
    return parameters_of(stack).get("TopicPrefix", "")


def in_this_region(template, values, region):
    """The region can run it, and all that is named by ARN is there: a platform application in this account too."""
    [rule] = template["Rules"]["RegionCanRunIt"]["Assertions"]
    allowed = rule["Assert"]["Fn::Or"][0]["Fn::Contains"][0]
    if not Conditions(template, values, region).decide(rule["Assert"]):
        raise Wrong(f"{region}: cannot run it. {' '.join(rule['AssertDescription'].split())} They are: {', '.join(allowed)}")
    account = None
    for name, value in values.items():
        arn = re.match(r"arn:[^:]+:([^:]+):([^:]+):([0-9]+):", value)
        # CloudFront is in no region; its certificates are in us-east-1, as the parameter's pattern says.
        if arn is None or name == "PagesCertificateArn":
            continue
        if arn[2] != region:
            raise Wrong(f"{name}: is in {arn[2]}, and the deployment goes to {region}")
        if name.startswith("Push"):
            account = account or boto3.client("sts").get_caller_identity()["Account"]
            if arn[3] != account:
                raise Wrong(f"{name}: belongs to the account {arn[3]}, and the deployment goes to {account}")


def concurrency():
    """How many functions the account may run at once. New accounts have ten, which a single call can use up."""
    return boto3.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]


def reserved(template, expected):
    """How many executions the template reserves for so many calls a second."""
    total = 0
    for resource in template["Resources"].values():
        match resource.get("Properties", {}).get("ReservedConcurrentExecutions"):
            case {"Fn::If": [_, {"Fn::FindInMap": [mapping, _, key]}, _]}:
                total += template["Mappings"][mapping][expected][key]
            case {"Fn::If": [_, int(number), _]}:
                total += number
    return total


def left_free(expected):
    """How many executions must be left for the functions that reserve nothing."""
    return max(UNRESERVED, UNRESERVED_PER_CALL * int(expected))


def reserved_already(stack):
    """How many executions this stack's functions have reserved."""
    client = boto3.client("lambda")
    functions = [one["PhysicalResourceId"] for one in resources_of(stack) if one["ResourceType"] == "AWS::Lambda::Function"]
    return sum(client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions", 0) for name in functions)


def room_to_reserve(template, values, stack, last):
    """With ReserveConcurrency: what the functions reserve, and what must stay, are within what the account has and others have not
    reserved."""
    if values.get("ReserveConcurrency") != "true":
        return
    expected = values.get("ExpectedCallsPerSecond", template["Parameters"]["ExpectedCallsPerSecond"]["Default"])
    wanted, left, has = reserved(template, expected), left_free(expected), int(values["AccountConcurrency"])
    limit = boto3.client("lambda").get_account_settings()["AccountLimit"]
    own = 0 if last is None else reserved_already(stack)
    others = limit["ConcurrentExecutions"] - limit["UnreservedConcurrentExecutions"] - own
    if wanted + left > has - others:
        raise Wrong(
            f"ReserveConcurrency: for {expected} calls a second {wanted} are reserved and {left} must be left, and the account has "
            f"{has}{f', of which others have reserved {others}' if others > 0 else ''}. Ask Service Quotas for more, or deploy with "
            "ReserveConcurrency=false."
        )


def watched_by_deployments(template):
    """The alarms that gradual deployments watch, by their names in the template."""
    alarms = template["Globals"]["Function"]["DeploymentPreference"]["Alarms"]["Fn::If"][1]
    return [one["Ref"] for one in alarms]


def no_alarm_stops_it(template, values, stack, last):
    """CodeDeploy rolls a gradual deployment back while an alarm that it watches is in ALARM, whatever the reason. So none succeeds, not
    even the one that corrects the fault."""
    if last is None or values.get("GradualDeployments") != "true":
        return
    watched = watched_by_deployments(template)
    names = [one["PhysicalResourceId"] for one in resources_of(stack) if one["LogicalResourceId"] in watched]
    # Without names CloudWatch would describe every alarm of the account.
    found = boto3.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"] if names else []
    firing = [one["AlarmName"] for one in found if one["StateValue"] == "ALARM"]
    if firing:
        raise Wrong(
            f"{', '.join(firing)}: in ALARM, and CodeDeploy rolls back every gradual deployment while it is. Follow "
            "infra/runbooks/alarms.md first. If this deployment corrects the fault, deploy it once with GradualDeployments=false"
        )


def protect(stack):
    """From being deleted by mistake."""
    boto3.client("cloudformation").update_termination_protection(StackName=stack, EnableTerminationProtection=True)
