"""Which permissions the remediations need, for which purpose, and what misses when some are denied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from stanch.deployment import Deployment
from stanch.doctor import Check
from stanch.remediation import Remediation

Purpose = Literal["read", "act", "undo"]
PURPOSES: tuple[Purpose, ...] = ("read", "act", "undo")


def needed(one: Deployment, purpose: Purpose) -> dict[str, set[str]]:
    """Permission → the remediations that need it for this purpose."""
    found: dict[str, set[str]] = {}
    for name in one.registry:
        for permission in _declared(one.remediation(name), purpose):
            found.setdefault(permission, set()).add(name)
    return found


def _declared(found: type[Remediation[Any]], purpose: Purpose) -> frozenset[str]:
    granted = found.permissions
    if purpose == "read":
        return granted.plan
    if purpose == "undo" and found.irreversible:
        return frozenset()
    return (granted.apply if purpose == "act" else granted.undo) | frozenset(granted.dependent)


def judged(one: Deployment, where: str, needs: Mapping[str, set[str]], denied: Mapping[str, str], mend: str) -> Iterator[Check]:  # fmt: skip
    """What is denied (permission → why), by what it keeps from working: wrong where an enabled playbook needs it, else a note."""
    if not denied:
        yield Check("permissions", where, "ok", f"all {len(needs)} permissions are granted")
        return
    used = {step.remediation for playbook in one.policy.playbooks if playbook.enabled for step in playbook.remediations}
    failing: dict[str, list[str]] = {}
    for permission in denied:
        for name in needs[permission]:
            failing.setdefault(name, []).append(permission)
    for name, missing in sorted(failing.items()):
        why = "; ".join(f"{permission} ({denied[permission]})" for permission in sorted(missing))
        state: Literal["wrong", "note"] = "wrong" if name in used else "note"
        asked = "" if name in used else "; no enabled playbook asks for it"
        yield Check("permissions", where, state, f"{name} lacks {why}{asked}", mend)
