"""`webhooks list` and `webhooks create`: whether the shops tell us what happens to orders."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import typer

from ordermill.connector.base import Connector, Context, KeepsWebhooks, Subscription, Unobserved
from ordermill.connector.registry import installed
from ordermill.daemon import read_settings
from ordermill.errors import ConfigError, CredentialsRefused, SourceError
from ordermill.model.integration import Integration
from ordermill.settings import Settings

OK, FOUND, REFUSED = 0, 1, 3

Act = Callable[[KeepsWebhooks, Integration, str], bool]


def list_webhooks(path: Path, handles: Sequence[str]) -> int:
    """Print what each shop keeps for us; 1 where something is missing or delivers nothing."""
    return at_each(path, handles, shown)


def create_webhooks(path: Path, handles: Sequence[str]) -> int:
    """Make what is missing, then print what each shop keeps for us. What is there is not made a
    second time, so it can be repeated whatever went wrong."""
    return at_each(path, handles, created)


def at_each(path: Path, handles: Sequence[str], act: Act) -> int:
    """Go through the named integrations (default all) that receive webhooks."""
    settings = read_settings(path)
    unknown = [handle for handle in handles if handle not in settings.integrations]
    if unknown:
        known = ", ".join(settings.integrations) or "none"
        raise ConfigError(f"no integration {', '.join(unknown)} in the file; there are: {known}")
    if settings.api.public_url is None:
        raise ConfigError(
            "api.public_url is not set; write the address under which shops reach the Orders API, "
            "such as https://orders.example.com"
        )
    wanted = handles or list(settings.integrations)
    codes = [at_one(settings, settings.integrations[handle], act) for handle in wanted]
    return next((code for code in (REFUSED, FOUND) if code in codes), OK)


def at_one(settings: Settings, integration: Integration, act: Act) -> int:
    handle = integration.handle
    url = f"{str(settings.api.public_url).rstrip('/')}/webhooks/{handle}"
    if integration.webhook_secret is None:
        typer.echo(f"{handle}: receives none; webhook_secret in the file switches the receiver on")
        return OK
    with connected(integration) as connector:
        if not isinstance(connector, KeepsWebhooks):
            typer.echo(f"{handle}: its connector makes none; make them in the shop, to {url}")
            return FOUND
        try:
            return OK if act(connector, integration, url) else FOUND
        except CredentialsRefused as error:
            typer.echo(f"{handle}: refused: {error}")
            return REFUSED
        except SourceError as error:
            typer.echo(f"{handle}: {error}")
            return FOUND


@contextmanager
def connected(integration: Integration) -> Iterator[Connector]:
    context = Context(integration.handle, lambda: datetime.now(UTC), time.sleep, Unobserved())
    connector = installed()[integration.source].connect(integration.options, context)
    try:
        yield connector
    finally:
        connector.close()


def shown(connector: KeepsWebhooks, integration: Integration, url: str) -> bool:
    """A line per topic; whether all of them deliver."""
    ours = to_us(connector.webhooks(), url)
    typer.echo(f"{integration.handle}: to {url}")
    for topic in connector.webhook_topics:
        typer.echo(f"  {topic}: {state_of(ours, topic)}")
    return all(delivers(ours, topic) for topic in connector.webhook_topics)


def created(connector: KeepsWebhooks, integration: Integration, url: str) -> bool:
    """One that is there and delivers nothing is named, not replaced: somebody has to know why."""
    ours = to_us(connector.webhooks(), url)
    for topic in connector.webhook_topics:
        if not any(each.topic == topic for each in ours):
            connector.create_webhook(topic, url, str(integration.webhook_secret))
    return shown(connector, integration, url)


def to_us(webhooks: Sequence[Subscription], url: str) -> list[Subscription]:
    return [each for each in webhooks if each.url.rstrip("/") == url]


def delivers(ours: Sequence[Subscription], topic: str) -> bool:
    return any(each.topic == topic and each.trouble is None for each in ours)


def state_of(ours: Sequence[Subscription], topic: str) -> str:
    found = [each for each in ours if each.topic == topic]
    if not found:
        return "missing; `ordermill webhooks create` makes it"
    return "delivers" if delivers(ours, topic) else str(found[0].trouble)
