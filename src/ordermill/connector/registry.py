"""Finds the installed connectors, ours exactly as a third party's."""

from __future__ import annotations

from importlib.metadata import entry_points

from ordermill.connector.base import Plugin
from ordermill.errors import ConfigError

GROUP = "ordermill.connectors"


def installed() -> dict[str, Plugin]:
    """Every installed connector by its source, in the order of the names.

    Raise ConfigError if one cannot be loaded: running on without it would silently stop its shops.
    """
    plugins: dict[str, Plugin] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            plugin = entry.load()
        except Exception as error:
            raise ConfigError(
                f"the connector {entry.name!r} ({entry.value}) cannot be loaded: "
                f"{type(error).__name__}; reinstall or remove its package"
            ) from error
        plugins[plugin.source] = plugin
    return plugins
