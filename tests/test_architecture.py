"""Who may import whom: the table of the design, checked against every import statement."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EVERYTHING = None

ALLOWED: dict[str, frozenset[str] | None] = {
    "errors": frozenset(),
    "logs": frozenset({"errors"}),
    "model": frozenset({"errors"}),
    "connector": frozenset({"errors", "model"}),
    "store": frozenset({"errors", "model"}),
    "invoicing": frozenset({"errors", "model", "store"}),
    "sync": frozenset({"errors", "model", "connector", "store"}),
    "api": frozenset({"errors", "model", "store", "invoicing"}),
    "admin": frozenset({"errors", "model", "store"}),
    "settings": frozenset({"errors", "model"}),
    "schedule": frozenset({"errors"}),
    "replay": frozenset({"errors", "model", "connector", "store"}),
    "simulator": frozenset({"errors"}),
    "daemon": EVERYTHING,
    "commands": EVERYTHING,
    "cli": EVERYTHING,
    "__init__": frozenset(),
    "__main__": frozenset({"cli"}),
}
CONNECTOR_MAY = frozenset({"errors", "model", "connector"})
# The version number is everybody's.
COMMON = frozenset({"__version__"})


def imports(path: Path) -> set[str]:
    """Every module a file imports, with the imported names appended (from a import b -> a.b)."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; name the room"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rooms_of(path: Path) -> set[str]:
    """The rooms of ordermill that a file imports."""
    ours: set[str] = set()
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "ordermill" and len(parts) > 1 and parts[1] not in COMMON:
            ours.add(parts[1])
    return ours


SOURCES = sorted((ROOT / "src/ordermill").rglob("*.py"))
SHELF = sorted((ROOT / "connectors").rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT / "src/ordermill")))
def test_a_room_imports_only_what_the_design_allows(path: Path) -> None:
    room = path.relative_to(ROOT / "src/ordermill").parts[0].removesuffix(".py")
    allowed = ALLOWED[room]
    if allowed is not EVERYTHING:
        assert rooms_of(path) - {room} <= allowed


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT / "src/ordermill")))
def test_the_house_never_imports_a_connector(path: Path) -> None:
    assert not {name for name in imports(path) if name.startswith("ordermill_")}


@pytest.mark.parametrize("path", SHELF, ids=lambda p: str(p.relative_to(ROOT / "connectors")))
def test_a_connector_sees_only_the_door(path: Path) -> None:
    assert rooms_of(path) <= CONNECTOR_MAY


def test_the_shelf_is_no_package() -> None:
    assert not (ROOT / "connectors/__init__.py").exists()


def test_only_the_store_speaks_sql() -> None:
    for path in SOURCES:
        room = path.relative_to(ROOT / "src/ordermill").parts[0]
        if room != "store":
            speaking = {n for n in imports(path) if n.split(".")[0] in {"sqlalchemy", "psycopg"}}
            assert speaking <= {"sqlalchemy.Connection"}, f"{path} speaks SQL: {speaking}"
