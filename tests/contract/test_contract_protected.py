"""Nothing that is protected is ever written to: every remediation, every kind of protection, whether a finding or a person asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest

from stanch.action import Outcome
from stanch.clouds.aws import AwsCloud, AwsSettings
from stanch.clouds.azure import AzureCloud
from stanch.clouds.azure_settings import AzureSettings
from stanch.deployment import Deployment, Settings
from stanch.finding import Finding, Resource, Severity
from stanch.journal.sqlite import SqliteJournal
from stanch.playbooks.limits import Protect
from stanch.playbooks.match import Matcher
from stanch.playbooks.model import Playbook, Policy, Step
from stanch.remediation import load
from stanch.responder import Delivery, Responder
from stanch.result import Result
from stanch.runbook import Request, Runbook
from tests.contract.conftest import make_bench
from tests.contract.harness import REGISTRY, Bench, all_scenarios
from tests.contract.scenario import Scenario
from tests.contract.scenarios.aws.revoke_sessions import TRUST
from tests.contract.worlds import ACCOUNT

FIRST = list({scenario.remediation: scenario for scenario in reversed(all_scenarios())}.values())
OWN = "00000000-0000-0000-0000-0000000000e1"
VM = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/siem/providers/Microsoft.Compute/virtualMachines/Log-1"
PROTECT = Protect(
    ("arn:aws:iam::*:role/breakglass-*", "arn:aws:iam::*:user/breakglass/*", "bg1@corp.example"),
    ("arn:aws:s3:::org-log-archive-*", f"{VM.partition('/providers/')[0]}/*"),
)
NAMES = {
    "aws": [
        f"arn:aws:iam::{ACCOUNT}:root", "arn:aws-cn:iam::111122223333:root",
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty",
        f"arn:aws:iam::{ACCOUNT}:role/AWSServiceRoleForSupport",
        f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef",
        f"arn:aws:iam::{ACCOUNT}:role/AWSReservedSSO_Admin_0123456789abcdef",
        f"arn:aws:iam::{ACCOUNT}:role/stanch-act", f"arn:aws:iam::{ACCOUNT}:role/stanch-prod-GuardDutyRole-1",
        f"arn:aws:iam::{ACCOUNT}:role/breakglass-1", f"arn:aws:iam::{ACCOUNT}:user/breakglass/first", "arn:aws:s3:::org-log-archive-1",
    ],
    "azure": [OWN, OWN.upper(), "bg1@corp.example", "BG1@corp.example", VM, VM.lower(), VM.upper()],
}  # fmt: skip
"""Root, roles that AWS owns, the responder's own, and what the policy names."""


def untouchable(cloud: str) -> Any:
    """The real cloud's own names, and no session for anything."""
    real = (
        AwsCloud(AwsSettings("eu-west-1", "123456789012", "stanch", own=("arn:*:iam::*:role/stanch-prod-*",)))
        if cloud == "aws"
        else AzureCloud(AzureSettings(own=(OWN,)))
    )

    def session(*asked: Any, **more: Any) -> NoReturn:
        raise AssertionError(f"a session was asked for: {asked}")

    real.session = session  # type: ignore[method-assign]
    return real


def deployed(cloud: Any, remediation: str, folder: Path, params: Any = None) -> Deployment:
    playbook = Playbook("all", {"type": ("seen",)}, (Step(remediation, dict(params or {})),), "auto")
    policy = Policy((playbook,), protect=PROTECT)
    return Deployment(
        cloud=cloud, journal=SqliteJournal(str(folder / "journal.sqlite")), registry=REGISTRY, policy=policy, matcher=Matcher(policy),
        channels={}, route=lambda report: [], settings=Settings(ceiling="auto", verify_delays=()),
    )  # fmt: skip


def found(deployment: Deployment, resource: Resource) -> Result:
    """What becomes of a finding about the resource; Azure's know no account of their own."""
    now = datetime.now(UTC)
    finding = Finding(
        "toy", "finding-1", "1", "seen", "seen", Severity.CRITICAL, resource.account, resource.region, (resource,), last_seen=now, updated_at=now
    )  # fmt: skip
    (result,) = Responder(deployment).respond([finding], Delivery())
    return result


def asked(deployment: Deployment, remediation: str, resource: Resource, params: Any = None) -> Result:
    return Runbook(deployment, Request(remediation, resource, "oncall", "seen live", params or {})).apply()


CASES = [(remediation, name) for remediation in sorted(REGISTRY) for name in NAMES[remediation.partition(".")[0]]]


@pytest.mark.parametrize(("remediation", "name"), CASES)
def test_a_protected_name_is_not_even_read(remediation: str, name: str, tmp_path: Path) -> None:
    cloud = remediation.partition(".")[0]
    deployment = deployed(untouchable(cloud), remediation, tmp_path)
    account = ACCOUNT if cloud == "aws" else VM.split("/")[2]
    resource = Resource(
        load(REGISTRY[remediation]).resource_type, name, account, "eu-west-1" if cloud == "aws" else None
    )
    for result in (found(deployment, resource), asked(deployment, remediation, resource)):
        assert result.outcome is Outcome.HELD
        assert (result.reason or "").startswith(f"protected: {name} matches ")


