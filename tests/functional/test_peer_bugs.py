"""What automated response is known to get wrong, one test each: the docstring names the behaviour that must not come back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stanch import clock
from stanch.action import Outcome
from stanch.deployment import Settings
from stanch.errors import Retryable
from stanch.finding import Finding, Resource, Severity
from stanch.local.aws.server import AwsCloud
from stanch.local.azure.server import AzureCloudServer
from stanch.playbooks.limits import Approval, Escalation, Exempt
from stanch.playbooks.load import load as load_policy
from stanch.playbooks.match import Matcher
from stanch.playbooks.model import Playbook, Policy, Step
from stanch.responder import Delivery, Responder
from stanch.result import Result
from stanch.sources import config, guardduty
from stanch.sweep.run import Sweep
from tests.contract.faulty import aws_answer
from tests.contract.harness import Bench as Lab
from tests.contract.harness import all_scenarios, aws_bench, azure_bench
from tests.contract.scenario import Scenario
from tests.contract.scenarios.aws.isolate_instance import groups as groups_of
from tests.contract.scenarios.aws.isolate_instance import interfaces
from tests.contract.scenarios.aws.revoke_security_group_ingress import exposing, tcp, v4
from tests.contract.scenarios.azure.revoke_nsg_rule import live as rules_of
from tests.unit.engine.bench import Bench, Wall, finding, playbook, vault
from tests.unit.engine.failing import denied, failing
from tests.unit.engine.toy import ToyCloud
from tests.unit.engine.toy_remediations import CloseDoor

EVENTS = Path(__file__).parents[2] / "events"
SCENARIOS = {(each.remediation, each.name): each for each in all_scenarios()}
GROUP, INSTANCE, ROLE = "aws.ec2.revoke_security_group_ingress", "aws.ec2.isolate_instance", "aws.iam.revoke_sessions"
NSG, VM = "azure.network.revoke_nsg_rule", "azure.compute.isolate_vm"


@pytest.fixture(scope="module")
def aws_url() -> Iterator[str]:
    server = AwsCloud()
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(scope="module")
def azure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureCloudServer]:
    server = AzureCloudServer(tmp_path_factory.mktemp("azure"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def aws(aws_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The real engine and SDKs on the local AWS."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_CONFIG_FILE": os.devnull, "AWS_ENDPOINT_URL": aws_url,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return aws_bench(aws_url, tmp_path)


@pytest.fixture
def azure(azure_server: AzureCloudServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    for name, value in azure_server.environment().items():
        monkeypatch.setenv(name, value)
    return azure_bench(azure_server, tmp_path)


@pytest.fixture
def toy(tmp_path: Path) -> Bench:
    """The real engine on a cloud in a dict."""
    return Bench(tmp_path, ToyCloud(), Wall(), settings=Settings(ceiling="auto", verify_delays=()))


def seen(lab: Lab, remediation: str, resource: Resource, number: int = 1, **more: Any) -> Result:
    """What becomes of a finding about the resource under a playbook that acts."""
    made = Playbook("p", {"type": ("seen",)}, (Step(remediation),), "auto", **more)
    lab.deployment.policy = Policy((made,))
    lab.deployment.matcher = Matcher(lab.deployment.policy)
    now = datetime.now(UTC)
    given = Finding(
        "toy", f"finding-{number}", "1", "seen", "seen", Severity.HIGH, resource.account, resource.region, (resource,), last_seen=now, updated_at=now
    )  # fmt: skip
    (result,) = Responder(lab.deployment).respond([given], Delivery())
    return result


def contained(lab: Lab, remediation: str, name: str) -> Result:
    """A scenario of the contract, acted on and found contained by a look that bypasses Stanch."""
    scenario: Scenario = SCENARIOS[remediation, name]
    resource = scenario.expose(lab.world)
    result = lab.act(scenario, resource)
    assert result.outcome is Outcome.ACTED
    assert scenario.contained(lab.world, resource)
    return result


def sample(name: str, **changes: Any) -> Any:
    event = json.loads((EVENTS / "guardduty" / name).read_text())
    event["detail"] |= changes
    return event


def capitalised(value: Any) -> Any:
    """The same with every key as the API writes it."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: capitalised(inner) for key, inner in value.items()}
    return [capitalised(item) for item in value] if isinstance(value, list) else value


