"""The GraphQL documents of this package, each with the fragments that it needs."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

_FRAGMENT = re.compile(r"^fragment (\w+) on .*?^\}\n", re.MULTILINE | re.DOTALL)
_SPREAD = re.compile(r"\.\.\.(\w+)")
_HEADER = re.compile(r"^query \w+\(.*?\) ", re.DOTALL)
_BLANK = re.compile(r"\s+")


@cache
def document(name: str) -> str:
    """The operation of ``queries/<name>.graphql`` and every fragment it spreads, in one text."""
    text = _read(name)
    fragments = _fragments()
    needed: dict[str, str] = {}
    pending = _SPREAD.findall(text)
    while pending:
        spread = pending.pop()
        if spread in fragments and spread not in needed:
            needed[spread] = fragments[spread]
            pending += _SPREAD.findall(fragments[spread])
    parts = [text, *(needed[name] for name in sorted(needed))]
    return _BLANK.sub(" ", "\n".join(parts)).strip()


def bulk_query(search: str, *, pii: bool, b2b: bool) -> str:
    """The text for bulkOperationRunQuery, which takes no variables: they are written into it."""
    text = _HEADER.sub("", document("bulk_orders"), count=1)
    for name, value in (("$query", f'"{search}"'), ("$pii", _word(pii)), ("$b2b", _word(b2b))):
        text = text.replace(name, value)
    return text


@cache
def entry_fields() -> tuple[str, ...]:
    """The top-level fields of the index query, in its order."""
    inside = _fragments()["Entry"].partition("{")[2]
    return tuple(re.findall(r"^  (\w+)", inside, re.MULTILINE))


def _word(value: bool) -> str:
    return "true" if value else "false"


@cache
def _fragments() -> dict[str, str]:
    return {found[1]: found[0] for found in _FRAGMENT.finditer(_read("fragments"))}


def _read(name: str) -> str:
    path = resources.files(__package__).joinpath("queries", f"{name}.graphql")
    text = path.read_text("utf-8")
    return "".join(f"{line}\n" for line in text.splitlines() if not line.startswith("#"))
