"""The policy file as people write it: what loads, what is refused, at which line and with which hint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stanch.errors import PolicyError
from stanch.playbooks import tree
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
from stanch.remediation import Parameter
from tests.unit.playbooks.example import EXAMPLE
from tests.unit.playbooks.fakes import CATALOG, declare, errors, write

ONE = """\
playbooks:
  - id: one
    when: {type: [x]}
    remediations: [aws.iam.deactivate_access_key]
    mode: auto
"""


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


# What is refused. Each case is a text, and the complaints as `line: message`, all of them.
PLAYBOOK = ONE.splitlines()


def _with(*lines: str) -> str:
    return "\n".join([*PLAYBOOK, *lines]) + "\n"


def _when(text: str) -> str:
    return "\n".join([*PLAYBOOK[:2], f"    when: {text}", *PLAYBOOK[3:]]) + "\n"


def _steps(text: str) -> str:
    return "\n".join([*PLAYBOOK[:3], f"    remediations: {text}", *PLAYBOOK[4:]]) + "\n"


def _mode(text: str) -> str:
    return "\n".join([*PLAYBOOK[:4], f"    mode: {text}"]) + "\n"


REFUSED: dict[str, tuple[str, list[str]]] = {
    "empty": ("", ["1: is empty"]),
    "only a comment": ("# nothing\n", ["1: is empty"]),
    "a list": ("- a\n", ["1: the policy must be a mapping, not a list"]),
    "a text": ("hello\n", ["1: the policy must be a mapping, not 'hello'"]),
    "no playbooks": ("protect: {principals: [x]}\n", ["1: the policy lacks 'playbooks' (or 'extends: shipped')"]),
    "unknown base": ("extends: shiped\n" + ONE, ["1: extends is one of shipped, not 'shiped'; did you mean 'shipped'?"]),
    "unknown key": (_with("chanels: {}"), ["6: unknown key 'chanels'; did you mean 'channels'?"]),
    "unknown playbook key": (
        _with("    whenn: {}", "    modus: auto"),
        [
            "6: unknown key 'whenn' in playbooks; did you mean 'when'?",
            "7: unknown key 'modus' in playbooks; did you mean 'mode'?",
        ],
    ),
    "key like no other": (
        _with("budget: {default: {actions: 1, window: 1h, zzz: 1}}"),
        ["6: unknown key 'zzz' in budget.default; there is actions, window, per"],
    ),
    "key twice": (_with("    mode: observe"), ["6: the key 'mode' stands here a second time; first at {file}:5"]),
    "id twice": (ONE + ONE.partition("\n")[2], ["6: a second playbook 'one'; the first is at {file}:2"]),
    "incomplete": ("playbooks:\n  - {id: one}\n", [f"2: playbooks lacks '{key}'" for key in ("when", "remediations", "mode")]),
    "no id": (ONE.replace("id: one", "enabled: true"), ["2: playbooks lacks 'id'"]),
    "odd id": (ONE.replace("id: one", "id: One_Two"), ["2: playbooks.id must be lower-case letters, digits and dashes, not 'One_Two'"]),
    "no list": ("playbooks: {id: one}\n", ["1: playbooks must be a list, not a mapping"]),
    "unknown mode": (_mode("automatic"), ["5: playbooks.mode is one of observe, approve, auto, not 'automatic'; did you mean 'auto'?"]),
    "mode nothing": (_mode(""), ["5: playbooks.mode must be a text, not nothing"]),
    "mode for unknown group": (
        "accounts: {prod: {ids: ['111122223333']}}\n" + _mode("{prd: auto}"),
        ["6: there is no group of accounts 'prd'; did you mean 'prod'?"],
    ),
    "yes is no truth value": (_with("    enabled: yes"), ["6: playbooks.enabled must be true or false, not 'yes'"]),
    "empty when": (_when("{}"), ["3: playbooks.when is empty: it would match every finding"]),
    "when a list": (_when("[x]"), ["3: playbooks.when must be a mapping of fields to lists of patterns"]),
    "unknown field": (_when("{typ: [x]}"), ["3: unknown field 'typ'; did you mean 'type'?"]),
    "unknown resource field": (_when("{resource.typ: [x]}"), ["3: unknown field 'resource.typ'; did you mean 'resource.type'?"]),
    "nested field": (
        _when("{resource: {type: [x]}}"),
        ["3: unknown field 'resource'; did you mean 'source'?"],
    ),
    "field within a field": (
        _when("{type: {name: [x]}}"),
        ["3: type needs a list of patterns; a field inside it is 'type.name'"],
    ),
    "no list of patterns": (_when("{type: x}"), ["3: type needs a list of patterns: put it in [ ]"]),
    "operator without list": (_when("{type: {prefix: x}}"), ["3: type needs a list of patterns: put it in [ ]"]),
    "empty list": (_when("{type: []}"), ["3: type: an empty list can never match"]),
    "live fact in when": (
        _when("{live.website: [true]}"),
        ["3: 'live.website' is read by the plan, after matching: only 'unless' may ask for it"],
    ),
    "account tag in when": (_when("{account.tags.Team: [x]}"), ["3: 'account.tags.Team' may be asked for in 'notify' only"]),
    "outcome in when": (_when("{outcome: [held]}"), ["3: 'outcome' may be asked for in 'notify' only"]),
    "unknown outcome in a route": (
        "channels: {soc: {teams: t}}\nnotify: [{when: {outcome: [helt]}, to: [soc]}]\n" + ONE,
        ["2: this can never match: outcome is one of acted, no_op, planned, awaiting_approval, held, partial, unverified, failed, rejected, unmatched, undone, expired; did you mean 'held'?"],
    ),
    "misspelt operator": (_when("{type: [{prefx: x}]}"), ["3: type: unknown operator 'prefx'; did you mean 'prefix'?"]),
    "bad operand": (_when("{observables.ip: [{cidr: 10.0.0.0/99}]}"), ["3: observables.ip: cidr: '10.0.0.0/99' is no network such as 10.0.0.0/8 or 2001:db8::/32"]),
    "severity out of range": (
        _when("{severity: [9]}"),
        ["3: this can never match: severity is a whole number from 0 to 5 (unknown, informational, low, medium, high, critical), never 9"],
    ),
    "misspelt severity": (
        _when("{severity: [hihg]}"),
        ["3: this can never match: severity is a whole number from 0 to 5 (unknown, informational, low, medium, high, critical), never 'hihg'; did you mean 'high'?"],
    ),
    "account as a number": (_when("{account: [111122223333]}"), ['3: this can never match: account is a text; write "111122223333" in quotes']),
    "contradiction": (
        _when('{score: [{numeric: [">", 5, "<", 3]}]}'),
        ["3: this can never match: score is a number from 0 to 10; no such number satisfies ['>', 5, '<', 3]"],
    ),
    "unknown remediation": (
        _steps("[aws.iam.deactivate_acces_key]"),
        ["4: there is no remediation 'aws.iam.deactivate_acces_key'; did you mean 'aws.iam.deactivate_access_key'?"],
    ),
    "no id of a remediation": (_steps("[deactivate]"), ["4: playbooks.remediations must be an id such as aws.iam.x, not 'deactivate'", "4: there is no remediation 'deactivate'"]),
    "no remediations": (_steps("[]"), ["4: playbooks.remediations is empty"]),
    "remediation twice": (
        _steps("[aws.iam.deactivate_access_key, aws.iam.deactivate_access_key]"),
        ["4: playbooks.remediations lists 'aws.iam.deactivate_access_key' twice"],
    ),
    "no such parameter": (
        _steps("[{id: aws.iam.revoke_sessions, with: {sinse: last_seen}}]"),
        ["4: aws.iam.revoke_sessions has no parameter 'sinse'; did you mean 'since'?"],
    ),
    "takes no parameter": (
        _steps("[{id: aws.iam.deactivate_access_key, with: {force: true}}]"),
        ["4: aws.iam.deactivate_access_key has no parameter 'force'; it takes none"],
    ),
    "no time": (
        _steps("[{id: aws.iam.revoke_sessions, with: {since: last_sen}}]"),
        ["4: aws.iam.revoke_sessions: since must be an RFC 3339 time or one of first_seen, last_seen, updated_at, not 'last_sen'; did you mean 'last_seen'?"],
    ),
    "bound to another type": (
        _steps("[{id: aws.iam.revoke_sessions, with: {since: account}}]"),
        ["4: aws.iam.revoke_sessions: since is of type timestamp, but account is of type string"],
    ),
    "literal of another type": (
        _steps("[{id: aws.iam.revoke_sessions, with: {since: 5}}]"),
        ["4: aws.iam.revoke_sessions: since must be of type timestamp, not 5"],
    ),
    "no port": (
        _steps("[{id: aws.ec2.revoke_security_group_ingress, with: {ports: [22, 70000]}}]"),
        ["4: aws.ec2.revoke_security_group_ingress: ports 70000 is no range within 0-65535"],
    ),
    "parameter nothing": (
        _steps("[{id: aws.iam.revoke_sessions, with: {since: }}]"),
        ["4: playbooks.remediations.with.since must be a value or a list of values"],
    ),
    "unknown fact": (
        _with("    unless: {live.webside: [true]}").replace("aws.iam.deactivate_access_key", "aws.s3.block_public_access"),
        ["6: none of these remediations reads 'live.webside'; did you mean 'live.website'?"],
    ),
    "fact of another remediation": (_with("    unless: {live.website: [true]}"), ["6: none of these remediations reads 'live.website'"]),
    "type in another case": (
        _when('{resource.type: ["AWS::IAM::Accesskey"]}'),
        ["3: this can never match: the type is written 'AWS::IAM::AccessKey'"],
    ),
    "type of the other cloud": (
        _when("{resource.type: [Microsoft.Compute/virtualMachines]}"),
        ["3: Microsoft.Compute/virtualMachines is a type of azure, the remediations are of aws"],
    ),
    "undo of the irreversible": (
        _with("    expires: {after: 1h, then: undo}").replace("aws.iam.deactivate_access_key", "azure.compute.deallocate_vm").replace("mode: auto", "mode: approve"),
        ["6: azure.compute.deallocate_vm cannot be undone: memory is lost"],
    ),
    "undo that re-arms": (
        _with("    expires: {after: 1h, then: undo}").replace("aws.iam.deactivate_access_key", "aws.iam.revoke_sessions"),
        ["6: undoing aws.iam.revoke_sessions re-arms what it cut off: never by itself, only remind"],
    ),
    "no duration": (_with("    budget: {actions: 5, window: 60}"), ["6: playbooks.budget.window must be a duration such as 15m, 24h or 7d, not 60"]),
    "no whole number": (_with("    budget: {actions: 0, window: 1h}"), ["6: playbooks.budget.actions must be a whole number of at least 1, not 0"]),
    "flap without window": (_with("    flap: {times: 3}"), ["6: playbooks.flap lacks 'window'"]),
    "flap to auto": (_with("    flap: {times: 3, window: 1h, then: auto}"), ["6: playbooks.flap.then is one of observe, approve, not 'auto'"]),
    "exempt nothing": (_with("    exempt: {}"), ["6: playbooks.exempt lacks 'tags' or 'names'"]),
    "empty exempt tag": (_with("    exempt: {tags: {a: []}}"), ["6: playbooks.exempt.tags.a is empty"]),
    "webhook in the file": (
        "channels: {soc: {teams: 'https://example.invalid/hook'}}\nnotify: [{to: [soc]}]\n" + ONE,
        ["1: channels.soc.teams must be the name of the secret that holds the URL, not 'https://example.invalid/hook'"],
    ),
    "no topic": (
        "channels: {soc: {sns: soc}}\nnotify: [{to: [soc]}]\n" + ONE,
        ["1: channels.soc.sns must be the ARN of a topic, not 'soc'"],
    ),
    "unknown channel": ("channels: {soc: {teams: t}}\nnotify: [{to: [sock]}]\n" + ONE, ["2: there is no channel 'sock'; did you mean 'soc'?"]),
    "escalation to nobody": (
        "approval: {escalate: [{after: 5m, notify: [soc]}, {after: 9m}]}\n" + ONE,
        ["1: approval.escalate lacks 'notify' or 'then'", "1: there is no channel 'soc'"],
    ),
    "unknown ceiling group": ("ceiling: {prod: auto}\n" + ONE, ["1: there is no group of accounts 'prod'"]),
    "unlisted as nobody": (
        "accounts: {pci: {ids: ['111122223333']}, unlisted: pc}\n" + ONE,
        ["1: there is no group of accounts 'pc'; did you mean 'pci'?"],
    ),
    "account id as a number": (
        "accounts: {pci: {ids: [111122223333]}}\n" + ONE,
        ['1: accounts.pci.ids must be a text, not 111122223333; write "111122223333" in quotes'],
    ),
    "no organisational unit": ("accounts: {pci: {ous: [prod]}}\n" + ONE, ["1: accounts.pci.ous must be an id such as ou-ab12-34567890, not 'prod'"]),
    "empty group": ("accounts: {pci: {}}\n" + ONE, ["1: accounts.pci lacks 'ous' or 'ids' or 'subscriptions'"]),
    "freeze without end": (
        "freeze: [{name: a, from: 2026-12-18, ceiling: approve}]\n" + ONE,
        ["1: freeze needs either 'from' and 'to', or 'cron' and 'for'"],
    ),
    "freeze both ways": (
        "freeze: [{name: a, from: 2026-12-18, to: 2026-12-19, cron: '0 0 * * *', for: 1h, ceiling: approve}]\n" + ONE,
        ["1: freeze needs either 'from' and 'to', or 'cron' and 'for'"],
    ),
    "freeze backwards": ("freeze:\n- name: a\n  from: 2027-01-04\n  to: 2026-12-18\n  ceiling: approve\n" + ONE, ["4: freeze ends before it begins"]),
    "no day": ("freeze: [{name: a, from: 2026-13-18, to: 2027-01-04, ceiling: approve}]\n" + ONE, ["1: freeze.from: '2026-13-18' is no date (2026-12-18) or time (2026-12-18T22:00)"]),
    "no zone": (
        "freeze: [{name: a, from: 2026-12-18, to: 2027-01-04, tz: Europe/Berln, ceiling: approve}]\n" + ONE,
        ["1: freeze.tz: 'Europe/Berln' is no time zone such as Europe/Berlin"],
    ),
    "cron of six fields": (
        "freeze: [{name: a, cron: '0 22 * * TUE 2026', for: 3h, ceiling: approve}]\n" + ONE,
        ["1: freeze.cron: '0 22 * * TUE 2026' has 6 fields; cron has five: minute hour day month weekday"],
    ),
    "no such hour": ("freeze: [{name: a, cron: '0 24 * * *', for: 3h, ceiling: approve}]\n" + ONE, ["1: freeze.cron: '24' is no hour (0 to 23)"]),
    "freeze excepts nobody": (
        "freeze: [{name: a, cron: '0 22 * * *', for: 3h, ceiling: approve, except: [onne], accounts: [prod]}]\n" + ONE,
        ["1: there is no group of accounts 'prod'", "1: there is no playbook 'onne'; did you mean 'one'?"],
    ),
    "empty protection": (_with("protect: {principals: []}"), ["6: protect.principals is empty"]),
    "number as key": (_with("    1: x"), ["6: a key must be a text; put it in quotes"]),
    "tag": (_mode("!!python/object:os.system auto"), ["5: the tag 'tag:yaml.org,2002:python/object:os.system' is not allowed here", "5: playbooks.mode must be a text, not nothing"]),
    "explicit date": (_mode("!!timestamp 2026-12-18"), ["5: the tag 'tag:yaml.org,2002:timestamp' is not allowed here", "5: playbooks.mode must be a text, not nothing"]),
    "overlay of nobody": (
        "extends: shipped\nplaybooks:\n- {id: key-leek, mode: approve}\n",
        ["3: the shipped policy has no playbook 'key-leek'; did you mean 'key-leak'?"],
    ),
    "new but incomplete": ("extends: shipped\nplaybooks:\n- {id: mine, mode: auto, when: {type: [x]}}\n", ["3: playbooks lacks 'remediations'"]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, tmp_path: Path) -> None:
    text, complaints = REFUSED[name]
    path = write(tmp_path, text)
    expected = [item.replace("{file}", str(path)) for item in complaints]
    assert errors(check(path, CATALOG)) == expected
    with pytest.raises(PolicyError) as caught:
        load(path, CATALOG)
    line, _, message = expected[0].partition(": ")
    assert caught.value.place == f"{path}:{line}"
    assert caught.value.reason.startswith(message)


def test_all_errors_are_found_at_once_and_counted(tmp_path: Path) -> None:
    text = """\
