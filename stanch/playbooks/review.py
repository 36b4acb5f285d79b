"""What is worth knowing of a policy that loads: overlaps, what nothing uses or reaches, modes that a ceiling lowers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from itertools import combinations
from typing import Any

from stanch.playbooks.model import MODES, Playbook, Policy
from stanch.playbooks.overlap import overlap
from stanch.playbooks.patterns import compile_patterns
from stanch.playbooks.steps import Catalog
from stanch.playbooks.tree import Node, Problem

FindingTypes = Mapping[str, Collection[str]]
"""Source → the finding types that it is known to send."""


def review(policy: Policy, root: Node, catalog: Catalog, finding_types: FindingTypes) -> list[Problem]:
    """Notes and warnings; nothing that keeps the policy from working."""
    nodes = {node.value["id"].value: node for node in root.get("playbooks") or ()}
    enabled = [playbook for playbook in policy.playbooks if playbook.enabled]
    return [
        *_overlaps(enabled, nodes, root, finding_types),
        *_unused(enabled, catalog, root),
        *_silent(policy, root),
        *_ceilings(policy, nodes, root),
        *_unnamed(policy, nodes),
        *_misspelt(enabled, nodes, finding_types),
        *_unreached(enabled, finding_types, root),
    ]


def _overlaps(
    playbooks: list[Playbook], nodes: Mapping[str, Node], root: Node, finding_types: FindingTypes
) -> Iterator[Problem]:
    """Pairs of which at least one stands in the file that is checked: the shipped policy's own are not its reader's concern."""
    own = {playbook.id for playbook in playbooks if _file(nodes[playbook.id]) == _file(root)}
    known = [name for names in finding_types.values() for name in names]
    reached = {playbook.id: set(filter(_tests(playbook, "type"), known)) for playbook in playbooks}
    for one, other in _pairs(playbooks):
        shared = sorted(_remediations(one) & _remediations(other))
        if one.mode == other.mode or not shared or not {one.id, other.id} & own or not overlap(one, other):
            continue
        if reached[one.id] and reached[other.id] and not reached[one.id] & reached[other.id]:
            continue  # some text could match both, but no finding type that exists does
        text = (
            f"{other.id!r} overlaps with {one.id!r} ({nodes[one.id].place}) for {', '.join(shared)}, in another mode: "
            f"{_mode(other)} here, {_mode(one)} there; the strictest wins"
        )
        yield Problem("note", nodes[other.id].place, text)


def _file(node: Node) -> str:
    return node.place.rpartition(":")[0]


def _pairs(playbooks: list[Playbook]) -> Iterator[tuple[Playbook, Playbook]]:
    """All pairs that may overlap: those that name their types exactly meet only where they name the same."""
    named: dict[str, list[int]] = defaultdict(list)
    open_: set[int] = set()
    for at, playbook in enumerate(playbooks):
        types = playbook.when.get("type", (None,))
        if not all(isinstance(item, str) for item in types):
            open_.add(at)
        for item in types if at not in open_ else ():
            named[item].append(at)
    for first, second in {pair for places in named.values() for pair in combinations(places, 2)}:
        yield playbooks[first], playbooks[second]
    for first, second in combinations(range(len(playbooks)), 2):
        if first in open_ or second in open_:
            yield playbooks[first], playbooks[second]


def _remediations(playbook: Playbook) -> set[str]:
    return {step.remediation for step in playbook.remediations}


def _mode(playbook: Playbook) -> str:
    if isinstance(playbook.mode, str):
        return playbook.mode
    return ", ".join(f"{mode} in {group}" for group, mode in playbook.mode.items())


def _unused(playbooks: Iterable[Playbook], catalog: Catalog, root: Node) -> Iterator[Problem]:
    used = {name for playbook in playbooks for name in _remediations(playbook)}
    for name in sorted(set(catalog) - used):
        yield Problem("note", root.place, f"no enabled playbook uses {name}")


def _silent(policy: Policy, root: Node) -> Iterator[Problem]:
    if not policy.notify:
        return  # then every channel is told everything
    told = {name for route in policy.notify for name in route.to}
    told |= {name for step in policy.approval.escalate for name in step.notify}
    for name, node in (root.get("channels") or Node({}, root.place)).items():
        if name not in told:
            yield Problem("warning", node.place, f"channel {name!r} is told nothing: no route under 'notify' names it")


def _ceilings(policy: Policy, nodes: Mapping[str, Node], root: Node) -> Iterator[Problem]:
    ceilings = root.get("ceiling") or Node({}, root.place)
    for group, ceiling in policy.ceiling.items():
        lowered = []
        for playbook in policy.playbooks:
            mode = playbook.mode if isinstance(playbook.mode, str) else playbook.mode.get(group, "observe")
            if MODES.index(mode) <= MODES.index(ceiling):
                continue
            lowered.append(playbook.id)
            if not isinstance(playbook.mode, str):
                place = nodes[playbook.id].value["mode"].place
                text = f"{playbook.id!r} says {mode} in {group}, above its ceiling {ceiling}, which holds"
                yield Problem("warning", place, text)
        if lowered:
            place = ceilings.value[group].place
            yield Problem("note", place, f"the ceiling {ceiling} in {group} lowers {_some(lowered)}")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more


def _unnamed(policy: Policy, nodes: Mapping[str, Node]) -> Iterator[Problem]:
    for playbook in policy.playbooks:
        node = nodes[playbook.id].value["mode"]
        missing = [] if isinstance(playbook.mode, str) else [name for name in playbook.mode if node.get(name) is None]
        if missing:
            text = f"{playbook.id!r} names no mode for {', '.join(missing)}: it only observes there"
            yield Problem("note", node.place, text)


def _misspelt(
    playbooks: Iterable[Playbook], nodes: Mapping[str, Node], finding_types: FindingTypes
) -> Iterator[Problem]:
    """Type patterns that no known type matches, though one is nearly the same."""
    known = sorted({name for names in finding_types.values() for name in names})
    for playbook in playbooks if known else ():
        when = nodes[playbook.id].value["when"]
        for pattern, node in zip(playbook.when.get("type", ()), when.get("type") or (), strict=True):
            text = (
                pattern if isinstance(pattern, str) else pattern.get("prefix") if isinstance(pattern, Mapping) else None
            )
            if not isinstance(text, str) or any(map(compile_patterns([pattern]), known)):
                continue
            close = _nearly(text, known, start=not isinstance(pattern, str))
            if close:
                yield Problem("warning", node.place, f"no known finding type matches {text!r}; did you mean {close!r}?")


def _nearly(text: str, known: Iterable[str], start: bool) -> str | None:
    """A known type, or the start of one, each part of which is the same or nearly: another part is another type, no slip."""
    given = re.split(r"([:/.])", text)
    for name in known:
        parts = re.split(r"([:/.])", name)
        if start:
            parts = [*parts[: len(given) - 1], *(part[: len(given[-1])] for part in parts[len(given) - 1 : len(given)])]
        if len(parts) == len(given) and all(map(_alike, given, parts)):
            return "".join(parts)
    return None


def _alike(one: str, other: str) -> bool:
    return one == other or SequenceMatcher(None, one.casefold(), other.casefold()).ratio() > 0.85


def _unreached(playbooks: list[Playbook], finding_types: FindingTypes, root: Node) -> Iterator[Problem]:
    """By source and type alone: whether severity or resource fit is for each finding to show."""
    rules = [(_tests(playbook, "source"), _tests(playbook, "type")) for playbook in playbooks]
    for source, types in sorted(finding_types.items()):
        here = [by_type for by_source, by_type in rules if by_source(source)]
        lost = [name for name in sorted(types) if not any(by_type(name) for by_type in here)]
        if lost:
            text = f"{len(lost)} of {len(types)} known finding types of {source} reach no playbook: {', '.join(lost)}"
            yield Problem("note", root.place, text)


def _tests(playbook: Playbook, name: str) -> Any:
    patterns = playbook.when.get(name)
    return compile_patterns(patterns) if patterns is not None else lambda _: True