def test_01_one_finding_in_either_spelling_is_one_finding() -> None:
    """Understanding only the spelling of one API: the event writes `accessKeyDetails`, GetFindings `AccessKeyDetails`."""
    event = sample("leaked-access-key.json")
    (by_event,), (by_api,) = guardduty.parse(event), guardduty.parse(capitalised(event["detail"]))
    assert (by_event.id, by_event.type, by_event.severity) == (by_api.id, by_api.type, by_api.severity)
    assert [each.key() for each in by_event.resources] == [each.key() for each in by_api.resources] != []
    matcher = Matcher(load_policy("shipped"))
    wanted = [[(match.step, match.resources[0].key()) for match in matcher.match(each)] for each in (by_event, by_api)]
    assert wanted[0] == wanted[1] != []


def test_02_a_lookup_that_fails_never_lets_pass(toy: Bench) -> None:
    """Going on because the exemption could not be looked up."""
    toy.exempt(tags={"keep": ("open",)})
    toy.door(tags=None)
    with pytest.raises(Retryable):
        toy.deliver()
    assert toy.deliver(last=True).outcome is Outcome.HELD
    assert toy.cloud.writes() == []


def test_03_tags_are_read_live(aws: Lab) -> None:
    """Believing the tags that the finding carries: they are old, and the attacker's."""
    exempt = Exempt(tags={"team": ("shop",)})
    resource = SCENARIOS[GROUP, "ssh and remote desktop over IPv4 and IPv6"].expose(aws.world)
    told = replace(resource, details={"tags": [{"key": "team", "value": "none"}]})
    assert seen(aws, GROUP, told, exempt=exempt).outcome is Outcome.AWAITING_APPROVAL, "the live tag asks"
    aws.world.client("ec2").delete_tags(Resources=[resource.id.rpartition("/")[2]], Tags=[{"Key": "team"}])
    told = replace(resource, details={"tags": [{"key": "team", "value": "shop"}]})
    assert seen(aws, GROUP, told, number=2, exempt=exempt).outcome is Outcome.ACTED, "there is none any more"


def test_04_only_the_rule_that_exposes_goes(aws: Lab) -> None:
    """Taking away a rule that lets a neighbour group in, because it allows all traffic."""
    resource = exposing([tcp(22, 22, **v4("0.0.0.0/0"))], [])(aws.world)
    before = SCENARIOS[GROUP, "everything open"].snapshot(aws.world, resource)
    assert seen(aws, GROUP, resource).outcome is Outcome.ACTED
    left = SCENARIOS[GROUP, "everything open"].snapshot(aws.world, resource)
    assert [rule["IpProtocol"] for rule in left] == ["-1"]
    assert left == [rule for rule in before if rule["IpProtocol"] == "-1"]


@pytest.mark.parametrize("name", ["the internet in pieces", "a prefix list that holds the internet", "ssh and remote desktop over IPv4 and IPv6"])  # fmt: skip
def test_05_the_internet_has_many_names(aws: Lab, name: str) -> None:
    """Looking for 0.0.0.0/0 alone: two halves, IPv6 and prefix lists are as open."""
    contained(aws, GROUP, name)


def test_06_the_second_run_finds_nothing_to_do(aws: Lab) -> None:
    """Failing the second time, because what should be removed is gone."""
    scenario = SCENARIOS[GROUP, "everything open"]
    resource = scenario.expose(aws.world)
    rows = [seen(aws, GROUP, resource, number) for number in range(3)]
    assert [row.outcome for row in rows] == [Outcome.ACTED, Outcome.NO_OP, Outcome.NO_OP]
    assert aws.act(scenario, resource).outcome is Outcome.NO_OP


def test_07_what_is_done_in_part_is_called_so(toy: Bench) -> None:
    """Printing that one of several rules failed, and reporting success."""
    toy.vault()
    toy.cloud.before.append(failing(denied(), name="alarm"))
    result = toy.deliver(finding(vault()))
    assert result.outcome is Outcome.PARTIAL
    assert [report.outcome for report in toy.channel.reports] == ["partial"]
    assert toy.channel.reports[0].failures == ["alarm of vault-1: Set: AccessDenied: an organisation policy forbids it"]


def test_08_success_is_what_a_second_look_finds(toy: Bench) -> None:
    """Announcing success because the call did not fail."""
    toy.door()
    toy.cloud.after.append(lambda call: toy.cloud.things["door-1"].update(front="open") if call.verb == "Set" else None)
    result = toy.deliver()
    assert result.outcome is Outcome.UNVERIFIED
    assert "a second look still finds: front of door-1" in (result.reason or "")
    assert [report.outcome for report in toy.channel.reports] == ["unverified"]


