"""YAML with places: every value knows the `file:line` it stands at, so that every complaint can name it.

Read more narrowly than PyYAML's safe loader reads: only what JSON has. `yes`, `on` and dates stay texts (YAML 1.2's core schema,
https://yaml.org/spec/1.2.2/#103-core-schema), tags and duplicate keys are errors, and aliases cannot blow a small file up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import yaml
from msgspec import Struct

from stanch.errors import PolicyError

Level = Literal["error", "warning", "note"]

DEEPEST, LARGEST = 24, 500_000


class Problem(Struct, frozen=True):
    """What is wrong, doubtful or worth knowing, and where."""

    level: Level
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.level}: {self.message}"


class Node(Struct, frozen=True):
    """A value with its place. `value` is a dict of nodes, a list of nodes or a scalar; a mapping's member stands at its key."""

    value: Any
    place: str

    def plain(self) -> Any:
        if isinstance(self.value, dict):
            return {name: node.plain() for name, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def get(self, name: str) -> Node | None:
        """The member of that name; None also where this is no mapping."""
        return self.value.get(name) if isinstance(self.value, dict) else None

    def items(self) -> Iterable[tuple[str, Node]]:
        return self.value.items() if isinstance(self.value, dict) else ()

    def __iter__(self) -> Iterator[Node]:
        return iter(self.value if isinstance(self.value, list) else ())


_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """Resolves plain scalars as JSON would, and nothing else."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own name and shape


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", list("-+0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)


def parse(text: str, file: str, problems: list[Problem]) -> Node:
    """The document as a tree. Duplicate keys, tags and odd keys are added to `problems`; raises PolicyError for broken YAML."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
    except yaml.YAMLError as error:
        raise PolicyError(_place(file, error), f"is no valid YAML: {_words(error)}") from None
    finally:
        loader.dispose()
    if root is None:
        raise PolicyError(f"{file}:1", "is empty")
    return _Reader(file, problems).read(root, root, 0)


def _place(file: str, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return f"{file}:{mark.line + 1}" if mark else f"{file}:1"


def _words(error: yaml.YAMLError) -> str:
    found = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).partition("\n")[0]
    context = getattr(error, "context", None)
    return f"{context}, {found}" if context else str(found)


class _Reader:
    def __init__(self, file: str, problems: list[Problem]) -> None:
        self._file, self._problems, self._count = file, problems, 0

    def read(self, node: yaml.Node, anchor: yaml.Node, depth: int) -> Node:
        """The node's value at `anchor`'s line: a member is reported where its key stands."""
        place = f"{self._file}:{anchor.start_mark.line + 1}"
        self._count += 1
        if depth > DEEPEST or self._count > LARGEST:
            raise PolicyError(
                place, "is nested too deeply" if depth > DEEPEST else "is too large; do its aliases multiply?"
            )
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return Node(self._members(node, depth), place)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return Node([self.read(item, item, depth + 1) for item in node.value], place)
        if isinstance(node, yaml.ScalarNode) and kind in ("str", "null", "bool", "int", "float"):
            return Node(self._scalar(node, kind, place), place)
        self._complain(place, f"the tag {node.tag!r} is not allowed here")
        return Node(None, place)

    def _members(self, node: yaml.MappingNode, depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for key, value in node.value:
            place = f"{self._file}:{key.start_mark.line + 1}"
            if not isinstance(key, yaml.ScalarNode) or not key.tag.endswith(":str"):
                self._complain(place, "a key must be a text; put it in quotes")
                continue
            name = str(key.value)
            if name in found:
                self._complain(place, f"the key {name!r} stands here a second time; first at {found[name].place}")
            found.setdefault(name, self.read(value, key, depth + 1))
        return found

    def _scalar(self, node: yaml.ScalarNode, kind: str, place: str) -> Any:
        text = str(node.value)
        try:
            if kind == "bool":
                return {"true": True, "false": False}[text.lower()]
            if kind == "int":
                return int(text)
            if kind == "float":
                return float(text)
        except (ValueError, KeyError):
            self._complain(place, f"{text!r} is no {kind}")
            return None
        return None if kind == "null" else text

    def _complain(self, place: str, message: str) -> None:
        self._problems.append(Problem("error", place, message))
