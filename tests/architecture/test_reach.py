"""Every remediation can be reached, and every sample event does something that the project promises."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations import aws, azure
from stanch.playbooks.load import check
from stanch.playbooks.load import load as load_policy
from stanch.playbooks.match import Matcher
from stanch.remediation import load
from stanch.sources import config, guardduty, recognise, sentinel

ROOT = Path(__file__).parent.parent.parent
REGISTRY = {**aws.REGISTRY, **azure.REGISTRY}
PARSERS = {"guardduty": guardduty.parse, "config": config.parse, "sentinel": sentinel.parse}
IDENTIFIERS = {
    "restricted-ssh": "INCOMING_SSH_DISABLED",
    "restricted-common-ports-conformance-pack-abc123": "RESTRICTED_INCOMING_TRAFFIC",
    "s3-bucket-public-read-prohibited": "S3_BUCKET_PUBLIC_READ_PROHIBITED",
    "s3-account-level-public-access-blocks-periodic": "S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS_PERIODIC",
}


def test_every_remediation_is_reached_by_a_playbook_and_a_sample_event() -> None:
    policy = load_policy(ROOT / "playbooks.yaml", {name: load(entry) for name, entry in REGISTRY.items()})
    assert {step.remediation for playbook in policy.playbooks for step in playbook.remediations} == set(REGISTRY)
    reached: set[str] = set()
    for path in (ROOT / "events").rglob("*.json"):
        raw = json.loads(path.read_text())
        source = recognise(raw)
        assert source == path.parent.name, f"{path} lies in the folder of its source"
        for finding in PARSERS[source](raw):
            if source == "config":
                finding = replace(finding, type=IDENTIFIERS[finding.type])
            reached |= {match.step.remediation for match in Matcher(policy).match(finding)}
    assert reached == set(REGISTRY)


def _sources() -> list[Path]:
    return [path for folder in ("stanch", "handlers", "remediations") for path in (ROOT / folder).rglob("*.py")]


def test_nothing_catches_everything() -> None:
    caught = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in _sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or getattr(node.type, "id", None) in ("Exception", "BaseException"))
    ]
    assert caught == []


def test_every_client_comes_from_a_session_of_an_account() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in _sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("client", "resource")
        and getattr(node.func.value, "id", "") == "boto3"
    ]
    assert bare == []


def test_no_remediation_catches_what_a_cloud_says() -> None:
    """SDK errors are translated in one place a cloud; a remediation that catches could hide one. Text that is no number or address is its own affair."""
    caught = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "remediations").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and getattr(node.type, "id", None) != "ValueError"
    ]
    assert caught == []


@pytest.mark.parametrize("playbook", ["key-leak", "role-sessions", "account-compromised"])
def test_no_lease_hands_a_credential_back(playbook: str, tmp_path: Path) -> None:
    """A key, a session or a sign-in that was cut off is given back by a person or not at all."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"extends: shipped\nplaybooks:\n- {{id: {playbook}, expires: {{after: 4h, then: undo}}}}\n")
    problems = check(policy, {name: load(entry) for name, entry in REGISTRY.items()})
    assert any(problem.level == "error" and "re-arms" in problem.message for problem in problems), problems


def test_no_function_builds_dataclasses() -> None:
    """Each costs a cold start as much as a module: what functions load is made of msgspec's structs. The laptop's own parts may be what they like."""
    laptop = (ROOT / "stanch" / "cli", ROOT / "stanch" / "local")
    found = [
        str(path.relative_to(ROOT))
        for folder in ("stanch", "handlers", "remediations")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not any(path.is_relative_to(one) for one in laptop) and "dataclasses" in path.read_text()
    ]
    assert found == []
