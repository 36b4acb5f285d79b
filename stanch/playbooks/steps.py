"""Whether a playbook's steps fit the remediations they name: ids, parameters, facts, modes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stanch import clock
from stanch.errors import PolicyError
from stanch.playbooks.fields import find
from stanch.playbooks.impossible import suggestion
from stanch.playbooks.params import BINDINGS
from stanch.playbooks.shapes import Problems, complain
from stanch.playbooks.tree import Node, Problem
from stanch.remediation import Parameter, Remediation, bind

Catalog = Mapping[str, type[Remediation[Any]]]
"""Remediation id → its class, which declares all that is checked here."""


def check_steps(playbook: Node, catalog: Catalog, problems: Problems) -> None:
    """Unknown remediations, wrong parameters, facts that no step reads, and what a remediation does not allow."""
    declared = []
    for step in playbook.get("remediations") or ():
        name = step.get("id") or step
        if not isinstance(name.value, str):
            continue
        if name.value not in catalog:
            complain(problems, name, f"there is no remediation {name.value!r}{suggestion(name.value, catalog)}")
            continue
        declared.append(catalog[name.value])
        for key, value in (step.get("with") or Node({}, step.place)).items():
            _parameter(catalog[name.value], key, value, problems)
        _allowed(playbook, catalog[name.value], name, problems)
    _facts(playbook, declared, problems)
    _types(playbook, declared, catalog, problems)


def _parameter(remediation: type[Remediation[Any]], name: str, node: Node, problems: Problems) -> None:
    known = {parameter.name: parameter for parameter in remediation.parameters}
    if name not in known:
        there = f"; there is {', '.join(known)}" if known else "; it takes none"
        complain(problems, node, f"{remediation.id} has no parameter {name!r}{suggestion(name, known) or there}")
        return
    reason = _wrong(known[name], node.plain())
    if reason:
        complain(problems, node, f"{remediation.id}: {reason}")
    elif known[name].type == "string" and isinstance(node.value, str) and node.value not in BINDINGS:
        meant = suggestion(node.value, BINDINGS)
        if meant and re.fullmatch(r"[a-z_.]+", node.value):
            problems.append(Problem("warning", node.place, f"{name}: {node.value!r} is taken literally{meant}"))


def _wrong(parameter: Parameter, value: Any) -> str | None:
    if value is None:
        return None  # its shape was complained of
    if isinstance(value, str) and value in BINDINGS:
        bound = BINDINGS[value].type
        return (
            None
            if bound == parameter.type
            else f"{parameter.name} is of type {parameter.type}, but {value} is of type {bound}"
        )
    if parameter.type == "timestamp" and isinstance(value, str):
        return _no_time(parameter.name, value)
    try:
        bind((parameter,), {parameter.name: value}, "with")
    except PolicyError as error:
        return f"{parameter.name} {error.reason}"
    return None


def _no_time(name: str, value: str) -> str | None:
    try:
        clock.parse(value)
    except ValueError:
        times = [bound for bound, binding in BINDINGS.items() if binding.type == "timestamp"]
        return f"{name} must be an RFC 3339 time or one of {', '.join(times)}, not {value!r}{suggestion(value, times)}"
    return None


def _allowed(playbook: Node, remediation: type[Remediation[Any]], name: Node, problems: Problems) -> None:
    expires = playbook.get("expires")
    then = expires.get("then") if expires else None
    if then is not None and then.value == "undo":
        if remediation.irreversible:
            complain(problems, then, f"{remediation.id} cannot be undone: {remediation.irreversible}")
        elif remediation.undo_delay_hours or remediation.rearms:
            complain(problems, then, f"undoing {remediation.id} re-arms what it cut off: never by itself, only remind")
    mode = playbook.get("mode")
    modes = [item.value for _, item in mode.items()] or [mode.value] if mode else []
    if remediation.irreversible and "auto" in modes:
        text = f"{remediation.id} cannot be undone ({remediation.irreversible}): 'approve' is the most to allow it"
        problems.append(Problem("warning", name.place, text))


def _facts(playbook: Node, declared: list[type[Remediation[Any]]], problems: Problems) -> None:
    known = {fact for remediation in declared for fact in remediation.facts}
    for key, node in (playbook.get("unless") or Node({}, playbook.place)).items():
        field = find(key)
        if field is None or field.of != "live" or not declared or key.removeprefix("live.") in known:
            continue
        there = f"; there is {', '.join(f'live.{fact}' for fact in sorted(known))}" if known else ""
        meant = suggestion(key, [f"live.{fact}" for fact in known]) or there
        complain(problems, node, f"none of these remediations reads {key!r}{meant}")


def _types(playbook: Node, declared: list[type[Remediation[Any]]], catalog: Catalog, problems: Problems) -> None:
    """`resource.type`: misspelt ones can never match; those that nothing acts on, or that lie in the other cloud, hardly will."""
    types = {remediation.resource_type for remediation in catalog.values()}
    when = playbook.get("when")
    for node in (when.get("resource.type") if when else None) or ():
        if not isinstance(node.value, str) or node.value in types or not node.value:
            continue
        folded = {known.casefold(): known for known in types}
        if node.value.casefold() in folded:
            complain(problems, node, f"this can never match: the type is written {folded[node.value.casefold()]!r}")
        else:
            text = f"no remediation acts on {node.value}{suggestion(node.value, types)}"
            problems.append(Problem("warning", node.place, text))
    for node in (when.get("resource.type") if when else None) or ():
        clouds = {remediation.id.partition(".")[0] for remediation in declared}
        if (
            node.value in types
            and (cloud := "aws" if node.value.startswith("AWS::") else "azure") not in clouds
            and clouds
        ):
            complain(
                problems,
                node,
                f"{node.value} is a type of {cloud}, the remediations are of {', '.join(sorted(clouds))}",
            )
