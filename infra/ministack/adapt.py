"""A copy of template.yaml that ministack can deploy. The template itself stays canonical.

The copy is expanded as SAM does it; then each resource goes by its type: KEPT as it is, CHANGED by a function, or
LEFT_OUT. A type that stands in none of the three tables ends the work, so that the template cannot drift away unseen.

The copy never gets an environment variable that the template does not set. (Region, credentials and AWS_ENDPOINT_URL
come to a function from ministack, as the first two come from Lambda.)
"""

import json
import logging
import os
from pathlib import PurePosixPath
from types import SimpleNamespace

from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

# Deployed by ministack as they stand.
KEPT = {
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::ApiGatewayV2::Stage",  # its throttling is stored and not enforced
    "AWS::CloudWatch::Dashboard",
    "AWS::DynamoDB::Table",
    "AWS::Events::Rule",
    "AWS::IAM::ManagedPolicy",
    "AWS::IoT::DomainConfiguration",  # stored; the broker listens where it listens
    "AWS::IoT::Policy",
    "AWS::IoT::TopicRule",
    "AWS::KMS::Key",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::Route53::RecordSet",
    "AWS::S3::Bucket",
    "AWS::SNS::Subscription",  # where pushes are used; here they are not
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "Custom::IotEndpoint",  # asked of the deployed function
}

# Not deployed, and why. What refers to one gets its name instead.
LEFT_OUT = {
    "AWS::Budgets::Budget": "not known",
    "AWS::IoT::Authorizer": "not known, and MQTT lets everybody in: the tests ask the deployed function itself",
    "AWS::CloudFront::Distribution": "pages are used in no deployment here",
    "AWS::CloudFront::Function": "as the distribution",
    "AWS::CloudFront::OriginAccessControl": "as the distribution",
    "AWS::CloudFront::ResponseHeadersPolicy": "as the distribution",
    "AWS::CodeDeploy::Application": "not known: an alias moves at once",
    "AWS::CodeDeploy::DeploymentGroup": "as the application",
    "AWS::S3::BucketPolicy": "as the queues' policy; and ministack does not know s3:if-none-match",
    "AWS::SQS::QueuePolicy": "denies what comes without TLS, as everything does here; ministack would obey it",
}


# API Gateway looks at tokens where a parameter asks for it. ministack does not, and adapt() refuses the parameter.
UNASKED = {"Fn::If": ["TokensAtTheGateway", [{"token": []}], []]}


class Unknown(Exception):
    """The template has something about which nobody has decided, or that SAM does not know."""


def api_with_routes(name, api, _):
    """`Body` is ignored: what it describes becomes integrations and routes."""
    properties = api["Properties"]
    body = properties.pop("Body", {"paths": {}})
    # Without Body these are not allowed, or must be given.
    properties.pop("FailOnWarnings", None)
    properties.setdefault("Name", body.get("info", {}).get("title", name))
    properties.setdefault("ProtocolType", "HTTP")
    if cors := body.get("x-amazon-apigateway-cors"):
        properties.setdefault("CorsConfiguration", {key[0].upper() + key[1:]: value for key, value in cors.items()})
    resources = {name: api}
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            if operation.get("security", UNASKED) != UNASKED:
                raise Unknown(f"{method} {path} has an authorizer of API Gateway's")
            integration = operation["x-amazon-apigateway-integration"]
            if method.startswith("x-") or path == "/$default":
                raise Unknown(f"{method} {path} takes any method or path: no route of ours does")
            key = f"{method.upper()} {path}"
            ours = name + "".join(character for character in key if character.isalnum())
            resources[ours + "Integration"] = {
                "Type": "AWS::ApiGatewayV2::Integration",
                "Properties": {
                    "ApiId": {"Ref": name},
                    "IntegrationType": integration["type"].upper(),
                    "IntegrationUri": integration["uri"],
                    "IntegrationMethod": integration.get("httpMethod", "POST"),
                    "PayloadFormatVersion": integration["payloadFormatVersion"],
                },
            }
            resources[ours + "Route"] = {
                "Type": "AWS::ApiGatewayV2::Route",
                "Properties": {
                    "ApiId": {"Ref": name},
                    "RouteKey": key,
                    "Target": {"Fn::Sub": "integrations/${" + ours + "Integration}"},
                },
            }
    return resources


def function_here(name, function, emulator):
    """The broker's data plane is where everything of ministack is: the name that DescribeEndpoint answers is not in
    DNS, and nothing speaks TLS there. That answer still arrives, in MQTT_URL."""
    variables = function["Properties"].get("Environment", {}).get("Variables", {})
    if "IOT_ENDPOINT" in variables:
        variables["IOT_ENDPOINT"] = emulator
    return {name: function}


