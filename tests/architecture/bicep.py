"""Bicep files as data, for tests. There is no compiler here: pycep reads the syntax, and what names refer to is looked up by `unresolved`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from pycep import BicepParser

FOLDER = Path(__file__).parent.parent.parent / "deploy/azure"
FILES = sorted(path.name for path in FOLDER.glob("*.bicep"))

_WORDS = {
    *("param", "var", "resource", "module", "output", "targetScope", "existing", "for", "in", "if"),
    *("true", "false", "null", "string", "int", "bool", "array", "object"),
}
_DECLARED = re.compile(
    r"^(?:param|var|resource|module) (\w+)|\bfor (\w+) in\b|\bfor \((\w+), (\w+)\) in\b", re.MULTILINE
)
_KEY = re.compile(r"(^|[{,])(\s*)\w+(\s*:)", re.MULTILINE)
_NAME = re.compile(r"(?<![\w.@])[A-Za-z_]\w*(?!\w|\s*\()")


@cache
def _parser() -> BicepParser:
    return BicepParser(cache=False)


@cache
def parse(name: str) -> dict[str, Any]:
    """`parameters`, `variables`, `resources`, `modules` and `outputs` of a file, as pycep gives them. Raises lark's errors for what is no Bicep."""
    parsed: dict[str, Any] = dict(_parser().parse(text=text(name)))
    return parsed


@cache
def text(name: str) -> str:
    return (FOLDER / name).read_text()


def resources(kind: str, *names: str) -> list[dict[str, Any]]:
    """The bodies of all resources of a type that the files deploy, or those with one of `names`."""
    found = [
        one["config"]
        for file in FILES
        for one in parse(file).get("resources", {}).values()
        if one["type"] == kind and not one["existing"]
    ]
    return [one for one in found if not names or one.get("name") in names]  # fmt: skip


def unresolved(source: str) -> set[str]:
    """Names that are used and nowhere declared. Functions, property names and keys are not looked at."""
    code = "\n".join(_code(source))
    declared = {name for groups in _DECLARED.findall(code) for name in groups if name}
    used = _NAME.findall(_KEY.sub(r"\1\2\3", re.sub(r"^output \w+", "output", code, flags=re.MULTILINE)))
    return set(used) - declared - _WORDS


def _code(source: str) -> list[str]:
    """The text without strings and comments, then the expressions within strings."""
    inner: list[str] = []

    def blank(found: re.Match[str]) -> str:
        inner.extend(re.findall(r"\$\{([^}]*)\}", found[0]))
        return "''" if found[0].startswith("'") else ""

    return [re.sub(r"'(?:\\.|[^'\\])*'|//.*|^\s*#.*", blank, source, flags=re.MULTILINE), *inner]


def rendered(value: Any, known: dict[str, str]) -> str:
    """An expression's value, where `known` holds what its names stand for. Raises KeyError for one that it does not hold."""
    if isinstance(value, dict) and value.get("function", {}).get("type") == "join":
        given = value["function"]["parameters"]
        return str(given["delimiter"]).join(rendered(one, known) for one in given["input_array"])
    if isinstance(value, dict):
        return known[path(value)]
    return known.get(value) or re.sub(r"\$\{([^}]*)\}", lambda found: known[found[1]], value)


def path(value: Any) -> str:
    """`a.b.c` for a chain of property accesses."""
    if isinstance(value, str):
        return value
    operands = value["operator"]["operands"]
    return f"{path(operands['operand_1'])}.{path(operands['operand_2'])}"
