"""`actions`: what the journal holds, and that an empty one is no all-clear."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.functional.cli import samples
from tests.functional.cli.command import EVENTS, Stanch, check
from tests.functional.cli.test_replay import written


@pytest.fixture(scope="module")
def rows(shared: Stanch, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """One action a cloud."""
    folder = tmp_path_factory.mktemp("events")
    ran = shared.json(
        "replay", written(folder, samples.open_ssh(), "1.json"), written(folder, samples.mining_vm(), "2.json")
    )
    assert [row["outcome"] for row in ran.rows] == ["acted", "acted"]
    return ran.rows


def ids(shared: Stanch, *args: str) -> list[str]:
    ran = shared.json("actions", "ls", *args)
    assert ran.code == 0
    return [row["action_id"] for row in ran.rows]


def test_a_user_of_entra_is_listed_under_the_tenant_and_shown_as_of_when_it_happened(shared: Stanch) -> None:
    rows = shared.json("replay", EVENTS / "sentinel/compromised-user.json", "--mode", "observe").rows
    name = next(row["action_id"] for row in rows if row["remediation"] == "azure.entra.disable_user")
    listed = shared("actions", "ls", "--playbook", "account-compromised").out.splitlines()
    assert listed[1] == "Entra tenant 00000000-0000-0000-0000-0000000000c1"
    closed = shared.json("actions", "show", name).row["updated_at"]
    assert f"report {name}:planned:1, {closed}" in shared("actions", "show", name).out


def test_newest_first_with_the_fields_of_the_interface(shared: Stanch, rows: list[dict[str, Any]]) -> None:
    found = shared.json("actions", "ls", "--since", "1h").rows
    for row in found:
        opened = row.pop("opened_at")
        assert opened.endswith("Z")
        check(row)
    names = [row["action_id"] for row in found]
    assert names.index(rows[1]["action_id"]) < names.index(rows[0]["action_id"])
    mine = found[names.index(rows[1]["action_id"])]
    assert {**mine, "event": None, "notified": [], "ms": None} == {**rows[1], "event": None, "notified": [], "ms": None}


@pytest.mark.parametrize(
    ("args", "which"),
    [
        (("--account", "111122223333"), {0}),
        (("--account", "00000000-0000-0000-0000-0000000000A1"), {1}),
        (("--account", "999999999999"), set()),
        (("--playbook", "sg-open"), {0}),
        (("--playbook", "vm-malware"), {1}),
        (("--outcome", "acted"), {0, 1}),
        (("--outcome", "held,acted"), {0, 1}),
        (("--outcome", "held"), set()),
        (("--outcome", "open"), set()),
        (("--since", "10m"), {0, 1}),
        (("--since", "0s"), set()),
    ],
)
def test_narrowed(shared: Stanch, rows: list[dict[str, Any]], args: tuple[str, ...], which: set[int]) -> None:
    found = ids(shared, *args)
    assert {at for at, row in enumerate(rows) if row["action_id"] in found} == which


def test_an_account_by_its_name_in_the_organisation(shared: Stanch, rows: list[dict[str, Any]]) -> None:
    client = boto3.client(
        "organizations",
        endpoint_url=shared.running.aws,
        region_name="us-east-1",
        aws_access_key_id="LOCALHOMEKEY00000000",
        aws_secret_access_key="x",
    )
    client.create_organization(FeatureSet="ALL")
    made = client.create_account(AccountName="payments", Email="payments@corp.example")["CreateAccountStatus"][
        "AccountId"
    ]
    ran = shared("actions", "ls", "--account", "Payments")
    assert ran.code == 0
    assert "There is no such action" in ran.out
    unknown = shared("actions", "ls", "--account", "paymnts")
    assert (unknown.code, made in unknown.err) == (2, False)
    assert "--account: 'paymnts' is neither an id nor the name of a known account or group" in unknown.err


def test_an_account_by_a_group_of_the_policy(shared: Stanch, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    policy = tmp_path / "mine.yaml"
    policy.write_text('extends: shipped\naccounts: {prod: {ids: ["111122223333"]}, lab: {ids: ["444455556666"]}}\n')
    for group, found in (("prod", True), ("lab", False)):
        ran = shared.json("actions", "ls", "--account", group, STANCH_PLAYBOOKS=str(policy))
        assert (rows[0]["action_id"] in [row["action_id"] for row in ran.rows]) is found


def test_a_group_holds_the_accounts_of_nested_units_and_says_which_cannot_be_listed(
    alone: Stanch, tmp_path: Path
) -> None:
    event = tmp_path / "event.json"
    assert alone("actions", "ls").code == 0  # starts the clouds
    organisation = boto3.client("organizations", region_name="us-east-1", endpoint_url=alone.running.aws, aws_access_key_id="x", aws_secret_access_key="x")  # fmt: skip
    organisation.create_organization(FeatureSet="ALL")
    root = organisation.list_roots()["Roots"][0]["Id"]
    above = organisation.create_organizational_unit(ParentId=root, Name="prod")["OrganizationalUnit"]["Id"]
    below = organisation.create_organizational_unit(ParentId=above, Name="shops")["OrganizationalUnit"]["Id"]
    made = organisation.create_account(AccountName="shop", Email="shop@corp.example")["CreateAccountStatus"][
        "AccountId"
    ]
    organisation.move_account(AccountId=made, SourceParentId=root, DestinationParentId=below)
    event.write_text(json.dumps(samples.open_ssh()).replace("111122223333", made))
    assert alone.json("replay", event).row["outcome"] == "acted"
    policy = tmp_path / "units.yaml"
    policy.write_text(f"extends: shipped\naccounts: {{prod: {{ous: [{above}]}}, gone: {{ous: [ou-ab12-gone0001]}}}}\n")
    ran = alone.json("actions", "ls", "--account", "prod", STANCH_PLAYBOOKS=str(policy))
    assert [row["finding"]["account"] for row in ran.rows] == [made]
    ran = alone.json("actions", "ls", "--account", "gone", STANCH_PLAYBOOKS=str(policy))
    assert (ran.code, ran.rows) == (0, [])
    assert "the accounts of ou-ab12-gone0001 cannot be listed, so they are missing here: organizations:" in ran.err


def test_the_list_in_text(shared: Stanch, rows: list[dict[str, Any]]) -> None:
    ran = shared("actions", "ls", "--playbook", "vm-malware", COLUMNS="110")
    assert ran.out.splitlines()[1] == "Azure subscription 00000000-0000-0000-0000-0000000000a1"
    assert re.match(r"acted +VM_DigitalCurrencyMining on rg-web/virtualMachines/vm-", ran.out.splitlines()[2])
    assert f"action {rows[1]['action_id']} · playbook vm-malware" in ran.out


def test_an_empty_journal_is_no_all_clear(alone: Stanch) -> None:
    ran = alone("actions", "ls")
    assert ran.code == 0
    assert ran.out.splitlines()[0].startswith("local clouds in ")
    assert "It says nothing of real accounts: --cloud live asks them." in ran.out
    ran = alone.json("actions", "ls")
    assert (ran.code, ran.out) == (0, "")
    assert "It says nothing of real accounts" in ran.err


def test_everything_about_one_action(shared: Stanch, rows: list[dict[str, Any]]) -> None:
    ran = shared("actions", "show", rows[1]["action_id"])
    assert ran.code == 0
    assert ran.out.splitlines()[1].startswith("ACTED (high): ")
    for part in ("Changed", "Where", "Why", "May break", "Not done", "Undo", "Steps", "History", "Made by", "sentinel"):
        assert part in ran.out
    assert ": none → quarantine group\n" in ran.out
    assert "/networkSecurityGroups/" not in ran.out


def test_the_whole_record_as_json(shared: Stanch, rows: list[dict[str, Any]]) -> None:
    record = shared.json("actions", "show", rows[0]["action_id"]).row
    assert (record["id"], record["schema"], record["outcome"]) == (rows[0]["action_id"], 1, "acted")
    assert record["evidence"]["event"]
    assert record["chain"][0]["event"] == "opened"


@pytest.mark.parametrize("name", ["0123456789ab-0123456789a", "../../etc/passwd", "' OR 1=1", "x" * 5000])
def test_an_unknown_action(shared: Stanch, name: str) -> None:
    ran = shared("actions", "show", name)
    assert ran.code == 1
    assert "stanch: unknown action: the journal of these clouds holds no action" in ran.err


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (
            ("--outcome", "acted,gone"),
            "--outcome: 'gone' is none of acted, awaiting_approval, expired, failed, held, no_op, ",
        ),
        (("--since", "2"), "--since: '2' is not like 30m, 2h or 7d"),
        (("--since", "99999999999999d"), "--since: "),
        (("--account", ""), ""),
    ],
)
def test_wrong_usage(shared: Stanch, args: tuple[str, ...], says: str) -> None:
    ran = shared("actions", "ls", *args)
    if says:
        assert ran.code == 2
        assert f"stanch: {says}" in ran.err
    else:
        assert ran.code == 0
