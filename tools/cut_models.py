"""Cuts botocore's data in an artefact down to what the functions can call: a client's model is parsed on its first use, and IAM's alone has 190 operations.

Nothing is listed by hand. Kept are the services whose name stands as a text in the functions' sources, and of these the operations whose Python name stands there as a
text, as an attribute, or fits an f-string (`f"get_{kind}_policy"`); shapes that no kept operation reaches, documentation, examples and the endpoints of other services go.
"""

from __future__ import annotations

import ast
import gzip
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from botocore import xform_name

Model = dict[str, Any]

_WORDS = frozenset({"documentation", "documentationUrl", "externalDocumentation", "examples", "example"})


class Names:
    """What stands in the sources under the folders: texts and attributes as they are, f-strings as patterns."""

    def __init__(self, folders: Iterable[Path]) -> None:
        nodes = [node for folder in folders for path in folder.rglob("*.py") for node in ast.walk(_tree(path))]
        self._exact = {name for node in nodes for name in _exact(node)}
        self._patterns = [
            re.compile(pattern) for pattern in sorted({each for node in nodes for each in _pattern(node)})
        ]

    def __contains__(self, name: str) -> bool:
        return name in self._exact or any(pattern.fullmatch(name) for pattern in self._patterns)


def cut(data: Path, ours: Iterable[Path], others: Iterable[Path]) -> None:
    """Cut the folder `data` (`botocore/data`) down to the services that the modules under `ours` name, and to the operations that these and `others` name."""
    own = list(ours)
    named, called = Names(own), Names([*own, *others])
    services = {folder.name for folder in data.iterdir() if folder.is_dir() and folder.name in named}
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in services:
            shutil.rmtree(folder)
    for service in services:
        _cut_service(data / service, called)
    _cut_endpoints(data / "endpoints.json", services)


def _tree(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"))


def _exact(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[a-z0-9_-]+", node.value):
        yield node.value


def _pattern(node: ast.AST) -> Iterator[str]:
    """`f"get_{kind}_policy"` fits `get_role_policy`. A word must be there: a hole alone would fit everything."""
    if isinstance(node, ast.JoinedStr) and any(
        isinstance(part, ast.Constant) and re.search(r"[a-z]_|_[a-z]", str(part.value)) for part in node.values
    ):
        parts = [re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\w+" for part in node.values]
        yield "".join(parts)


def _cut_service(folder: Path, names: Names) -> None:
    versions = sorted(path for path in folder.iterdir() if path.is_dir())
    for old in versions[:-1]:
        shutil.rmtree(old)
    for path in versions[-1].iterdir():
        if path.name.startswith("service-2.json"):
            model = _cut_model(_read(path), names)
            path.unlink()
            _write(versions[-1] / "service-2.json", model)
        elif path.name.startswith("endpoint-rule-set-1.json"):
            rules = _read(path)
            path.unlink()
            _write(versions[-1] / "endpoint-rule-set-1.json", _without_words(rules))
        elif not path.name.startswith(("paginators-1", "waiters-2")):
            path.unlink()


def _cut_model(model: Model, names: Names) -> Model:
    operations = {name: each for name, each in model["operations"].items() if xform_name(name) in names}
    reached: set[str] = set()
    waiting = [shape for each in operations.values() for shape in _shapes(each)]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _shapes(model["shapes"][name])
    # Errors are told apart by code, and botocore makes a class of each that the model has.
    errors = {name for name, shape in model["shapes"].items() if shape.get("exception")}
    shapes = {name: shape for name, shape in model["shapes"].items() if name in reached | (errors & reached)}
    return dict(_without_words({**model, "operations": operations, "shapes": shapes}))


def _shapes(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "shape" and isinstance(inner, str):
                yield inner
            else:
                yield from _shapes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _shapes(inner)


def _without_words(value: Any, named: bool = False) -> Any:
    """Without what only people read. `named`: the keys are names of shapes, members or operations, not words of the model's language."""
    if isinstance(value, dict):
        return {
            name: _without_words(inner, not named and name in ("members", "shapes", "operations", "parameters"))
            for name, inner in value.items()
            if named or name not in _WORDS
        }
    return [_without_words(inner) for inner in value] if isinstance(value, list) else value


def _cut_endpoints(path: Path, services: set[str]) -> None:
    """Endpoints are named by prefix (`config`, `email`), which for the services kept is the folder's name."""
    endpoints = _read(path)
    for partition in endpoints["partitions"]:
        partition["services"] = {name: each for name, each in partition["services"].items() if name in services}
    _write(path, endpoints)


def _read(path: Path) -> Any:
    raw = path.read_bytes()
    return json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")
