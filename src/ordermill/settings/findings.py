"""What is wrong with a configuration: each finding with its place, told all at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ordermill.errors import ConfigError

Where = tuple[str | int, ...]

# A text in the place of a key may be a secret that slipped there (a lost newline): it is named only
# where it reads like a word: short, and with fewer than five digits.
_WORD = re.compile(r"(?!(?:[^0-9]*[0-9]){5})[A-Za-z0-9][A-Za-z0-9_-]{0,30}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Line and column of the file, from 1; ``variable`` where an environment variable gave it."""

    line: int = 1
    column: int = 1
    variable: str | None = None


class Findings:
    """Errors and warnings of one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[str] = []
        self._errors: list[tuple[Place, str]] = []
        self._unexpanded: set[Place] = set()

    def wrong(self, place: Place, where: Where, message: str) -> None:
        """Note an error; ``where`` must already be fit to be shown (see ``shown``)."""
        if place not in self._unexpanded:
            self._errors.append((place, self._line(place, where, message)))

    def unexpanded(self, place: Place, where: Where, message: str) -> None:
        """Note that a value could not be had: nothing else is said of it."""
        self.wrong(place, where, message)
        self._unexpanded.add(place)

    def warn(self, place: Place, where: Where, message: str) -> None:
        self.warnings.append(self._line(place, where, message))

    def raise_errors(self) -> None:
        """Raise ConfigError if anything is wrong, in the order of the file."""
        if self._errors:
            ordered = sorted(self._errors, key=lambda error: (error[0].variable or "", error[0]))
            raise ConfigError("\n".join(dict.fromkeys(line for _, line in ordered)))

    def refuse(self, place: Place, message: str) -> ConfigError:
        """The error for a file that cannot be read any further."""
        return ConfigError(self._line(place, (), message))

    def _line(self, place: Place, where: Where, message: str) -> str:
        position = place.variable or f"{self.path}:{place.line}:{place.column}"
        parts = (position, ".".join(map(str, where)), " ".join(message.split()))
        return ": ".join(part for part in parts if part)


def shown(key: str, known: Iterable[str] = ()) -> str:
    """The key as a message may name it."""
    near = key in known or difflib.get_close_matches(key, list(known), 1)
    return key if _WORD.fullmatch(key) or near else "(key)"


def suggestion(word: object, known: Iterable[str]) -> str:
    """``did you mean 'x'?``, else what there is."""
    there = sorted(known)
    near = difflib.get_close_matches(str(word), there, 1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"there is: {', '.join(there)}" if there else "there is none"