def role_that_may_look_at_any_domain(name, role, _):
    """AWS asks a role about the very domain configuration; ministack asks about `*`."""
    for policy in role["Properties"].get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Action"] == ["iot:DescribeDomainConfiguration"]:
                statement["Resource"] = "*"
    return {name: role}


def alias_that_moves_at_once(name, alias, _):
    """There is no CodeDeploy to move it."""
    alias.pop("UpdatePolicy", None)
    return {name: alias}


def mapping_of_streams_switched_off(name, mapping, _):
    """ministack forgets what a batch's answer says failed, so a poison record would leave no trace. It stores the
    mapping, and `stream_source.py` does what the mapping says."""
    if "StartingPosition" in mapping["Properties"]:
        mapping["Properties"]["Enabled"] = False
    return {name: mapping}


def alarm_of_one_metric(name, alarm, _):
    """ministack refuses those that calculate."""
    return {} if "Metrics" in alarm["Properties"] else {name: alarm}


CHANGED = {
    "AWS::ApiGatewayV2::Api": api_with_routes,
    "AWS::Lambda::Function": function_here,
    "AWS::IAM::Role": role_that_may_look_at_any_domain,
    "AWS::CloudWatch::Alarm": alarm_of_one_metric,
    "AWS::Lambda::Alias": alias_that_moves_at_once,
    "AWS::Lambda::EventSourceMapping": mapping_of_streams_switched_off,
}


def adapt(template_text, emulator, region, code_uri, parameters):
    """The copy, as a dict. `code_uri` says where the code of a binary lies; `emulator` is ministack's URL."""
    if parameters.get("GatewayChecksTokens", "false") != "false":
        raise Unknown("GatewayChecksTokens: ministack has no authorizers of API Gateway's")
    template = yaml_parse(template_text)
    for function in of_type(template, "AWS::Serverless::Function").values():
        function["Properties"]["CodeUri"] = code_uri(binary_of(function))
    # It would tell of every feature that AWS has not switched on.
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    # It asks the environment in which region it is.
    os.environ.setdefault("AWS_DEFAULT_REGION", region)
    try:
        template = transform(template, dict(parameters), SimpleNamespace(load=dict))
    except InvalidDocumentException as error:
        raise Unknown("SAM refuses the template: " + "; ".join(cause.message for cause in error.causes)) from None

    kinds = {resource["Type"] for resource in template["Resources"].values()}
    if unknown := kinds - KEPT - LEFT_OUT.keys() - CHANGED.keys():
        raise Unknown(f"infra/ministack/adapt.py does not know what to do with {', '.join(sorted(unknown))}")

    left_out = {name for name, resource in template["Resources"].items() if resource["Type"] in LEFT_OUT}
    names = {name: template["Resources"][name] for name in left_out}
    resources = {}
    for name, resource in template["Resources"].items():
        if name in left_out:
            continue
        change = CHANGED.get(resource["Type"], lambda name, resource, _: {name: resource})
        resources |= change(name, resource, emulator)
    template["Resources"] = {name: without(resource, names) for name, resource in resources.items()}
    template["Outputs"] = without(template.get("Outputs", {}), names)
    return template


def of_type(template, kind):
    """The resources of one type, by name."""
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == kind}


def binary_of(function):
    """A function's binary, which its package is named after."""
    return PurePosixPath(function["Properties"]["CodeUri"]).stem


def without(node, left_out):
    """`node`, in which the name of what is left out stands for it."""
    if isinstance(node, list):
        return [without(item, left_out) for item in node]
    if not isinstance(node, dict):
        return node
    match node:
        case {"Ref": name} if name in left_out:
            return name
        case {"Fn::GetAtt": [name, _]} if name in left_out:
            return name
        case {"DependsOn": waits_for}:
            waits_for = [waits_for] if isinstance(waits_for, str) else waits_for
            node = node | {"DependsOn": [name for name in waits_for if name not in left_out]}
    return {key: without(value, left_out) for key, value in node.items()}


def routes(template_text):
    """Every route of the template itself: what it says, not what was deployed."""
    found = []
    for function in of_type(yaml_parse(template_text), "AWS::Serverless::Function").values():
        for event in function["Properties"].get("Events", {}).values():
            if event["Type"] == "HttpApi":
                found.append({"method": event["Properties"]["Method"].upper(), "path": event["Properties"]["Path"]})
    return found


def as_json(template):
    """The copy, as CloudFormation takes it."""
    return json.dumps(template, ensure_ascii=False)
