"""Replies held against botocore's own service models: names, required members and types, in JSON and in EC2's XML."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape


class WrongShape(AssertionError):
    """A reply that the service's model does not allow."""


def check_wire(operation_model: OperationModel, response_dict: dict[str, Any], **_: Any) -> None:
    """Hook for botocore's `before-parse`: raises WrongShape for a reply that differs from the operation's output shape."""
    shape, protocol = operation_model.output_shape, operation_model.service_model.protocol
    if response_dict["status_code"] >= 300 or shape is None:
        return
    if protocol in ("json", "rest-json"):
        body = json.loads(response_dict["body"] or b"{}")
        _check_json(body, shape, operation_model.name)
    elif protocol == "ec2":
        _check_xml(ElementTree.fromstring(response_dict["body"]), shape, operation_model.name, top=True)


_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "long": (int,), "double": (int, float), "float": (int, float), "boolean": (bool,),
    "timestamp": (int, float, str), "blob": (str,),
}  # fmt: skip


def _check_json(value: Any, shape: Shape, place: str) -> None:
    if isinstance(shape, StructureShape):
        _object(value, place)
        names = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
        for key in value:
            if key not in names:
                raise WrongShape(f"{place}.{key} is no member of {shape.name}")
        missing = [
            name for name in shape.required_members if shape.members[name].serialization.get("name", name) not in value
        ]
        if missing:
            raise WrongShape(f"{place} lacks {missing}")
        for key, item in value.items():
            _check_json(item, names[key][1], f"{place}.{key}")
    elif isinstance(shape, ListShape):
        if not isinstance(value, list):
            raise WrongShape(f"{place} is no list: {value!r}")
        for number, item in enumerate(value):
            _check_json(item, shape.member, f"{place}[{number}]")
    elif isinstance(shape, MapShape):
        _object(value, place)
        for key, item in value.items():
            _check_json(item, shape.value, f"{place}.{key}")
    elif not isinstance(value, _JSON_TYPES[shape.type_name]) or (
        shape.type_name != "boolean" and isinstance(value, bool)
    ):
        raise WrongShape(f"{place} is no {shape.type_name}: {value!r}")


def _object(value: Any, place: str) -> None:
    if not isinstance(value, dict):
        raise WrongShape(f"{place} is no object: {value!r}")


def _check_xml(element: ElementTree.Element, shape: Shape, place: str, *, top: bool = False) -> None:
    if isinstance(shape, StructureShape):
        names = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for child in element:
            tag = child.tag.rpartition("}")[2]
            if top and tag == "requestId":
                continue
            if tag not in names:
                raise WrongShape(f"{place}.{tag} is no member of {shape.name}")
            _check_xml(child, names[tag], f"{place}.{tag}")
    elif isinstance(shape, ListShape):
        item = shape.member.serialization.get("name", "member")
        for child in element:
            if child.tag.rpartition("}")[2] != item:
                raise WrongShape(f"{place} has <{child.tag}> where <{item}> is due")
            _check_xml(child, shape.member, f"{place}.{item}")
    elif shape.type_name in ("integer", "long"):
        int(element.text or "")
    elif shape.type_name == "boolean" and element.text not in ("true", "false"):
        raise WrongShape(f"{place} is no boolean: {element.text!r}")
