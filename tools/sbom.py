"""The dependencies of the functions and of the pages, as SPDX 2.3 (JSON): from `cargo metadata` on standard input, and from the
lock of the npm packages.

    sbom.py VERSION COMMIT

Of a crate it says name, version, licence, checksum and where it came from: what Cargo.lock holds a build to. Those of
tests and build scripts are left out, unless a function depends on them too. Of an npm package it says the same.
"""

import base64
import json
import os
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import npm_lock

ROOT = "ilock-lambda"
# Its dependencies are bundled into the pages.
NPM_LOCK = Path("client/web/package-lock.json")


def linked(metadata, roots=(ROOT,)):
    """The packages that end up in what `roots` are built into: what these depend on, and so on."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    left = [package["id"] for package in metadata["packages"] if package["name"] in roots]
    if len(left) != len(roots):
        sys.exit(f"cargo metadata has not each of {', '.join(roots)} once")
    found = set()
    while left:
        one = left.pop()
        if one in found:
            continue
        found.add(one)
        for dependency in nodes[one]["deps"]:
            # None is a normal dependency; the others are dev and build.
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                left.append(dependency["pkg"])
    packages = [package for package in metadata["packages"] if package["id"] in found]
    return sorted(packages, key=lambda package: (package["name"], package["version"])), nodes, found


def checksums():
    """By name and version, as Cargo.lock has them; crates of this project have none."""
    lock = tomllib.loads(Path("Cargo.lock").read_text())
    return {(one["name"], one["version"]): one["checksum"] for one in lock["package"] if "checksum" in one}


def reference(package):
    plain = f"{package['name']}-{package['version']}".replace("_", "-").replace("+", "-")
    return f"SPDXRef-{plain}"


def described(package, sums):
    about = {
        "SPDXID": reference(package),
        "name": package["name"],
        "versionInfo": package["version"],
        "licenseDeclared": (package["license"] or "NOASSERTION").replace("/", " OR "),
        "licenseConcluded": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "downloadLocation": package["repository"] or "NOASSERTION",
        "filesAnalyzed": False,
    }
    checksum = sums.get((package["name"], package["version"]))
    if checksum:
        about["checksums"] = [{"algorithm": "SHA256", "checksumValue": checksum}]
        purl = f"pkg:cargo/{package['name']}@{package['version']}"
        about["externalRefs"] = [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}
        ]
    return about


def npm_reference(place, about):
    plain = f"{npm_lock.name_of(place) or about['name']}-{about['version']}"
    return "SPDXRef-npm-" + plain.removeprefix("@").replace("/", "-").replace("_", "-").replace("+", "-")


def npm_described(place, about):
    """The package at `place` of a lock; the one whose lock it is has the empty place."""
    name = npm_lock.name_of(place) or about["name"]
    described = {
        "SPDXID": npm_reference(place, about),
        "name": name,
        "versionInfo": about["version"],
        "licenseDeclared": about.get("license", "NOASSERTION"),
        "licenseConcluded": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "downloadLocation": about.get("resolved", "NOASSERTION"),
        "filesAnalyzed": False,
    }
    if place:
        algorithm, _, checksum = about["integrity"].partition("-")
        value = base64.b64decode(checksum).hex()
        described["checksums"] = [{"algorithm": algorithm.upper(), "checksumValue": value}]
        purl = f"pkg:npm/{name.replace('@', '%40')}@{about['version']}"
        described["externalRefs"] = [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}
        ]
    return described


def npm(lock):
    """The packages that the one of `lock` needs when it runs, itself among them, and the relationships between them."""
    packages = lock["packages"]
    places = npm_lock.closure(packages, [""])
    references = {place: npm_reference(place, packages[place]) for place in places}
    pairs = [("SPDXRef-DOCUMENT", "DESCRIBES", references[""])]
    for place in places:
        pairs += [(references[place], "DEPENDS_ON", references[to]) for to in npm_lock.dependencies(packages, place)]
    relationships = [
        {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": to} for one, kind, to in pairs
    ]
    return [npm_described(place, packages[place]) for place in places], relationships


def document(metadata, version, commit, lock):
    """`lock`: the package-lock.json of the npm package whose dependencies are in the pages."""
    packages, nodes, found = linked(metadata)
    of_npm, npm_relationships = npm(lock)
    by_id = {package["id"]: package for package in packages}
    depends = [
        {"spdxElementId": reference(by_id[one]), "relationshipType": "DEPENDS_ON", "relatedSpdxElement": reference(by_id[to])}
        for one in by_id
        for to in sorted({dependency["pkg"] for dependency in nodes[one]["deps"]} & found)
    ]
    [root] = [package for package in packages if package["name"] == ROOT]
    describes = {
        "spdxElementId": "SPDXRef-DOCUMENT",
        "relationshipType": "DESCRIBES",
        "relatedSpdxElement": reference(root),
    }
    made = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), UTC)
    sums = checksums()
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"ilock-call-{version}",
        "documentNamespace": f"https://ilock.invalid/spdx/ilock-call-{version}-{commit}",
        "creationInfo": {"created": made.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: tools/sbom.py"]},
        "packages": [described(package, sums) for package in packages] + of_npm,
        "relationships": [describes, *sorted([*depends, *npm_relationships], key=json.dumps)],
    }


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    lock = json.loads(NPM_LOCK.read_text())
    json.dump(document(json.load(sys.stdin), sys.argv[1], sys.argv[2], lock), sys.stdout, indent=1)
    print()
