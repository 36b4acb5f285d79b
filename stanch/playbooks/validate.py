"""Everything that one policy tree must be: the shapes of its values, and that what it refers to exists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stanch.playbooks.impossible import suggestion
from stanch.playbooks.shapes import Problems, Record, complain
from stanch.playbooks.steps import Catalog, check_steps
from stanch.playbooks.tree import Node
from stanch.playbooks.vocabulary import POLICY


def validate(root: Node, catalog: Catalog | None, problems: Problems) -> dict[str, Any]:
    """The normalised policy. It is only good for use if no error was added to `problems`."""
    data = Record(POLICY).read(root, "", problems) or {}
    playbooks = [node for node in root.get("playbooks") or () if isinstance(node.value, dict)]
    if root.get("playbooks") is None and isinstance(root.value, dict):
        complain(problems, root, "the policy lacks 'playbooks' (or 'extends: shipped')")
    accounts = root.get("accounts")
    groups = [name for name, _ in accounts.items() if name != "unlisted"] if accounts else []
    _groups(root, playbooks, groups, problems)
    _channels(root, problems)
    _freezes(root, groups, [node.value["id"].value for node in playbooks if "id" in node.value], problems)
    for playbook in playbooks if catalog is not None else ():
        check_steps(playbook, catalog or {}, problems)
    if not any(problem.level == "error" for problem in problems):
        _fill_modes(data, groups)
    return data


def duplicates(root: Node, problems: Problems) -> None:
    """Two playbooks of one file with the same id."""
    first: dict[str, Node] = {}
    for playbook in root.get("playbooks") or ():
        name = playbook.get("id")
        if name is None or not isinstance(name.value, str):
            continue
        if name.value in first:
            complain(problems, name, f"a second playbook {name.value!r}; the first is at {first[name.value].place}")
        first.setdefault(name.value, name)


def _known(node: Node, known: Iterable[str], what: str, problems: Problems) -> None:
    names = list(known)
    if isinstance(node.value, str) and node.value not in names:
        hint = suggestion(node.value, names) or (f"; there is {', '.join(names)}" if names else "")
        complain(problems, node, f"there is no {what} {node.value!r}{hint}")


def _groups(root: Node, playbooks: list[Node], groups: list[str], problems: Problems) -> None:
    unlisted = (root.get("accounts") or Node({}, root.place)).get("unlisted")
    if unlisted is not None:
        _known(unlisted, groups, "group of accounts", problems)
    modes = [playbook.value["mode"] for playbook in playbooks if "mode" in playbook.value]
    for mapping in (root.get("ceiling"), *modes):
        for name, node in mapping.items() if mapping else ():
            _known(Node(name, node.place), groups, "group of accounts", problems)


def _channels(root: Node, problems: Problems) -> None:
    channels = [name for name, _ in (root.get("channels") or Node({}, root.place)).items()]
    routes = [route.get("to") for route in root.get("notify") or ()]
    approval = root.get("approval")
    escalations = [step.get("notify") for step in (approval.get("escalate") if approval else None) or ()]
    for names in (*routes, *escalations):
        for name in names or ():
            _known(name, channels, "channel", problems)


def _freezes(root: Node, groups: list[str], ids: list[Any], problems: Problems) -> None:
    for freeze in root.get("freeze") or ():
        for name in freeze.get("accounts") or ():
            _known(name, groups, "group of accounts", problems)
        for name in freeze.get("except") or ():
            _known(name, [item for item in ids if isinstance(item, str)], "playbook", problems)


def _fill_modes(data: Mapping[str, Any], groups: list[str]) -> None:
    """A mode for each group must name every group: what nobody decided is observed."""
    for playbook in data.get("playbooks", ()):
        if isinstance(playbook["mode"], dict):
            playbook["mode"] = {group: playbook["mode"].get(group, "observe") for group in groups}
