"""Writes shapes.json: the JSON that each resource type takes, read out of the azure-mgmt packages' generated models.

Those models come from Microsoft's own API definitions, so the stand-in knows every property, its type and whether it is read-only, and can refuse the
rest as ARM does. Run as `python -m stanch.local.azure.shapes_from_sdk` after an upgrade of an azure-mgmt package.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("shapes.json")

ROOTS = {
    "compute": ["VirtualMachine", "VirtualMachineUpdate", "Disk", "DiskUpdate", "Snapshot", "SnapshotUpdate"],
    "network": ["NetworkSecurityGroup", "SecurityRule", "NetworkInterface", "VirtualNetwork", "Subnet", "PublicIPAddress", "TagsObject"],
    "storage": ["StorageAccountCreateParameters", "StorageAccountUpdateParameters", "BlobContainer"],
}  # fmt: skip

SCALARS = {"str": "s", "bool": "b", "int": "i", "float": "n", "datetime.datetime": "s", "Any": "o", "typing.Any": "o"}
MOST_CHOICES = 12
"""Longer lists of choices (machine sizes) grow faster than any release of an SDK and are not checked."""


def shapes() -> dict[str, Any]:
    """`{"packages": {name: version}, "models": {"network.SecurityRule": {"name": "-s", …}}}`; see `stanch.local.azure.shapes` for the notation."""
    models: dict[str, dict[str, str]] = {}
    for package, roots in ROOTS.items():
        module = importlib.import_module(f"azure.mgmt.{package}.models._models")
        public = importlib.import_module(f"azure.mgmt.{package}.models")
        waiting = list(roots)
        while waiting:
            name = waiting.pop()
            if f"{package}.{name}" not in models:
                models[f"{package}.{name}"], found = _fields(package, getattr(module, name), public)
                waiting += found
    packages = {f"azure-mgmt-{package}": version(f"azure-mgmt-{package}") for package in ROOTS}
    return {"packages": packages, "models": dict(sorted(models.items()))}


def _fields(package: str, model: Any, public: Any) -> tuple[dict[str, str], list[str]]:
    model()  # the SDK fills in the wire names when the first instance is made
    annotations: dict[str, Any] = {}
    for base in reversed(model.__mro__):
        annotations.update(getattr(base, "__annotations__", {}))
    fields, found = {}, []
    for attribute, rest in model._attr_to_rest_field.items():
        text = _bare(annotations[attribute])
        kind, inner = _kind(package, text, public)
        flag = "-" if rest._visibility == ["read"] else "!" if "Optional[" not in text and "None" not in text else ""
        fields[rest._rest_name] = flag + kind
        found += inner
    return fields, found


def _bare(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else str(annotation)
    text = re.sub(r"ForwardRef\((['\"])(.*?)\1(?:, module=[^)]*)?\)", r"\2", text)
    return re.sub(r"<class ([\w.]+)>", r"\1", text.replace("'", "").replace('"', ""))


def _kind(package: str, text: str, public: Any) -> tuple[str, list[str]]:
    text = re.sub(r"^(?:typing\.)?Optional\[(.*)\]$", r"\1", text).strip()
    if union := re.match(r"^(?:typing\.)?Union\[(.*)\]$", text):
        parts = [part.strip() for part in union[1].split(",") if part.strip() not in ("NoneType", "None")]
        text = next((part for part in parts if "_models." in part), parts[0])
    if listed := re.match(r"^(?:list|List|typing\.List)\[(.*)\]$", text):
        kind, found = _kind(package, listed[1], public)
        return f"[]{kind}", found
    if mapped := re.match(r"^(?:dict|Dict|typing\.Dict)\[str, (.*)\]$", text):
        kind, found = _kind(package, mapped[1], public)
        return f"{{}}{kind}", found
    if text.startswith("_models."):
        return _named(package, text.removeprefix("_models."), public)
    return SCALARS.get(text, "o"), []


def _named(package: str, name: str, public: Any) -> tuple[str, list[str]]:
    named = getattr(public, name, None)
    if isinstance(named, type) and issubclass(named, Enum):
        choices = [str(choice.value) for choice in named]
        return ("s:" + "|".join(choices) if len(choices) <= MOST_CHOICES else "s"), []
    return f"@{package}.{name}", [name]


def text() -> str:
    """The file's content: one model a line, so that an upgrade's diff can be read."""
    made = shapes()
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(fields)}" for name, fields in made["models"].items())
    return f'{{"packages": {json.dumps(made["packages"])},\n"models": {{\n{lines}\n}}}}\n'


if __name__ == "__main__":
    TARGET.write_text(text())
    sys.stderr.write(f"wrote {TARGET}\n")
