"""Puts the parameters of a deployment together, says what is missing or wrong by name, and calls `sam deploy`.

    deploy.py SAM STAGE [--yes] [--dry-run] [NAME=VALUE...]
"""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from samtranslator.yaml_helper import yaml_parse

import account
import forms
import pages
import restore
from account import Wrong

TEMPLATE = Path("template.yaml")
# Found anew for each deployment. No function reads them, so they make no other release.
OURS = ("Release", "AccountConcurrency", "EventForms")
# samconfig.toml says it at each deployment, and not only at the first: `GradualDeployments=false` is for the one that it is typed for.
EACH_TIME = ("GradualDeployments",)
# Below it, Lambda lets no concurrency be reserved, and one busy minute is felt by everybody.
FEW_AT_ONCE = 100


def given(arguments, parameters):
    """NAME=VALUE as they were typed; of two with one name the later."""
    values = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals:
            raise Wrong(f"{argument}: must be NAME=VALUE")
        if name not in parameters:
            raise Wrong(f"{name}: the template has no such parameter; it has {', '.join(sorted(parameters))}")
        if name in ("Stage", "Release", "EventForms"):
            raise Wrong(f"{name}: is not yours to set")
        values[name] = value
    return values


def of_stage(stage):
    """The stack's name, and the parameters that samconfig.toml sets."""
    stages = tomllib.loads(Path("samconfig.toml").read_text())
    if stage not in stages or "deploy" not in stages[stage]:
        known = [name for name, value in stages.items() if isinstance(value, dict)]
        raise Wrong(f"STAGE: must be one of {', '.join(known)}, not {stage or 'nothing'}")
    settings = stages[stage]["deploy"]["parameters"]
    return settings["stack_name"], dict(one.split("=", 1) for one in settings["parameter_overrides"])


def secrets_of(values):
    """The names of the secrets that a deployment needs."""
    needed = {
        "auth": values["AuthAlgorithms"] == "HS256",
        "mqtt": True,
        "mqtt-signing": values["MqttSigningPublicKey"] != "",
        "payload": True,
        "trtc": True,
        "trtc-api": values["TrtcRoomApi"] == "on",
        "trtc-callback": values["TrtcCallback"] == "on",
    }
    return [f"{values['SecretsName']}/{name}" for name, is_needed in needed.items() if is_needed]


def current_versions(secrets):
    """The version of each secret that is marked AWSCURRENT. No secret is read."""
    client, found = boto3.client("secretsmanager"), {}
    for secret in secrets:
        try:
            versions = client.describe_secret(SecretId=secret).get("VersionIdsToStages", {})
        except client.exceptions.ResourceNotFoundException:
            raise Wrong(f"{secret}: Secrets Manager has no such secret in this region; docs/operators.md says how to make it")
        current = [version for version, stages in versions.items() if "AWSCURRENT" in stages]
        if not current:
            raise Wrong(f"{secret}: has no current version yet; put a value into it first")
        found[secret] = current[0]
    return found


def check(parameters, values):
    missing = [name for name, about in parameters.items() if "Default" not in about and not values.get(name)]
    if missing:
        raise Wrong("\n".join(f"{name}: must be set: {parameters[name]['Description']}" for name in missing))
    for name, value in values.items():
        about = parameters[name]
        allowed = [str(one) for one in about.get("AllowedValues", [])]
        if allowed and value not in allowed:
            raise Wrong(f"{name}: must be one of {', '.join(allowed)}, not {value}")
        if not re.fullmatch(about.get("AllowedPattern", ".*").removeprefix("^").removesuffix("$"), value):
            raise Wrong(f"{name}: {about.get('ConstraintDescription', 'must match ' + str(about.get('AllowedPattern')))}")
        if about["Type"] == "Number":
            if not re.fullmatch(r"\d+", value):
                raise Wrong(f"{name}: must be a whole number, not {value}")
            if not about.get("MinValue", 0) <= int(value) <= about.get("MaxValue", int(value)):
                raise Wrong(f"{name}: must be {about['MinValue']} to {about.get('MaxValue', 'any')}, not {value}")


