"""A release: the list of its dependencies has what is linked into a function or bundled into a page and nothing else, their licences
are beside it, and its archive deploys as it lies, with documents whose links lead somewhere."""

import io
import json
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
import notices
import npm_lock
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
# A package with two of one name below it, one that only tests need, and one that has only types.
LOCK = {
    "packages": {
        "": {"name": "@ilock/client", "version": "1.2.3", "license": "Apache-2.0", "dependencies": {"mqtt": "5"}},
        "node_modules/mqtt": {
            "version": "5.0.0",
            "license": "MIT",
            "integrity": "sha512-AAEC",
            "dependencies": {"@types/ws": "8", "buffer": "6", "stream": "4"},
        },
        "node_modules/@types/ws": {"version": "8.0.0", "license": "MIT", "integrity": "sha512-AAEC"},
        "node_modules/buffer": {"version": "6.0.0", "license": "MIT", "integrity": "sha512-AAEC"},
        "node_modules/mqtt/node_modules/buffer": {
            "version": "5.0.0",
            "license": "BSD-3-Clause",
            "integrity": "sha512-AAEC",
        },
        "node_modules/stream": {
            "version": "4.0.0",
            "license": "MIT",
            "integrity": "sha512-AAEC",
            "dependencies": {"buffer": "6"},
        },
        "node_modules/playwright": {"version": "1.0.0", "license": "MIT", "integrity": "sha512-AAEC", "dev": True},
    }
}
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
                return sbom.document(self.metadata, "1.2.3", "c0ffee", LOCK)

    def test_what_only_tests_or_builds_need_is_not_in_a_function(self):
        packages = [one for one in self.document()["packages"] if "-npm-" not in one["SPDXID"]]
        names = [(one["name"], one["versionInfo"]) for one in packages]
        self.assertEqual(names, [("bytes", "1.0.0"), ("bytes", "2.0.0"), ("http", "1.0.0"), ("ilock-lambda", "1.0.0")])

    def test_every_relationship_is_between_packages_that_are_listed(self):
        document = self.document()
        listed = {one["SPDXID"] for one in document["packages"]}
        self.assertEqual(len(listed), 4 + 5)
        pairs = {(one["spdxElementId"], one["relatedSpdxElement"]) for one in document["relationships"]}
        self.assertLessEqual({element for pair in pairs for element in pair} - {"SPDXRef-DOCUMENT"}, listed)
        self.assertIn(("SPDXRef-http-1.0.0", "SPDXRef-bytes-2.0.0"), pairs)
        self.assertIn(("SPDXRef-DOCUMENT", "SPDXRef-ilock-lambda-1.0.0"), pairs)

    def test_a_crate_of_the_registry_has_its_checksum_and_its_name_there(self):
        by_version = {one["versionInfo"]: one for one in self.document()["packages"] if one["name"] == "bytes"}
        self.assertEqual(by_version["2.0.0"]["checksums"], [{"algorithm": "SHA256", "checksumValue": "ab" * 32}])
        self.assertEqual(by_version["2.0.0"]["externalRefs"][0]["referenceLocator"], "pkg:cargo/bytes@2.0.0")
        self.assertNotIn("checksums", by_version["1.0.0"])

    def test_the_npm_packages_of_the_pages_are_listed_with_checksum_and_name(self):
        document = self.document()
        npm = {one["SPDXID"]: one for one in document["packages"] if "-npm-" in one["SPDXID"]}
        names = ["buffer-5.0.0", "buffer-6.0.0", "ilock-client-1.2.3", "mqtt-5.0.0", "stream-4.0.0"]
        self.assertEqual(sorted(npm), [f"SPDXRef-npm-{name}" for name in names])
        buffer = npm["SPDXRef-npm-buffer-5.0.0"]
        self.assertEqual(buffer["checksums"], [{"algorithm": "SHA512", "checksumValue": "000102"}])
        self.assertEqual(buffer["externalRefs"][0]["referenceLocator"], "pkg:npm/buffer@5.0.0")
        pairs = {(one["spdxElementId"], one["relatedSpdxElement"]) for one in document["relationships"]}
        self.assertIn(("SPDXRef-npm-mqtt-5.0.0", "SPDXRef-npm-buffer-5.0.0"), pairs)
        self.assertIn(("SPDXRef-npm-stream-4.0.0", "SPDXRef-npm-buffer-6.0.0"), pairs)
        self.assertIn(("SPDXRef-DOCUMENT", "SPDXRef-npm-ilock-client-1.2.3"), pairs)

    def test_the_same_sources_have_the_same_list(self):
        self.assertEqual(self.document(), self.document())
        self.assertEqual(self.document()["creationInfo"]["created"], "2025-11-25T12:00:00Z")


