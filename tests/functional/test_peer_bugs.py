"""What automated response is known to get wrong, one test each: the docstring names the behaviour that must not come back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from stanch import clock
from stanch.action import Outcome
from stanch.errors import Retryable
from stanch.playbooks.limits import Approval, Escalation, Exempt
from stanch.playbooks.load import load as load_policy
from stanch.playbooks.match import Matcher
from stanch.responder import Delivery, Responder
from stanch.sources import config, guardduty
from stanch.sweep.run import Sweep
from tests.contract.faulty import aws_answer
from tests.contract.harness import Bench as Lab
from tests.contract.scenarios.aws.isolate_instance import groups as groups_of
from tests.contract.scenarios.aws.isolate_instance import interfaces
from tests.contract.scenarios.aws.revoke_security_group_ingress import exposing, tcp, v4
from tests.contract.scenarios.azure.revoke_nsg_rule import live as rules_of
from tests.functional.peers import (
    EVENTS,
    GROUP,
    INSTANCE,
    NSG,
    ROLE,
    SCENARIOS,
    VM,
    assert_contained,
    capitalised,
    made_up,
    sample,
    seen,
)
from tests.unit.engine.bench import Bench, finding, playbook, vault
from tests.unit.engine.failing import denied, failing
from tests.unit.engine.toy_remediations import CloseDoor


def test_01_one_finding_in_either_spelling_is_one_finding() -> None:
    """Understanding only the spelling of one API: the event writes `accessKeyDetails`, GetFindings `AccessKeyDetails`."""
    event = sample("leaked-access-key.json")
    (by_event,), (by_api,) = guardduty.parse(event), guardduty.parse(capitalised(event["detail"]))
    assert (by_event.id, by_event.type, by_event.severity) == (by_api.id, by_api.type, by_api.severity)
    assert [each.key() for each in by_event.resources] == [each.key() for each in by_api.resources] != []
    matcher = Matcher(load_policy("shipped"))
    wanted = [[(match.step, match.resources[0].key()) for match in matcher.match(each)] for each in (by_event, by_api)]
    assert wanted[0] == wanted[1] != []


def test_02_a_lookup_that_fails_never_lets_pass(toy_bench: Bench) -> None:
    """Going on because the exemption could not be looked up."""
    toy_bench.exempt(tags={"keep": ("open",)})
    toy_bench.door(tags=None)
    with pytest.raises(Retryable):
        toy_bench.deliver()
    assert toy_bench.deliver(last=True).outcome is Outcome.HELD
    assert toy_bench.cloud.writes() == []


def test_03_tags_are_read_live(aws_lab: Lab) -> None:
    """Believing the tags that the finding carries: they are old, and the attacker's."""
    exempt = Exempt(tags={"team": ("shop",)})
    resource = SCENARIOS[GROUP, "ssh and remote desktop over IPv4 and IPv6"].expose(aws_lab.world)
    told = replace(resource, details={"tags": [{"key": "team", "value": "none"}]})
    assert seen(aws_lab, GROUP, told, exempt=exempt).outcome is Outcome.AWAITING_APPROVAL, "the live tag asks"
    aws_lab.world.client("ec2").delete_tags(Resources=[resource.id.rpartition("/")[2]], Tags=[{"Key": "team"}])
    told = replace(resource, details={"tags": [{"key": "team", "value": "shop"}]})
    assert seen(aws_lab, GROUP, told, number=2, exempt=exempt).outcome is Outcome.ACTED, "there is none any more"


def test_04_only_the_rule_that_exposes_goes(aws_lab: Lab) -> None:
    """Taking away a rule that lets a neighbour group in, because it allows all traffic."""
    resource = exposing([tcp(22, 22, **v4("0.0.0.0/0"))], [])(aws_lab.world)
    before = SCENARIOS[GROUP, "everything open"].snapshot(aws_lab.world, resource)
    assert seen(aws_lab, GROUP, resource).outcome is Outcome.ACTED
    left = SCENARIOS[GROUP, "everything open"].snapshot(aws_lab.world, resource)
    assert [rule["IpProtocol"] for rule in left] == ["-1"]
    assert left == [rule for rule in before if rule["IpProtocol"] == "-1"]


