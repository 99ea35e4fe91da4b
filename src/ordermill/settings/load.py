"""Reads, expands, overrides and checks the file: all its errors at once, or the settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ordermill.model import integration as model
from ordermill.settings import across
from ordermill.settings.document import compose, read
from ordermill.settings.environment import override
from ordermill.settings.expand import Expander
from ordermill.settings.findings import Findings, Place, Where, shown, suggestion
from ordermill.settings.messages import fields_at, scrubbed, told
from ordermill.settings.models import Admin, Api, Entity, File, Integration, Retention
from ordermill.settings.source import Source

Options = Mapping[str, tuple[type[BaseModel], Callable[[Any], str]]]
Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Settings:
    """The file's values as the rooms use them. ``warnings``: lines for `check`."""

    database_url: str
    api: Api
    admin: Admin
    keys: tuple[model.ApiKey, ...]
    entities: dict[str, model.Entity]
    integrations: dict[str, model.Integration]
    auto_migrate: bool
    retention: Retention
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Without any value: database_url and admin.token are secrets."""
        return f"Settings({len(self.entities)} entities, {len(self.integrations)} integrations)"


def load(path: Path, options: Options, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the file; raise ConfigError with a line for every error in it.

    ``options`` are the installed connectors': the model and shop key of each source. Environment
    variables ``ORDERMILL_...__...`` override the file. No value is ever shown, it may be secret.
    """
    findings = Findings(path)
    root = compose(read(path, findings), findings)
    if path.stat().st_mode & 0o004:
        findings.warn(Place(), (), "the file can be read by others; chmod 600")
    check = _Check(Source(root), findings)
    values = root.plain()
    override(values, environ, check.source, findings)
    values = Expander(check.source, findings, environ).expanded(values)
    file = check.model(File, values, ())
    chosen = _chosen(check, values, options)
    for where, message in across.problems(values, chosen):
        check.wrong(where, message)
    findings.raise_errors()
    assert file is not None  # else there was an error
    return _settings(file, chosen, tuple(findings.warnings))


@dataclass(frozen=True, slots=True)
class _Check:
    """Checks values by models and notes errors where the values stand."""

    source: Source
    findings: Findings

    def model(self, shape: type[Shape], values: Any, base: Where) -> Shape | None:
        """The values as that model, or None with the errors noted."""
        try:
            return shape.model_validate(values)
        except ValidationError as error:
            for found in error.errors(include_url=False, include_input=False):
                where = (*base, *(part for part in found["loc"] if part != "[key]"))
                known = fields_at(shape, found["loc"][:-1])
                about_key = found["type"] in ("extra_forbidden", "missing")
                key = about_key or found["loc"][-1:] == ("[key]",)
                message = told(found, shape)
                shown_message = scrubbed(message, values) if base else message
                self.wrong(where, shown_message, key=key, known=known)
        except Exception as error:  # noqa: BLE001  a connector's own check may raise anything
            self.wrong(base, f"the connector cannot check these values ({type(error).__name__})")
        return None

    def wrong(
        self, where: Where, message: str, *, key: bool = False, known: list[str] | None = None
    ) -> None:
        place = self.source.place(where, key=key)
        named = tuple(p if isinstance(p, int) else shown(p, known or ()) for p in where)
        self.findings.wrong(place, named, message)


def _chosen(check: _Check, values: Any, options: Options) -> across.Chosen:
    """Each integration's options as its connector's model, with its shop key."""
    chosen: dict[str, tuple[Any, str]] = {}
    integrations = values.get("integrations")
    for handle, one in integrations.items() if isinstance(integrations, dict) else ():
        source = one.get("source") if isinstance(one, dict) else None
        if not isinstance(source, str):
            continue
        where: Where = ("integrations", handle)
        if source not in options:
            hint = suggestion(source, options)
            there = f"; installed: {', '.join(options)}" if "did you" in hint else ""
            check.wrong((*where, "source"), f"no such connector installed; {hint}{there}")
            continue
        shape, shop_key = options[source]
        given = one.get("options")
        checked = check.model(shape, {} if given is None else given, (*where, "options"))
        if checked is None:
            continue
        try:
            chosen[handle] = (checked, shop_key(checked))
        except Exception as error:  # noqa: BLE001  as above
            check.wrong(
                (*where, "options"), f"the connector finds no shop in them ({type(error).__name__})"
            )
    return chosen


def _settings(file: File, chosen: across.Chosen, warnings: tuple[str, ...]) -> Settings:
    return Settings(
        database_url=file.database_url,
        api=file.api,
        admin=file.admin,
        keys=tuple(model.ApiKey(**key.model_dump()) for key in file.keys),
        entities={handle: _entity(handle, one) for handle, one in file.entities.items()},
        integrations={
            handle: _integration(handle, one, *chosen[handle])
            for handle, one in file.integrations.items()
        },
        auto_migrate=file.auto_migrate,
        retention=file.retention,
        warnings=warnings,
    )


def _entity(handle: str, one: Entity) -> model.Entity:
    values = one.model_dump() | {"numbering": model.Numbering(**one.numbering.model_dump())}
    return model.Entity(handle=handle, **values)


def _integration(handle: str, one: Integration, options: Any, shop_key: str) -> model.Integration:
    rules = {field.name: getattr(one, field.name) for field in fields(model.Rules)}
    rules["skip"] = model.Skip(**one.skip.model_dump())
    return model.Integration(
        handle=handle,
        entity=one.entity,
        source=one.source,
        name=one.name or handle,
        is_active=one.is_active,
        options=options,
        shop_key=shop_key,
        poll=model.Poll(**one.poll.model_dump()),
        sweep=model.Sweep(**one.sweep.model_dump()),
        import_from=one.import_from,
        rules=model.Rules(**rules),
        webhook_secret=one.webhook_secret,
    )