def release(packages, values, secrets):
    """Another package, another template, another parameter or another version of a secret is another release."""
    digest = hashlib.sha256()
    for path in [TEMPLATE, *packages]:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    digest.update(json.dumps([values, secrets], sort_keys=True).encode())
    return digest.hexdigest()


def packages_of(template):
    """The functions' packages, which must all be built."""
    packages = sorted({
        Path(resource["Properties"]["CodeUri"])
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    })
    if missing := [str(path) for path in packages if not path.is_file()]:
        raise Wrong(f"not built yet: {', '.join(missing)}; `make package` does it")
    return packages


def looked_up(values):
    """What need not be typed, because AWS knows it."""
    found = {}
    if "AccountConcurrency" not in values:
        at_once = account.concurrency()
        found["AccountConcurrency"] = str(at_once)
        if at_once < FEW_AT_ONCE:
            print(
                f"this account may run {at_once} functions at once, as new accounts do: ask Service Quotas for more "
                "(Lambda, concurrent executions; 1000 is usual) before anybody calls",
                file=sys.stderr,
            )
    return found


def main(sam, arguments):
    flags = {argument for argument in arguments if argument.startswith("--")}
    if unknown := flags - {"--yes", "--dry-run"}:
        raise Wrong(f"{', '.join(sorted(unknown))}: no such option; there are --yes and --dry-run")
    plain = [argument for argument in arguments if argument not in flags]
    template = yaml_parse(TEMPLATE.read_text())
    parameters = template["Parameters"]

    stack, staged = of_stage(plain[0] if plain else "")
    typed = given(plain[1:], parameters)
    packages = packages_of(template)
    region = account.chosen_region()

    last = account.last_parameters(stack)
    kept = {name: value for name, value in (last or {}).items() if name in parameters and name not in OURS}
    staged = {name: value for name, value in staged.items() if name in EACH_TIME or name not in kept}
    values = kept | staged | typed
    if not values.get("SecretsName"):
        typed["SecretsName"] = values["SecretsName"] = stack
    check(parameters, values)
    account.in_this_region(template, values, region)
    forms.readers_first(stack, last, plain[0])
    account.ledger_goes_on(stack, last, values)
    account.new_ledger_has_free_names(last, values)
    account.mqtt_certificate_stays(last, values)
    account.topics_of_its_own(stack, last, values.get("TopicPrefix", ""))
    typed |= looked_up(values)
    values |= typed
    account.room_to_reserve(template, values, stack, last)
    account.no_alarm_stops_it(template, values, stack, last)
    account.no_throttle_outlives_its_route(template, stack, last)

    effective = {name: str(about.get("Default", "")) for name, about in parameters.items()} | values
    effective = {name: value for name, value in effective.items() if name not in OURS}
    secrets = current_versions(secrets_of(effective))
    ours = {"Release": release(packages, effective, secrets), "EventForms": ",".join(forms.read_by_this_version())}
    overrides = staged | typed | ours
    print(f"{'a new stack' if last is None else 'the stack'} {stack} in {region}")
    for name, value in sorted(overrides.items()):
        print(f"  {name} = {value}")
    sys.stdout.flush()
    if "--dry-run" in flags:
        return 0
    code = subprocess.run(command(sam, plain[0], overrides, "--yes" in flags)).returncode
    # After the first time too: somebody may have taken it off.
    if code == 0 and plain[0] != "dev":
        account.protect(stack)
    if code == 0:
        restore.update_readers(stack)
    if code == 0 and effective["Pages"] == "true":
        pages.upload(stack)
    return code


def command(sam, stage, overrides, without_asking):
    # sam reads NAME=VALUE again, as a shell would: in quotes, a value with a comma or a space in it stays one.
    quoted = (f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in sorted(overrides.items()))
    confirmed = ["--no-confirm-changeset"] if without_asking else []
    deploy = [sam, "deploy", "--config-env", stage, "--template-file", str(TEMPLATE)]
    return [*deploy, *confirmed, "--parameter-overrides", *quoted]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1], sys.argv[2:]))
    except Wrong as wrong:
        sys.exit(str(wrong))
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"AWS: {error}")