@pytest.mark.parametrize("remediation", sorted(name for name in REGISTRY if name.startswith("aws.iam.")))
def test_the_credentials_of_root_are_not_even_read(remediation: str, tmp_path: Path) -> None:
    deployment = deployed(untouchable("aws"), remediation, tmp_path)
    kind = load(REGISTRY[remediation]).resource_type
    resource = Resource(kind, "AKIAIOSFODNN7EXAMPLE", ACCOUNT, None, "actor", {"user_type": "Root"})
    for result in (found(deployment, resource), asked(deployment, remediation, resource)):
        assert (
            result.reason == f"protected: arn:aws:iam::{ACCOUNT}:root matches arn:*:iam::*:root, which is never touched"
        )


@pytest.fixture
def bench(scenario: Scenario, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return make_bench(scenario, request, tmp_path, monkeypatch)


def assert_untouched(bench: Bench, scenario: Scenario, resource: Resource, pattern: str) -> None:
    """Neither a finding nor a person gets past the protection of `pattern`, which only the live plan may show."""
    bench.deployment.policy = Policy(
        (Playbook("all", {"type": ("seen",)}, (Step(scenario.remediation, dict(scenario.params)),), "auto"),),
        protect=Protect(resources=(pattern,)),
    )
    bench.deployment.matcher = Matcher(bench.deployment.policy)
    before = scenario.snapshot(bench.world, resource)
    for result in (found(bench.deployment, resource), bench.act(scenario, resource)):
        assert result.outcome is Outcome.HELD, pattern
        assert (result.reason or "").startswith("protected: ")
    assert bench.cloud.writes() == []
    assert scenario.snapshot(bench.world, resource) == before


@pytest.mark.parametrize("scenario", FIRST, ids=lambda scenario: scenario.remediation)
def test_every_name_that_a_plan_reads_protects(scenario: Scenario, bench: Bench) -> None:
    resource = scenario.expose(bench.world)
    _, plan, _ = bench.request(scenario, resource).preview()
    for name in (resource.id, *plan.aliases):
        assert_untouched(bench, scenario, resource, name)


def _user(world: Any) -> str:
    name: str = world.unique("user")
    world.client("iam").create_user(UserName=name, Path="/breakglass/")
    return name


def key_of_breakglass(world: Any) -> Resource:
    name = _user(world)
    made = world.client("iam").create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
    return Resource("AWS::IAM::AccessKey", made, world.account, None, "actor", {"user_name": name})


def breakglass(world: Any) -> Resource:
    return Resource("AWS::IAM::User", f"arn:aws:iam::{world.account}:user/{_user(world)}", world.account)


def role_below(path: str) -> Callable[[Any], Resource]:
    def expose(world: Any) -> Resource:
        name = world.unique("role")
        world.client("iam").create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(TRUST))
        return Resource("AWS::IAM::Role", f"arn:aws:iam::{world.account}:role/{name}", world.account)

    return expose


def signed_in_as_breakglass(world: Any) -> Resource:
    person = world.user()
    return Resource("Microsoft.Graph/users", person["id"], world.tenant)


BEHIND: dict[str, tuple[str, Callable[[Any], Resource], str]] = {
    "a key of a break-glass user": ("aws.iam.deactivate_access_key", key_of_breakglass, "arn:aws:iam::*:user/breakglass/*"),
    "a break-glass user": ("aws.iam.revoke_user_sessions", breakglass, "arn:aws:iam::*:user/breakglass/*"),
    "a break-glass role": ("aws.iam.revoke_sessions", role_below("/breakglass/"), "arn:aws:iam::*:role/breakglass/*"),
    "a role that AWS owns": ("aws.iam.revoke_sessions", role_below("/aws-service-role/toy.amazonaws.com/"), "nothing else"),
    "a role of Identity Center": ("aws.iam.revoke_sessions", role_below("/aws-reserved/sso.amazonaws.com/"), "nothing else"),
    "a break-glass person": ("azure.entra.disable_user", signed_in_as_breakglass, "*@corp.example"),
}  # fmt: skip
"""What a finding does not show: the path of a user or role, the sign-in name behind an object id."""


@pytest.mark.parametrize("scenario", [
    replace(next(each for each in FIRST if each.remediation == remediation), name=name, expose=expose)
    for name, (remediation, expose, _) in BEHIND.items()
], ids=lambda scenario: scenario.name)  # fmt: skip
def test_what_only_the_live_read_shows(scenario: Scenario, bench: Bench) -> None:
    resource = scenario.expose(bench.world)
    assert_untouched(bench, scenario, resource, BEHIND[scenario.name][2])
