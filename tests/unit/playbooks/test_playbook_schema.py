"""The generated JSON Schema agrees with the checker: on what is right, and on typical mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from stanch.playbooks.conditions import Conditions
from stanch.playbooks.fields import FIELDS, WHEN
from stanch.playbooks.load import SHIPPED, check
from stanch.playbooks.schema import schema
from stanch.playbooks.tree import parse
from tests.unit.playbooks.example import EXAMPLE
from tests.unit.playbooks.fakes import CATALOG, errors, write
from tests.unit.playbooks.refused import REFUSED


def plain(text: str) -> Any:
    return parse(text, "mine.yaml", []).plain()


def faults(text: str) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(schema(CATALOG)).iter_errors(plain(text))]


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.Draft202012Validator.check_schema(schema(CATALOG))
    assert json.loads(json.dumps(schema(), allow_nan=False)) == schema(), "JSON has no infinite bound"


def test_the_example_and_the_shipped_policy_are_valid(tmp_path: Path) -> None:
    assert faults(EXAMPLE) == []
    assert faults(SHIPPED.read_text(encoding="utf-8")) == []
    assert errors(check(write(tmp_path, EXAMPLE), CATALOG)) == []


def test_an_overlay_may_name_the_id_alone() -> None:
    assert faults("extends: shipped\nplaybooks: [{id: key-leak, mode: approve}]\n") == []
    assert faults("playbooks: [{id: key-leak, mode: approve}]\n") != []


def test_conditions_may_be_empty_unless_they_say_otherwise() -> None:
    assert Conditions(WHEN).schema().keys() == {"type", "properties", "patternProperties", "additionalProperties"}
    told = Conditions(WHEN, least=1, about="which findings").schema()
    assert (told["minProperties"], told["description"]) == (1, "which findings")


def test_each_field_says_what_it_is_and_shares_its_patterns_where_nothing_narrows_them() -> None:
    fields = Conditions(WHEN).schema()["properties"]
    assert {name: field["description"] for name, field in fields.items()} == {
        name: FIELDS[name].help for name in fields
    }
    shared = {name: field["items"]["$ref"] for name, field in fields.items() if "$ref" in field["items"]}
    assert shared == dict.fromkeys(("type", "title", "account", "resource.id", "resource.account"), "#/$defs/text")


PER_SCHEMA = [
    "a list", "a text", "no playbooks", "unknown base", "unknown key", "unknown playbook key", "incomplete", "no id", "odd id", "no list",
    "unknown mode", "mode nothing", "yes is no truth value", "empty when", "when a list", "unknown field", "unknown resource field",
    "nested field", "no list of patterns", "operator without list", "empty list", "live fact in when", "account tag in when",
    "misspelt operator", "severity out of range", "misspelt severity", "account as a number", "unknown remediation",
    "no id of a remediation", "no remediations", "remediation twice", "parameter nothing", "no duration", "no whole number",
    "flap without window", "flap to auto", "exempt nothing", "empty exempt tag", "webhook in the file", "no topic",
    "account id as a number", "no organisational unit", "empty group", "freeze without end", "freeze both ways", "empty protection",
]  # fmt: skip


@pytest.mark.parametrize("name", PER_SCHEMA)
def test_typical_mistakes_are_refused_by_the_schema_too(name: str) -> None:
    text, complaints = REFUSED[name]
    assert complaints
    assert faults(text) != []


@pytest.mark.parametrize(
    "when",
    [
        '{severity: [high, 5, {numeric: [">=", medium]}, {anything-but: [0]}]}',
        "{score: [null, 8.9, {exists: false}]}",
        "{type: [x, {prefix: {equals-ignore-case: x}}, {anything-but: {suffix: [a, b]}}]}",
        "{source: [config, {prefix: se}]}",
        "{observables.ip: [{cidr: 10.0.0.0/8}, 192.0.2.1], observables.domain: [{exists: true}]}",
        "{resource.type: ['AWS::::Account', Microsoft.Compute/virtualMachines], resource.role: [actor]}",
        "{resource.details.user_type: [Root, 5, true, null]}",
        "{compliant: [false]}",
    ],
)
def test_patterns_that_both_accept(when: str, tmp_path: Path) -> None:
    text = f"playbooks:\n- {{id: a, when: {when}, remediations: [aws.iam.deactivate_access_key], mode: auto}}\n"
    assert faults(text) == []
    found = errors(check(write(tmp_path, text)))
    assert found == []


@pytest.mark.parametrize(
    "when",
    [
        "{source: [guardutty]}",
        "{compliant: ['false']}",
        "{compliant: [{anything-but: true}]}",
        "{type: [null]}",
        "{type: ['']}",
        "{type: [{numeric: [=, 1]}]}",
        "{type: [{cidr: 10.0.0.0/8}]}",
        "{type: [{exists: false}]}",
        "{type: [{prefix: a, suffix: b}]}",
        "{type: [{wildcard: 'a**b'}]}",
        "{score: [11]}",
        "{count: [0]}",
        "{severity: [{prefix: h}]}",
        "{resource.type: [key]}",
        "{resource.role: [attacker]}",
        "{resource.details.: [x]}",
        "{resource.details.user_type: []}",
        "{resource.details.user_type: Root}",
        "{resource.details.user_type: [{like: Root}]}",
        "{source: [{anything-but: []}]}",
        "{region: [5]}",
        "{count: [1.5]}",
        "{type: [{}]}",
        "{severity: [{numeric: ['>=', hihg]}]}",
        "{observables.ip: [5]}",
    ],
)
def test_patterns_that_both_refuse(when: str, tmp_path: Path) -> None:
    text = f"playbooks:\n- {{id: a, when: {when}, remediations: [aws.iam.deactivate_access_key], mode: auto}}\n"
    assert faults(text) != []
    assert errors(check(write(tmp_path, text))) != []


def test_without_a_catalogue_any_well_formed_id_will_do() -> None:
    text = "playbooks:\n- {id: a, when: {type: [x]}, remediations: [aws.iam.not_written_yet], mode: auto}\n"
    assert list(jsonschema.Draft202012Validator(schema()).iter_errors(plain(text))) == []
    assert faults(text) != []


def test_the_module_writes_it() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "stanch.playbooks.schema"], capture_output=True, text=True, check=True
    )
    assert json.loads(answer.stdout) == schema()
