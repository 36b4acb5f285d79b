"""What the functions call, read off the artefact's sources by another way than the packaging goes: by the places of the calls."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

SESSION = {"call", "pages"}
"""Methods of AwsSession whose first two arguments are service and operation."""

CLIENTS = {"dynamodb_client.py": "dynamodb", "dynamodb_table.py": "dynamodb", "dynamodb_index.py": "dynamodb"}
"""Modules of the journal that are handed a client and call its methods."""

LIBRARIES = {("s3", "head_bucket")}
"""By botocore itself, which asks where a bucket is."""

Known = Callable[[str], set[str]]
"""A service's operations by Python name."""


def called(artefact: Path, known: Known) -> set[tuple[str, str]]:
    """Service and operation of every call."""
    return LIBRARIES | {found for path in _sources(artefact) for found in _of(path, known)}


def paged(artefact: Path) -> set[tuple[str, str]]:
    """Service and operation of what is read page by page."""
    calls = [each for path in _sources(artefact) for each in _calls(_tree(path))]
    found = {_literal(call) for call in calls if _method(call) == "pages"}
    return {each for each in found if each is not None} | {("dynamodb", "query"), ("dynamodb", "scan")}


def waited(artefact: Path) -> set[str]:
    """The waiters that are asked for."""
    calls = [each for path in _sources(artefact) for each in _calls(_tree(path))]
    return {text for call in calls if _method(call) == "get_waiter" and (text := _text(call, 0))}


def _sources(artefact: Path) -> Iterator[Path]:
    for folder in ("stanch", "handlers", "remediations"):
        yield from (artefact / folder).rglob("*.py")


def _of(path: Path, known: Known) -> Iterator[tuple[str, str]]:
    tree = _tree(path)
    for call in _calls(tree):
        service = _text(call, 0)
        if _method(call) in SESSION and service is not None:
            literal = _text(call, 1)
            # An operation that comes as an argument of ours stands in the module that passes it.
            names = {literal} if literal is not None else _texts(tree) & known(service)
            yield from ((service, name) for name in names)
        elif path.name in CLIENTS and _method(call) in known(CLIENTS[path.name]):
            yield CLIENTS[path.name], _method(call)


def _tree(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"))


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))


def _method(call: ast.Call) -> str:
    assert isinstance(call.func, ast.Attribute)
    return call.func.attr


def _text(call: ast.Call, at: int) -> str | None:
    node = call.args[at] if len(call.args) > at else None
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _literal(call: ast.Call) -> tuple[str, str] | None:
    service, operation = _text(call, 0), _text(call, 1)
    return (service, operation) if service and operation else None


def _texts(tree: ast.AST) -> set[str]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
