"""The order of an isolation, what counts as isolated, and the groups it makes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from remediations.aws import isolation
from remediations.aws.containment_group import ContainmentGroups, made_only
from remediations.aws.isolate_instance import IsolateInstance
from stanch.errors import Unreachable
from stanch.finding import Resource
from stanch.remediation import Change, Plan
from tests.unit.remediations.aws.canned_session import CannedSession

INSTANCE = Resource(
    "AWS::EC2::Instance", "arn:aws:ec2:eu-west-1:111122223333:instance/i-0a", "111122223333", "eu-west-1"
)
EVERYTHING = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


def interface(eni: str, vpc: str, *groups: str, kind: str = "interface") -> dict[str, Any]:
    worn = [{"GroupId": group, "GroupName": f"name-{group}"} for group in groups]
    return {"NetworkInterfaceId": eni, "VpcId": vpc, "Groups": worn, "InterfaceType": kind}


def instance(*interfaces: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "InstanceId": "i-0a",
        "State": {"Name": "running"},
        "LaunchTime": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "NetworkInterfaces": list(interfaces),
        "BlockDeviceMappings": [{"DeviceName": "b", "Ebs": {"VolumeId": "vol-2"}}, {"DeviceName": "a", "Ebs": {"VolumeId": "vol-1"}}],
        **more,
    }  # fmt: skip


def plan(found: dict[str, Any], cut: bool = False, empty: tuple[str, ...] = ()) -> Plan:
    def groups(asked: dict[str, Any]) -> dict[str, Any]:
        return {
            "SecurityGroups": [
                {"GroupId": one, "IpPermissions": [], "IpPermissionsEgress": [] if one in empty else EVERYTHING}
                for one in asked["GroupIds"]
            ]
        }

    answers = {
        "ec2:describe_instances": {"Reservations": [{"Instances": [found]}]},
        "ec2:describe_security_groups": groups,
    }
    return IsolateInstance(CannedSession(answers), "act1").plan(INSTANCE, {"cut_connections": cut})  # type: ignore[arg-type]


TWO = (interface("eni-2", "vpc-b", "sg-3"), interface("eni-1", "vpc-a", "sg-2", "sg-1"))


def test_containment_comes_first_and_evidence_last() -> None:
    kinds = [change.id for change in plan(instance(*TWO)).changes]
    assert kinds == ["group:vpc-a", "group:vpc-b", "interface:eni-1", "interface:eni-2", "tag", "snapshots"]


def test_only_evidence_may_fail_and_only_snapshots_are_kept() -> None:
    changes = {change.id: change for change in plan(instance(*TWO)).changes}
    assert {one for one, change in changes.items() if change.garnish} == {"tag", "snapshots"}
    assert {one for one, change in changes.items() if not change.reversible} == {"snapshots"}
    assert changes["interface:eni-1"].before == ["sg-1", "sg-2"]
    assert changes["interface:eni-1"].after == ["stanch-act1"]
    assert changes["snapshots"].after == ["vol-1", "vol-2"]


def test_cutting_connections_starts_contained_and_ends_contained_at_every_interface() -> None:
    changes = plan(instance(*TWO), cut=True).changes
    order = [change.id for change in changes]
    for eni in ("eni-1", "eni-2"):
        steps = [order.index(f"{step}:{eni}") for step in ("interface", "untrack", "cut")]
        assert steps == sorted(steps)
        assert steps[2] == steps[1] + 1, "nothing comes between opening an interface and closing it again"
    passing = [change for change in changes if change.transient]
    assert {change.id.partition(":")[0] for change in passing} == {"open", "untrack", "cut", "drop"}
    lasting = [change for change in changes if change.id.startswith(("interface:", "cut:"))]
    assert all(change.after == ["stanch-act1"] for change in lasting)
    assert order[-4:] == ["drop:vpc-a", "drop:vpc-b", "tag", "snapshots"]


def test_closing_again_depends_on_nothing_that_may_have_failed_half_way() -> None:
    changes = {change.id: change for change in plan(instance(*TWO), cut=True).changes}
    assert changes["cut:eni-1"].requires == ("group:vpc-a",)
    assert changes["open:vpc-a"].requires == ("group:vpc-a",), "what cannot be closed again is not opened"
    assert changes["drop:vpc-a"].requires == ("cut:eni-1",)
    assert "interface:eni-1" in changes["untrack:eni-1"].requires


@pytest.mark.parametrize(
    ("empty", "left"),
    [
        (("sg-1", "sg-2", "sg-3"), []),
        (("sg-1", "sg-2"), ["interface:eni-2"]),
        (("sg-1", "sg-3"), ["interface:eni-1"]),
    ],
)
def test_an_interface_is_isolated_when_all_its_groups_have_no_rule(empty: tuple[str, ...], left: list[str]) -> None:
    found = plan(instance(*TWO), empty=empty)
    assert [change.id for change in found.changes if change.id.startswith("interface:")] == left
    assert found.contained is (not left)
    assert bool(found.reason) is (not left)


@pytest.mark.parametrize("state", ["terminated", "shutting-down"])
def test_an_instance_that_ends_is_gone(state: str) -> None:
    assert plan(instance(*TWO, State={"Name": state})).reason == "gone"


def test_the_words_name_what_is_special_here() -> None:
    tags = [
        {"Key": isolation.SCALING_GROUP, "Value": "shop-asg"},
        {"Key": "aws:cloudformation:stack-name", "Value": "shop"},
    ]
    profile = {"Arn": "arn:aws:iam::111122223333:instance-profile/app"}
    found = plan(instance(interface("eni-1", "vpc-a", "sg-1", kind="trunk"), Tags=tags, IamInstanceProfile=profile))
    assert any("shop-asg" in text for text in found.breaks)
    assert any("stack shop" in text for text in found.breaks)
    assert any("revoke the role's sessions" in text for text in found.not_done)
    assert any("branch interfaces" in text for text in found.not_done)
    assert any("cut_connections" in text for text in found.not_done)
    assert found.facts["auto_scaling_group"] == "shop-asg"
    assert found.facts["launched"] == "2026-03-01T12:00:00Z"


def test_no_volume_no_snapshot() -> None:
    assert "snapshots" not in [change.id for change in plan(instance(*TWO, BlockDeviceMappings=[])).changes]


def test_every_change_survives_the_journal() -> None:
    for change in plan(instance(*TWO), cut=True).changes:
        assert Change.from_json(change.as_json()) == change


def group(ingress: list[Any], egress: list[Any]) -> dict[str, Any]:
    return {"SecurityGroups": [{"GroupId": "sg-9", "IpPermissions": ingress, "IpPermissionsEgress": egress}]}


@pytest.mark.parametrize(
    ("live", "state", "halfway"),
    [
        ({"SecurityGroups": []}, None, False),
        (group([], []), {"ingress": [], "egress": []}, False),
        (group([], EVERYTHING), {"ingress": [], "egress": ["-1 0.0.0.0/0"]}, True),
        (
            group([], [{**EVERYTHING[0], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]),
            {"ingress": [], "egress": ["-1 0.0.0.0/0", "-1 ::/0"]},
            True,
        ),
        (group(EVERYTHING, []), {"ingress": ["-1 0.0.0.0/0"], "egress": []}, False),
        (
            group([], [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]),
            {"ingress": [], "egress": ["tcp 443-443 10.0.0.0/8"]},
            False,
        ),
    ],
)
def test_a_group_that_was_made_but_not_closed_is_halfway(live: dict[str, Any], state: Any, halfway: bool) -> None:
    groups = ContainmentGroups(CannedSession({"ec2:describe_security_groups": live}), "act1")  # type: ignore[arg-type]
    found = groups.rules("vpc-a", "stanch-act1")
    assert found == state
    assert made_only(found) is halfway


def test_a_group_that_ec2_does_not_show_yet_is_to_be_tried_again() -> None:
    groups = ContainmentGroups(CannedSession({"ec2:describe_security_groups": {"SecurityGroups": []}}), "act1")  # type: ignore[arg-type]
    with pytest.raises(Unreachable):
        groups.id("vpc-a", "stanch-act1")


def test_groups_are_looked_for_before_they_are_made() -> None:
    session = CannedSession({"ec2:describe_security_groups": group([], [])})
    ContainmentGroups(session, "act1").close("vpc-a", "stanch-act1")  # type: ignore[arg-type]
    assert not session.asked("ec2:create_security_group")


def test_a_group_that_the_sdk_made_when_it_sent_the_call_before_is_ours() -> None:
    shown = [{"SecurityGroups": []}, group([], EVERYTHING), group([], EVERYTHING)]
    session = CannedSession(
        {
            "ec2:describe_security_groups": lambda asked: shown.pop(0),
            "ec2:create_security_group": None,  # InvalidGroup.Duplicate
            "ec2:revoke_security_group_egress": None,  # InvalidPermission.NotFound
        }
    )
    ContainmentGroups(session, "act1").close("vpc-a", "stanch-act1")  # type: ignore[arg-type]
    assert [asked["GroupId"] for asked in session.asked("ec2:revoke_security_group_egress")] == ["sg-9"]
    assert shown == []
