"""Who is told."""

from __future__ import annotations

from typing import Any

import pytest

from stanch.errors import PolicyError
from stanch.notify.routes import Router, channel_specs
from stanch.playbooks.model import Channel, Policy, Route
from stanch.report import Report
from tests.unit.notify.samples import refusal, report

SOC = Channel(teams="teams-soc", sns="arn:aws:sns:eu-west-1:111122223333:soc")
PAYMENTS = Channel(teams="teams-payments")
CHANNELS = {"soc": SOC, "payments": PAYMENTS}
VM = {
    "type": "Microsoft.Compute/virtualMachines",
    "id": "/subscriptions/00000000-0000-0000-0000-0000000000A1/resourceGroups/Web/x",
}


def routed(when: dict[str, Any], given: Report) -> bool:
    """Whether a route with these conditions leads the report to its channel."""
    conditions = {name: tuple(patterns) for name, patterns in when.items()}
    policy = Policy(channels=CHANNELS, notify=(Route(("payments",), conditions),))
    told = Router(policy, ["sns"])(given)
    assert told in ([], ["payments:teams"])
    return bool(told)


def test_a_channel_with_both_is_two_deliveries() -> None:
    assert channel_specs(Policy(channels=CHANNELS)) == {
        "soc:sns": ("sns", "arn:aws:sns:eu-west-1:111122223333:soc"),
        "soc:teams": ("teams", "teams-soc"),
        "payments:teams": ("teams", "teams-payments"),
    }
    assert channel_specs(Policy()) == {}


def test_a_policy_without_channels_leaves_it_to_the_settings() -> None:
    assert Router(Policy(), ["sns", "teams"])(report()) == ["sns", "teams"]
    assert Router(Policy(), [])(report()) == []


def test_channels_without_routes_are_all_told() -> None:
    assert Router(Policy(channels=CHANNELS), ["sns"])(refusal()) == ["soc:teams", "soc:sns", "payments:teams"]


def test_every_route_that_matches_is_followed_once() -> None:
    routes = (
        Route(("soc",)),
        Route(("payments", "soc"), {"severity": (4, 5)}),
        Route(("payments",), {"severity": (1,)}),
    )
    router = Router(Policy(channels=CHANNELS, notify=routes), ["sns"])
    assert router(report(severity=4)) == ["soc:teams", "soc:sns", "payments:teams"]
    assert router(report(severity=2)) == ["soc:teams", "soc:sns"]


def test_no_route_that_matches_tells_nobody() -> None:
    router = Router(Policy(channels=CHANNELS, notify=(Route(("soc",), {"severity": (5,)}),)), ["sns"])
    assert router(report(severity=4)) == []


def test_a_deployment_that_reaches_no_topics_still_tells_somebody() -> None:
    policy = Policy(
        channels={"soc": SOC, "pager": Channel(sns="arn:aws:sns:eu-west-1:111122223333:p")}, notify=(Route(("pager",)),)
    )
    assert Router(policy, ["teams"], kinds=("teams",))(report()) == ["teams"]
    both = Policy(channels=policy.channels, notify=(Route(("pager", "soc")),))
    assert Router(both, ["teams"], kinds=("teams",))(report()) == ["soc:teams"]


@pytest.mark.parametrize(
    ("when", "matches"),
    [
        ({"outcome": ["acted", "failed"]}, True),
        ({"outcome": ["held"]}, False),
        ({"playbook": [{"prefix": "key-"}]}, True),
        ({"remediation": [{"prefix": "aws.iam."}]}, True),
        ({"remediation": [{"anything-but": {"prefix": "aws.iam."}}]}, False),
        ({"severity": [4]}, True),
        ({"severity": [{"numeric": [">", 4]}]}, False),
        ({"account": ["111122223333"]}, True),
        ({"account": ["444455556666"]}, False),
        ({"region": [{"exists": False}]}, True),
        ({"region": ["us-east-1"]}, False),
        ({"source": ["guardduty"], "type": [{"prefix": "UnauthorizedAccess:"}]}, True),
        ({"source": ["guardduty"], "type": [{"prefix": "Recon:"}]}, False),
        ({"title": [{"wildcard": "*MALICIOUS ip*"}]}, True),
        ({"resource.type": ["AWS::IAM::AccessKey"], "resource.id": [{"prefix": "AKIA"}]}, True),
        ({"resource.account": ["111122223333"]}, True),
        ({"resource.id": [{"prefix": "akia"}]}, False),
    ],
)
def test_conditions_are_read_from_the_report(when: dict[str, Any], matches: bool) -> None:
    assert routed(when, report()) is matches


