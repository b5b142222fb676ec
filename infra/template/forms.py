"""Reader before writer: a new form of an event is written only once every function that may meet it can read it.

During a gradual deployment old and new functions run side by side, and after a rollback the old ones are alone with what
the new ones wrote. A function that meets a form that it does not know refuses the call. So a release first brings the
reader, and a later one the writer.
"""

import json
from pathlib import Path

from account import Wrong

# Every form that this version reads; events/tests/versions.rs holds it to the code.
READ = Path("events/tests/forms.json")
# Those of them that it does not write yet.
NOT_WRITTEN = Path("events/forms-not-written.json")


def read_by_this_version():
    return sorted(json.loads(READ.read_text()))


def written_by_this_version():
    return sorted(set(read_by_this_version()) - set(json.loads(NOT_WRITTEN.read_text())))


def readers_first(stack, last, stage):
    """Whatever this version writes, the deployed one reads. In dev nobody else's calls are at stake."""
    before = (last or {}).get("EventForms", "")
    if not before or stage == "dev":
        return
    unknown = sorted(set(written_by_this_version()) - set(before.split(",")))
    if unknown:
        raise Wrong(
            f"{stack}: this version writes {', '.join(unknown)}, and the deployed one cannot read that: while both run, and after "
            "a rollback, it would refuse those calls. Deploy first a version that reads and does not write it: CHANGELOG.md "
            f"says which, or add it to {NOT_WRITTEN} and have nothing issue it."
        )