ceilling: {}
playbooks:
  - id: one
    when: {severity: [9], typ: [x]}
    remediations: [aws.iam.nothing]
    mode: maybe
"""
    path = write(tmp_path, text)
    assert [item.partition(":")[0] for item in errors(check(path, CATALOG))] == ["1", "4", "4", "5", "6"]
    with pytest.raises(PolicyError) as caught:
        load(path, CATALOG)
    assert str(caught.value) == f"{path}:1: unknown key 'ceilling'; did you mean 'ceiling'? (and 4 more errors)"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("playbooks:\n  - id: [one\n", "is no valid YAML"),
        ("a: b: c\n", "is no valid YAML"),
        ("a: *nowhere\n", "undefined alias"),
        ("a: 1\n---\nb: 2\n", "expected a single document"),
        ("a: \x07\n", "is no valid YAML"),
        ("a: &a [*a]\n", "is nested too deeply"),
        ("a: " + "[" * 40 + "]" * 40 + "\n", "is nested too deeply"),
    ],
)
def test_broken_yaml_is_named_by_its_line(text: str, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    [problem] = check(path)
    assert reason in problem.message
    assert problem.place.startswith(f"{path}:")
    with pytest.raises(PolicyError):
        load(path)


def test_aliases_cannot_blow_a_small_file_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "LARGEST", 20_000)
    levels = "\n".join(f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]" for at in range(1, 10))
    [problem] = check(write(tmp_path, f"a0: &a0 [x, x]\n{levels}\n"))
    assert "do its aliases multiply?" in problem.message


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    [problem] = check(tmp_path / "none.yaml")
    assert (problem.level, problem.message) == ("error", "cannot be read: No such file or directory")
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    assert check(binary)[0].message == "is not UTF-8"
    with pytest.raises(PolicyError, match="is not UTF-8"):
        load(binary)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("2026-12-18", "2026-12-18"),
        ("12:30", "12:30"),
        ("0777", "0777"),
        ("1_000", "1_000"),
        ("'4'", "4"),
    ],
)
def test_plain_words_stay_words(value: str, expected: Any, tmp_path: Path) -> None:
    policy = load(write(tmp_path, _when(f"{{title: [{value}]}}")))
    assert policy.playbooks[0].when == {"title": (expected,)}


@pytest.mark.parametrize(("value", "expected"), [("4", 4), ("4.5", 4.5), ("true", True), ("~", None), ("null", None)])
def test_json_s_scalars_are_what_they_look_like(value: str, expected: Any, tmp_path: Path) -> None:
    policy = load(write(tmp_path, _when(f"{{resource.details.x: [{value}]}}")))
    assert policy.playbooks[0].when == {"resource.details.x": (expected,)}
    assert type(policy.playbooks[0].when["resource.details.x"][0]) is type(expected)


# What loads and is worth knowing.


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
    found = check(write(tmp_path, _when(f"{{type: [{pattern}]}}")), finding_types=types)
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
    text = _steps("[azure.compute.deallocate_vm]")
    found = [item for item in check(write(tmp_path, text), CATALOG) if item.level == "warning"]
    assert [item.message for item in found] == [
        "azure.compute.deallocate_vm cannot be undone (memory is lost): 'approve' is the most to allow it"
    ]
    calm = check(write(tmp_path, text.replace("mode: auto", "mode: approve")), CATALOG)
    assert not [item for item in calm if item.level == "warning"]


def test_a_resource_type_that_nothing_acts_on_is_doubted(tmp_path: Path) -> None:
    found = check(write(tmp_path, _when('{resource.type: ["AWS::IAM::Group"]}')), CATALOG)
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
    found = check(write(tmp_path, _steps("[{id: aws.iam.note, with: {who: resource_id}}]")), catalog)
    assert [item.message for item in found] == ["who: 'resource_id' is taken literally; did you mean 'resource.id'?"]
    assert check(write(tmp_path, _steps("[{id: aws.iam.note, with: {who: resource.id}}]")), catalog) == []


def test_without_a_catalog_remediations_are_taken_as_they_are(tmp_path: Path) -> None:
    assert check(write(tmp_path, _steps("[aws.iam.not_written_yet]"))) == []
