"""What a user reads names every command there is, and none that is not."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import typer

from ordermill.cli import app

ROOT = Path(__file__).parent.parent
GROUPS = {group.name: group.typer_instance for group in app.registered_groups}


def named(commands: typer.Typer, prefix: str = "") -> list[str]:
    """The commands' words, as they are typed."""
    return [
        prefix + (one.name or one.callback.__name__.replace("_", "-"))
        for one in commands.registered_commands
        if one.callback is not None
    ]


COMMANDS = named(app) + [
    word
    for group, inner in GROUPS.items()
    if inner is not None
    for word in named(inner, f"{group} ")
]


def documented(text: str) -> set[str]:
    """The commands in the first column of the table: the words before arguments and options."""
    cells = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    spans = [span for cell in cells for span in re.findall(r"`([a-z][^`]*)`", cell)]
    return {" ".join(re.split(r" [\[A-Z-]", span)[0].split()) for span in spans}


def test_the_table_of_the_readme_has_exactly_the_commands() -> None:
    assert documented((ROOT / "README.md").read_text()) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_changelog_names_every_command(command: str) -> None:
    assert f"`{command}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("commands", [app, *GROUPS.values()])
def test_every_command_says_what_it_does(commands: typer.Typer) -> None:
    for one in commands.registered_commands:
        assert one.callback is not None
        assert one.callback.__doc__, one.callback.__name__


RELIABILITY, SECURITY = (
    (ROOT / f"docs/{name}.md").read_text() for name in ("reliability", "security")
)
NAMED = sorted(set(re.findall(r"`([\w./]+\.py)::(\w+)`", RELIABILITY + SECURITY)))


def test_every_fault_has_its_row() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \|", RELIABILITY, re.MULTILINE)
    assert sorted(int(each) for row in rows for each in row.split(",")) == [*range(1, 61)]


def test_every_check_of_security_has_a_test_or_says_why_not() -> None:
    checks = SECURITY.partition("\n## Times and memory\n")[0]
    rows = re.findall(r"^\| S(\d+) \| (.*) \|$", checks, re.MULTILINE)
    assert [int(number) for number, _ in rows] == [*range(1, 63)]
    for number, row in rows:
        assert ("::test_" in row) is not row.startswith("does not apply: "), number


@pytest.mark.parametrize(("path", "test"), NAMED, ids=[test for _, test in NAMED])
def test_a_test_that_stands_for_a_fault_exists(path: str, test: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
