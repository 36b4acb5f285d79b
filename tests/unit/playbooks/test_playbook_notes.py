"""What of a policy file loads and is worth knowing all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stanch.playbooks.load import check, load
from stanch.playbooks.model import Route
from stanch.remediation import Parameter
from tests.unit.playbooks.fakes import CATALOG, declare, errors, write
from tests.unit.playbooks.refused import ONE, with_steps, with_when


def notes(path: Path, **more: Any) -> list[str]:
    return [f"{item.place.rpartition(':')[2]}: {item.level}: {item.message}" for item in check(path, **more)]


def test_playbooks_that_overlap_in_different_modes(tmp_path: Path) -> None:
    text = """\
playbooks:
  - {id: a, when: {type: [{prefix: "Recon:"}], severity: [high, critical]}, remediations: [aws.iam.x], mode: auto}
  - {id: b, when: {type: [{wildcard: "*:EC2/*"}], severity: [{numeric: [">=", medium]}]}, remediations: [aws.iam.x, aws.iam.y], mode: approve}
  - {id: same-mode, when: {type: ["Recon:EC2/Portscan"]}, remediations: [aws.iam.x], mode: auto}
  - {id: other-severity, when: {type: [{prefix: "Recon:"}], severity: [low]}, remediations: [aws.iam.x], mode: observe}
  - {id: other-remediation, when: {type: [{prefix: "Recon:"}]}, remediations: [aws.iam.z], mode: observe}
  - {id: other-type, when: {type: ["Trojan:S3/Thing"]}, remediations: [aws.iam.x], mode: observe}
  - {id: off, enabled: false, when: {type: [{prefix: "Recon:"}]}, remediations: [aws.iam.x], mode: observe}
"""
    path = write(tmp_path, text)
    assert notes(path) == [
        f"3: note: 'b' overlaps with 'a' ({path}:2) for aws.iam.x, in another mode: approve here, auto there; the strictest wins",
        f"4: note: 'same-mode' overlaps with 'b' ({path}:3) for aws.iam.x, in another mode: auto here, approve there; the strictest wins",
        f"5: note: 'other-severity' overlaps with 'same-mode' ({path}:4) for aws.iam.x, in another mode: observe here, auto there; the strictest wins",
    ]  # fmt: skip


def test_an_unless_that_shuts_the_other_out_is_no_overlap(tmp_path: Path) -> None:
    text = """\
playbooks:
  - {id: a, when: {type: ["Recon:EC2/Portscan"]}, remediations: [aws.iam.x], mode: auto}
  - {id: b, when: {type: [{prefix: "Recon:"}]}, unless: {type: ["Recon:EC2/Portscan"]}, remediations: [aws.iam.x], mode: approve}
"""
    assert notes(write(tmp_path, text)) == []
    assert (
        len(notes(write(tmp_path, text.replace('unless: {type: ["Recon:EC2/Portscan"]}', "unless: {region: [x]}"))))
        == 1
    )


def test_known_types_settle_whether_two_wildcards_meet(tmp_path: Path) -> None:
    text = """\
playbooks:
  - {id: a, when: {type: [{wildcard: "*Exfiltration*"}]}, remediations: [aws.iam.x], mode: auto}
  - {id: b, when: {type: [{prefix: "Discovery:S3/"}]}, remediations: [aws.iam.x], mode: approve}
"""
    path = write(tmp_path, text)
    assert len(notes(path)) == 1
    assert (
        notes(path, finding_types={"guardduty": ["Exfiltration:S3/AnomalousBehavior", "Discovery:S3/TorIPCaller"]})
        == []
    )


def test_remediations_that_nothing_uses(tmp_path: Path) -> None:
    few = {name: CATALOG[name] for name in ("aws.iam.deactivate_access_key", "aws.ec2.isolate_instance")}
    assert notes(write(tmp_path, ONE), catalog=few) == ["1: note: no enabled playbook uses aws.ec2.isolate_instance"]


def test_finding_types_that_reach_nothing(tmp_path: Path) -> None:
    text = """\
playbooks:
  - {id: a, when: {source: [guardduty], type: [{prefix: "Recon:"}]}, remediations: [aws.iam.x], mode: auto}
