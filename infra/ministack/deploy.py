"""Deploys the template on a running ministack, and writes down where everything is.

    deploy.py --functions target/debug --mqtt-port 8883 --out deployed.json [NAME=VALUE...]

Where ministack is, in which region and account, stands in the environment, as for every AWS tool.
"""

import argparse
import io
import json
import os
import secrets
import stat
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import boto3
from botocore.exceptions import WaiterError

import adapt

REPOSITORY = Path(__file__).resolve().parents[2]
STACK = "ilock-call"
BUCKET = "ilock-call-code"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--template", type=Path, default=REPOSITORY / "template.yaml")
    arguments.add_argument("--functions", type=Path, required=True, help="the folder of the built binaries")
    arguments.add_argument("--mqtt-port", type=int, required=True, help="where ministack's broker listens")
    arguments.add_argument("--out", type=Path, required=True, help="where to write down what was deployed")
    arguments.add_argument("parameters", nargs="*", metavar="NAME=VALUE", help="parameters of the template")
    asked = arguments.parse_args()
    started = time.monotonic()
    template = asked.template.read_text()
    deployment = Deployment(boto3.Session())
    deployment.store_secrets()
    parameters = own_parameters() | dict(one.split("=", 1) for one in asked.parameters)
    deployment.deploy(template, asked.functions.resolve(), parameters)
    asked.out.write_text(json.dumps(deployment.description(template) | {"mqtt": broker(asked.mqtt_port)}, indent=2))
    print(f"infra/ministack: deployed in {time.monotonic() - started:.1f} s", file=sys.stderr)


def own_parameters():
    """What an operator decides; everything else is the template's default."""
    return {
        "SecretsName": STACK,
        "LimitPressesAMinute": "off",  # the tests press as often as they like
        "Stage": "staging",  # with alarms, without anybody who must be told of them
        "TrtcCallback": "on",
        "ProjectorRetries": "3",  # a test waits until a commit is given up
        "LedgerRetries": "3",
        "TrtcSdkAppId": "1400000042",
    }


class Deployment:
    def __init__(self, aws):
        names = ("cloudformation", "lambda", "s3", "secretsmanager", "sqs", "sts")
        self.aws = {name: aws.client(name) for name in names}
        self.region = aws.region_name
        self.emulator = os.environ["AWS_ENDPOINT_URL"]

    def store_secrets(self):
        """Made anew for each deployment. The functions read them when they start."""
        self.secrets = {
            "auth": {"auth_secret": secrets.token_hex(32)},
            "mqtt": {"mqtt_secret": secrets.token_hex(32)},
            "payload": {"payload_secret": secrets.token_hex(32)},
            "trtc": {"trtc_secret_key": secrets.token_hex(32)},
            "trtc-callback": {"trtc_callback_key": secrets.token_hex(16)},
        }
        for name, texts in self.secrets.items():
            self.aws["secretsmanager"].create_secret(Name=f"{STACK}/{name}", SecretString=json.dumps(texts))

    def deploy(self, template, functions, parameters):
        self.aws["s3"].create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": self.region}
        )

        def code_uri(binary):
            self.aws["s3"].put_object(Bucket=BUCKET, Key=f"{binary}.zip", Body=code(functions / binary))
            return f"s3://{BUCKET}/{binary}.zip"

        copy = adapt.as_json(adapt.adapt(template, self.emulator, self.region, code_uri, parameters))
        # Larger than what may travel inside the request.
        self.aws["s3"].put_object(Bucket=BUCKET, Key="template.json", Body=copy.encode())
        cloudformation = self.aws["cloudformation"]
        cloudformation.create_stack(
            StackName=STACK,
            TemplateURL=f"{self.emulator}/{BUCKET}/template.json",
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        try:
            waiter = cloudformation.get_waiter("stack_create_complete")
            waiter.wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
        except WaiterError:
            events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
            for event in reversed(events):
                if reason := event.get("ResourceStatusReason"):
                    print(f"{event['LogicalResourceId']}: {event['ResourceStatus']}: {reason}", file=sys.stderr)
            raise SystemExit("infra/ministack: the template could not be deployed") from None
        self.lock_buckets(json.loads(copy)["Resources"])

    def lock_buckets(self, made_of):
        """Switches Object Lock on where the template has it: the emulator makes such a bucket without it."""
        pages = self.aws["cloudformation"].get_paginator("list_stack_resources").paginate(StackName=STACK)
        for each in pages.search("StackResourceSummaries[]"):
            properties = made_of.get(each["LogicalResourceId"], {}).get("Properties", {})
            if each["ResourceType"] == "AWS::S3::Bucket" and properties.get("ObjectLockEnabled"):
                self.aws["s3"].put_object_lock_configuration(
                    Bucket=each["PhysicalResourceId"], ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
                )

    def description(self, template):
        """Everything a test needs, and nothing that it could read from the template."""
        stack = self.aws["cloudformation"].describe_stacks(StackName=STACK)["Stacks"][0]
        pages = self.aws["cloudformation"].get_paginator("list_stack_resources").paginate(StackName=STACK)
        resources = pages.search("StackResourceSummaries[]")
        [api] = [each["PhysicalResourceId"] for each in resources if each["ResourceType"] == "AWS::ApiGatewayV2::Api"]
        return {
            "region": self.region,
            "account": self.aws["sts"].get_caller_identity()["Account"],
            "api": f"{self.emulator}/_aws/execute-api/{api}/$default",
            "topic_prefix": next(
                (one["ParameterValue"] for one in stack["Parameters"] if one["ParameterKey"] == "TopicPrefix"), ""
            ),
            "outputs": {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])},
            "routes": adapt.routes(template),
            "auth_secret": self.secrets["auth"]["auth_secret"],
            "trtc_callback_key": self.secrets["trtc-callback"]["trtc_callback_key"],
        }


def broker(port):
    """MQTT by TLS, under ministack's own authority. It listens where it is told, not where the stack says."""
    with urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_ministack/iot/ca.pem") as answer:
        return {"host": "127.0.0.1", "port": port, "authority": answer.read().decode()}


def code(binary):
    """A zip with a `bootstrap` that becomes the built binary, which with debug information is too large to copy."""
    if not binary.is_file():
        raise SystemExit(f"infra/ministack: {binary} is not built")
    bootstrap = zipfile.ZipInfo("bootstrap")
    bootstrap.external_attr = (stat.S_IFREG | 0o755) << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(bootstrap, f"#!/bin/sh\nexec '{binary}'\n")
    return file.getvalue()


if __name__ == "__main__":
    try:
        main()
    except adapt.Unknown as error:
        raise SystemExit(f"infra/ministack: {error}") from None
