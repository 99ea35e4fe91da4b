"""The YAML file as typed values: every error at once, each with its place in the file."""

from __future__ import annotations

from pathlib import Path

from ordermill.settings.load import Options, Settings, load
from ordermill.settings.schema import json_schema

__all__ = ["Options", "Settings", "demo_file", "json_schema", "load"]


def demo_file() -> Path:
    """The demo's configuration. It lies in the package; config/demo.yaml links to it."""
    return Path(__file__).parents[1] / "demo.yaml"
