"""Cuts botocore's data in an artefact down to what the functions can call: a client parses its service's whole model on first use, and EC2's has 800 operations.

Nothing is listed by hand. Kept are the services whose name stands as a text in the functions' sources, and of these the operations whose Python name stands there as a
text, as an attribute, or fits an f-string (`f"get_{kind}_policy"`), or that a waiter named there polls. Shapes that no kept operation reaches, the paginators and waiters of others, documentation, examples
and the endpoints of other services go. What was cut off by mistake raises on its first use: botocore knows neither the service nor the method.
"""

from __future__ import annotations

import ast
import gzip
import json
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from botocore import xform_name

Model = dict[str, Any]
Named = Callable[[str], bool]
"""Whether the sources name a method of a client."""

WORDS = frozenset({"documentation", "documentationUrl", "externalDocumentation", "examples", "example"})
"""Keys of the models that only people read (https://smithy.io/2.0/spec/documentation-traits.html)."""

_NAMED = frozenset({"members", "staticContextParams", "operationContextParams"})
"""Keys below which the next keys are names of the service's own, which may well be `example`."""


class Names:
    """What stands in the Python files under the folders: texts and attributes as they are, f-strings as patterns."""

    def __init__(self, folders: Iterable[Path]) -> None:
        files = [path.read_text(encoding="utf-8") for folder in folders for path in sorted(folder.rglob("*.py"))]
        nodes = [node for text in files for node in ast.walk(ast.parse(text))]
        self.texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        self.attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        self._patterns = [re.compile(each) for each in {_pattern(node) for node in nodes} if each]

    def has(self, name: str) -> bool:
        """Whether it stands there as it is."""
        return name in self.texts or name in self.attributes

    def may_make(self, name: str) -> bool:
        """Whether it stands there, or an f-string can become it."""
        return self.has(name) or any(pattern.fullmatch(name) for pattern in self._patterns)


def _pattern(node: ast.AST) -> str | None:
    """`f"get_{kind}_policy"` fits `get_role_policy`. Part of a name must be there: a hole alone would fit everything."""
    if not isinstance(node, ast.JoinedStr):
        return None
    texts = [str(part.value) if isinstance(part, ast.Constant) else None for part in node.values]
    if not any(text and re.search(r"[a-z]_|_[a-z]", text) for text in texts):
        return None
    return "".join(r"\w+" if text is None else re.escape(text) for text in texts)


def cut(data: Path, ours: Iterable[Path], libraries: Iterable[Path]) -> None:
    """Cut the folder `data` (`botocore/data`) down to what the modules under `ours` name, and to what `libraries` call of these services by themselves."""
    own, others = Names(ours), Names(libraries)
    prefixes: set[str] = set()
    for folder in [path for path in data.iterdir() if path.is_dir()]:
        found = folder.name in own.texts and _cut_service(folder, lambda name: own.may_make(name) or others.has(name))
        if found:
            prefixes |= {folder.name, *found}
        else:
            shutil.rmtree(folder)
    endpoints = read(data / "endpoints.json")
    for partition in endpoints["partitions"]:
        partition["services"] = {name: each for name, each in partition["services"].items() if name in prefixes}
    _write(data / "endpoints.json", endpoints)


def _cut_service(folder: Path, named: Named) -> set[str]:
    """Cut the latest version, which botocore takes, and remove those before. Answers the names that its endpoints go by; none if nothing of it is called."""
    *old, latest = sorted(path for path in folder.iterdir() if path.is_dir())
    for path in old:
        shutil.rmtree(path)
    files = {path.name.removesuffix(".gz").removesuffix(".json"): path for path in latest.iterdir()}
    for name in [name for name in files if name.startswith(("examples", "completions"))]:
        files.pop(name).unlink()
    held = {name: read(path) for name, path in files.items()}
    waiters = held.get("waiters-2", {}).get("waiters", {})
    model, metadata = held["service-2"], held["service-2"]["metadata"]
    called = {name for name in model["operations"] if named(xform_name(name))}
    called |= {each["operation"] for name, each in waiters.items() if named(xform_name(name))}
    held["service-2"] = cut_model(model, called)
    for name, value in held.items():
        if name.startswith("paginators") and "pagination" in value:
            value["pagination"] = {each: rule for each, rule in value["pagination"].items() if each in called}
        elif name == "waiters-2":
            value["waiters"] = {each: rule for each, rule in waiters.items() if rule["operation"] in called}
        files[name].unlink()
        _write(latest / f"{name}.json", value)
    return {str(metadata[key]) for key in ("endpointPrefix", "signingName") if key in metadata} if called else set()


def cut_model(model: Model, called: Collection[str]) -> Model:
    """The service's model with the operations `called` alone and the shapes that these reach, without what only people read of them."""
    operations = {name: each for name, each in model["operations"].items() if name in called}
    reached: set[str] = set()
    waiting = list(_shapes(operations))
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _shapes(model["shapes"][name])
    shapes = {name: shape for name, shape in model["shapes"].items() if name in reached}
    # Elsewhere botocore asks for the documentation itself.
    return {**model, "operations": _without_words(operations, True), "shapes": _without_words(shapes, True)}


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
    """`named`: the keys are names of the service's own."""
    if isinstance(value, dict):
        return {
            name: _without_words(inner, not named and name in _NAMED)
            for name, inner in value.items()
            if named or name not in WORDS
        }
    return [_without_words(inner) for inner in value] if isinstance(value, list) else value


def read(path: Path) -> Any:
    """A JSON file of botocore's data, packed or not."""
    raw = path.read_bytes()
    return json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)


def _write(path: Path, value: Any) -> None:
    """Without gzip: a cold function would unpack it, and the archive that is uploaded is packed anyway."""
    path.write_text(json.dumps(value, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")
