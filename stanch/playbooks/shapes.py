"""What a value in the policy file may look like. Each shape reads a node (complaining of all that is wrong with it), gives its
normalised JSON, and knows its JSON Schema: so the checker and the schema cannot say different things.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from stanch.playbooks.impossible import suggestion
from stanch.playbooks.tree import Node, Problem

Problems = list[Problem]


def complain(problems: Problems, node: Node, message: str) -> None:
    problems.append(Problem("error", node.place, message))


class Shape(ABC):
    """`read` returns what the compiled policy holds, or None when the node is wrong, which it then says."""

    @abstractmethod
    def read(self, node: Node, name: str, problems: Problems) -> Any: ...

    @abstractmethod
    def schema(self) -> dict[str, Any]: ...


class Text(Shape):
    """A text: of `choices`, matching `pattern`, or passing `wrong`, which returns the reason why it does not."""

    def __init__(
        self,
        about: str = "",
        *,
        choices: tuple[str, ...] = (),
        pattern: str = "",
        means: str = "",
        wrong: Callable[[str], str | None] | None = None,
    ) -> None:
        self.about, self.choices, self.pattern, self.means, self.wrong = about, choices, pattern, means, wrong

    def read(self, node: Node, name: str, problems: Problems) -> Any:
        value = node.value
        if not isinstance(value, str):
            quote = f'; write "{value}" in quotes' if isinstance(value, int) and not isinstance(value, bool) else ""
            complain(problems, node, f"{name} must be a text, not {_kind(value)}{quote}")
        elif self.choices and value not in self.choices:
            known = ", ".join(self.choices)
            complain(problems, node, f"{name} is one of {known}, not {value!r}{suggestion(value, self.choices)}")
        elif self.pattern and not re.search(self.pattern, value):
            complain(problems, node, f"{name} must be {self.means}, not {value!r}")
        elif reason := (self.wrong(value) if self.wrong else None):
            complain(problems, node, f"{name}: {reason}")
        else:
            return value
        return None

    def schema(self) -> dict[str, Any]:
        found: dict[str, Any] = {"type": "string"}
        if self.choices:
            found = {"enum": list(self.choices)}
        if self.pattern:
            found["pattern"] = self.pattern
        return found | ({"description": self.about} if self.about else {})


class Duration(Shape):
    """`90s`, `15m`, `24h` or `7d`; read as seconds."""

    PATTERN = r"^[1-9][0-9]*[smhd]$"

    def read(self, node: Node, name: str, problems: Problems) -> Any:
        if not isinstance(node.value, str) or not re.search(self.PATTERN, node.value):
            shown = f"{node.value!r}" if isinstance(node.value, str | int | float) else _kind(node.value)
            complain(problems, node, f"{name} must be a duration such as 15m, 24h or 7d, not {shown}")
            return None
        return int(node.value[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[node.value[-1]]

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": self.PATTERN}


class Whole(Shape):
    """A whole number of at least 1."""

    def read(self, node: Node, name: str, problems: Problems) -> Any:
        if isinstance(node.value, bool) or not isinstance(node.value, int) or node.value < 1:
            complain(problems, node, f"{name} must be a whole number of at least 1, not {_kind(node.value)}")
            return None
        return node.value

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": 1}


class Flag(Shape):
    """true or false; YAML 1.1's yes, no, on and off are texts here."""

    def read(self, node: Node, name: str, problems: Problems) -> Any:
        if not isinstance(node.value, bool):
            complain(problems, node, f"{name} must be true or false, not {_kind(node.value)}")
            return None
        return node.value

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class ListOf(Shape):
    """A list of at least one item, no value twice."""

    def __init__(self, item: Shape, about: str = "") -> None:
        self.item, self.about = item, about

    def read(self, node: Node, name: str, problems: Problems) -> Any:
        if not isinstance(node.value, list):
            hint = f"; write [{node.value}]" if isinstance(node.value, str | int | float) else ""
            complain(problems, node, f"{name} must be a list, not {_kind(node.value)}{hint}")
            return None
        if not node.value:
            complain(problems, node, f"{name} is empty")
        seen: list[Any] = []
        for item in node:
            if item.value in seen:
                complain(problems, item, f"{name} lists {item.value!r} twice")
            if not isinstance(item.value, dict | list):
                seen.append(item.value)
        return [self.item.read(item, name, problems) for item in node]

    def schema(self) -> dict[str, Any]:
        found: dict[str, Any] = {"type": "array", "minItems": 1, "uniqueItems": True, "items": self.item.schema()}
        return found | ({"description": self.about} if self.about else {})


