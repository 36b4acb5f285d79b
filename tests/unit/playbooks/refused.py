"""Policy texts that are refused, each with all its complaints as `line: message`."""

from __future__ import annotations

ONE = """\
playbooks:
  - id: one
    when: {type: [x]}
    remediations: [aws.iam.deactivate_access_key]
    mode: auto
"""


PLAYBOOK = ONE.splitlines()


def with_lines(*lines: str) -> str:
    return "\n".join([*PLAYBOOK, *lines]) + "\n"


def with_when(text: str) -> str:
    return "\n".join([*PLAYBOOK[:2], f"    when: {text}", *PLAYBOOK[3:]]) + "\n"


def with_steps(text: str) -> str:
    return "\n".join([*PLAYBOOK[:3], f"    remediations: {text}", *PLAYBOOK[4:]]) + "\n"


def with_mode(text: str) -> str:
    return "\n".join([*PLAYBOOK[:4], f"    mode: {text}"]) + "\n"


REFUSED: dict[str, tuple[str, list[str]]] = {
    "empty": ("", ["1: is empty"]),
    "only a comment": ("# nothing\n", ["1: is empty"]),
    "a list": ("- a\n", ["1: the policy must be a mapping, not a list"]),
    "a text": ("hello\n", ["1: the policy must be a mapping, not 'hello'"]),
    "no playbooks": ("protect: {principals: [x]}\n", ["1: the policy lacks 'playbooks' (or 'extends: shipped')"]),
    "unknown base": ("extends: shiped\n" + ONE, ["1: extends is one of shipped, not 'shiped'; did you mean 'shipped'?"]),
    "unknown key": (with_lines("chanels: {}"), ["6: unknown key 'chanels'; did you mean 'channels'?"]),
    "unknown playbook key": (
        with_lines("    whenn: {}", "    modus: auto"),
        [
            "6: unknown key 'whenn' in playbooks; did you mean 'when'?",
            "7: unknown key 'modus' in playbooks; did you mean 'mode'?",
        ],
    ),
    "key like no other": (
        with_lines("budget: {default: {actions: 1, window: 1h, zzz: 1}}"),
        ["6: unknown key 'zzz' in budget.default; there is actions, window, per"],
    ),
    "key twice": (with_lines("    mode: observe"), ["6: the key 'mode' stands here a second time; first at {file}:5"]),
    "id twice": (ONE + ONE.partition("\n")[2], ["6: a second playbook 'one'; the first is at {file}:2"]),
    "incomplete": ("playbooks:\n  - {id: one}\n", [f"2: playbooks lacks '{key}'" for key in ("when", "remediations", "mode")]),
    "no id": (ONE.replace("id: one", "enabled: true"), ["2: playbooks lacks 'id'"]),
    "odd id": (ONE.replace("id: one", "id: One_Two"), ["2: playbooks.id must be lower-case letters, digits and dashes, not 'One_Two'"]),
    "no list": ("playbooks: {id: one}\n", ["1: playbooks must be a list, not a mapping"]),
    "unknown mode": (with_mode("automatic"), ["5: playbooks.mode is one of observe, approve, auto, not 'automatic'; did you mean 'auto'?"]),
    "mode nothing": (with_mode(""), ["5: playbooks.mode must be a text, not nothing"]),
    "mode for unknown group": (
        "accounts: {prod: {ids: ['111122223333']}}\n" + with_mode("{prd: auto}"),
        ["6: there is no group of accounts 'prd'; did you mean 'prod'?"],
    ),
    "yes is no truth value": (with_lines("    enabled: yes"), ["6: playbooks.enabled must be true or false, not 'yes'"]),
    "empty when": (with_when("{}"), ["3: playbooks.when is empty: it would match every finding"]),
    "when a list": (with_when("[x]"), ["3: playbooks.when must be a mapping of fields to lists of patterns"]),
    "unknown field": (with_when("{typ: [x]}"), ["3: unknown field 'typ'; did you mean 'type'?"]),
    "unknown resource field": (with_when("{resource.typ: [x]}"), ["3: unknown field 'resource.typ'; did you mean 'resource.type'?"]),
    "nested field": (
        with_when("{resource: {type: [x]}}"),
        ["3: unknown field 'resource'; did you mean 'source'?"],
    ),
    "field within a field": (
        with_when("{type: {name: [x]}}"),
        ["3: type needs a list of patterns; a field inside it is 'type.name'"],
    ),
    "field within nothing": (with_when("{type: {}}"), ["3: type needs a list of patterns; a field inside it is 'type.…'"]),
    "no operator": (with_when("{type: [{}]}"), ["3: type: a pattern holds one operator, not 0; write them as separate patterns"]),
    "a list as a pattern": (
        with_when("{type: [[prefix]]}"),
        ["3: type: a pattern is a value or one operator such as {prefix: …}, not a list"],
    ),
    "no list of patterns": (with_when("{type: x}"), ["3: type needs a list of patterns: put it in [ ]"]),
    "operator without list": (with_when("{type: {prefix: x}}"), ["3: type needs a list of patterns: put it in [ ]"]),
    "empty list": (with_when("{type: []}"), ["3: type: an empty list can never match"]),
    "live fact in when": (
        with_when("{live.website: [true]}"),
        ["3: 'live.website' is read by the plan, after matching: only 'unless' may ask for it"],
    ),
    "account tag in when": (with_when("{account.tags.Team: [x]}"), ["3: 'account.tags.Team' may be asked for in 'notify' only"]),
    "outcome in when": (with_when("{outcome: [held]}"), ["3: 'outcome' may be asked for in 'notify' only"]),
    "unknown outcome in a route": (
        "channels: {soc: {teams: t}}\nnotify: [{when: {outcome: [helt]}, to: [soc]}]\n" + ONE,
        ["2: this can never match: outcome is one of acted, no_op, planned, awaiting_approval, held, partial, unverified, failed, rejected, unmatched, undone, expired; did you mean 'held'?"],
    ),
    "misspelt operator": (with_when("{type: [{prefx: x}]}"), ["3: type: unknown operator 'prefx'; did you mean 'prefix'?"]),
    "bad operand": (with_when("{observables.ip: [{cidr: 10.0.0.0/99}]}"), ["3: observables.ip: cidr: '10.0.0.0/99' is no network such as 10.0.0.0/8 or 2001:db8::/32"]),
    "severity out of range": (
        with_when("{severity: [9]}"),
        ["3: this can never match: severity is a whole number from 0 to 5 (unknown, informational, low, medium, high, critical), never 9"],
    ),
    "misspelt severity": (
        with_when("{severity: [hihg]}"),
        ["3: this can never match: severity is a whole number from 0 to 5 (unknown, informational, low, medium, high, critical), never 'hihg'; did you mean 'high'?"],
    ),
    "account as a number": (with_when("{account: [111122223333]}"), ['3: this can never match: account is a text; write "111122223333" in quotes']),
    "contradiction": (
        with_when('{score: [{numeric: [">", 5, "<", 3]}]}'),
        ["3: this can never match: score is a number from 0 to 10; no such number satisfies ['>', 5, '<', 3]"],
    ),
    "unknown remediation": (
        with_steps("[aws.iam.deactivate_acces_key]"),
        ["4: there is no remediation 'aws.iam.deactivate_acces_key'; did you mean 'aws.iam.deactivate_access_key'?"],
    ),
    "no id of a remediation": (with_steps("[deactivate]"), ["4: playbooks.remediations must be an id such as aws.iam.x, not 'deactivate'", "4: there is no remediation 'deactivate'"]),
    "no remediations": (with_steps("[]"), ["4: playbooks.remediations is empty"]),
    "remediation twice": (
        with_steps("[aws.iam.deactivate_access_key, aws.iam.deactivate_access_key]"),
        ["4: playbooks.remediations lists 'aws.iam.deactivate_access_key' twice"],
    ),
    "no such parameter": (
        with_steps("[{id: aws.iam.revoke_sessions, with: {sinse: last_seen}}]"),
        ["4: aws.iam.revoke_sessions has no parameter 'sinse'; did you mean 'since'?"],
    ),
    "takes no parameter": (
        with_steps("[{id: aws.iam.deactivate_access_key, with: {force: true}}]"),
        ["4: aws.iam.deactivate_access_key has no parameter 'force'; it takes none"],
    ),
    "no time": (
        with_steps("[{id: aws.iam.revoke_sessions, with: {since: last_sen}}]"),
        ["4: aws.iam.revoke_sessions: since must be an RFC 3339 time or one of first_seen, last_seen, updated_at, not 'last_sen'; did you mean 'last_seen'?"],
    ),
    "bound to another type": (
        with_steps("[{id: aws.iam.revoke_sessions, with: {since: account}}]"),
        ["4: aws.iam.revoke_sessions: since is of type timestamp, but account is of type string"],
    ),
    "literal of another type": (
        with_steps("[{id: aws.iam.revoke_sessions, with: {since: 5}}]"),
        ["4: aws.iam.revoke_sessions: since must be of type timestamp, not 5"],
    ),
    "no port": (
        with_steps("[{id: aws.ec2.revoke_security_group_ingress, with: {ports: [22, 70000]}}]"),
        ["4: aws.ec2.revoke_security_group_ingress: ports 70000 is no range within 0-65535"],
    ),
    "parameter nothing": (
        with_steps("[{id: aws.iam.revoke_sessions, with: {since: }}]"),
        ["4: playbooks.remediations.with.since must be a value or a list of values"],
    ),
    "unknown fact": (
        with_lines("    unless: {live.webside: [true]}").replace("aws.iam.deactivate_access_key", "aws.s3.block_public_access"),
        ["6: none of these remediations reads 'live.webside'; did you mean 'live.website'?"],
    ),
    "fact of another remediation": (with_lines("    unless: {live.website: [true]}"), ["6: none of these remediations reads 'live.website'"]),
    "type in another case": (
        with_when('{resource.type: ["AWS::IAM::Accesskey"]}'),
        ["3: this can never match: the type is written 'AWS::IAM::AccessKey'"],
    ),
    "type of the other cloud": (
        with_when("{resource.type: [Microsoft.Compute/virtualMachines]}"),
        ["3: Microsoft.Compute/virtualMachines is a type of azure, the remediations are of aws"],
    ),
    "undo of the irreversible": (
        with_lines("    expires: {after: 1h, then: undo}").replace("aws.iam.deactivate_access_key", "azure.compute.deallocate_vm").replace("mode: auto", "mode: approve"),
        ["6: azure.compute.deallocate_vm cannot be undone: memory is lost"],
    ),
    "undo that re-arms": (
        with_lines("    expires: {after: 1h, then: undo}").replace("aws.iam.deactivate_access_key", "aws.iam.revoke_sessions"),
        ["6: undoing aws.iam.revoke_sessions re-arms what it cut off: never by itself, only remind"],
    ),
    "no duration": (with_lines("    budget: {actions: 5, window: 60}"), ["6: playbooks.budget.window must be a duration such as 15m, 24h or 7d, not 60"]),
    "no whole number": (with_lines("    budget: {actions: 0, window: 1h}"), ["6: playbooks.budget.actions must be a whole number of at least 1, not 0"]),
    "flap without window": (with_lines("    flap: {times: 3}"), ["6: playbooks.flap lacks 'window'"]),
    "flap to auto": (with_lines("    flap: {times: 3, window: 1h, then: auto}"), ["6: playbooks.flap.then is one of observe, approve, not 'auto'"]),
    "exempt nothing": (with_lines("    exempt: {}"), ["6: playbooks.exempt lacks 'tags' or 'names'"]),
    "empty exempt tag": (with_lines("    exempt: {tags: {a: []}}"), ["6: playbooks.exempt.tags.a is empty"]),
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
    "empty protection": (with_lines("protect: {principals: []}"), ["6: protect.principals is empty"]),
    "number as key": (with_lines("    1: x"), ["6: a key must be a text; put it in quotes"]),
    "tag": (with_mode("!!python/object:os.system auto"), ["5: the tag 'tag:yaml.org,2002:python/object:os.system' is not allowed here", "5: playbooks.mode must be a text, not nothing"]),
    "explicit date": (with_mode("!!timestamp 2026-12-18"), ["5: the tag 'tag:yaml.org,2002:timestamp' is not allowed here", "5: playbooks.mode must be a text, not nothing"]),
    "overlay of nobody": (
        "extends: shipped\nplaybooks:\n- {id: key-leek, mode: approve}\n",
        ["3: the shipped policy has no playbook 'key-leek'; did you mean 'key-leak'?"],
    ),
    "new but incomplete": ("extends: shipped\nplaybooks:\n- {id: mine, mode: auto, when: {type: [x]}}\n", ["3: playbooks lacks 'remediations'"]),
}  # fmt: skip
