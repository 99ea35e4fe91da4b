"""Replaces ``${NAME}``, ``${NAME:-default}`` and ``${file:/path}`` in the parsed values.

After parsing, so that what a variable holds can never become YAML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ordermill.settings.findings import Findings, Where, shown
from ordermill.settings.source import Source

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_SECRET = re.compile(r"(^|_)(key|secret|token|password)$")
_LARGEST = 65_536  # bytes of a secret's file


@dataclass(frozen=True, slots=True)
class Expander:
    """Expands the values of one file; errors are noted at the value's place."""

    source: Source
    findings: Findings
    environ: Mapping[str, str]

    def expanded(self, value: Any, where: Where = ()) -> Any:
        """The value with every variable in it; what an override gave stays as it is."""
        if where in self.source.variables:
            return value
        if isinstance(value, dict):
            return {key: self.expanded(inner, (*where, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.expanded(inner, (*where, at)) for at, inner in enumerate(value)]
        if not isinstance(value, str):
            return value
        self._warn_of_literal(value, where)
        return _VARIABLE.sub(lambda match: self._variable(match[1], where), value)

    def _variable(self, text: str, where: Where) -> str:
        if text.startswith("file:"):
            return self._file(Path(text.removeprefix("file:")), where)
        name, given, default = text.partition(":-")
        if not _NAME.fullmatch(name):
            self._wrong(where, "${} takes NAME, NAME:-default or file:/path")
        elif self.environ.get(name) or (name in self.environ and not given):
            return self.environ[name]
        elif not given:
            self._wrong(where, f"the environment variable {name} is not set")
        return default

    def _file(self, path: Path, where: Where) -> str:
        try:
            with path.open("rb") as file:
                raw = file.read(_LARGEST + 1)
                others = file.fileno() and path.stat().st_mode & 0o004
            text = raw.decode("utf-8").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            self._wrong(where, f"the file in ${{file:...}} cannot be read: {reason}")
            return ""
        if len(raw) > _LARGEST or not text:
            self._wrong(where, "the file in ${file:...} is empty or too large for a value")
        # A container engine mounts secrets readable, and nobody else is in the container.
        if others and not path.is_relative_to("/run/secrets"):
            self._warn(where, "the file that it is read from can be read by others; chmod 600")
        return text

    def _warn_of_literal(self, value: str, where: Where) -> None:
        name = str(where[-1]).lower()
        password = name == "database_url" and re.search(r"://[^/@]*:[^/@$]+@", value)
        if password or (_SECRET.search(name) and value and not value.startswith("${")):
            self._warn(where, "a secret written in the file; better ${NAME} or ${file:/path}")

    def _wrong(self, where: Where, message: str) -> None:
        self.findings.unexpanded(self.source.place(where), _shown(where), message)

    def _warn(self, where: Where, message: str) -> None:
        self.findings.warn(self.source.place(where), _shown(where), message)


def _shown(where: Where) -> Where:
    return tuple(part if isinstance(part, int) else shown(part) for part in where)