class MapOf(Shape):
    """A mapping with names of one's own."""

    def __init__(self, item: Shape, *, key: str = r".", least: int = 1, about: str = "") -> None:
        self.item, self.key, self.least, self.about = item, key, least, about

    def read(self, node: Node, name: str, problems: Problems) -> Any:
        if not isinstance(node.value, dict):
            complain(problems, node, f"{name} must be a mapping, not {_kind(node.value)}")
            return None
        if len(node.value) < self.least:
            complain(problems, node, f"{name} is empty")
        for key, item in node.items():
            if not re.search(self.key, key):
                complain(problems, item, f"{key!r} cannot be a name in {name}")
        return {key: self.item.read(item, f"{name}.{key}", problems) for key, item in node.items()}

    def schema(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "type": "object",
            "propertyNames": {"pattern": self.key},
            "additionalProperties": self.item.schema(),
        }
        return (
            found
            | ({"minProperties": self.least} if self.least else {})
            | ({"description": self.about} if self.about else {})
        )


class Record(Shape):
    """A mapping with the keys named here; `required` ones must be there, and at least one of each group of `one_of`."""

    def __init__(
        self,
        keys: Mapping[str, Shape],
        required: tuple[str, ...] = (),
        one_of: tuple[tuple[str, ...], ...] = (),
        about: str = "",
    ) -> None:
        self.keys, self.required, self.one_of, self.about = keys, required, one_of, about

    def read(self, node: Node, name: str, problems: Problems) -> Any:
        if not isinstance(node.value, dict):
            complain(problems, node, f"{name or 'the policy'} must be a mapping, not {_kind(node.value)}")
            return None
        where = f" in {name}" if name else ""
        for key, item in node.items():
            if key not in self.keys:
                hint = suggestion(key, self.keys) or f"; there is {', '.join(self.keys)}"
                complain(problems, item, f"unknown key {key!r}{where}{hint}")
        for key in self.required:
            if key not in node.value:
                complain(problems, node, f"{name or 'the policy'} lacks {key!r}")
        for group in self.one_of:
            if not any(key in node.value for key in group):
                complain(problems, node, f"{name} lacks {' or '.join(repr(key) for key in group)}")
        return {
            key: self.keys[key].read(item, f"{name}.{key}" if name else key, problems)
            for key, item in node.items()
            if key in self.keys
        }

    def schema(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "type": "object",
            "properties": {key: shape.schema() for key, shape in self.keys.items()},
            "additionalProperties": False,
        }
        if self.required:
            found["required"] = list(self.required)
        if self.one_of:
            found["allOf"] = [{"anyOf": [{"required": [key]} for key in group]} for group in self.one_of]
        return found | ({"description": self.about} if self.about else {})


class Either(Shape):
    """A mapping of one shape, or anything else of the other."""

    def __init__(self, scalar: Shape, mapping: Shape) -> None:
        self.scalar, self.mapping = scalar, mapping

    def read(self, node: Node, name: str, problems: Problems) -> Any:
        shape = self.mapping if isinstance(node.value, dict) else self.scalar
        return shape.read(node, name, problems)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.scalar.schema(), self.mapping.schema()]}


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else repr(value)
