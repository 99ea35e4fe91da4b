"""What ordermill is made of: locked with hashes, installed as locked, listed, and licensed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import supply
from supply import Locked

ROOT = Path(__file__).parents[1]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
HASH = "a" * 64


def test_the_list_the_lock_file_and_what_is_installed_are_the_same() -> None:
    lock, here = supply.locked(supply.LOCK.read_text()), supply.installed()
    assert supply.differences(lock, here) == []
    listed = supply.components(lock, here)["components"]
    assert {(each["name"], each["version"]) for each in listed} == {
        (one.name, one.version) for one in lock
    }
    assert {each["name"] for each in listed if "licenses" in each} == here.keys()


def test_every_licence_is_one_that_may_be_shipped() -> None:
    said = {name: supply.licence(each) for name, each in supply.installed().items()}
    assert [name for name, each in said.items() if not supply.is_allowed(each)] == []


def test_the_list_is_the_same_each_time_and_refers_to_what_it_lists() -> None:
    lock, here = supply.locked(supply.LOCK.read_text()), supply.installed()
    made, again = (supply.components(lock, here) for _ in range(2))
    assert json.dumps(made) == json.dumps(again)
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    assert re.fullmatch("urn:uuid:[0-9a-f-]{36}", made["serialNumber"])
    listed = {each["bom-ref"] for each in made["components"]} | {supply.US}
    assert len(listed) == len(made["components"]) + 1
    needed = {other for each in made["dependencies"] for other in each["dependsOn"]}
    assert needed | {each["ref"] for each in made["dependencies"]} <= listed
    assert {each["bom-ref"] for each in made["components"] if "licenses" in each} == needed


def test_whatever_differs_is_named() -> None:
    here = {"httpx": supply.installed()["httpx"], "idna": supply.installed()["idna"]}
    lock = [
        Locked("httpx", "0.0.1", True, (HASH,)), Locked("left-out", "1", True, (HASH,)),
        Locked("elsewhere", "1", False, (HASH,)), Locked("free", "1", False, ()),
    ]  # fmt: skip
    wrong = supply.differences(lock, here)
    assert [line.split(":")[0] for line in wrong] == ["httpx", "idna", "left-out", "free"]


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: file.name)
def test_a_lock_file_holds_versions_and_hashes_and_no_host(file: Path) -> None:
    text = file.read_text()
    lock = supply.locked(text)
    assert len(lock) == len(re.findall(r"^[A-Za-z0-9]", text, re.MULTILINE)) > 40
    assert all(one.hashes for one in lock)
    assert "://" not in text
    assert "index-url" not in text


def test_everything_is_installed_from_a_lock_file_by_its_hashes() -> None:
    for name in ("Makefile", ".ci/run", "deploy/Dockerfile"):
        text = (ROOT / name).read_text()
        for line in re.findall(r"^.*\bpip install\b.*$", text, re.MULTILINE):
            assert "--require-hashes" in line or "--no-deps" in line or line.endswith(" uv"), line


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True), ("MIT OR GPL-3.0-only", True), ("Apache-2.0 AND BSD-2-Clause", True),
        ("(MIT)", True), ("GPL-3.0-only", False), ("MIT AND AGPL-3.0-only", False),
        ("unknown", False), ("", False),
    ],
)  # fmt: skip
def test_of_a_choice_one_licence_is_enough(expression: str, allowed: bool) -> None:
    assert supply.is_allowed(expression) is allowed


@pytest.mark.parametrize(
    ("code", "output", "well", "said"),
    [
        (0, "Found no known vulnerabilities", True, "no advisory is known"),
        (1, "x 1.0 has 1 known vulnerability", False, "x 1.0 has 1"),
        (2, "error: Request failed after 1 retries\n  cause: dns", True, "NOT DONE"),
        (1, "error: no such index", True, "NOT DONE"),
    ],
)
def test_an_audit_that_could_not_be_done_says_so_and_fails_nothing(
    code: int, output: str, well: bool, said: str
) -> None:
    found = supply.verdict(code, output)
    assert found[0] is well
    assert said in found[1]
