"""What the AWS deployment asks before it acts: the organisation for an account's units and tags, and the kill switch; nothing that nobody asks for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from handlers.aws import oversight, sweep, wiring
from stanch.clouds.aws import AwsCloud, AwsSettings
from stanch.clouds.aws_organization import FRESH, Organization
from stanch.deployment import Deployment
from stanch.errors import CloudError, Retryable, StanchError
from stanch.report import Report
from tests.functional.local_aws.lab import HOME, REGION, Lab

ROOT = Path(__file__).parents[3]
PLAYBOOK = "playbooks: [{id: p, when: {type: [x]}, remediations: [aws.iam.deactivate_access_key], mode: auto}]\n"
NAME = "/stanch/kill-switch"


@pytest.fixture
def env(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, str]]:
    given = {
        "AWS_ENDPOINT_URL": lab.url, "AWS_ACCESS_KEY_ID": "LOCAL", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": REGION,
        "STANCH_ACCOUNT": HOME, "STANCH_ROLE_NAME": "stanch", "STANCH_JOURNAL": f"sqlite://{tmp_path / 'journal.sqlite'}",
        "STANCH_PLAYBOOKS": str(tmp_path / "playbooks.yaml"),
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    yield given
    wiring.reset()


def deployment(env: dict[str, str], text: str = "", **more: str) -> Deployment:
    Path(env["STANCH_PLAYBOOKS"]).write_text(text + PLAYBOOK)
    return wiring.build({**env, **more})


@pytest.fixture
def accounts(lab: Lab) -> dict[str, str]:
    """Account ids by name, and the organisational units: `web` lies in `team` below `prod`, `loose` right under the root."""
    organizations = lab.client("organizations", region="us-east-1")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    prod = organizations.create_organizational_unit(ParentId=root, Name="prod")["OrganizationalUnit"]["Id"]
    team = organizations.create_organizational_unit(ParentId=prod, Name="team")["OrganizationalUnit"]["Id"]
    made = {}
    for name in ("web", "loose"):
        status = organizations.create_account(AccountName=name, Email=f"{name}@corp.example")["CreateAccountStatus"]
        made[name] = status["AccountId"]
    organizations.move_account(AccountId=made["web"], SourceParentId=root, DestinationParentId=team)
    organizations.tag_resource(ResourceId=made["web"], Tags=[{"Key": "Team", "Value": "payments"}])
    return {**made, "prod": prod, "team": team}


class TestOrganization:
    def home(self, env: dict[str, str]) -> Any:
        return AwsCloud(AwsSettings.from_environment(env)).home

    def test_the_units_above_an_account_nearest_first(self, env: dict[str, str], accounts: dict[str, str]) -> None:
        organization = Organization(self.home(env))
        assert organization.units(accounts["web"]) == [accounts["team"], accounts["prod"]]
        assert organization.units(accounts["loose"]) == []

    def test_the_tags_of_an_account(self, env: dict[str, str], accounts: dict[str, str]) -> None:
        organization = Organization(self.home(env))
        assert organization.tags(accounts["web"]) == {"Team": "payments"}
        assert organization.tags(accounts["loose"]) == {}

    def test_an_account_of_nobody_is_an_error(self, env: dict[str, str], accounts: dict[str, str]) -> None:
        with pytest.raises(StanchError):
            Organization(self.home(env)).units("999999999999")

    def test_answers_are_kept_for_an_hour_and_errors_are_not(
        self, env: dict[str, str], accounts: dict[str, str], lab: Lab
    ) -> None:
        moment = [1000.0]
        organization = Organization(self.home(env), now=lambda: moment[0])
        organization.units(accounts["web"])
        organizations = lab.client("organizations", region="us-east-1")
        organizations.move_account(
            AccountId=accounts["web"], SourceParentId=accounts["team"], DestinationParentId=accounts["prod"]
        )
        moment[0] += FRESH - 1
        assert organization.units(accounts["web"]) == [accounts["team"], accounts["prod"]]
        moment[0] += 1
        assert organization.units(accounts["web"]) == [accounts["prod"]]
        for _ in range(2):
            with pytest.raises(StanchError):
                organization.units("999999999999")


class TestMembers:
    def policy(self, accounts: dict[str, str]) -> str:
        groups = f"prod: {{ous: ['{accounts['prod']}']}}, pci: {{ids: ['{accounts['loose']}', '111122223333']}}"
        return f"accounts: {{{groups}, unlisted: pci}}\n"

    def test_the_accounts_of_all_groups_those_of_units_below_included(
        self, env: dict[str, str], accounts: dict[str, str], lab: Lab
    ) -> None:
        found = deployment(env, self.policy(accounts))
        cloud: Any = found.cloud
        assert oversight.members(cloud, found.policy) == [accounts["loose"], "111122223333", accounts["web"]]
        organizations = lab.client("organizations", region="us-east-1")
        organizations.close_account(AccountId=accounts["web"])
        assert oversight.members(cloud, found.policy) == [accounts["loose"], "111122223333"]

    def test_the_sweep_asks_config_in_each_of_them_and_in_every_region(
        self, env: dict[str, str], accounts: dict[str, str]
    ) -> None:
        Path(env["STANCH_PLAYBOOKS"]).write_text(self.policy(accounts) + PLAYBOOK)
        wiring.reset()
        regions = {"STANCH_REGIONS": "eu-west-1, us-east-1,"}
        asked = {survey.name for survey in sweep.surveys(regions)}
        every = (HOME, accounts["loose"], "111122223333", accounts["web"])
        assert asked == {f"AWS Config in {account} ({region})" for account in every for region in ("eu-west-1", "us-east-1")}  # fmt: skip
        assert {survey.name for survey in sweep.surveys({})} == {f"AWS Config in {account} ({REGION})" for account in every}  # fmt: skip

    def test_units_that_cannot_be_listed_are_an_error_and_hide_no_account_that_is_named(
        self, env: dict[str, str], accounts: dict[str, str]
    ) -> None:
        text = self.policy({**accounts, "prod": "ou-none-00000000"})
        Path(env["STANCH_PLAYBOOKS"]).write_text(text + PLAYBOOK)
        wiring.reset()
        unlisted, *rest = sweep.surveys({})
        assert [survey.name for survey in rest] == [f"AWS Config in {account} ({REGION})" for account in (HOME, accounts["loose"], "111122223333")]  # fmt: skip
        with pytest.raises(StanchError, match="organizations:list_accounts_for_parent"):
            list(unlisted.findings(lambda _: True))


class TestWiring:
    def test_an_account_is_placed_by_its_unit(self, env: dict[str, str], accounts: dict[str, str]) -> None:
        text = (
            f"accounts: {{prod: {{ous: [ou-ab12-00000001]}}, pci: {{ids: ['{accounts['loose']}']}}, unlisted: pci}}\n"
        )
        found = deployment(env, text.replace("ou-ab12-00000001", accounts["prod"]))
        assert found.placed(accounts["web"]) == ("prod", None)
        assert found.placed(accounts["loose"]) == ("pci", None)
        assert found.placed("999999999999") == (None, None), "a considered no is the strictest group"
        assert found.tags_of is None

    def test_a_report_goes_to_the_team_of_its_account(self, env: dict[str, str], accounts: dict[str, str]) -> None:
        text = (
            "channels: {soc: {sns: 'arn:aws:sns:eu-west-1:123456789012:soc'}, payments: {sns: 'arn:aws:sns:eu-west-1:123456789012:pay'}}\n"
            "notify: [{to: [soc]}, {when: {account.tags.Team: [payments]}, to: [payments]}]\n"
        )
        found = deployment(env, text)
        told = {
            name: list(found.addressed(Report("k", "acted", "t", account)).channels)
            for name, account in accounts.items()
            if account.isdigit()
        }
        assert [name for name in told["web"] if name.endswith(":sns")] == ["soc:sns", "payments:sns"]
        assert [name for name in told["loose"] if name.endswith(":sns")] == ["soc:sns"]
        unread = found.addressed(Report("k", "acted", "t", "999999999999"))
        assert unread.report["account_tags"] is None
        assert [name for name in unread.channels if name.endswith(":sns")] == ["soc:sns"]
        assert found.units_of is None

    def test_nothing_is_imported_or_asked_that_the_policy_does_not_need(self, env: dict[str, str], lab: Lab) -> None:
        Path(env["STANCH_PLAYBOOKS"]).write_text("accounts: {pci: {ids: ['111122223333']}}\n" + PLAYBOOK)
        probe = (
            "import sys, json; from handlers.aws import wiring; found = wiring.build();"
            "print(json.dumps([found.placed('111122223333')[0], found.placed('444455556666')[0], found.switch, found.tags_of,"
            " 'stanch.clouds.aws_organization' in sys.modules]))"
        )
        answer = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
        assert json.loads(answer.stdout) == ["pci", None, None, None, False]
        assert "organizations" not in {call["service"] for call in lab.own("GET", "calls")[1]["calls"]}


class TestSwitch:
    def put(self, lab: Lab, value: str) -> None:
        lab.client("ssm").put_parameter(Name=NAME, Value=value, Type="String", Overwrite=True)

    @pytest.mark.parametrize(("value", "reason"), [("off", None), (" off\n", None), ("incident 7", f"{NAME} says 'incident 7'"), ("on", f"{NAME} says 'on'"), ("OFF", f"{NAME} says 'OFF'"), ("-", f"{NAME} says '-'")])  # fmt: skip
    def test_only_off_lets_pass(self, env: dict[str, str], lab: Lab, value: str, reason: str | None) -> None:
        self.put(lab, value)
        switch = deployment(env, STANCH_KILL_SWITCH=NAME).switch
        assert switch is not None
        assert switch() == reason

    def test_it_is_read_anew_each_time(self, env: dict[str, str], lab: Lab) -> None:
        switch = deployment(env, STANCH_KILL_SWITCH=NAME).switch
        assert switch is not None
        self.put(lab, "off")
        assert switch() is None
        self.put(lab, "stop")
        assert switch() == f"{NAME} says 'stop'"

    def test_a_parameter_that_is_not_there_is_closed(self, env: dict[str, str]) -> None:
        found = deployment(env, STANCH_KILL_SWITCH="/stanch/gone")
        assert found.switch is not None
        with pytest.raises(CloudError, match="ParameterNotFound"):
            found.switch()
        with pytest.raises(Retryable, match="kill switch: it cannot be read: ssm:get_parameter"):
            found.restraint.stopped(None)

    def test_none_is_asked_where_none_is_set(self, env: dict[str, str]) -> None:
        assert deployment(env).switch is None
        assert deployment(env, STANCH_KILL_SWITCH="").switch is None