@pytest.mark.parametrize("name", ["the internet in pieces", "a prefix list that holds the internet", "ssh and remote desktop over IPv4 and IPv6"])  # fmt: skip
def test_05_the_internet_has_many_names(aws_lab: Lab, name: str) -> None:
    """Looking for 0.0.0.0/0 alone: two halves, IPv6 and prefix lists are as open."""
    assert_contained(aws_lab, GROUP, name)


def test_06_the_second_run_finds_nothing_to_do(aws_lab: Lab) -> None:
    """Failing the second time, because what should be removed is gone."""
    scenario = SCENARIOS[GROUP, "everything open"]
    resource = scenario.expose(aws_lab.world)
    rows = [seen(aws_lab, GROUP, resource, number) for number in range(3)]
    assert [row.outcome for row in rows] == [Outcome.ACTED, Outcome.NO_OP, Outcome.NO_OP]
    assert aws_lab.act(scenario, resource).outcome is Outcome.NO_OP


def test_07_what_is_done_in_part_is_called_so(toy_bench: Bench) -> None:
    """Printing that one of several rules failed, and reporting success."""
    toy_bench.vault()
    toy_bench.cloud.before.append(failing(denied(), name="alarm"))
    result = toy_bench.deliver(finding(vault()))
    assert result.outcome is Outcome.PARTIAL
    assert [report.outcome for report in toy_bench.channel.reports] == ["partial"]
    assert toy_bench.channel.reports[0].failures == [
        "alarm of vault-1: Set: AccessDenied: an organisation policy forbids it"
    ]


def test_08_success_is_what_a_second_look_finds(toy_bench: Bench) -> None:
    """Announcing success because the call did not fail."""
    toy_bench.door()
    toy_bench.cloud.after.append(
        lambda call: toy_bench.cloud.things["door-1"].update(front="open") if call.verb == "Set" else None
    )
    result = toy_bench.deliver()
    assert result.outcome is Outcome.UNVERIFIED
    assert "a second look still finds: front of door-1" in (result.reason or "")
    assert [report.outcome for report in toy_bench.channel.reports] == ["unverified"]


def test_09_a_tag_that_fails_stops_no_containment(aws_lab: Lab) -> None:
    """Giving up an isolation because the instance could not be tagged first."""
    scenario = SCENARIOS[INSTANCE, "one interface"]
    resource = scenario.expose(aws_lab.world)
    refuse = aws_answer(403, ("act",))
    tagging = ("ec2:CreateTags", "ec2:DeleteTags", "ec2:CreateSnapshots")
    aws_lab.cloud.faults.append(lambda purpose, name: refuse(purpose, name) if name in tagging else None)
    assert aws_lab.act(scenario, resource).outcome is Outcome.ACTED
    assert scenario.contained(aws_lab.world, resource)
    assert aws_lab.channel.reports[0].failures


