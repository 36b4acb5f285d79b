"""Modes, parameters, the compiled form, and what a function has to import."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from stanch.errors import PolicyError
from stanch.playbooks.compile import dump, load_compiled, parse_compiled
from stanch.playbooks.load import check, load
from stanch.playbooks.match import Matcher, bind_params
from stanch.playbooks.model import MODES, Policy, Step, mode_for, strictest
from tests.unit.playbooks.example import EXAMPLE
from tests.unit.playbooks.fakes import ACCOUNT, GROUP, KEY, PERSON, finding, playbook, policy, write


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        (("auto",), "auto"),
        (("auto", "approve"), "approve"),
        (("approve", "observe", "auto"), "observe"),
        (("approve", "approve"), "approve"),
    ],
)
def test_strictest(modes: tuple[str, ...], expected: str) -> None:
    assert strictest(*modes) == expected


def test_there_is_no_strictest_of_unknown_modes() -> None:
    with pytest.raises(ValueError):
        strictest("auto", "never")
    assert MODES == ("observe", "approve", "auto")


@pytest.mark.parametrize(
    ("mode", "group", "expected"),
    [
        ("auto", None, "auto"),
        ("approve", "prod", "approve"),
        ({"prod": "approve", "sandbox": "auto"}, "sandbox", "auto"),
        ({"prod": "approve", "sandbox": "auto"}, "prod", "approve"),
        ({"prod": "approve", "sandbox": "auto"}, None, "approve"),
        ({"prod": "approve", "sandbox": "auto"}, "unheard-of", "approve"),
        ({"prod": "approve", "sandbox": "auto", "pci": "observe"}, None, "observe"),
    ],
)
def test_mode_for(mode: Any, group: str | None, expected: str) -> None:
    assert mode_for(playbook("p", {"type": ["x"]}, mode), group) == expected


@pytest.mark.parametrize(
    ("group", "expected"), [("prod", "approve"), ("pci", "observe"), ("dev", "auto"), (None, "observe")]
)
def test_ceiling_for(group: str | None, expected: str) -> None:
    assert Policy(ceiling={"prod": "approve", "pci": "observe"}).ceiling_for(group) == expected


def test_without_a_ceiling_everything_is_allowed() -> None:
    assert Policy().ceiling_for(None) == "auto"


BOUND: list[tuple[str, Any]] = [
    ("first_seen", "2026-11-23T15:00:00Z"),
    ("last_seen", "2026-11-23T15:40:38Z"),
    ("updated_at", None),
    ("account", ACCOUNT),
    ("region", "eu-west-1"),
    ("resource.id", GROUP.id),
    ("observables.ip", ["198.51.100.7"]),
    ("observables.domain", ["c2.example"]),
]


@pytest.mark.parametrize(("name", "expected"), BOUND)
def test_names_are_bound_from_the_finding(name: str, expected: Any) -> None:
    step = Step("aws.ec2.revoke_security_group_ingress", {"value": name})
    assert bind_params(step, finding("x", GROUP), GROUP) == {"value": expected}


def test_literals_stay_and_near_names_are_literals() -> None:
    given = {"ports": [22, "8000-8080"], "cut": True, "note": "last seen", "kind": "observables.hash", "n": 3}
    assert bind_params(Step("aws.ec2.isolate_instance", given), finding("x"), GROUP) == given


def test_times_are_bound_in_utc() -> None:
    berlin = datetime(2026, 11, 23, 16, 40, 38, 999_999, tzinfo=timezone(timedelta(hours=1)))
    step = Step("aws.iam.revoke_sessions", {"since": "last_seen"})
    assert bind_params(step, finding("x", last_seen=berlin), KEY) == {"since": "2026-11-23T15:40:38Z"}


def test_what_neither_resource_nor_finding_says_is_none() -> None:
    step = Step("azure.entra.disable_user", {"a": "account", "r": "region", "i": "observables.ip"})
    bare = finding("x", PERSON, account="", region=None, observables=())
    assert bind_params(step, bare, PERSON) == {"a": None, "r": None, "i": None}


def test_the_resource_s_account_and_region_come_before_the_finding_s() -> None:
    step = Step("aws.iam.x", {"account": "account", "region": "region"})
    elsewhere = finding("x", GROUP, account="444455556666", region="us-east-1")
    assert bind_params(step, elsewhere, GROUP) == {"account": ACCOUNT, "region": "eu-west-1"}
    assert bind_params(step, elsewhere, KEY) == {"account": ACCOUNT, "region": "us-east-1"}


def test_the_compiled_form_gives_the_same_policy(tmp_path: Path) -> None:
    for original in (load("shipped"), load(write(tmp_path, EXAMPLE))):
        path = write(tmp_path, dump(original), "playbooks.json")
        again = load_compiled(path)
        assert again == original
        assert again.digest == original.digest
        assert load(path) == original
        assert check(path) == []


def test_the_digest_is_of_the_meaning_not_of_the_words(tmp_path: Path) -> None:
    text = "playbooks:\n- {id: a, when: {type: [x], severity: [high]}, remediations: [aws.iam.x], mode: auto}\n"
    same = "# with a comment\nplaybooks:\n- mode: auto\n  id: a\n  when: {severity: [4], type: ['x']}\n  remediations: [{id: aws.iam.x}]\n"
    other = text.replace("high", "low")
    digests = [load(write(tmp_path, item)).digest for item in (text, same, other)]
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]
    assert len(digests[0]) == 64


def test_a_compiled_policy_holds_nothing_but_json() -> None:
    data = json.loads(dump(load("shipped")))
    assert data["format"] == 1
    leak = next(item for item in data["playbooks"] if item["id"] == "user-sessions")
    assert leak["remediations"] == [{"remediation": "aws.iam.revoke_user_sessions", "with": {"since": "updated_at"}}]
    assert leak["when"]["severity"] == [3, 4, 5]


def _compiled(**changes: Any) -> str:
    return json.dumps({**policy(playbook("p", {"type": ["x"]})).as_json(), **changes})


def _indexed(**changes: Any) -> str:
    data = json.loads(dump(policy(playbook("p", {"type": ["x"]}))))
    return json.dumps({**data, "index": {**data["index"], **changes}})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (_indexed(match={"rest": [], "tables": []}), "was changed after it was compiled: its index"),
        (_indexed(policy="0" * 64), "was changed after it was compiled: its index"),
        (_compiled(index=3), "was changed after it was compiled: its index"),
        ("", "is no compiled policy: Expecting value"),
        ("[]", "is no compiled policy"),
        ("{}", "is no compiled policy"),
        (_compiled(format=2), "by a later release (format 2"),
        (_compiled(digest="0" * 64), "was changed after it was compiled"),
        (_compiled(playbooks=[]), "was changed after it was compiled"),
        (_compiled(playbooks=[{"id": "p"}]), "is no compiled policy: KeyError('remediations')"),
        (_compiled(playbooks=3), "is no compiled policy: TypeError"),
        (_compiled(protect=[]), "is no compiled policy: AttributeError"),
    ],
)
def test_what_is_no_compiled_policy_is_refused(text: str, reason: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_compiled(text, "playbooks.json")
    assert reason in caught.value.reason
    assert caught.value.place.startswith("playbooks.json")


def test_a_policy_that_was_compiled_without_an_index_is_indexed_when_it_is_loaded() -> None:
    found = parse_compiled(_compiled(), "playbooks.json")
    assert found.index is None
    assert [match.playbook.id for match in Matcher(found).match(finding("x"))] == ["p"]


def test_an_index_serves_no_other_policy() -> None:
    found = parse_compiled(dump(policy(playbook("p", {"type": ["x"]}))), "playbooks.json")
    assert found.index is not None
    changed = replace(found, playbooks=(playbook("q", {"type": ["y"]}),))
    assert Matcher(changed).match(finding("x")) == []
    assert [match.playbook.id for match in Matcher(changed).match(finding("y"))] == ["q"]


def test_the_index_is_no_part_of_the_digest() -> None:
    plain = policy(playbook("p", {"type": ["x"]}))
    found = parse_compiled(dump(plain), "playbooks.json")
    assert (found.digest, found) == (plain.digest, plain)


def test_a_compiled_policy_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"none\.json: cannot be read: No such file"):
        load_compiled(tmp_path / "none.json")
    [problem] = check(tmp_path / "none.json")
    assert problem.level == "error"


def test_a_function_imports_no_yaml_and_no_json_schema(tmp_path: Path) -> None:
    path = write(tmp_path, dump(load("shipped")), "playbooks.json")
    script = (
        "import sys\n"
        "from stanch.playbooks import compile, match, model, params, patterns\n"
        f"policy = compile.load_compiled({str(path)!r})\n"
        "assert match.Matcher(policy).explain\n"
        "heavy = ('yaml', 'jsonschema', 'pydantic', 'typer', 'rich', 'boto3', 'azure')\n"
        "ours = ('load', 'validate', 'schema', 'tree', 'shapes', 'vocabulary', 'conditions', 'review', 'steps')\n"
        "print(sorted(name for name in sys.modules if name.partition('.')[0] in heavy\n"
        "      or name in [f'stanch.playbooks.{item}' for item in ours]))\n"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
