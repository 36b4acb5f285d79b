"""`catalog`, `policy` and `playbooks`: what there is, what it needs, and what is wrong with a policy file. No cloud is started for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from remediations import aws, azure
from stanch.playbooks.compile import load_compiled
from stanch.playbooks.load import load
from stanch.playbooks.model import mode_for
from tests.functional.cli.command import EVENTS, ROOT, Stanch

ALL = sorted([*aws.REGISTRY, *azure.REGISTRY])
WRONG = """\
extends: shipped
playbooks:
  - id: key-leak
    mode: aproove
  - id: mine
    when: {type: ["X:Y/Z"], severty: [high]}
    remediations: [aws.iam.deactivate_access_keyy]
    mode: auto
"""


def policy(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


def test_the_catalogue_names_every_remediation(alone: Stanch) -> None:
    rows = alone.json("catalog").rows
    assert [row["id"] for row in rows] == ALL
    for row in rows:
        assert set(row) == {"id", "title", "resource_type", "reversible", "irreversible", "undo_delay_hours", "disruption", "countermeasure",
                            "parameters", "facts", "permissions"}  # fmt: skip
        assert row["permissions"]["plan"]
        assert row["permissions"]["apply"]
    text = alone("catalog").out
    assert all(f"\n{name}\n" in f"\n{text}" for name in ALL)
    assert "Undo        restores the state before; not before 12 hours have passed, or with --force" in text
    assert not alone.folder.exists()


@pytest.mark.parametrize("name", ALL)
def test_the_exact_permissions_by_purpose(alone: Stanch, name: str) -> None:
    (entry,) = [row for row in alone.json("catalog").rows if row["id"] == name]
    rows = {row["purpose"]: row for row in alone.json("policy", name).rows}
    assert set(rows) == {"read", "act", *(["undo"] if entry["reversible"] else [])}
    for purpose, row in rows.items():
        declared = {"read": "plan", "act": "apply", "undo": "undo"}[purpose]
        extra = [] if purpose == "read" else entry["permissions"]["dependent"]
        granted = (
            row["policy"]["Statement"][0]["Action"] if name.startswith("aws.") else [*row["actions"], *row["graph"]]
        )
        assert sorted(granted) == sorted({*entry["permissions"][declared], *extra})
        assert "*" not in "".join(granted)


def test_the_policy_in_text_is_json_to_paste(alone: Stanch) -> None:
    out = alone("policy", "aws.iam.deactivate_access_key").out
    first, _ = json.JSONDecoder().raw_decode(out)
    assert first["policy"]["Version"] == "2012-10-17"
    assert alone("policy", "aws.iam.nothing").code == 2


def test_the_shipped_policy_has_no_errors_and_says_what_it_does_not_cover(alone: Stanch) -> None:
    ran = alone.json("playbooks", "check")
    assert ran.code == 0
    assert {row["level"] for row in ran.rows} == {"note"}
    assert any("known finding types of guardduty reach no playbook: " in row["message"] for row in ran.rows)
    assert ran.err.startswith("shipped: 0 errors, 0 warnings, ")


def test_everything_that_is_wrong_with_its_line(alone: Stanch, tmp_path: Path) -> None:
    path = policy(tmp_path, WRONG)
    ran = alone("playbooks", "check", path)
    assert ran.code == 2
    assert [line.partition(": ")[0] for line in ran.out.splitlines()] == [f"{path}:4", f"{path}:6", f"{path}:7"]
    assert "unknown field 'severty'; did you mean 'severity'?" in ran.out
    assert "did you mean 'aws.iam.deactivate_access_key'?" in ran.out
    assert ran.err == f"{path}: 3 errors, 0 warnings, 0 notes\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (WRONG, 4, "aproove"),
        ("playbooks: [{id: x, when: {type: [a]}, remediations: [aws.iam.nothing], mode: auto}]\n", 1, "aws.iam.nothing"),
        ("extends: shipped\nplaybooks:\n  - {id: no-such-playbook, mode: auto}\n", 3, "no-such-playbook"),
        ('extends: shipped\nplaybooks:\n  - id: x\n    when: {severity: [{numeric: [">", 9]}]}\n    remediations: [aws.iam.revoke_sessions]\n    mode: auto\n', 4, ""),
        ("extends: shipped\nplaybooks: [\n", 3, ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("how", ["option", "environment"])
def test_a_wrong_policy_is_exit_2_before_anything_is_started(
    alone: Stanch, tmp_path: Path, text: str, line: int, says: str, how: str
) -> None:
    path = policy(tmp_path, text)
    sample = EVENTS / "config/open-ssh.json"
    ran = (
        alone("replay", sample, "--playbooks", path)
        if how == "option"
        else alone("replay", sample, STANCH_PLAYBOOKS=str(path))
    )
    assert ran.code == 2
    assert ran.err.startswith(f"stanch: {path}:{line}: ")
    assert says in ran.err
    assert not alone.folder.exists()


def test_a_misspelt_finding_type_is_doubtful(alone: Stanch, tmp_path: Path) -> None:
    path = policy(
        tmp_path,
        'extends: shipped\nplaybooks:\n  - {id: x, when: {type: ["Recon:EC2/Portscann"]}, remediations: [aws.ec2.isolate_instance], mode: approve}\n',
    )
    ran = alone.json("playbooks", "check", path)
    assert ran.code == 0
    assert [row["message"] for row in ran.rows if row["level"] == "warning"] == [
        "no known finding type matches 'Recon:EC2/Portscann'; did you mean 'Recon:EC2/Portscan'?"
    ]


def test_a_missing_policy_file(alone: Stanch) -> None:
    ran = alone("playbooks", "check", "nowhere.yaml")
    assert (ran.code, "nowhere.yaml: error: cannot be read" in ran.out) == (2, True)
    assert alone("playbooks", "diff", "nowhere.yaml").code == 2


def test_what_a_file_changes_of_the_shipped_policy(alone: Stanch, tmp_path: Path) -> None:
    path = policy(
        tmp_path,
        "extends: shipped\nprotect: {principals: [bg1@corp.example]}\nplaybooks:\n  - {id: key-leak, mode: approve}\n"
        '  - {id: mine, when: {type: ["Recon:EC2/Portscan"]}, remediations: [aws.ec2.isolate_instance], mode: observe}\n',
    )
    rows = {row["place"]: row for row in alone.json("playbooks", "diff", path).rows}
    assert set(rows) == {"protect", "playbooks.key-leak.mode", "playbooks.mine"}
    assert rows["playbooks.key-leak.mode"] == {"place": "playbooks.key-leak.mode", "shipped": "auto", "file": "approve"}
    assert rows["playbooks.mine"]["shipped"] is None
    assert "playbooks.key-leak.mode: auto → approve\n" in alone("playbooks", "diff", path).out
    same = policy(tmp_path, "extends: shipped\n")
    assert alone("playbooks", "diff", same).out == "no difference\n"


def test_the_schema_takes_the_shipped_policy_and_knows_the_remediations(alone: Stanch) -> None:
    schema = json.loads(alone("playbooks", "schema").out)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert list(validator.iter_errors(yaml.safe_load((ROOT / "playbooks.yaml").read_text()))) == []
    assert list(
        validator.iter_errors(
            {"playbooks": [{"id": "x", "when": {}, "remediations": ["aws.iam.nothing"], "mode": "auto"}]}
        )
    )


BUILD = "import sys; sys.path.insert(0, 'tools'); import package; package.write_policy(package.Path(sys.argv[1]))"


def built(target: Path, policy: Path) -> subprocess.CompletedProcess[str]:
    """The build's step that packages the policy."""
    environment = {**os.environ, "STANCH_PLAYBOOKS": str(policy)}
    return subprocess.run(
        [sys.executable, "-c", BUILD, str(target)], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )  # fmt: skip


def test_the_build_packages_the_policy_of_the_setting(tmp_path: Path) -> None:
    policy = tmp_path / "corp.yaml"
    policy.write_text("extends: shipped\nplaybooks:\n- {id: key-leak, mode: approve}\n")
    done = built(tmp_path, policy)
    assert done.returncode == 0, done.stderr
    (leak,) = [one for one in load_compiled(tmp_path / "playbooks.json").playbooks if one.id == "key-leak"]
    assert mode_for(leak, None) == "approve"
    (shipped,) = [one for one in load("shipped").playbooks if one.id == "key-leak"]
    assert mode_for(shipped, None) == "auto"


def test_a_wrong_policy_stops_the_build_with_its_line(tmp_path: Path) -> None:
    policy = tmp_path / "corp.yaml"
    policy.write_text("extends: shipped\nplaybooks:\n- {id: key-leek, mode: approve}\n")
    done = built(tmp_path, policy)
    assert (done.returncode, (tmp_path / "playbooks.json").exists()) == (1, False)
    assert done.stderr.startswith("the policy is wrong, so nothing is built: ")
    assert "corp.yaml:3" in done.stderr
