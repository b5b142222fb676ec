"""The list of dependencies of a release: what is linked into a function, and nothing else."""

import os
import sys
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import sbom


def package(name, version="1.0.0", licence="MIT"):
    about = {"id": f"{name} {version}", "name": name, "version": version, "license": licence}
    return about | {"repository": f"https://example.com/{name}"}


def node(package, *dependencies):
    """`dependencies`: pairs of a package and the kinds in which it is needed; None is a normal one."""
    deps = [{"pkg": one["id"], "dep_kinds": [{"kind": kind} for kind in kinds]} for one, kinds in dependencies]
    return {"id": package["id"], "deps": deps}


class Sbom(unittest.TestCase):
    def setUp(self):
        root, http, old, new = package("ilock-lambda"), package("http"), package("bytes"), package("bytes", "2.0.0")
        cc, proptest = package("cc"), package("proptest")
        self.metadata = {
            "packages": [proptest, cc, new, old, http, root],
            "resolve": {
                "nodes": [
                    node(root, (http, [None]), (proptest, ["dev"]), (cc, ["build"])),
                    node(http, (old, [None]), (new, ["dev", None])),
                    node(old),
                    node(new),
                    node(cc),
                    node(proptest, (http, [None])),
                ]
            },
        }

    def document(self):
        with mock.patch.dict(os.environ, SOURCE_DATE_EPOCH="1764072000"):
            with mock.patch.object(sbom, "checksums", lambda: {("bytes", "2.0.0"): "ab" * 32}):
                return sbom.document(self.metadata, "1.2.3", "c0ffee")

    def test_what_only_tests_or_builds_need_is_not_in_a_function(self):
        names = [(one["name"], one["versionInfo"]) for one in self.document()["packages"]]
        self.assertEqual(names, [("bytes", "1.0.0"), ("bytes", "2.0.0"), ("http", "1.0.0"), ("ilock-lambda", "1.0.0")])

    def test_every_relationship_is_between_packages_that_are_listed(self):
        document = self.document()
        listed = {one["SPDXID"] for one in document["packages"]}
        self.assertEqual(len(listed), 4)
        pairs = {(one["spdxElementId"], one["relatedSpdxElement"]) for one in document["relationships"]}
        self.assertLessEqual({element for pair in pairs for element in pair} - {"SPDXRef-DOCUMENT"}, listed)
        self.assertIn(("SPDXRef-http-1.0.0", "SPDXRef-bytes-2.0.0"), pairs)
        self.assertIn(("SPDXRef-DOCUMENT", "SPDXRef-ilock-lambda-1.0.0"), pairs)

    def test_a_crate_of_the_registry_has_its_checksum_and_its_name_there(self):
        by_version = {one["versionInfo"]: one for one in self.document()["packages"] if one["name"] == "bytes"}
        self.assertEqual(by_version["2.0.0"]["checksums"], [{"algorithm": "SHA256", "checksumValue": "ab" * 32}])
        self.assertEqual(by_version["2.0.0"]["externalRefs"][0]["referenceLocator"], "pkg:cargo/bytes@2.0.0")
        self.assertNotIn("checksums", by_version["1.0.0"])

    def test_the_same_sources_have_the_same_list(self):
        self.assertEqual(self.document(), self.document())
        self.assertEqual(self.document()["creationInfo"]["created"], "2025-11-25T12:00:00Z")


if __name__ == "__main__":
    unittest.main()
