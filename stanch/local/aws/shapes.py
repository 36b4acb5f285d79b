"""Values in whatever spelling, brought into the shape that a service's own model gives them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape


def conform(value: Any, shape: Shape) -> Any:
    """`value` with the member names and types of `shape`; None where nothing of it fits.

    Events come with upper-case, lower-case and flattened names, one object for a list of one, and numbers written as strings.
    What the shape does not have is dropped, as the service would not return it.
    """
    if value is None:
        return None
    if isinstance(shape, StructureShape):
        return _structure(value, shape)
    if isinstance(shape, ListShape):
        return [item for item in (conform(item, shape.member) for item in _items(value)) if item is not None]
    if isinstance(shape, MapShape):
        inner: Shape = shape.value
        return {str(key): conform(item, inner) for key, item in value.items()} if isinstance(value, Mapping) else {}
    scalar: Callable[[Any], Any] = _SCALARS.get(shape.type_name, _text)
    return scalar(value)


def _structure(value: Any, shape: StructureShape) -> dict[str, Any] | None:
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, Mapping):
        return None
    given = {_plain(key): item for key, item in value.items()}
    found = {name: conform(given.get(_plain(name)), member) for name, member in shape.members.items()}
    return {name: item for name, item in found.items() if item is not None}


def _plain(name: str) -> str:
    return str(name).replace("_", "").lower()


def _items(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, Mapping) and value and all(str(key).isdigit() for key in value):
        return list(value.values())
    return [value]


def _text(value: Any) -> str:
    if isinstance(value, (Mapping, list, bool)):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)


def _number(kind: Callable[[float], Any]) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        try:
            return kind(float(value))
        except (TypeError, ValueError, OverflowError):
            return None

    return convert


def _flag(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).strip().lower() == "true"


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "integer": _number(int), "long": _number(int), "double": _number(float), "float": _number(float), "boolean": _flag,
}  # fmt: skip
