"""The policy file as people write it: what loads, and as what."""

from __future__ import annotations

from pathlib import Path

from stanch.playbooks.limits import (
    Accounts,
    Approval,
    Budget,
    Budgets,
    Escalation,
    Exempt,
    Expires,
    Flap,
    Freeze,
    Group,
    Protect,
)
from stanch.playbooks.load import check, load
from stanch.playbooks.model import Channel, Playbook, Policy, Route, Step
from tests.unit.playbooks.example import EXAMPLE
from tests.unit.playbooks.fakes import CATALOG, write
from tests.unit.playbooks.refused import ONE


def by_id(policy: Policy) -> dict[str, Playbook]:
    return {item.id: item for item in policy.playbooks}


def test_every_word_of_the_vocabulary_is_kept(tmp_path: Path) -> None:
    policy = load(write(tmp_path, EXAMPLE), CATALOG)
    assert policy.accounts == Accounts(
        {
            "prod": Group(ous=("ou-ab12-prod0001",), subscriptions=("00000000-0000-0000-0000-0000000000a1",)),
            "sandbox": Group(ous=("ou-ab12-sand0001",)),
            "pci": Group(ids=("111122223333",)),
        },
        "pci",
    )
    assert policy.ceiling == {"prod": "approve", "pci": "observe", "sandbox": "auto"}
    assert policy.channels == {
        "soc": Channel("teams-soc", "arn:aws:sns:eu-west-1:111122223333:soc"),
        "payments": Channel("teams-payments"),
    }
    assert policy.notify == (Route(("soc",)), Route(("payments",), {"account.tags.Team": ("payments",)}))
    assert policy.approval == Approval(
        {"group": "sec-oncall"}, (Escalation(900, ("soc",)), Escalation(1800, then="hold"))
    )
    assert policy.protect == Protect(
        ("arn:aws:iam::*:role/breakglass-*", "bg1@corp.example"), ("arn:aws:s3:::org-log-archive-*",)
    )
    assert list(policy.protect) == [*policy.protect.principals, *policy.protect.resources]
    assert policy.freeze == (
        Freeze("year-end", "approve", "Europe/Berlin", "2026-12-18", "2027-01-04", accounts=("prod",), except_=("key-leak",)),
        Freeze("deploys", "approve", "Europe/Berlin", cron="0 22 * * TUE", for_=10800, accounts=("prod",)),
    )  # fmt: skip
    assert policy.budget == Budgets(Budget(10, 3600, ("remediation", "account")), Budget(40, 3600))


def test_the_playbooks_of_the_vocabulary(tmp_path: Path) -> None:
    found = by_id(load(write(tmp_path, EXAMPLE), CATALOG))
    assert found["key-leak"] == Playbook(
        id="key-leak",
        when={
            "type": ({"prefix": "UnauthorizedAccess:IAMUser/"},),
            "severity": (4, 5),
            "resource.type": ("AWS::IAM::AccessKey",),
        },
        remediations=(Step("aws.iam.deactivate_access_key"),),
        mode="auto",
        budget=Budget(5, 3600),
    )
    assert found["role-sessions"] == Playbook(
        id="role-sessions",
        when={"type": ({"wildcard": "*InstanceCredentialExfiltration*"},)},
        remediations=(Step("aws.iam.revoke_sessions", {"since": "last_seen"}),),
        mode={"prod": "approve", "sandbox": "auto", "pci": "observe"},
        expires=Expires(43200, "remind"),
    )
    assert found["sg-open"].exempt == Exempt({"sec:exposed": ("approved",)}, ("sg-bastion-*",))
    assert found["sg-open"].flap == Flap(3, 86400, "approve")
    assert found["bucket-public"].unless == {"live.website": (True,)}
    assert found["bucket-public"].enabled is True


def test_what_an_overlay_does_not_say_is_the_shipped_playbook_s(tmp_path: Path) -> None:
    text = "extends: shipped\nplaybooks:\n- {id: bucket-public, mode: approve, exempt: {names: [www-*]}}\n- {id: sg-open, enabled: false}\n"
    shipped, mine = by_id(load("shipped")), by_id(load(write(tmp_path, text), CATALOG))
    assert mine["bucket-public"].mode == "approve"
    assert mine["bucket-public"].exempt.names == ("www-*",)
    assert mine["bucket-public"].when == shipped["bucket-public"].when
    assert mine["sg-open"].enabled is False
    assert list(mine) == list(shipped)
    assert {name for name in mine if mine[name] != shipped[name]} == {"bucket-public", "sg-open"}


def test_new_playbooks_follow_the_shipped_ones(tmp_path: Path) -> None:
    shipped, mine = load("shipped"), load(write(tmp_path, "extends: shipped\n" + ONE))
    assert mine.playbooks[: len(shipped.playbooks)] == shipped.playbooks
    assert mine.playbooks[-1].id == "one"


def test_an_overlay_without_playbooks_keeps_them_all(tmp_path: Path) -> None:
    mine = load(write(tmp_path, "extends: shipped\nprotect: {principals: [x]}\n"))
    assert mine.playbooks == load("shipped").playbooks
    assert mine.protect.principals == ("x",)


def test_a_file_of_one_s_own_need_not_extend(tmp_path: Path) -> None:
    assert [item.id for item in load(write(tmp_path, ONE)).playbooks] == ["one"]


def test_replacing_what_a_shipped_playbook_matches_is_noted(tmp_path: Path) -> None:
    text = "extends: shipped\nplaybooks:\n- id: sg-open\n  when: {source: [config], type: [INCOMING_SSH_DISABLED]}\n"
    [note] = check(write(tmp_path, text), CATALOG)
    assert (note.level, note.place.rpartition(":")[2]) == ("note", "4")
    assert note.message == "replaces 'when' of the shipped playbook: upgrades no longer reach it"


def test_aliases_and_json_are_yaml_too(tmp_path: Path) -> None:
    text = (
        'playbooks:\n- {"id": "a", "when": {"type": &t ["x", {"prefix": "y"}]}, "remediations": ["aws.iam.x"], "mode": "auto"}\n'
        "- {id: b, when: {title: *t}, remediations: [aws.iam.x], mode: auto}\n"
    )
    found = by_id(load(write(tmp_path, text)))
    assert found["b"].when == {"title": ("x", {"prefix": "y"})}
