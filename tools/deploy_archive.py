"""Packs what deploys a release: the template, the packages that it names, and what `tools/deploy` and `tools/restore` read.
Unpacked, it deploys as it lies. The same files give the same bytes; SOURCE_DATE_EPOCH says when they were made.

    deploy_archive.py VERSION OUT
"""

import gzip
import io
import os
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
    "client/pages/dist",
    "client/pages/headers.json",
    "docs/operators.md",
    "docs/operators.zh.md",
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


def packages(template):
    """The functions' packages, by the template's text."""
    return sorted(set(re.findall(r"^ +CodeUri: (\S+)$", template, re.MULTILINE)))


def known_to_git(root):
    listed = subprocess.run(["git", "ls-files", "-z", "--", *DEPLOYED], cwd=root, check=True, capture_output=True, text=True)
    return [name for name in listed.stdout.split("\0") if name]


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
    out.write_bytes(pack(root, known_to_git(root), f"ilock-call-{version}-deploy", made))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]))
