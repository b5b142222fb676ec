"""Transforms the template for every stage and feature, and says what AWS would refuse: check.py [--every]

SAM's transformation depends on the parameters, and so does what CloudFormation leaves out. A reference to something
that is left out is an error that no linter sees in template.yaml itself.
"""

import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

from cfnlint.api import ManualArgs, lint
from samtranslator.yaml_helper import yaml_parse

import combinations
from transformed import Refused, broken_rules, live, transformed, unresolved

# SAM uses up these parameters, or a condition does: what is left of the template does not name them.
UNUSED_PARAMETER = "W2001"


@cache
def template():
    return yaml_parse(Path("template.yaml").read_text())


def problems(parameters, of=None, region=combinations.REGION):
    """What CloudFormation would refuse, for one deployment."""
    try:
        return broken_rules(of or template(), parameters, region) + unresolved(deployed(parameters, of, region))
    except Refused as refused:
        return [str(refused)]


def deployed(parameters, of=None, region=combinations.REGION):
    of = of or template()
    return live(transformed(of, parameters, region), parameters)


def linted(parameters, region):
    """What cfn-lint says of one deployment. Each parameter's default becomes its value: cfn-lint believes defaults."""
    resolved = deployed(parameters, region=region)
    for name, about in resolved["Parameters"].items():
        if name in parameters:
            value = parameters[name]
            about["Default"] = int(value) if about["Type"] == "Number" else value
    ignored = template()["Metadata"]["cfn-lint"]["config"]["ignore_checks"] + [UNUSED_PARAMETER]
    asked = ManualArgs(regions=[region], include_checks=["I"], ignore_checks=ignored)
    found = lint(json.dumps(resolved, indent=1), config=asked)
    return [f"{match.rule.id} {match.message} ({'/'.join(map(str, match.path or []))})" for match in found]


def check(judge, deployments, workers):
    """What `judge` says of each deployment, with the deployment's name."""
    names, *arguments = zip(*deployments)
    started = time.monotonic()
    found = list(workers.map(judge, *arguments))
    print(f"{len(names)} deployments: {judge.__name__}, {time.monotonic() - started:.0f} s", flush=True)
    return [f"{name}: {problem}" for name, of_one in zip(names, found) for problem in of_one]


def main(arguments):
    with ProcessPoolExecutor(min(len(os.sched_getaffinity(0)), 4)) as workers:
        wrong = check(problems, list(combinations.combinations()), workers)
        wrong += check(linted, list(combinations.linted("--every" in arguments)), workers)
    for problem in wrong:
        print(f"template.yaml, deployed as {problem}", file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
