"""The search syntax of ``query:`` as far as orders use it: terms, comparisons, AND, OR, NOT.

Rules that cost others orders, kept on purpose: a time that is not in quotes loses its time part;
from 2026-10 on ``>`` leaves out the whole second and ``<=`` takes it in whole; a filter that does
not exist is ignored, with a warning that only ``extensions.search`` shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Entry = Mapping[str, Any]
Match = Callable[[Entry], bool]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<open>\()|(?P<close>\))|
        (?P<word>AND|OR|NOT)(?=[\s()]|$)|
        (?P<minus>-)?
        (?:(?P<field>[A-Za-z_][\w.]*):(?P<op>>=|<=|>|<)?)?
        (?:'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s()'"]+))
    )""",
    re.VERBOSE,
)

TIMES = frozenset({"created_at", "updated_at", "processed_at"})
TEXTS = frozenset(
    {"name", "status", "financial_status", "fulfillment_status", "tag", "test", "email", "gateway"}
)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    field: str | None = None
    op: str = ""
    value: str = ""
    quoted: bool = False


@dataclass(slots=True)
class Search:
    """A compiled query. ``warnings`` go to ``extensions.search``."""

    text: str
    matches: Match = lambda entry: True
    warnings: list[dict[str, str]] = field(default_factory=list)


def compile_search(text: str, *, whole_seconds: bool = True) -> Search:
    """``whole_seconds``: whether ``>`` leaves out the whole second (since 2026-10)."""
    search = Search(text)
    tokens = _tokens(text)
    if tokens:
        parser = _Parser(tokens, search, whole_seconds)
        search.matches = parser.either()
    return search


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while found := _TOKEN.match(text, at):
        at = found.end()
        tokens += _of(found)
        if at == found.start():
            break
    return tokens


def _of(found: re.Match[str]) -> list[_Token]:
    if found["open"] or found["close"]:
        return [_Token(found["open"] or found["close"])]
    if found["word"]:
        return [_Token(found["word"])]
    quoted = found["bare"] is None
    value = found["bare"] or found["single"] or found["double"] or ""
    term = _Token("term", found["field"], found["op"] or "", value, quoted)
    return [_Token("NOT"), term] if found["minus"] else [term]


class _Parser:
    """either := both (OR both)*; both := one ((AND)? one)*; one := NOT one | ( either ) | term"""

    def __init__(self, tokens: list[_Token], search: Search, whole_seconds: bool) -> None:
        self._tokens = tokens
        self._at = 0
        self._search = search
        self._whole_seconds = whole_seconds

    def either(self) -> Match:
        parts = [self._both()]
        while self._next_is("OR"):
            self._at += 1
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda entry: any(p(entry) for p in parts)

    def _both(self) -> Match:
        parts = [self._one()]
        while self._at < len(self._tokens) and self._tokens[self._at].kind not in ("OR", ")"):
            if self._next_is("AND"):
                self._at += 1
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda entry: all(p(entry) for p in parts)

    def _one(self) -> Match:
        if self._at >= len(self._tokens):
            return _always
        token = self._tokens[self._at]
        self._at += 1
        if token.kind == "NOT":
            inner = self._one()
            return lambda entry: not inner(entry)
        if token.kind == "(":
            inner = self.either()
            if self._next_is(")"):
                self._at += 1
            return inner
        return self._term(token) if token.kind == "term" else _always

    def _next_is(self, kind: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at].kind == kind

    def _term(self, token: _Token) -> Match:
        if token.field is None:
            return _contains(token.value)
        if token.field in TIMES:
            return self._time(token, token.field)
        if token.field == "id":
            return self._number(token)
        if token.field in TEXTS:
            return _text(token.field, token.value)
        self._warn(token, "invalid_field", "Invalid search field for this query.")
        return _always

    def _time(self, token: _Token, name: str) -> Match:
        value = _time_of(token)
        if value is None:
            self._warn(token, "invalid_value", "Input is not a valid date or time.")
            return _always
        after = value + (_SECOND if self._whole_seconds else timedelta(microseconds=1))
        if token.op in (">", ">="):
            start = after if token.op == ">" else value
            return lambda entry: bool(entry[name] >= start)
        if token.op in ("<", "<="):
            end = after if token.op == "<=" else value
            return lambda entry: bool(entry[name] < end)
        until = value + (timedelta(days=1) if _is_day(token) else _SECOND)
        return lambda entry: bool(value <= entry[name] < until)

    def _number(self, token: _Token) -> Match:
        digits = token.value.rsplit("/", 1)[-1]
        if not digits.isdecimal():
            self._warn(token, "invalid_value", "Input is not a valid id.")
            return _always
        wanted = int(digits)
        compare = _COMPARE[token.op]
        return lambda entry: compare(entry["id"], wanted)

    def _warn(self, token: _Token, code: str, message: str) -> None:
        self._search.warnings.append({"field": str(token.field), "message": message, "code": code})


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "": lambda a, b: bool(a == b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
}


def _always(entry: Entry) -> bool:
    return True


def _contains(value: str) -> Match:
    wanted = value.casefold()
    return lambda entry: any(
        wanted in str(entry.get(name) or "").casefold() for name in ("name", "email")
    )


def _text(name: str, value: str) -> Match:
    wanted = {part.casefold() for part in value.split(",")}

    def matches(entry: Entry) -> bool:
        held = entry.get(name)
        values = held if isinstance(held, list | tuple) else [held]
        return any(str(v).casefold() in wanted or "any" in wanted for v in values)

    return matches


def _time_of(token: _Token) -> datetime | None:
    # Unquoted, everything from the first colon or T on is another token to Shopify, and ignored.
    text = token.value if token.quoted else token.value[:10]
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _is_day(token: _Token) -> bool:
    return not token.quoted or len(token.value) == 10
