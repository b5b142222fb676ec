"""Packs what deploys a release: the template, the packages that it names, what `tools/deploy` and `tools/restore` read, and the
documents with every file that they link to. Unpacked, it deploys as it lies. The same files give the same bytes;
SOURCE_DATE_EPOCH says when they were made.

    deploy_archive.py VERSION OUT
"""

import gzip
import io
import os
import posixpath
import re
import subprocess
import sys
import tarfile
from pathlib import Path

# Files and folders of the repository that deploying needs. What of them git knows is packed.
DEPLOYED = (
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "README.zh.md",
    "SECURITY.md",
    "SECURITY.zh.md",
    "bench/cost",
    "client/pages/dist",
    "client/pages/headers.json",
    "docs",
    "events/forms-not-written.json",
    "events/tests/forms.json",
    "infra/runbooks",
    "infra/template",
    "samconfig.toml",
    "template.yaml",
    "tools/deploy",
    "tools/python-venv",
    "tools/restore",
)
# What tools/release writes: the licences of the crates in the packages, and in the command.
NOTICES = ".ilock/package/THIRD-PARTY-NOTICES.txt"
CODE_BLOCK = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s#]+)[^)]*\)")


def packages(template):
    """The functions' packages, by the template's text."""
    return sorted(set(re.findall(r"^ +CodeUri: (\S+)$", template, re.MULTILINE)))


def known_to_git(root, *paths):
    """The files at `paths`, or all. A new file counts before it is committed: a release is made of a clean tree."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths]
    listed = subprocess.run(listing, cwd=root, check=True, capture_output=True, text=True)
    return sorted(name for name in set(listed.stdout.split("\0")) if (root / name).is_file())


def links(root, document):
    """Where the relative links of `document` lead, as named from `root`."""
    text = CODE_BLOCK.sub("", (root / document).read_text())
    targets = [target for target in LINK.findall(text) if not re.match(r"[a-z]+:", target)]
    return [posixpath.normpath(posixpath.join(posixpath.dirname(document), target)) for target in targets]


def with_linked(root, names, known):
    """`names`, what the documents among them link to, and so on; of a folder, every file of `known` in it."""
    found, left = set(), list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            for target in links(root, name) if name.endswith(".md") else []:
                left += [one for one in known if one == target or one.startswith(f"{target}/")]
    return sorted(found)


def deployed(root):
    return with_linked(root, known_to_git(root, *DEPLOYED), known_to_git(root))


def pack(root, files, top, made):
    """A .tar.gz with `files` and the packages, each where it is below `root`, in the folder `top`; `made` in seconds of 1970."""
    names = sorted({*files, *packages((root / "template.yaml").read_text())})
    if missing := [name for name in names if not (root / name).is_file()]:
        sys.exit(f"not there: {', '.join(missing)}; tools/package builds the functions' packages")
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for name in names:
            path = root / name
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size, entry.mtime = path.stat().st_size, made
            entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            with path.open("rb") as file:
                archive.addfile(entry, file)
    return packed.getvalue()


def main(version, out):
    root = Path(__file__).resolve().parents[1]
    made = int(os.environ.get("SOURCE_DATE_EPOCH", 0))
    out.write_bytes(pack(root, [*deployed(root), NOTICES], f"ilock-call-{version}-deploy", made))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]))
