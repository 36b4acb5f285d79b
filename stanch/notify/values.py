"""Changes in words: what stood before and what stands after, as a person reads it who has no time. Pure; what came from an event is inert in it.

Ids are shortened to the part that people know the thing by: where an id must be copied, it stands whole elsewhere (a report's `Where`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from stanch.notify.untrusted import cut, inert

WIDTH = 160
"""Code points of one state."""

_ARM = re.compile(r"/subscriptions/[^/]+(?:/resourceGroups/(?P<group>[^/]+))?/providers/[^/]+/(?P<rest>.+)", re.IGNORECASE)  # fmt: skip
_ARN = re.compile(r"arn:[^:]*:[^:]*:[^:]*:[^:]*:(?P<rest>.+)")
_OURS = re.compile(r"(?:.*/networksecuritygroups/)?stanch-[0-9a-f]{12}-[0-9a-f]{11}", re.IGNORECASE)
_NOTES = {"failed": "FAILED", "skipped": "not tried", "undone": "undone"}
_NOTES_OF_UNDO = {"applied": "stays", "failed": "had failed", "skipped": "was not tried"}


def short(name: str) -> str:
    """A resource's id without what the account already says: `security-group/sg-0abc`, `rg-web/virtualMachines/vm-1`, a bucket's name."""
    if arm := _ARM.fullmatch(name):
        return f"{arm['group']}/{arm['rest']}" if arm["group"] else arm["rest"]
    arn = _ARN.fullmatch(name)
    return arn["rest"] if arn else name


def words(state: Any, width: int = WIDTH) -> str:
    """A state in words, at most `width` code points: None is `none`, an id its name, a rule what it lets in, an object its members."""
    return inert(_words(state), width)


def change(found: Mapping[str, Any], undone: bool = False, width: int = WIDTH) -> str:
    """One change as `what: before → after`; of two objects only what differs. `undone` reads it the other way round.

    A change with a `status` that differs from the whole's says so: it failed or was not tried, an undo leaves it as it is.
    """
    undone, note = _fate(found, undone)
    before, after = found.get("before"), found.get("after")
    gone = "revoked" if rule(before) or rule(after) else "none"
    left, right = (gone if state is None else words(state, width) for state in (before, after))
    told = _difference(before, after, undone) or _arrow(left, right, undone)
    return f"{_subject(found)}{inert(told, 2 * width)}{note}"


def changes(found: Sequence[Mapping[str, Any]], undone: bool = False, limit: int = 3, width: int = WIDTH) -> list[str]:
    """The changes, one a line: rules that differ in port or source alone share one, and of the rest how many there are is said."""
    lines = [*_rules(found, undone), *(change(one, undone, width) for one in found if not _is_plain_rule(one))]
    left = len(lines) - limit
    return [*lines[:limit], *([f"… and {left} more"] if left > 0 else [])]


def rule(state: Any) -> str | None:
    """What a firewall rule of either cloud says, such as `tcp 22 from 0.0.0.0/0`; None for what is no rule."""
    if not isinstance(state, Mapping):
        return None
    if {"protocol", "from", "to", "source"} <= state.keys():
        return f"{_traffic(state['protocol'], _ports(state))} from {state['source']}"
    if {"access", "direction", "protocol"} <= state.keys():
        return _azure_rule(state)
    return None


def _words(state: Any) -> str:
    if state is None or state in ([], {}):
        return "none"
    if isinstance(state, bool):
        return "true" if state else "false"
    if isinstance(state, str):
        return _text(state)
    if isinstance(state, Mapping):
        return rule(state) or _policy(state) or _group(state) or _members(state)
    if isinstance(state, list | tuple):
        return ", ".join(_words(item) for item in state)
    return str(state)


def _text(state: str) -> str:
    if not state:
        return '""'
    if _OURS.fullmatch(state):
        return "quarantine group" if "/" in state else "containment group"
    name = short(state).rpartition("/")[2] if state.startswith(("/subscriptions/", "arn:")) else state
    return name.replace("→", "->")  # the arrow is ours: a name must not tell of a change


def _members(state: Mapping[str, Any]) -> str:
    """`a, b: true, c: 5`: names that share a value stand together."""
    named: dict[str, list[str]] = {}
    for name, value in state.items():
        named.setdefault(_words(value), []).append(str(name))
    return ", ".join(f"{', '.join(names)}: {value}" for value, names in named.items())


def _policy(state: Mapping[str, Any]) -> str | None:
    """A policy that denies sessions issued before a moment, which is how IAM revokes them
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html)."""
    statements = state.get("Statement")
    told = [_cutoff(one) for one in statements] if isinstance(statements, list) else []
    return "; ".join(filter(None, told)) or None


def _cutoff(statement: Any) -> str | None:
    tests = statement.get("Condition") if isinstance(statement, Mapping) else None
    before = tests.get("DateLessThan") if isinstance(tests, Mapping) else None
    moments = [value for key, value in before.items() if key.lower() == "aws:tokenissuetime"] if isinstance(before, Mapping) else []  # fmt: skip
    return f"denies sessions issued before {_words(moments[0])}" if moments else None


def _group(state: Mapping[str, Any]) -> str | None:
    """A security group by what it lets through."""
    if set(state) == {"ingress", "egress"}:
        sides = {way: _words(state[way]) for way in ("ingress", "egress")}
        return "nothing in, nothing out" if set(sides.values()) == {"none"} else _members(sides)
    rules = state.get("rules")
    if isinstance(rules, Mapping) and rules and all(rule(one) for one in rules.values()):
        return ", ".join(f"{rule(one)}" for one in rules.values())
    return None


def _azure_rule(state: Mapping[str, Any]) -> str:
    ports = _several(state, "destinationPortRange")
    traffic = _traffic(str(state["protocol"]).lower(), "" if ports == "*" else ports)
    inbound = str(state["direction"]).lower() == "inbound"
    far = _several(state, "sourceAddressPrefix" if inbound else "destinationAddressPrefix")
    denied = "deny " if str(state["access"]).lower() == "deny" else ""
    return f"{denied}{traffic} {'from' if inbound else 'to'} {'anyone' if far == '*' else far or 'application groups'}"


def _several(state: Mapping[str, Any], name: str) -> str:
    """ARM keeps one value under `name`, several under its plural."""
    many = state.get(f"{name}es" if name.endswith("x") else f"{name}s") or []
    return ", ".join(map(str, [*([state[name]] if state.get(name) else []), *many]))


def _traffic(protocol: Any, ports: str) -> str:
    everything = str(protocol) in ("-1", "*")
    if everything and not ports:
        return "all traffic"
    return f"{'any' if everything else protocol} {ports}".rstrip()


def _ports(state: Mapping[str, Any]) -> str:
    first, last = state["from"], state["to"]
    if first in (None, -1):
        return ""
    return str(first) if first == last else f"{first}-{last}"


def _difference(before: Any, after: Any, undone: bool) -> str | None:
    """What differs between two objects; None where they are not both objects or one is told as a whole."""
    if not isinstance(before, Mapping) or not isinstance(after, Mapping) or _policy(before) or _policy(after):
        return None
    arrows: dict[str, list[str]] = {}
    for name in {**before, **after}:
        if before.get(name) != after.get(name):
            told = _arrow(_words(before.get(name)), _words(after.get(name)), undone)
            arrows.setdefault(told, []).append(str(name))
    return ", ".join(f"{', '.join(names)}: {told}" for told, names in arrows.items()) or "no difference"


def _arrow(before: str, after: str, undone: bool) -> str:
    return f"{after} → {before}" if undone else f"{before} → {after}"


def _fate(found: Mapping[str, Any], undone: bool) -> tuple[bool, str]:
    """Whether the change itself was undone, and what is to be said of it beside the others."""
    status = str(found.get("status"))
    note = (_NOTES_OF_UNDO if undone else _NOTES).get(status)
    return undone and status in ("None", "undone"), f" ({note})" if note else ""


def _subject(found: Mapping[str, Any]) -> str:
    """What is changed. A rule of AWS has no name, so it says all by itself; one of Azure is called by its name."""
    target = inert(found.get("target", ""), WIDTH).replace("→", "->")
    if _is_plain_rule(found):
        return ""
    states = (found.get("before"), found.get("after"))
    if None in states and any(rule(state) for state in states):
        target = re.sub(r" \(priority [^)]*\)", "", target)
    return f"{target}: " if target else ""


def _is_plain_rule(found: Mapping[str, Any]) -> bool:
    """A rule of AWS that goes as a whole or comes back."""
    states = [found.get("before"), found.get("after")]
    return None in states and any(isinstance(state, Mapping) and "source" in state and rule(state) for state in states)


def _rules(found: Sequence[Mapping[str, Any]], undone: bool) -> list[str]:
    """Rules of AWS: `tcp 22, 3389 from 0.0.0.0/0, ::/0 → revoked`. Only those that had the same fate are told in one line."""
    by_source: dict[tuple[Any, ...], list[str]] = {}
    for one in filter(_is_plain_rule, found):
        removed = one.get("after") is None
        state = one["before"] if removed else one["after"]
        key = (removed, *_fate(one, undone), state["protocol"], str(state["source"]))
        by_source.setdefault(key, []).append(_ports(state))
    by_ports: dict[tuple[Any, ...], list[str]] = {}
    for (*fate, protocol, source), ports in by_source.items():
        joined = ", ".join(dict.fromkeys(filter(None, ports)))
        by_ports.setdefault((*fate, protocol, joined), []).append(source)
    lines = []
    for (removed, turned, note, protocol, ports), sources in by_ports.items():
        told = cut(f"{_traffic(protocol, ports)} from {', '.join(sources)}", 2 * WIDTH)
        lines.append(f"{inert(_arrow(told, 'revoked', turned == removed))}{note}")
    return lines
