"""One YAML file as plain values, each with its place: scalars keep their text (YAML 1.2 core)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from ordermill.errors import ConfigError
from ordermill.settings.findings import Findings, Place, Where, shown

LARGEST = 300_000  # bytes; a file beyond it is none that a person wrote
MOST_VALUES = 25_000  # an alias bomb has more
DEEPEST = 20
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = {_TAG + name for name in ("str", "int", "float", "bool", "null", "map", "seq")}
_WORDS: dict[str, bool | None] = (
    dict.fromkeys(("", "~", "null", "Null", "NULL"))
    | dict.fromkeys(("true", "True", "TRUE"), True)
    | dict.fromkeys(("false", "False", "FALSE"), False)
)
_HINTS = {
    r"'\t'": "; indent with spaces",
    "but got '{'": '; inside { } a variable is written in quotes: "${NAME}"',
}
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")


@dataclass(slots=True)
class Node:
    """A value: text, bool or None; or a mapping or list of nodes. ``size`` counts what is in it."""

    place: Place
    value: Any
    keys: dict[str, Place] = field(default_factory=dict)
    size: int = 1

    def plain(self) -> Any:
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def read(path: Path, findings: Findings) -> str:
    """The file's text; raise ConfigError if it cannot be a configuration."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror or type(error).__name__}); "
            "say -c FILE, or start from config/ordermill.example.yaml"
        ) from None
    if len(raw) > LARGEST:
        raise findings.refuse(Place(), f"the file is larger than {LARGEST:,} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise findings.refuse(Place(line), "the file is not UTF-8 text") from None


def compose(text: str, findings: Findings) -> Node:
    """The file's mapping. Duplicate keys are noted; what is no YAML at all raises ConfigError."""
    try:
        root = _Composer(YAML(typ="rt", pure=True).parse(text), findings).document()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place()
        problem = _QUOTED.sub(_sign_or_text, error.problem or "it cannot be parsed")
        hint = next((said for met, said in _HINTS.items() if met in str(error.problem)), "")
        raise findings.refuse(place, f"not YAML: {problem}{hint}") from None
    except (YAMLError, ValueError, RecursionError, AttributeError, KeyError) as error:
        raise findings.refuse(Place(), f"not YAML ({type(error).__name__})") from None
    if root is None or root.value is None:
        raise findings.refuse(
            Place(), "the file is empty; start from config/ordermill.example.yaml"
        )
    if not isinstance(root.value, dict):
        raise findings.refuse(root.place, "the file must be a mapping of keys to values")
    return root


def _sign_or_text(match: re.Match[str]) -> str:
    """ruamel quotes what it met: a sign of the syntax may be told, a text of the file may not."""
    met = match[1] or match[2] or ""
    sign = len(met) <= 2 or met in ("<stream end>", "<block end>")
    return match[0] if sign else "(text)"


class _Composer:
    """Builds nodes from events and stops at the first sign of a bomb, before it is expanded."""

    def __init__(self, events: Iterator[Event], findings: Findings) -> None:
        self._events = events
        self._findings = findings
        self._anchors: dict[str, Node] = {}
        self._count = 0

    def document(self) -> Node | None:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    raise self._refused(event, "the file has a second document; remove it")
                root = self._node(next(self._events), (), 0)
            elif isinstance(event, StreamEndEvent):
                break
        return root

    def _node(self, event: Event, where: Where, depth: int) -> Node:
        self._count += 1
        if isinstance(event, AliasEvent):
            node = self._aliased(event)
        else:
            node = self._written(event, where, depth)
            if anchor := getattr(event, "anchor", None):
                self._anchors[str(anchor)] = node
        if self._count > MOST_VALUES or node.size > MOST_VALUES:
            raise self._refused(event, "the file has more values than a configuration can have")
        return node

    def _aliased(self, event: AliasEvent) -> Node:
        node = self._anchors.get(str(event.anchor))
        if node is None:
            raise self._refused(event, "an alias (*) without its anchor (&) before it")
        return node

    def _written(self, event: Event, where: Where, depth: int) -> Node:
        if depth > DEEPEST:
            raise self._refused(event, "the values are nested deeper than a configuration is")
        tag = str(getattr(event, "tag", None) or "!")
        if tag != "!" and tag not in _PLAIN_TAGS:
            raise self._refused(event, "a YAML tag (!) that is not allowed here; remove it")
        if isinstance(event, MappingStartEvent):
            return self._mapping(event, where, depth)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(event, where, depth)
        assert isinstance(event, ScalarEvent)
        return Node(_place(event), str(event.value) if tag == _TAG + "str" else _scalar(event))

    def _sequence(self, start: Event, where: Where, depth: int) -> Node:
        nodes: list[Node] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            nodes.append(self._node(event, (*where, len(nodes)), depth + 1))
        return Node(_place(start), nodes, size=1 + sum(node.size for node in nodes))

    def _mapping(self, start: Event, where: Where, depth: int) -> Node:
        found = Node(_place(start), {})
        while not isinstance(event := next(self._events), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                raise self._refused(event, "a key must be plain text")
            key = str(event.value)
            inner = (*where, shown(key))
            node = self._node(next(self._events), inner, depth + 1)
            if key in found.value:
                first = found.keys[key]
                said = f"is given twice, first at {first.line}:{first.column}"
                self._findings.wrong(_place(event), inner, said)
                continue
            found.keys[key] = _place(event)
            found.value[key] = node
            found.size += node.size
        return found

    def _refused(self, event: Event, message: str) -> ConfigError:
        return self._findings.refuse(_place(event), message)


def _place(event: Event) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _scalar(event: ScalarEvent) -> str | bool | None:
    """Only true, false and null are more than their text: what ``0123``, ``1.10`` or ``12:30`` is
    depends on the key it stands at, and ``NO`` is Norway."""
    text = str(event.value)
    if event.style in ("'", '"', "|", ">"):
        return text
    return _WORDS.get(text, text)
