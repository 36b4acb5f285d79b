"""`stanch doctor`'s checks: each says what it saw, and what cannot be told is never `ok`."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest

from remediations.aws import REGISTRY as AWS
from remediations.azure import REGISTRY as AZURE
from stanch.doctor import Check, surely
from stanch.doctor import aws as aws_doctor
from stanch.doctor import azure as azure_doctor
from stanch.doctor.clocks import clock
from stanch.doctor.deployment import deployment
from stanch.doctor.rights import judged, needed
from stanch.doctor.settings import NAMES, settings
from stanch.errors import AccessDenied, Refused, StanchError, Unreachable
from stanch.playbooks.model import Playbook, Policy, Step
from stanch.remediation import Permissions, load
from stanch.sweep.turn import Waiting
from tests.unit.engine.bench import Bench

ROOT = Path(__file__).parents[3]
HOME, OTHER = "111122223333", "444455556666"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


def by(checks: Sequence[Check], area: str, subject: str) -> Check:
    (found,) = [one for one in checks if (one.area, one.subject) == (area, subject)]
    return found


def using(registry: Mapping[str, str], *names: str) -> Any:
    """A deployment of these remediations, with a playbook that uses those named."""
    steps = tuple(Step(name) for name in names)
    policy = Policy(playbooks=(Playbook(id="p", when={}, remediations=steps, mode="auto"),))
    return SimpleNamespace(
        registry=registry, policy=policy, units_of=None, tags_of=None, remediation=lambda name: load(registry[name])
    )


class TestSettings:
    def test_every_name_that_the_source_reads_is_known_and_no_other(self) -> None:
        texts = [
            path.read_text()
            for folder in ("stanch", "handlers", "remediations")
            for path in (ROOT / folder).rglob("*.py")
            if path.name != "settings.py" or path.parent.name != "doctor"
        ]
        read = {name for text in texts for name in re.findall(r"\bSTANCH_[A-Z]+(?:_[A-Z]+)*\b", text)}
        identities = {"STANCH_IDENTITY_READ", "STANCH_IDENTITY_ACT", "STANCH_IDENTITY_UNDO"}
        assert read - {"STANCH_IDENTITY"} | identities == NAMES

    def test_a_misspelt_one_is_wrong_and_the_right_one_is_proposed(self) -> None:
        (check,) = settings({"STANCH_KILLSWITCH": "x", "STANCH_MODE": "auto", "PATH": "/bin"})
        assert (check.subject, check.state, check.mend) == ("STANCH_KILLSWITCH", "wrong", "did you mean STANCH_KILL_SWITCH?")  # fmt: skip
        assert [one.state for one in settings({"STANCH_MODE": "auto"})] == ["ok"]


class TestClock:
    @pytest.mark.parametrize(
        ("off", "state", "said"),
        [(0, "ok", "agrees"), (30, "note", "30 s behind"), (-30, "note", "s ahead"), (600, "wrong", "600 s behind")],
    )
    def test_it_is_held_against_an_answer(self, off: int, state: str, said: str) -> None:
        check = clock("AWS", lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=off), usegmt=True))
        assert check.state == state
        assert re.search(said.replace("30 s", r"\d+ s").replace("600 s", r"\d+ s"), check.said)

    def test_no_answer_is_not_the_right_time(self) -> None:
        def silent() -> str:
            raise Unreachable("sts: timeout")

        assert (clock("AWS", silent).state, clock("AWS", lambda: "noon").state) == ("unknown", "unknown")


class TestRights:
    def test_what_a_playbook_needs_is_wrong_and_what_only_people_may_run_is_a_note(self) -> None:
        one = using(AWS, "aws.iam.deactivate_access_key")
        needs = needed(one, "act")
        denied = {"iam:UpdateAccessKey": "no policy grants it", "ec2:RevokeSecurityGroupIngress": "a policy denies it"}
        found = {check.said.partition(" ")[0]: check for check in judged(one, "here", needs, denied, "mend")}
        assert found["aws.iam.deactivate_access_key"].state == "wrong"
        assert "iam:UpdateAccessKey (no policy grants it)" in found["aws.iam.deactivate_access_key"].said
        assert found["aws.ec2.revoke_security_group_ingress"].state == "note"
        assert [check.state for check in judged(one, "here", needs, {}, "mend")] == ["ok"]

    def test_dependent_permissions_are_asked_for_and_undo_of_the_irreversible_is_not(self) -> None:
        one = using(AWS)
        for name in AWS:
            declared = one.remediation(name)
            for permission in declared.permissions.dependent:
                assert name in needed(one, "act")[permission]
        granted = Permissions(frozenset({"a:Read"}), frozenset({"a:Write"}), frozenset({"a:Restore"}))
        gone = SimpleNamespace(permissions=granted, irreversible="its memory is lost")
        lost: Any = SimpleNamespace(registry={"a.b.c": ""}, remediation=lambda _: gone)
        assert (set(needed(lost, "act")), set(needed(lost, "undo"))) == ({"a:Write"}, set())


class Sts:
    """An AWS cloud of two accounts, one of which has no roles."""

    def __init__(self, denied: Sequence[str] = (), account: str = HOME) -> None:
        self.settings = SimpleNamespace(role_name="stanch", external_id="x", endpoint=None)
        self.account, self.denied, self.home, self.simulated = account, denied, self, list[str]()

    def call(self, service: str, operation: str) -> dict[str, Any]:
        assert (service, operation) == ("sts", "get_caller_identity")
        headers = {"date": format_datetime(datetime.now(UTC), usegmt=True)}
        return {"Account": HOME, "Arn": f"arn:aws:iam::{HOME}:user/oncall", "ResponseMetadata": {"HTTPHeaders": headers}}  # fmt: skip

    def session(self, resource: Any, purpose: str, action_id: str, permissions: frozenset[str]) -> Any:
        if resource.account == OTHER:
            raise AccessDenied("sts:assume_role", "AccessDenied", "not authorized")
        return self

    def pages(self, service: str, operation: str, result: str, **params: Any) -> list[dict[str, Any]]:
        self.simulated.append(params["PolicySourceArn"])
        return [
            {"EvalActionName": name, "EvalDecision": "implicitDeny" if name in self.denied else "allowed"}
            for name in params["ActionNames"]
        ]


class TestAws:
    def checked(self, cloud: Sts, *accounts: str, live: bool = True) -> list[Check]:
        one = using(AWS, "aws.iam.deactivate_access_key")
        return list(aws_doctor.aws(one, cast("Any", cloud), accounts, live))

    def test_every_role_is_assumed_and_simulated(self) -> None:
        cloud = Sts()
        found = self.checked(cloud, HOME)
        assert {check.state for check in found} == {"ok"}
        assert set(cloud.simulated) == {f"arn:aws:iam::{HOME}:role/stanch-{at}" for at in ("read", "act", "undo")}

    def test_a_missing_right_is_found_before_it_is_needed(self) -> None:
        found = self.checked(Sts(denied=["iam:UpdateAccessKey"]), HOME)
        assert {check.subject for check in found if check.state == "wrong"} == {f"{HOME} (act)", f"{HOME} (undo)"}
        assert by(found, "permissions", f"{HOME} (read)").state == "ok"

    def test_an_account_without_the_roles_hides_no_other(self) -> None:
        found = self.checked(Sts(), OTHER, HOME)
        assert [by(found, "reach", f"{OTHER} ({at})").state for at in ("read", "act", "undo")] == ["wrong"] * 3
        assert "not authorized" in by(found, "reach", f"{OTHER} (read)").said
        assert by(found, "permissions", f"{HOME} (act)").state == "ok"
        assert not [check for check in found if check.area == "permissions" and OTHER in check.subject]

    def test_credentials_of_another_account_are_wrong(self) -> None:
        assert by(self.checked(Sts(account=OTHER)), "reach", "AWS").state == "wrong"

    def test_local_clouds_enforce_nothing_and_that_is_said(self) -> None:
        cloud = Sts()
        found = self.checked(cloud, HOME, live=False)
        assert by(found, "permissions", f"{HOME} (act)").said == "local clouds enforce none"
        assert cloud.simulated == []

    def test_what_may_not_be_asked_is_unknown(self) -> None:
        class Silent(Sts):
            def pages(self, *args: Any, **params: Any) -> list[dict[str, Any]]:
                raise AccessDenied("iam:simulate_principal_policy", "AccessDenied", "no")

        found = self.checked(Silent(), HOME)
        assert by(found, "permissions", f"{HOME} (act)").state == "unknown"


class Arm:
    """An Azure cloud with one subscription and grants of our choice."""

    def __init__(self, grants: list[dict[str, Any]], claims: dict[str, Any] | None) -> None:
        self.settings = SimpleNamespace(arm="https://127.0.0.1:1", identities={"read": "a", "act": "b", "undo": "c"}, graph_scope="graph")  # fmt: skip
        self.grants, self.claims, self.account = grants, claims, SUBSCRIPTION

    def session(self, *_: Any) -> Any:
        return self

    def verify(self) -> None:
        return None

    def arm(self, method: str, path: str, version: str) -> dict[str, Any]:
        assert path == f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/permissions"
        return {"value": self.grants}

    def credential(self, purpose: str) -> Any:
        body = base64.urlsafe_b64encode(json.dumps(self.claims).encode()).decode().rstrip("=")
        token = "opaque" if self.claims is None else f"e30.{body}.x"
        return SimpleNamespace(get_token=lambda scope: SimpleNamespace(token=token))


class TestAzure:
    EVERYTHING = ({"actions": ["*"], "notActions": []},)
    GRAPH: ClassVar = {"roles": ["User.Read.All", "User.EnableDisableAccount.All", "User.RevokeSessions.All"]}

    def checked(self, grants: Sequence[dict[str, Any]], claims: dict[str, Any] | None) -> list[Check]:
        one = using(AZURE, *AZURE)
        found = azure_doctor.azure(one, cast("Any", Arm(list(grants), claims)), [SUBSCRIPTION], True, {})
        return [check for check in found if check.area == "permissions"]

    def test_all_that_is_declared_is_granted(self) -> None:
        assert {check.state for check in self.checked(self.EVERYTHING, self.GRAPH)} == {"ok"}

    def test_what_not_actions_take_away_misses_unless_another_role_gives_it(self) -> None:
        name = "Microsoft.Network/networkSecurityGroups/securityRules/write"
        reduced = {"actions": ["*"], "notActions": [name.upper()]}
        wrong = [check for check in self.checked([reduced], self.GRAPH) if check.state == "wrong"]
        assert {check.said.partition(" ")[0] for check in wrong} >= {"azure.network.revoke_nsg_rule"}
        assert all(name in check.said for check in wrong)
        both = [reduced, {"actions": ["microsoft.network/*"], "notActions": []}]
        assert {check.state for check in self.checked(both, self.GRAPH)} == {"ok"}

    def test_a_graph_permission_that_is_not_in_the_token(self) -> None:
        wrong = [one for one in self.checked(self.EVERYTHING, {"scp": "User.Read.All openid"}) if one.state == "wrong"]
        assert {one.subject for one in wrong} == {"Entra (act)", "Entra (undo)"}
        assert all("User.EnableDisableAccount.All" in one.said for one in wrong)

    def test_a_token_that_says_nothing_is_unknown(self) -> None:
        states = {one.state for one in self.checked(self.EVERYTHING, None) if one.subject.startswith("Entra")}
        assert states == {"unknown"}


class TestDeployment:
    def checked(self, bench: Bench, *queues: Any, live: bool = True, **changed: Any) -> list[Check]:
        one = bench.deployment
        for name, value in changed.items():
            setattr(one, name, value)
        return list(deployment(one, None, list(queues), live))

    def test_a_sweep_that_never_ran_is_wrong_where_a_schedule_should_start_it(self, bench: Bench) -> None:
        assert by(self.checked(bench), "sweep", "schedule").state == "wrong"
        assert by(self.checked(bench, live=False), "sweep", "schedule").state == "ok"
        bench.journal.keep("sweep", "thorough", {"at": "2020-01-01T00:00:00Z"}, None)
        assert "2020-01-01" in by(self.checked(bench), "sweep", "schedule").said

    def test_the_journal_is_written_and_left_as_it_was(self, bench: Bench) -> None:
        assert by(self.checked(bench), "journal", "reading and writing").state == "ok"
        assert bench.journal.kept("doctor") == {}

    def test_a_kill_switch_that_cannot_be_read_is_wrong_and_a_pulled_one_is_said(self, bench: Bench) -> None:
        def unreadable() -> str | None:
            raise AccessDenied("ssm:get_parameter", "AccessDenied", "no")

        assert by(self.checked(bench, switch=unreadable), "kill switch", "parameter").state == "wrong"
        pulled = by(self.checked(bench, switch=lambda: "change freeze"), "kill switch", "parameter")
        assert (pulled.state, "change freeze" in pulled.said) == ("note", True)

    def test_what_queues_gave_up_is_wrong_and_one_out_of_reach_unknown(self, bench: Bench) -> None:
        def denied() -> Waiting:
            raise Unreachable("timeout")

        full = SimpleNamespace(name="full", waiting=lambda: Waiting(3))
        found = self.checked(bench, full, SimpleNamespace(name="far", waiting=denied))
        assert (by(found, "queues", "full").state, by(found, "queues", "far").state) == ("wrong", "unknown")

    @pytest.mark.parametrize(("live", "state"), [(True, "wrong"), (False, "note")])
    def test_a_channel_that_reaches_nobody(self, bench: Bench, live: bool, state: str) -> None:
        def ready() -> str:
            raise Refused("topic", "nobody has a confirmed subscription")

        channels = {"soc": SimpleNamespace(name="soc", ready=ready)}
        assert by(self.checked(bench, live=live, channels=channels), "reports", "soc").state == state

    def test_no_channel_at_all_is_wrong(self, bench: Bench) -> None:
        assert by(self.checked(bench, channels={}), "reports", "channels").state == "wrong"


def test_what_stops_a_part_stops_no_other() -> None:
    def broken() -> Iterator[Check]:
        yield Check("a", "b", "ok", "seen")
        raise StanchError("lost")

    assert [(one.state, one.said) for one in surely("a", "b", broken)] == [("ok", "seen"), ("unknown", "lost")]
