"""`check`: everything wrong with the YAML at once; then each shop is asked once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import typer

from ordermill.connector.base import Context, Plugin, ShopInfo, Unobserved
from ordermill.connector.registry import installed
from ordermill.daemon import read_settings
from ordermill.errors import ConfigError, CredentialsRefused, SourceError
from ordermill.model.integration import Integration
from ordermill.settings import Settings

OK, FOUND, WRONG, REFUSED = 0, 1, 2, 3
TOLERATED_SECONDS = 60  # a clock difference beyond it is a finding


def check_files(files: Sequence[Path], *, offline: bool) -> int:
    """The exit code: 2 a file is wrong, 3 a shop refused the credentials, 1 another finding."""
    codes = [check_file(path, offline=offline) for path in files]
    return next((code for code in (WRONG, REFUSED, FOUND) if code in codes), OK)


def check_file(path: Path, *, offline: bool) -> int:
    try:
        settings = read_settings(path)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        return WRONG
    for warning in settings.warnings:
        typer.echo(f"warning: {warning}")
    typer.echo(f"{path}: {len(settings.integrations)} integrations, the file is right")
    return OK if offline else check_shops(settings)


def check_shops(settings: Settings) -> int:
    plugins = installed()
    codes = [check_shop(i, plugins[i.source]) for i in settings.integrations.values()]
    return next((code for code in (REFUSED, FOUND) if code in codes), OK)


def check_shop(integration: Integration, plugin: Plugin) -> int:
    """Ask one shop; print what it is and every finding."""
    context = Context(integration.handle, lambda: datetime.now(UTC), time.sleep, Unobserved())
    connector = plugin.connect(integration.options, context)
    try:
        info = connector.check()
    except CredentialsRefused as error:
        typer.echo(f"{integration.handle}: refused: {error}")
        return REFUSED
    except SourceError as error:
        typer.echo(f"{integration.handle}: {error}")
        return FOUND
    finally:
        connector.close()
    typer.echo(f"{integration.handle}: {described(info)}")
    found = findings(info)
    for finding in found:
        typer.echo(f"{integration.handle}: {finding}")
    return FOUND if found else OK


def described(info: ShopInfo) -> str:
    """One line: name, version, currency, scopes, clock."""
    parts = [info.name, info.version and f"version {info.version}", info.currency_code]
    if info.scopes:
        parts.append("scopes " + " ".join(info.scopes))
    if info.clock_difference is not None:
        parts.append(f"its clock is {info.clock_difference:+.0f} s from ours")
    return ", ".join(part for part in parts if part)


def findings(info: ShopInfo) -> list[str]:
    """What the operator should know. Reading goes by the shop's clock, a skewed one is told."""
    found = list(info.problems)
    if info.clock_difference is not None and abs(info.clock_difference) > TOLERATED_SECONDS:
        found.append(f"the shop's clock differs by {info.clock_difference:.0f} s; set one of them")
    return found