"""
    types = {
        "guardduty": ["Recon:EC2/Portscan", "Trojan:EC2/DropPoint", "Impact:S3/X"],
        "config": ["Recon:EC2/Portscan"],
    }
    assert notes(write(tmp_path, text), finding_types=types) == [
        "1: note: 1 of 1 known finding types of config reach no playbook: Recon:EC2/Portscan",
        "1: note: 2 of 3 known finding types of guardduty reach no playbook: Impact:S3/X, Trojan:EC2/DropPoint",
    ]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (
            "{prefix: 'UnauthorisedAccess:IAMUser/'}",
            [
                "no known finding type matches 'UnauthorisedAccess:IAMUser/'; did you mean 'UnauthorizedAccess:IAMUser/'?"
            ],
        ),
        (
            "'Recon:EC2/PortScan'",
            ["no known finding type matches 'Recon:EC2/PortScan'; did you mean 'Recon:EC2/Portscan'?"],
        ),
        ("SOMETHING_ELSE_ENTIRELY", []),
        ("'Recon:EC2/Portscan'", []),
        ("{prefix: 'Recon:EC2/'}", []),
    ],
)
def test_a_misspelt_finding_type_is_suspected(pattern: str, expected: list[str], tmp_path: Path) -> None:
    types = {"guardduty": ["UnauthorizedAccess:IAMUser/TorIPCaller", "Recon:EC2/Portscan"]}
    found = check(write(tmp_path, with_when(f"{{type: [{pattern}]}}")), finding_types=types)
    assert [item.message for item in found if item.level == "warning"] == expected


def test_modes_above_their_ceiling(tmp_path: Path) -> None:
    text = """\
accounts: {prod: {ids: ["111122223333"]}, dev: {ids: ["444455556666"]}}
ceiling: {prod: approve}
playbooks:
  - {id: a, when: {type: [x]}, remediations: [aws.iam.x], mode: auto}
  - {id: b, when: {type: [y]}, remediations: [aws.iam.x], mode: {prod: auto}}
  - {id: c, when: {type: [z]}, remediations: [aws.iam.x], mode: approve}
"""
    assert notes(write(tmp_path, text)) == [
        "2: note: the ceiling approve in prod lowers a, b",
        "5: warning: 'b' says auto in prod, above its ceiling approve, which holds",
        "5: note: 'b' names no mode for dev: it only observes there",
    ]


def test_an_irreversible_remediation_wants_approval(tmp_path: Path) -> None:
    text = with_steps("[azure.compute.deallocate_vm]")
    found = [item for item in check(write(tmp_path, text), CATALOG) if item.level == "warning"]
    assert [item.message for item in found] == [
        "azure.compute.deallocate_vm cannot be undone (memory is lost): 'approve' is the most to allow it"
    ]
    calm = check(write(tmp_path, text.replace("mode: auto", "mode: approve")), CATALOG)
    assert not [item for item in calm if item.level == "warning"]


def test_a_resource_type_that_nothing_acts_on_is_doubted(tmp_path: Path) -> None:
    found = check(write(tmp_path, with_when('{resource.type: ["AWS::IAM::Group"]}')), CATALOG)
    assert [item.message for item in found if item.level == "warning"] == [
        "no remediation acts on AWS::IAM::Group; did you mean 'AWS::IAM::User'?"
    ]


def test_a_channel_that_is_told_nothing_is_doubted(tmp_path: Path) -> None:
    text = "channels: {soc: {teams: a}, web: {teams: b}}\nnotify: [{to: [soc]}]\n" + ONE
    assert notes(write(tmp_path, text)) == [
        "1: warning: channel 'web' is told nothing: no route under 'notify' names it"
    ]


def test_without_routes_every_channel_is_told(tmp_path: Path) -> None:
    assert notes(write(tmp_path, "channels: {soc: {teams: a}}\n" + ONE)) == []


def test_routes_may_ask_what_became_of_it(tmp_path: Path) -> None:
    text = (
        "channels: {soc: {teams: a}}\nnotify: [{when: {outcome: [failed, held], playbook: [one]}, to: [soc]}]\n" + ONE
    )
    path = write(tmp_path, text)
    assert errors(check(path, CATALOG)) == []
    assert load(path).notify == (Route(("soc",), {"outcome": ("failed", "held"), "playbook": ("one",)}),)


def test_a_name_that_is_nearly_a_binding_is_doubted(tmp_path: Path) -> None:
    catalog = {"aws.iam.note": declare("aws.iam.note", "AWS::IAM::User", Parameter("who", "string", "whom"))}
    found = check(write(tmp_path, with_steps("[{id: aws.iam.note, with: {who: resource_id}}]")), catalog)
    assert [item.message for item in found] == ["who: 'resource_id' is taken literally; did you mean 'resource.id'?"]
    assert check(write(tmp_path, with_steps("[{id: aws.iam.note, with: {who: resource.id}}]")), catalog) == []


def test_without_a_catalog_remediations_are_taken_as_they_are(tmp_path: Path) -> None:
    assert check(write(tmp_path, with_steps("[aws.iam.not_written_yet]"))) == []
