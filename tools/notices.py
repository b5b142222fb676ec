"""The licences of others' code in what is built, with their texts: of crates, from `cargo metadata` on standard input, and of
the npm packages in a bundle. The same packages give the same text.

    notices.py WHAT CRATE...                       WHAT: what it is about, in words; CRATE: a package of this project
    notices.py --bundle METAFILE WHAT CRATE...     METAFILE: what esbuild says of a bundle, made in this folder

Crates that only the compiler runs are listed too: which of them leave code behind is not known here.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

import npm_lock
import sbom

LICENCE = re.compile(r"(un)?licen[sc]e|copying|copyright|notice|third.?party", re.IGNORECASE)
CODE = (".html", ".js", ".json", ".py", ".rs", ".toml")
# How a file that was bundled before ends: with the notices of what is in it.
BUNDLED_BEFORE = re.compile(r"/\*! Bundled license information:\n(.*?)\*/", re.DOTALL)
RULE = "-" * 80


class Package(NamedTuple):
    name: str
    licence: str
    texts: tuple[str, ...]


def plain(text):
    """`text` without what differs between copies of the same: the ends of lines, and empty lines around it."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def texts_in(folder, named=None):
    """The licence texts of the package in `folder`; `named`: another file, where its author names one."""
    files = {path for path in folder.iterdir() if LICENCE.match(path.name) and path.suffix not in CODE}
    if named:
        files.add(folder / named)
    return tuple(plain(path.read_text(errors="replace")) for path in sorted(files) if path.is_file())


def crates(metadata, roots):
    """The crates of the registry that `roots` link."""
    packages, _, _ = sbom.linked(metadata, roots)
    for package in packages:
        if package.get("source"):
            texts = texts_in(Path(package["manifest_path"]).parent, package.get("license_file"))
            yield Package(f"{package['name']} {package['version']}", package["license"] or "see its text", texts)


def bundled(metafile, here):
    """The npm packages whose files are in the bundle, and all that those need: a file that was bundled before has others in it.
    Such a file's own notice is a package of its own here."""
    outputs = json.loads(metafile.read_text())["outputs"].values()
    inputs = sorted({name for output in outputs for name, part in output["inputs"].items() if part["bytesInOutput"]})
    starts = {}
    for name in inputs:
        found = re.match(r"(.*?)(node_modules/.*node_modules/|node_modules/)((?:@[^/]+/)?[^/]+)/", name)
        if found:
            root, folders, package = found.groups()
            starts.setdefault(here / root, set()).add(folders + package)
            notice = BUNDLED_BEFORE.search((here / name).read_text())
            if notice:
                yield Package(f"{package}: {name.removeprefix(root)}", "as it says itself", (plain(notice[1]),))
    for root, places in sorted(starts.items()):
        packages = json.loads((root / "package-lock.json").read_text())["packages"]
        for place in npm_lock.closure(packages, places):
            about = packages[place]
            name = f"{npm_lock.name_of(place)} {about['version']}"
            yield Package(name, about.get("license", "see its text"), texts_in(root / place))


def written(what, packages):
    """Each text once, under the packages that have it."""
    by_text = {}
    for package in sorted(set(packages)):
        for text in package.texts or ("Its package has no text of its licence.",):
            by_text.setdefault(text, []).append(f"{package.name} ({package.licence})")
    parts = [f"Others' code in {what}, and its licences. iLock Call itself: Apache-2.0."]
    for text, names in sorted(by_text.items(), key=lambda item: item[1]):
        parts.append("\n".join([RULE, *names, "", text]))
    return "\n\n".join(parts) + "\n"


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, metavar="METAFILE")
    parser.add_argument("what", metavar="WHAT")
    parser.add_argument("crates", nargs="+", metavar="CRATE")
    given = parser.parse_args(arguments)
    packages = list(crates(json.load(sys.stdin), given.crates))
    if given.bundle:
        packages += bundled(given.bundle, Path.cwd())
    sys.stdout.write(written(given.what, packages))


if __name__ == "__main__":
    main(sys.argv[1:])