class Notices(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def crate(self, name, licence, **texts):
        """A crate of the registry whose folder has these texts, by file."""
        for file, text in {"Cargo.toml": "", "licence.rs": "code", **texts}.items():
            self.write(f"{name}/{file}", text)
        manifest = str(self.folder / name / "Cargo.toml")
        return package(name, licence=licence) | {"source": "registry", "manifest_path": manifest}

    def test_a_release_writes_them_where_the_archive_takes_them_from(self):
        self.assertIn(f"\nnotices={deploy_archive.NOTICES}\n", (ROOT / "tools/release").read_text())

    def test_a_text_is_there_once_below_the_crates_that_have_it(self):
        root = package("ilock-lambda")
        one = self.crate("one", "MIT OR Apache-2.0", **{"LICENSE-MIT": "by One\n", "license-apache-2.0": "Apache\r\n"})
        two = self.crate("two", "Apache-2.0", LICENSE="\nApache  \n")
        bare, tests = self.crate("bare", "ISC"), self.crate("tests", "MIT", LICENSE="by tests")
        nodes = [node(root, (one, [None]), (two, [None]), (bare, [None]), (tests, ["dev"]))]
        metadata = {
            "packages": [root, one, two, bare, tests],
            "resolve": {"nodes": nodes + [node(one), node(two), node(bare), node(tests)]},
        }
        text = notices.written("a test", notices.crates(metadata, ["ilock-lambda"]))
        self.assertIn("one 1.0.0 (MIT OR Apache-2.0)\ntwo 1.0.0 (Apache-2.0)\n\nApache\n", text)
        self.assertIn("one 1.0.0 (MIT OR Apache-2.0)\n\nby One\n", text)
        self.assertIn("bare 1.0.0 (ISC)\n\nIts package has no text of its licence.\n", text)
        self.assertEqual(text.count(notices.RULE), 3)
        self.assertNotIn("tests", text.replace("a test", ""))
        self.assertNotIn("ilock-lambda", text)

    def test_a_bundle_has_the_texts_of_its_packages_and_of_what_those_need(self):
        self.write("web/package-lock.json", json.dumps(LOCK))
        for place in npm_lock.closure(LOCK["packages"], ["node_modules/mqtt"]):
            self.write(f"web/{place}/LICENSE", f"by the author of {place}")
        self.write("web/node_modules/mqtt/dist/mqtt.js", "code\n/*! Bundled license information:\n\nx/y.js:\n  BSD\n*/\n")
        script = "../web/node_modules/mqtt/dist/mqtt.js"
        inputs = {script: {"bytesInOutput": 5}, "src/main.ts": {"bytesInOutput": 5}}
        inputs["../web/node_modules/@types/ws/index.js"] = {"bytesInOutput": 0}
        self.write("pages/metafile", json.dumps({"outputs": {"pages.js": {"inputs": inputs}}}))
        text = notices.written("a test", notices.bundled(self.folder / "pages/metafile", self.folder / "pages"))
        for named in ("mqtt 5.0.0 (MIT)", "buffer 5.0.0 (BSD-3-Clause)", "buffer 6.0.0 (MIT)", "stream 4.0.0 (MIT)"):
            self.assertIn(f"{named}\n\nby the author of node_modules/", text)
        self.assertIn("mqtt: node_modules/mqtt/dist/mqtt.js (as it says itself)\n\nx/y.js:\n  BSD\n", text)
        self.assertNotIn("@types", text)
        self.assertNotIn("playwright", text)


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

    def test_every_link_in_a_packed_document_leads_to_something_that_is_packed(self):
        names = set(deploy_archive.deployed(ROOT))
        there = names | {str(folder) for name in names for folder in Path(name).parents}
        documents = [name for name in names if name.endswith(".md")]
        self.assertGreater(len(documents), 50)
        links = {(name, target) for name in documents for target in deploy_archive.links(ROOT, name)}
        self.assertGreater(len(links), 100)
        self.assertEqual(sorted((name, target) for name, target in links if target not in there), [])

    def test_the_documents_bring_what_they_link_to(self):
        text = "[a](../a.md#x) [b](b/) [c](https://example.com/c.md) [d](#d)\n```sh\n[e](e.md)\n```\n"
        root = self.write({"docs/one.md": text, "a.md": "[f](docs/f.rs)", "docs/b/g.txt": "", "docs/e.md": ""})
        (root / "docs/f.rs").write_text("")
        known = ["a.md", "docs/b/g.txt", "docs/e.md", "docs/f.rs", "docs/one.md"]
        packed = deploy_archive.with_linked(root, ["docs/one.md"], known)
        self.assertEqual(packed, ["a.md", "docs/b/g.txt", "docs/f.rs", "docs/one.md"])

    def test_what_is_unpacked_deploys_as_it_lies(self):
        """All but the packages is real; the tools start from the unpacked folder, and find everything that they read."""
        names = deploy_archive.deployed(ROOT)
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
