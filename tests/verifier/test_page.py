"""What docs/verifying.md gives as examples is what its recipes make of events/samples."""

import json
import re
from pathlib import Path

import pytest

import verify

ROOT = Path(__file__).parents[2]
CALL = "call_device123_user456_1629123456789"
HOUR = "2026-11-22T13"
SALT = "00112233445566778899aabbccddeeff"


def sample(name):
    return json.loads((ROOT / f"events/samples/stored.{name}.json").read_text())


def sha256(text):
    return verify.sha256(text.encode()).hex()


def examples():
    """Every value that the page shows, by what it says of it."""
    commit, personal = sample("commit.place"), sample("personal.place")
    text = verify.commit_text(commit, CALL)
    receipt = sha256(verify.item_text(sample("receipt.fast"), CALL))
    access = verify.canonical({**sample("access"), "tenant": "default", "salt": SALT})
    entry = verify.entry(1, bytes.fromhex(sha256(text)), CALL, 1)
    return {
        "prev": sha256(CALL),
        "hash": sha256(text),
        "personal text": sha256(personal["salt"] + personal["text"]),
        "receipt": receipt,
        "forgotten": sha256(verify.item_text(sample("forgotten"), CALL)),
        "archived": sha256(verify.item_text(sample("archived"), CALL)),
        "salt of the access": SALT,
        "access": sha256(access),
        "entry of the commit": entry.hex(),
        "entry of the receipt": verify.entry(2, bytes.fromhex(receipt), CALL, 1).hex(),
        "entry of the hour": verify.entry(7, verify.sha256(HOUR.encode())).hex(),
        "leaf": verify.leaf(entry).hex(),
    }


@pytest.mark.parametrize("page", ["docs/verifying.md", "docs/verifying.zh.md"])
def test_every_example_of_the_page_is_what_its_recipe_makes(page):
    shown = re.findall(r"`([0-9a-f]{32,})`", (ROOT / page).read_text())
    assert shown == list(examples().values())


def test_the_samples_have_the_hashes_that_the_recipes_make():
    commit, personal = sample("commit.place"), sample("personal.place")
    assert commit["hash"] == examples()["hash"] and commit["prev"] == examples()["prev"]
    assert personal["digest"] == examples()["personal text"] == commit["events"][0]["data"]["personal"]


def test_the_commits_text_begins_as_the_page_says():
    text = verify.commit_text(sample("commit.place"), CALL)
    for page in ["docs/verifying.md", "docs/verifying.zh.md"]:
        beginnings = [shown for shown in re.findall(r"`(\{\"actor[^`]*)`", (ROOT / page).read_text())]
        assert beginnings and all(text.startswith(shown) for shown in beginnings), page


def test_the_verifier_is_short_and_needs_no_more_than_the_page_says():
    source = (ROOT / "tests/verifier/verify.py").read_text()
    assert len(source.splitlines()) <= 300
    imported = set(re.findall(r"^(?:import|from) (\w+)", source, re.MULTILINE))
    assert imported == {"argparse", "base64", "cryptography", "hashlib", "json", "pathlib", "struct", "sys", "zlib"}