def test_azure_ids_compare_without_case() -> None:
    vm = report(cloud="azure", resource=VM, account="00000000-0000-0000-0000-0000000000A1")
    assert routed(
        {"resource.id": [{"prefix": "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourcegroups/web/"}]}, vm
    )
    assert routed({"account": ["00000000-0000-0000-0000-0000000000a1"]}, vm)


@pytest.mark.parametrize(
    "when",
    [
        {"observables.ip": [{"exists": False}]},
        {"resource.details.user_name": [{"exists": False}]},
        {"count": [{"numeric": [">=", 1]}]},
        {"compliant": [False]},
    ],
)
def test_what_a_report_does_not_carry_matches_nothing(when: dict[str, Any]) -> None:
    assert not routed(when, report())
    assert not routed({"outcome": ["acted"], **when}, report())


@pytest.mark.parametrize(
    ("patterns", "tags", "matches"),
    [
        (["payments"], {"Team": "payments"}, True),
        (["payments"], {"Team": "search"}, False),
        (["payments"], {"team": "payments"}, False),
        (["payments"], {}, False),
        ([{"exists": False}], {}, True),
        ([{"exists": False}], {"Team": "payments"}, False),
    ],
)
def test_the_tags_of_the_account(patterns: list[Any], tags: dict[str, str], matches: bool) -> None:
    assert routed({"account.tags.Team": patterns}, report(account_tags=tags)) is matches
    assert not routed({"account.tags.Team": patterns, "outcome": ["held"]}, report(account_tags=tags))


def test_tags_that_cannot_be_read_lose_no_report() -> None:
    by_team = Route(("payments",), {"account.tags.Team": ("payments",), "outcome": ("acted",)})
    alone = Policy(channels=CHANNELS, notify=(by_team,))
    assert Router(alone, ["sns"])(report()) == ["sns"]
    assert Router(alone, [])(report()) == ["payments:teams", "soc:sns", "soc:teams"], "nothing else would be told"
    assert Router(alone, ["sns"])(report(outcome="held")) == [], "it would not have been for this route anyway"
    assert Router(alone, ["sns"])(report(account_tags={})) == [], "it is read, and it is not this team's"
    with_soc = Policy(channels=CHANNELS, notify=(Route(("soc",)), by_team))
    assert Router(with_soc, ["sns"])(report()) == ["soc:teams", "soc:sns"]


def test_an_event_without_a_finding_has_no_type_and_no_resource() -> None:
    assert not routed({"type": [{"exists": True}]}, refusal())
    assert not routed({"resource.type": [{"exists": False}]}, refusal())
    assert routed({"outcome": ["rejected"], "playbook": [{"exists": False}]}, refusal())


def test_what_does_not_exist_is_an_error() -> None:
    with pytest.raises(PolicyError, match=r"^notify\[0\]\.to: there is no channel 'sco'; there is soc, payments$"):
        Router(Policy(channels=CHANNELS, notify=(Route(("sco",)),)), [])
    with pytest.raises(PolicyError, match=r"^notify\[0\]\.when\.severty: there is no such field$"):
        Router(Policy(channels=CHANNELS, notify=(Route(("soc",), {"severty": (4,)}),)), [])


class TestCritical:
    """One channel may be down when it matters most."""

    ONE = (Route(("payments",)),)

    def told(self, notify: tuple[Route, ...], default: list[str], severity: int = 5, **channels: Channel) -> list[str]:
        policy = Policy(channels=channels or CHANNELS, notify=notify)
        return Router(policy, default)(report(severity=severity))

    def test_two_channels_of_different_kinds_are_told(self) -> None:
        assert self.told(self.ONE, []) == ["payments:teams", "soc:sns"]

    def test_the_settings_channel_comes_first(self) -> None:
        assert self.told(self.ONE, ["sns"]) == ["payments:teams", "sns"]

    def test_the_same_kind_twice_rather_than_one(self) -> None:
        assert self.told(self.ONE, ["teams"], payments=PAYMENTS) == ["payments:teams", "teams"]

    def test_where_there_is_one_it_is_one(self) -> None:
        assert self.told(self.ONE, [], payments=PAYMENTS) == ["payments:teams"]
        assert Router(Policy(), ["sns"])(report(severity=5)) == ["sns"]
        assert Router(Policy(), [])(report(severity=5)) == []

    def test_two_and_more_are_left_as_they_are(self) -> None:
        assert self.told((Route(("soc",)),), ["sns"]) == ["soc:teams", "soc:sns"]
        assert Router(Policy(), ["sns", "teams"])(report(severity=5)) == ["sns", "teams"]

    def test_what_no_route_matches_is_told_all_the_same(self) -> None:
        assert self.told((Route(("soc",), {"outcome": ("failed",)}),), []) == ["payments:teams", "soc:sns"]

    def test_what_is_less_is_not(self) -> None:
        assert self.told(self.ONE, ["sns"], severity=4) == ["payments:teams"]
