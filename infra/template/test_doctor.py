"""The operators' pages list the permissions that `ilock doctor` needs: what its code asks AWS, and nothing else."""

import json
import re
import unittest
from pathlib import Path

import botocore.session
from botocore import xform_name

DOCTOR = Path("cli/src/aws/doctor")
# What the doctor asks through files of others: the stack and its resources.
ASKS_FOR_IT = [Path("cli/src/aws/stack.rs")]
PAGES = [Path("docs/operators.md"), Path("docs/operators.zh.md")]
# Where AWS's own model of a service is called otherwise than its SDK crate. IAM calls all of them as the crates do.
MODELS = {"servicequotas": "service-quotas"}
# What IAM calls otherwise than the operation that it permits.
ACTIONS = {"s3:GetBucketEncryption": "s3:GetEncryptionConfiguration"}
SESSION = botocore.session.get_session()


def operations(crate):
    """The operations of a service, by the names of the methods that ask for them."""
    names = SESSION.get_service_model(MODELS.get(crate, crate)).operation_names
    actions = {xform_name(name): f"{crate}:{name}" for name in names}
    return {method: ACTIONS.get(action, action) for method, action in actions.items()}


def asked_by(source):
    """The IAM actions of what a Rust file asks AWS, without its tests."""
    source = source.split("#[cfg(test)]")[0]
    crates = set(re.findall(r"\baws_sdk_(\w+)::", source))
    methods = set(re.findall(r"\.(\w+)\(\)", source))
    return {action for crate in crates for method, action in operations(crate).items() if method in methods}


def listed_on(page):
    """What the policy on a page allows."""
    [policy] = re.findall(r"cat > doctor-policy\.json <<'JSON'\n(.*?)\nJSON\n", page.read_text(), re.DOTALL)
    [statement] = json.loads(policy)["Statement"]
    return statement


class Permissions(unittest.TestCase):
    def test_each_thing_that_the_doctor_asks_is_allowed_by_the_policy_on_the_page_and_nothing_else_is(self):
        asked = set()
        for file in [*DOCTOR.glob("*.rs"), *ASKS_FOR_IT]:
            asked |= asked_by(file.read_text())
        self.assertGreater(len(asked), 20)
        for page in PAGES:
            statement = listed_on(page)
            self.assertEqual(statement["Action"], sorted(asked), page)
            self.assertEqual((statement["Effect"], statement["Resource"]), ("Allow", "*"), page)

    def test_the_doctor_only_looks(self):
        for action in listed_on(PAGES[0])["Action"]:
            self.assertRegex(action, r"^[a-z0-9]+:(Describe|Get|List)[A-Z]")

    def test_a_request_is_found_by_its_method_and_its_service(self):
        source = "use aws_sdk_sqs::Client;\nclient.get_queue_attributes().queue_url(url).send()\n#[cfg(test)]\nclient.list_queues()"
        self.assertEqual(asked_by(source), {"sqs:GetQueueAttributes"})
        self.assertEqual(asked_by(source.replace("sqs", "servicequotas")), set())


if __name__ == "__main__":
    unittest.main()
