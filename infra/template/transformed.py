"""The template as CloudFormation gets it: transformed by SAM with a deployment's parameters, and of that what remains
when its conditions are decided."""

import copy
import logging
import os
import re
from types import SimpleNamespace

from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.translator.arn_generator import ArnGenerator
from samtranslator.translator.transform import transform

NO_VALUE = object()
# What refers to nothing in the template: AWS::Region and the like.
PSEUDO = "AWS::"


class Refused(Exception):
    """SAM or CloudFormation would refuse the template."""


def with_code_in_s3(template):
    """SAM's transformation on AWS sees packages where `sam deploy` has put them."""
    template = copy.deepcopy(template)
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = f"s3://packages/{name}.zip"
    return template


def transformed(template, parameters, region):
    """What SAM makes of the template; its own conditions and intrinsic functions are still in it."""
    # It would tell of every feature that AWS has not switched on.
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    os.environ.setdefault("AWS_DEFAULT_REGION", region)
    # It asks boto3 once, and keeps the answer.
    ArnGenerator.BOTO_SESSION_REGION_NAME = region
    try:
        return transform(with_code_in_s3(template), dict(parameters), SimpleNamespace(load=dict))
    except InvalidDocumentException as error:
        raise Refused("; ".join(cause.message for cause in error.causes)) from None


class Conditions:
    """The template's conditions, decided for one deployment's parameters."""

    def __init__(self, template, parameters, region=""):
        defaults = {name: about["Default"] for name, about in template["Parameters"].items() if "Default" in about}
        self.values = {name: str(value) for name, value in (defaults | parameters).items()} | {"AWS::Region": region}
        self.conditions = template.get("Conditions", {})

    def holds(self, name):
        if name not in self.conditions:
            raise Refused(f"there is no condition {name}")
        return self.decide(self.conditions[name])

    def decide(self, node):
        match node:
            case {"Condition": str(name)}:
                return self.holds(name)
            case {"Fn::Equals": [one, other]}:
                return self.text(one) == self.text(other)
            case {"Fn::Not": [one]}:
                return not self.decide(one)
            case {"Fn::And": all_of}:
                return all([self.decide(one) for one in all_of])
            case {"Fn::Or": any_of}:
                return any([self.decide(one) for one in any_of])
            case {"Fn::Contains": [texts, one]}:
                return self.text(one) in texts
        raise Refused(f"a condition that this check cannot decide: {node}")

    def text(self, node):
        match node:
            case str() | int():
                return str(node)
            case {"Ref": name} if name in self.values:
                return self.values[name]
            case {"Fn::Join": [separator, {"Ref": name}]} if name in self.values:
                return separator.join(self.values[name].split(","))
        raise Refused(f"a value that this check does not know: {node}")


def broken_rules(template, parameters, region):
    """What the template's Rules object to, in their own words."""
    conditions = Conditions(template, parameters, region)
    return [
        " ".join(assertion["AssertDescription"].split())
        for rule in template.get("Rules", {}).values()
        if "RuleCondition" not in rule or conditions.decide(rule["RuleCondition"])
        for assertion in rule["Assertions"]
        if not conditions.decide(assertion["Assert"])
    ]


def decided(node, conditions):
    """`node` with each Fn::If replaced by its branch, and without what is then AWS::NoValue."""
    match node:
        case {"Ref": "AWS::NoValue"}:
            return NO_VALUE
        case {"Fn::If": [name, if_true, if_false]}:
            return decided(if_true if conditions.holds(name) else if_false, conditions)
        case dict():
            pairs = ((key, decided(value, conditions)) for key, value in node.items())
            return {key: value for key, value in pairs if value is not NO_VALUE}
        case list():
            items = (decided(item, conditions) for item in node)
            return [item for item in items if item is not NO_VALUE]
    return node


def live(template, parameters):
    """What this deployment consists of: no conditions are left in it."""
    conditions = Conditions(template, parameters)

    def kept(section):
        return {
            name: decided({key: value for key, value in one.items() if key != "Condition"}, conditions)
            for name, one in section.items()
            if "Condition" not in one or conditions.holds(one["Condition"])
        }

    rest = {name: part for name, part in template.items() if name not in ("Conditions", "Rules", "Metadata")}
    return rest | {"Resources": kept(template["Resources"]), "Outputs": kept(template.get("Outputs", {}))}


def referred(node):
    """Every name that `node` refers to."""
    match node:
        case {"Ref": str(name)}:
            yield name
        case {"Fn::GetAtt": [name, *_]}:
            yield name
        case {"Fn::GetAtt": str(text)}:
            yield text.split(".")[0]
        case {"Fn::Sub": [str(text), dict(own)]}:
            yield from (name for name in in_text(text) if name not in own)
            yield from referred(own)
        case {"Fn::Sub": str(text)}:
            yield from in_text(text)
        case dict():
            for value in node.values():
                yield from referred(value)
        case list():
            for item in node:
                yield from referred(item)


def in_text(text):
    """The names in `${Name}` and `${Name.Attribute}`; `${!Name}` stays as it is written."""
    return (found.split(".")[0] for found in re.findall(r"\$\{([^!}]+)\}", text))


def waits_for(resource):
    names = resource.get("DependsOn", [])
    return [names] if isinstance(names, str) else names


def unresolved(template):
    """What a live template refers to and does not have, as sentences. Empty is good."""
    there = set(template["Resources"]) | set(template["Parameters"])
    problems = []
    for kind in ("Resources", "Outputs"):
        for name, part in template[kind].items():
            missing = sorted({one for one in referred(part) if one not in there and not one.startswith(PSEUDO)})
            problems += [f"{kind}.{name} refers to {one}, which is not there" for one in missing]
            if kind == "Resources":
                gone = sorted(set(waits_for(part)) - set(template["Resources"]))
                problems += [f"{kind}.{name} waits for {one} (DependsOn), which is not there" for one in gone]
    return problems
