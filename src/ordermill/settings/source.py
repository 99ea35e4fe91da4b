"""Where each value came from: a place in the file, or an environment variable."""

from __future__ import annotations

from dataclasses import dataclass, field

from ordermill.settings.document import Node
from ordermill.settings.findings import Place, Where


@dataclass(frozen=True, slots=True)
class Source:
    """The composed file and the variables that overrode parts of it."""

    root: Node
    variables: dict[Where, str] = field(default_factory=dict)

    def place(self, where: Where, *, key: bool = False) -> Place:
        """The place of a value, or with ``key`` of its key; of what is around it when it is not
        there. A block mapping is told by its key, its value begins on the next line."""
        for length in range(len(where), 0, -1):
            if where[:length] in self.variables:
                return Place(variable=self.variables[where[:length]])
        node, at, whole = self.root, Place(), True
        for part in where:
            inner = self._inner(node, part)
            if inner is None:
                whole = False
                break
            at = node.keys.get(str(part), inner.place)
            node = inner
        return at if key or not whole or node.place.line != at.line else node.place

    @staticmethod
    def _inner(node: Node, part: str | int) -> Node | None:
        if isinstance(node.value, dict):
            found = node.value.get(str(part))
            return found if isinstance(found, Node) else None
        if isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
            item = node.value[part]
            return item if isinstance(item, Node) else None
        return None