def test_10_whoever_shares_the_role_is_named_and_not_shut_out(aws_lab: Lab) -> None:
    """Denying everything to a role that others use as well, without saying so."""
    scenario = SCENARIOS[ROLE, "stolen role session"]
    resource = scenario.expose(aws_lab.world)
    _, plan, _ = aws_lab.request(scenario, resource).preview()
    told = " ".join(plan.breaks)
    assert resource.id.rpartition("/")[2] in told, "the instances that wear it"
    assert "444455556666" in told, "the account that it trusts"
    aws_lab.act(scenario, resource)
    (policy,) = (
        each for name, each in scenario.snapshot(aws_lab.world, resource).items() if name == "AWSRevokeOlderSessions"
    )
    assert all(statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"] for statement in policy["Statement"])


def test_11_nothing_grows_with_the_number_of_findings(aws_lab: Lab) -> None:
    """Adding a deny rule with every finding until the quota ends it."""
    scenario = SCENARIOS[INSTANCE, "one interface"]
    resource = scenario.expose(aws_lab.world)
    assert seen(aws_lab, INSTANCE, resource).outcome is Outcome.ACTED
    before = groups_of(aws_lab.world, resource)
    assert {seen(aws_lab, INSTANCE, resource, number).outcome for number in range(2, 6)} == {Outcome.NO_OP}
    assert groups_of(aws_lab.world, resource) == before


@pytest.mark.parametrize(
    "name", ["a range is split", "ports of one's own", "Internet and a private network on good and bad ports"]
)
def test_12_ports_are_numbers_and_all_are_looked_at(azure_lab: Lab, name: str) -> None:
    """Comparing ports as texts, and skipping some because the list is changed while it is walked."""
    assert_contained(azure_lab, NSG, name)


def test_13_priorities_stay_within_their_range(azure_lab: Lab) -> None:
    """Counting priorities down from the lowest, below what Azure takes, and only logging that it refused."""
    scenario = SCENARIOS[NSG, "Internet and a private network on good and bad ports"]
    resource = scenario.expose(azure_lab.world)
    assert azure_lab.act(scenario, resource).outcome is Outcome.ACTED
    rules = rules_of(azure_lab.world, resource)
    inbound = [rule["priority"] for rule in rules.values() if rule["direction"] == "Inbound"]
    assert len(inbound) == len(set(inbound))
    assert all(100 <= priority <= 4096 for priority in inbound)


def test_14_every_interface_in_every_network_is_isolated(aws_lab: Lab) -> None:
    """Isolating the first interface, in the first one's network."""
    scenario = SCENARIOS[INSTANCE, "two interfaces in two networks"]
    resource = scenario.expose(aws_lab.world)
    assert len({each["VpcId"] for each in interfaces(aws_lab.world, resource)}) == 2
    assert aws_lab.act(scenario, resource).outcome is Outcome.ACTED
    assert scenario.contained(aws_lab.world, resource)


def test_15_samples_are_never_acted_on(aws_lab: Lab) -> None:
    """Deactivating what a sample finding names."""
    policy = load_policy("shipped")
    aws_lab.deployment.policy, aws_lab.deployment.matcher = policy, Matcher(policy)
    for event in made_up(sample("leaked-access-key.json")):
        findings = guardduty.parse(event)
        with clock.at(findings[0].updated_at or datetime.now(UTC)):
            rows = Responder(aws_lab.deployment).respond(findings, Delivery())
        assert {row.outcome for row in rows} <= {Outcome.HELD, Outcome.REJECTED}, event["detail"]["title"]
    assert aws_lab.cloud.writes() == []
    assert dict(aws_lab.cloud.calls) == {}, "not even read"


def test_16_the_member_and_the_administrator_send_one_finding(toy_bench: Bench) -> None:
    """Acting twice because the member account and the administrator both deliver it."""
    event = sample("leaked-access-key.json")
    (member,) = guardduty.parse(event)
    (administrator,) = guardduty.parse({**event, "account": "999988887777", "id": "another delivery"})
    assert (member.id, member.version, member.account) == (
        administrator.id,
        administrator.version,
        administrator.account,
    )
    toy_bench.door()
    rows = [toy_bench.deliver(finding(id=each.id, version=each.version)) for each in (member, administrator)]
    assert [row.outcome for row in rows] == [Outcome.ACTED, Outcome.NO_OP]
    assert rows[0].action_id == rows[1].action_id
    assert len(toy_bench.cloud.writes()) == len(toy_bench.channel.reports) == 1


def test_17_a_request_that_reached_nobody_is_not_consent(toy_bench: Bench) -> None:
    """Taking the default action because the channel that should ask was broken."""
    toy_bench.policy = {"approval": Approval(escalate=(Escalation(60, then="act"),))}
    toy_bench.playbooks = [playbook("doors", CloseDoor.id, mode="approve")]
    toy_bench.channel.broken = True
    toy_bench.door()
    action = toy_bench.action(toy_bench.deliver())
    with clock.at(datetime.now(UTC) + timedelta(minutes=5)):
        Sweep(toy_bench.deployment).run()
    assert toy_bench.journal.get(action.id).outcome is Outcome.AWAITING_APPROVAL
    assert toy_bench.cloud.writes() == []
    toy_bench.channel.broken = False
    with clock.at(datetime.now(UTC) + timedelta(minutes=6)):
        Sweep(toy_bench.deployment).run()
    assert toy_bench.journal.get(action.id).outcome is Outcome.ACTED, "asked, and nobody objected"


@pytest.mark.parametrize(("where", "outcome"), [({"name": "alarm"}, Outcome.PARTIAL), ({"purpose": "read", "verb": "Describe"}, Outcome.UNVERIFIED)])  # fmt: skip
def test_18_whatever_may_have_changed_something_can_be_undone(
    toy_bench: Bench, where: dict[str, str], outcome: Outcome
) -> None:
    """Rolling back only what was called a success."""
    toy_bench.vault()
    before = toy_bench.cloud.snapshot()["vault-1"]
    refuse = failing(denied(), **where)
    toy_bench.cloud.before.append(lambda call: refuse(call) if toy_bench.cloud.writes() else None)
    result = toy_bench.deliver(finding(vault()))
    assert result.outcome is outcome
    toy_bench.cloud.before.clear()
    assert toy_bench.undo(result.action_id).run().outcome is Outcome.UNDONE
    after = toy_bench.cloud.snapshot()["vault-1"]
    assert {name: after[name] for name in ("barrier", "alarm")} == {name: before[name] for name in ("barrier", "alarm")}


def test_19_what_is_compliant_is_left_alone(aws_lab: Lab) -> None:
    """Starting a remediation for a resource that is compliant by now."""
    resource = exposing([], [tcp(443, 443, **v4("0.0.0.0/0", "shop"))])(aws_lab.world)
    assert seen(aws_lab, GROUP, resource).outcome is Outcome.NO_OP
    (compliant,) = config.parse(json.loads((EVENTS / "config/compliant-again.json").read_text()))
    (row,) = Responder(aws_lab.deployment).respond([compliant], Delivery())
    assert (row.outcome, row.reason) == (Outcome.UNMATCHED, "the resource is compliant")
    assert aws_lab.cloud.writes() == []


def test_20_connections_that_stay_open_are_cut_or_named(aws_lab: Lab) -> None:
    """Calling a machine isolated while its tracked connections live on."""
    assert_contained(aws_lab, INSTANCE, "open connections cut")
    scenario = SCENARIOS[INSTANCE, "one interface"]
    _, plan, _ = aws_lab.request(scenario, scenario.expose(aws_lab.world)).preview()
    assert any("connection" in line for line in plan.not_done)


def test_20_so_are_those_of_a_virtual_machine(azure_lab: Lab) -> None:
    """Relying on a security group alone, which does not end the flows that are open."""
    scenario = SCENARIOS[VM, "two interfaces in two resource groups, a shared group"]
    resource = scenario.expose(azure_lab.world)
    assert azure_lab.act(scenario, resource).outcome is Outcome.ACTED
    groups = [
        each for each in azure_lab.world.network.network_security_groups.list_all() if each.name.startswith("stanch-")
    ]
    assert groups
    assert all(each.properties.flush_connection for each in groups)
    _, plan, _ = azure_lab.request(
        SCENARIOS[NSG, "SSH from anywhere"], SCENARIOS[NSG, "SSH from anywhere"].expose(azure_lab.world)
    ).preview()
    assert "connections that are open already live on until they end" in plan.not_done
