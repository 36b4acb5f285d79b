"""What template.yaml says of functions and queues, so that the tests run what is deployed and not what they imagine."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml

from tests.runtime.interpreter import ROOT


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms (`!Ref Name` → `{"Ref": "Name"}`)."""


def _short_form(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _short_form)


@cache
def _template() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), _Loader)
    return loaded


def properties(logical_id: str) -> dict[str, Any]:
    """The properties of a resource; a function's with those that all functions have."""
    found = _template()["Resources"][logical_id]
    shared = _template()["Globals"]["Function"] if found["Type"] == "AWS::Serverless::Function" else {}
    return {**shared, **found["Properties"]}


def settings(logical_id: str) -> dict[str, Any]:
    """The environment variables of a function, references unresolved."""
    found: dict[str, Any] = properties(logical_id)["Environment"]["Variables"]
    return found


def functions() -> list[str]:
    """The logical ids of all functions."""
    return [name for name, one in _template()["Resources"].items() if one["Type"] == "AWS::Serverless::Function"]
