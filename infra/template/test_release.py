"""A release: the list of its dependencies has what is linked into a function and nothing else, and its archive deploys as it lies."""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import deploy_archive
import sbom

TEMPLATE = """
Resources:
  One:
    Properties:
      CodeUri: .ilock/package/api.zip
  Another:
    Properties:
      CodeUri: .ilock/package/api.zip
  Third:
    Properties:
      CodeUri: .ilock/package/triggers.zip
"""
# What tools/deploy and tools/restore read before they ask AWS anything.
STARTS = """
import deploy, forms, pages, restore
template = deploy.yaml_parse(deploy.TEMPLATE.read_text())
print(*deploy.packages_of(template))
assert forms.written_by_this_version() and restore.TEMPLATE.is_file()
assert {path.suffix for path in pages.FILES.iterdir()} <= set(pages.KINDS) and pages.HEADERS.is_file()
for stage in ("dev", "staging", "prod"):
    deploy.of_stage(stage)
"""


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


class DeployArchive(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, files):
        """`files`: text by name, below a folder of its own."""
        root = self.folder / "root"
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root

    def test_every_package_lies_where_the_template_names_it(self):
        packages = {f".ilock/package/{name}.zip": name for name in ("api", "triggers", "left-over")}
        root = self.write({"template.yaml": TEMPLATE, "tools/deploy": "#!/bin/sh", **packages})
        (root / "tools/deploy").chmod(0o744)
        packed = deploy_archive.pack(root, ["tools/deploy", "template.yaml"], "ilock-call-1.2.3-deploy", 1764072000)
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            entries = {entry.name.removeprefix("ilock-call-1.2.3-deploy/"): entry for entry in archive}
            text = archive.extractfile(entries[".ilock/package/triggers.zip"]).read()
        # What the template does not name is not taken along.
        self.assertEqual(
            list(entries), [".ilock/package/api.zip", ".ilock/package/triggers.zip", "template.yaml", "tools/deploy"]
        )
        self.assertEqual(text, b"triggers")
        self.assertEqual((entries["tools/deploy"].mode, entries["template.yaml"].mode), (0o755, 0o644))
        self.assertEqual({(entry.mtime, entry.uid, entry.uname) for entry in entries.values()}, {(1764072000, 0, "")})

    def test_the_same_files_give_the_same_bytes(self):
        root = self.write({"template.yaml": "", "b": "b", "a": "a"})
        one = deploy_archive.pack(root, ["a", "b"], "top", 1)
        os.utime(root / "a", (5, 5))
        self.assertEqual(one, deploy_archive.pack(root, ["b", "a"], "top", 1))

    def test_a_package_that_is_not_built_is_named(self):
        root = self.write({"template.yaml": TEMPLATE, ".ilock/package/api.zip": ""})
        with self.assertRaisesRegex(SystemExit, r"not there: \.ilock/package/triggers\.zip;"):
            deploy_archive.pack(root, [], "top", 0)

    def test_what_is_unpacked_deploys_as_it_lies(self):
        """All but the packages is real; the tools start from the unpacked folder, and find everything that they read."""
        names = [name for name in deploy_archive.known_to_git(ROOT) if (ROOT / name).is_file()]
        root = self.folder / "root"
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes((ROOT / name).read_bytes())
            (root / name).chmod((ROOT / name).stat().st_mode)
        packages = deploy_archive.packages((ROOT / "template.yaml").read_text())
        self.assertGreater(len(packages), 1)
        root = self.write(dict.fromkeys(packages, "a package"))
        packed = deploy_archive.pack(root, names, "top", 0)
        subprocess.run(["tar", "-xzf", "-"], cwd=self.folder, input=packed, check=True)
        there = self.folder / "top"
        self.assertTrue(os.access(there / "tools/deploy", os.X_OK) and os.access(there / "tools/python-venv", os.X_OK))
        path = {"PYTHONPATH": str(there / "infra/template"), "PYTHONDONTWRITEBYTECODE": "1"}
        started = subprocess.run(
            [sys.executable, "-c", STARTS], cwd=there, env=dict(os.environ, **path), capture_output=True, text=True
        )
        self.assertEqual(started.returncode, 0, started.stderr)
        self.assertEqual(started.stdout.split(), packages)


if __name__ == "__main__":
    unittest.main()
