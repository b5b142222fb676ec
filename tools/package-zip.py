"""Zips built binaries for Lambda: the same binary gives the same bytes. Refuses what Lambda would not run, and what is
too large to start quickly.

    package-zip.py BUILT OUT BINARY...
"""

import re
import struct
import sys
import zipfile
from pathlib import Path

MOST_BYTES = 5 * 1024 * 1024  # of a zip: what a cold start has to fetch
AARCH64 = 183  # e_machine, in the ELF specification
MOST_GLIBC = (2, 34)  # what Amazon Linux 2023 has


def problem(binary):
    if binary[:4] != b"\x7fELF" or struct.unpack_from("<H", binary, 18)[0] != AARCH64:
        return "is no ELF binary for arm64"
    wanted = {tuple(int(n) for n in found.split(b".")) for found in re.findall(rb"GLIBC_(\d+\.\d+)", binary)}
    if wanted and max(wanted) > MOST_GLIBC:
        return "wants glibc {}.{}; Lambda has {}.{}".format(*max(wanted), *MOST_GLIBC)
    return None


def pack(binary, to):
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))  # the earliest that a zip can say
    entry.create_system = 3  # Unix: so that the mode below counts
    entry.external_attr = 0o755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(to, "w") as archive:
        archive.writestr(entry, binary, compresslevel=9)


def main(built, out, binaries):
    out.mkdir(parents=True, exist_ok=True)
    bad = False
    for name in binaries:
        binary = (built / name / "bootstrap").read_bytes()
        to = out / f"{name}.zip"
        wrong = problem(binary)
        if wrong is None:
            pack(binary, to)
            size = to.stat().st_size
            print(f"{name:24}{len(binary):>12,} bytes{size:>12,} zipped")
            if size > MOST_BYTES:
                wrong = f"has {size:,} bytes zipped; {MOST_BYTES:,} is the most"
        if wrong:
            to.unlink(missing_ok=True)
            print(f"{name} {wrong}", file=sys.stderr)
            bad = True
    return bad


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
