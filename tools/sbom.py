"""The dependencies of the functions, as SPDX 2.3 (JSON): from `cargo metadata` on standard input.

    sbom.py VERSION COMMIT

Of a crate it says name, version, licence, checksum and where it came from: what Cargo.lock holds a build to. Those of
tests and build scripts are left out, unless a function depends on them too.
"""

import json
import os
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

ROOT = "ilock-lambda"


def linked(metadata):
    """The packages that end up in a function: what ilock-lambda depends on, and so on."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    [root] = [package["id"] for package in metadata["packages"] if package["name"] == ROOT]
    found, left = set(), [root]
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


def document(metadata, version, commit):
    packages, nodes, found = linked(metadata)
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
        "packages": [described(package, sums) for package in packages],
        "relationships": [describes, *sorted(depends, key=json.dumps)],
    }


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    json.dump(document(json.load(sys.stdin), sys.argv[1], sys.argv[2]), sys.stdout, indent=1)
    print()
