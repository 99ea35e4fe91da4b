"""Environment variables over the file, by the conventions of pydantic-settings.

``ORDERMILL_ADMIN__PORT=9000`` is ``admin: {port: 9000}``: prefix, ``__`` between levels, any case;
a mapping or list is JSON. Written here because importing pydantic-settings costs every command
more time than reading the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ordermill.settings.findings import Findings, Place, shown, suggestion
from ordermill.settings.models import File
from ordermill.settings.source import Source

PREFIX = "ORDERMILL_"


def override(
    values: dict[str, Any], environ: Mapping[str, str], source: Source, findings: Findings
) -> None:
    """Put the variables in the place of the file's values.

    A name without ``__`` that is no key is left alone (``ORDERMILL_CONFIG``, and Kubernetes sets
    ``ORDERMILL_PORT`` for a service of that name); one with ``__`` was meant for us.
    """
    for variable in sorted(environ):
        if not variable.upper().startswith(PREFIX):
            continue
        path = variable[len(PREFIX) :].lower().split("__")
        if path[0] in File.model_fields:
            _put(values, path, variable, environ[variable], source, findings)
        elif len(path) > 1 and path[0]:
            hint = suggestion(path[0], File.model_fields)
            place = Place(variable=shown_variable(variable))
            findings.wrong(place, (shown(path[0], File.model_fields),), f"unknown key; {hint}")


def _put(
    values: dict[str, Any],
    path: list[str],
    variable: str,
    text: str,
    source: Source,
    findings: Findings,
) -> None:
    inner: Any = values
    where: list[str | int] = []
    for at, part in enumerate(path):
        last = at == len(path) - 1
        if isinstance(inner, list) and part.isdecimal() and int(part) < len(inner):
            name: Any = int(part)
        elif isinstance(inner, dict):
            name = _handle(part, inner)
        else:
            place = Place(variable=shown_variable(variable))
            findings.wrong(place, tuple(map(shown, path[:at])), "has nothing inside it to set")
            return
        where.append(name)
        if last:
            inner[name] = _value(text)
        elif isinstance(inner, dict) and inner.get(name) is None:
            inner[name] = {}
        inner = inner[name]
    source.variables[tuple(where)] = shown_variable(variable)


def _handle(part: str, there: Mapping[str, Any]) -> str:
    """A shell cannot export a name with a hyphen, so ``acme_woo`` finds ``acme-woo``."""
    if part in there:
        return part
    return next((name for name in there if name.replace("-", "_") == part), part)


def _value(text: str) -> Any:
    """Texts stay texts; what is JSON of a mapping or list is that, its numbers as texts too."""
    if text[:1] not in ("{", "["):
        return text
    try:
        return json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return text


def shown_variable(variable: str) -> str:
    return variable if len(variable) <= 120 and variable.isprintable() else f"{PREFIX}..."