def test_09_a_tag_that_fails_stops_no_containment(aws: Lab) -> None:
    """Giving up an isolation because the instance could not be tagged first."""
    scenario = SCENARIOS[INSTANCE, "one interface"]
    resource = scenario.expose(aws.world)
    refuse = aws_answer(403, ("act",))
    tagging = ("ec2:CreateTags", "ec2:DeleteTags", "ec2:CreateSnapshots")
    aws.cloud.faults.append(lambda purpose, name: refuse(purpose, name) if name in tagging else None)
    assert aws.act(scenario, resource).outcome is Outcome.ACTED
    assert scenario.contained(aws.world, resource)
    assert aws.channel.reports[0].failures


def test_10_whoever_shares_the_role_is_named_and_not_shut_out(aws: Lab) -> None:
    """Denying everything to a role that others use as well, without saying so."""
    scenario = SCENARIOS[ROLE, "stolen role session"]
    resource = scenario.expose(aws.world)
    _, plan, _ = aws.request(scenario, resource).preview()
    told = " ".join(plan.breaks)
    assert resource.id.rpartition("/")[2] in told, "the instances that wear it"
    assert "444455556666" in told, "the account that it trusts"
    aws.act(scenario, resource)
    (policy,) = (
        each for name, each in scenario.snapshot(aws.world, resource).items() if name == "AWSRevokeOlderSessions"
    )
    assert all(statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"] for statement in policy["Statement"])


def test_11_nothing_grows_with_the_number_of_findings(aws: Lab) -> None:
    """Adding a deny rule with every finding until the quota ends it."""
    scenario = SCENARIOS[INSTANCE, "one interface"]
    resource = scenario.expose(aws.world)
    assert seen(aws, INSTANCE, resource).outcome is Outcome.ACTED
    before = groups_of(aws.world, resource)
    assert {seen(aws, INSTANCE, resource, number).outcome for number in range(2, 6)} == {Outcome.NO_OP}
    assert groups_of(aws.world, resource) == before


@pytest.mark.parametrize(
    "name", ["a range is split", "ports of one's own", "Internet and a private network on good and bad ports"]
)
def test_12_ports_are_numbers_and_all_are_looked_at(azure: Lab, name: str) -> None:
    """Comparing ports as texts, and skipping some because the list is changed while it is walked."""
    contained(azure, NSG, name)


def test_13_priorities_stay_within_their_range(azure: Lab) -> None:
    """Counting priorities down from the lowest, below what Azure takes, and only logging that it refused."""
    scenario = SCENARIOS[NSG, "Internet and a private network on good and bad ports"]
    resource = scenario.expose(azure.world)
    assert azure.act(scenario, resource).outcome is Outcome.ACTED
    rules = rules_of(azure.world, resource)
    inbound = [rule["priority"] for rule in rules.values() if rule["direction"] == "Inbound"]
    assert len(inbound) == len(set(inbound))
    assert all(100 <= priority <= 4096 for priority in inbound)


def test_14_every_interface_in_every_network_is_isolated(aws: Lab) -> None:
    """Isolating the first interface, in the first one's network."""
    scenario = SCENARIOS[INSTANCE, "two interfaces in two networks"]
    resource = scenario.expose(aws.world)
    assert len({each["VpcId"] for each in interfaces(aws.world, resource)}) == 2
    assert aws.act(scenario, resource).outcome is Outcome.ACTED
    assert scenario.contained(aws.world, resource)


def _made_up(event: Any) -> Iterator[Any]:
    """The ways in which a sample finding says that it is one."""
    service = event["detail"]["service"]
    yield {**event, "detail": {**event["detail"], "service": {**service, "additionalInfo": {"sample": True}}}}
    yield {**event, "detail": {**event["detail"], "title": f"[SAMPLE] {event['detail']['title']}"}}
    keys = {**event["detail"]["resource"]["accessKeyDetails"], "accessKeyId": "GeneratedFindingAccessKeyId", "userName": "GeneratedFindingUserName"}  # fmt: skip
    yield {
        **event,
        "detail": {**event["detail"], "resource": {**event["detail"]["resource"], "accessKeyDetails": keys}},
    }


def test_15_samples_are_never_acted_on(aws: Lab) -> None:
    """Deactivating what a sample finding names."""
    policy = load_policy("shipped")
    aws.deployment.policy, aws.deployment.matcher = policy, Matcher(policy)
    for event in _made_up(sample("leaked-access-key.json")):
        findings = guardduty.parse(event)
        with clock.at(findings[0].updated_at or datetime.now(UTC)):
            rows = Responder(aws.deployment).respond(findings, Delivery())
        assert {row.outcome for row in rows} <= {Outcome.HELD, Outcome.REJECTED}, event["detail"]["title"]
    assert aws.cloud.writes() == []
    assert dict(aws.cloud.calls) == {}, "not even read"


def test_16_the_member_and_the_administrator_send_one_finding(toy: Bench) -> None:
    """Acting twice because the member account and the administrator both deliver it."""
    event = sample("leaked-access-key.json")
    (member,) = guardduty.parse(event)
    (administrator,) = guardduty.parse({**event, "account": "999988887777", "id": "another delivery"})
    assert (member.id, member.version, member.account) == (
        administrator.id,
        administrator.version,
        administrator.account,
    )
    toy.door()
    rows = [toy.deliver(finding(id=each.id, version=each.version)) for each in (member, administrator)]
    assert [row.outcome for row in rows] == [Outcome.ACTED, Outcome.NO_OP]
    assert rows[0].action_id == rows[1].action_id
    assert len(toy.cloud.writes()) == len(toy.channel.reports) == 1


def test_17_a_request_that_reached_nobody_is_not_consent(toy: Bench) -> None:
    """Taking the default action because the channel that should ask was broken."""
    toy.policy = {"approval": Approval(escalate=(Escalation(60, then="act"),))}
    toy.playbooks = [playbook("doors", CloseDoor.id, mode="approve")]
    toy.channel.broken = True
    toy.door()
    action = toy.action(toy.deliver())
    with clock.at(datetime.now(UTC) + timedelta(minutes=5)):
        Sweep(toy.deployment).run()
    assert toy.journal.get(action.id).outcome is Outcome.AWAITING_APPROVAL
    assert toy.cloud.writes() == []
    toy.channel.broken = False
    with clock.at(datetime.now(UTC) + timedelta(minutes=6)):
        Sweep(toy.deployment).run()
    assert toy.journal.get(action.id).outcome is Outcome.ACTED, "asked, and nobody objected"


@pytest.mark.parametrize(("where", "outcome"), [({"name": "alarm"}, Outcome.PARTIAL), ({"purpose": "read", "verb": "Describe"}, Outcome.UNVERIFIED)])  # fmt: skip
def test_18_whatever_may_have_changed_something_can_be_undone(
    toy: Bench, where: dict[str, str], outcome: Outcome
) -> None:
    """Rolling back only what was called a success."""
    toy.vault()
    before = toy.cloud.snapshot()["vault-1"]
    refuse = failing(denied(), **where)
    toy.cloud.before.append(lambda call: refuse(call) if toy.cloud.writes() else None)
    result = toy.deliver(finding(vault()))
    assert result.outcome is outcome
    toy.cloud.before.clear()
    assert toy.undo(result.action_id).run().outcome is Outcome.UNDONE
    after = toy.cloud.snapshot()["vault-1"]
    assert {name: after[name] for name in ("barrier", "alarm")} == {name: before[name] for name in ("barrier", "alarm")}


def test_19_what_is_compliant_is_left_alone(aws: Lab) -> None:
    """Starting a remediation for a resource that is compliant by now."""
    resource = exposing([], [tcp(443, 443, **v4("0.0.0.0/0", "shop"))])(aws.world)
    assert seen(aws, GROUP, resource).outcome is Outcome.NO_OP
    (compliant,) = config.parse(json.loads((EVENTS / "config/compliant-again.json").read_text()))
    (row,) = Responder(aws.deployment).respond([compliant], Delivery())
    assert (row.outcome, row.reason) == (Outcome.UNMATCHED, "the resource is compliant")
    assert aws.cloud.writes() == []


def test_20_connections_that_stay_open_are_cut_or_named(aws: Lab) -> None:
    """Calling a machine isolated while its tracked connections live on."""
    contained(aws, INSTANCE, "open connections cut")
    scenario = SCENARIOS[INSTANCE, "one interface"]
    _, plan, _ = aws.request(scenario, scenario.expose(aws.world)).preview()
    assert any("connection" in line for line in plan.not_done)


def test_20_so_are_those_of_a_virtual_machine(azure: Lab) -> None:
    """Relying on a security group alone, which does not end the flows that are open."""
    scenario = SCENARIOS[VM, "two interfaces in two resource groups, a shared group"]
    resource = scenario.expose(azure.world)
    assert azure.act(scenario, resource).outcome is Outcome.ACTED
    groups = [
        each for each in azure.world.network.network_security_groups.list_all() if each.name.startswith("stanch-")
    ]
    assert groups
    assert all(each.properties.flush_connection for each in groups)
    _, plan, _ = azure.request(
        SCENARIOS[NSG, "SSH from anywhere"], SCENARIOS[NSG, "SSH from anywhere"].expose(azure.world)
    ).preview()
    assert "connections that are open already live on until they end" in plan.not_done
