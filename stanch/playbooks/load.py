"""The policy file: read, laid over the shipped one, checked, made into a `Policy`. For the command and the build, not for functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from stanch.errors import PolicyError
from stanch.playbooks.compile import load_compiled
from stanch.playbooks.impossible import suggestion
from stanch.playbooks.model import Policy
from stanch.playbooks.review import review
from stanch.playbooks.shapes import Problems, complain
from stanch.playbooks.steps import Catalog
from stanch.playbooks.tree import Node, Problem, parse
from stanch.playbooks.validate import duplicates, validate

SHIPPED = Path(__file__).parents[2] / "playbooks.yaml"

_ADDED = ("channels", "protect")


def load(path: str | Path = "shipped", catalog: Catalog | None = None) -> Policy:
    """The effective policy of a file, `shipped` for the packaged one; a `.json` file is a compiled policy.

    Raises PolicyError with the first error and how many more there are. Without a `catalog`, remediations and their parameters are not checked.
    """
    if str(path).endswith(".json"):
        return load_compiled(path)
    problems: Problems = []
    policy, _ = _read(path, catalog, problems)
    if policy is None:
        errors = sorted((problem for problem in problems if problem.level == "error"), key=_line)
        more = len(errors) - 1
        tail = f" (and {more} more error{'s' if more > 1 else ''})" if more else ""
        raise PolicyError(errors[0].place, errors[0].message + tail)
    return policy


def check(
    path: str | Path = "shipped",
    catalog: Catalog | None = None,
    finding_types: Mapping[str, Collection[str]] | None = None,
) -> list[Problem]:
    """All that is wrong, doubtful or worth knowing, in the order of the files' lines; errors mean that the policy cannot be loaded.

    `catalog` are the remediations by id, `finding_types` the known types of each source: without them what needs them is not checked.
    Raises nothing: a file that cannot be read is an error in the list.
    """
    problems: Problems = []
    try:
        if str(path).endswith(".json"):
            load_compiled(path)
            return []
        policy, root = _read(path, catalog, problems)
    except PolicyError as error:
        return [*problems, Problem("error", error.place, error.reason)]
    if policy is not None:
        problems += review(policy, root, catalog or {}, finding_types or {})
    return sorted(problems, key=_line)


def _line(problem: Problem) -> tuple[str, int]:
    file, _, line = problem.place.rpartition(":")
    return (file, int(line)) if line.isdecimal() else (problem.place, 0)


def _read(path: str | Path, catalog: Catalog | None, problems: Problems) -> tuple[Policy | None, Node]:
    root = _tree(SHIPPED if str(path) == "shipped" else Path(path), problems)
    extends = root.get("extends")
    if extends is not None and extends.value == "shipped":
        base_problems: Problems = []
        root = _overlay(_tree(SHIPPED, base_problems), root, problems)
        problems += base_problems
    data = validate(root, catalog, problems)
    if any(problem.level == "error" for problem in problems):
        return None, root
    return Policy.from_json(data), root


def _tree(path: Path, problems: Problems) -> Node:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise PolicyError(str(path), "is not UTF-8") from None
    except OSError as error:
        raise PolicyError(str(path), f"cannot be read: {error.strerror}") from None
    root = parse(text, path.name if path == SHIPPED else str(path), problems)
    duplicates(root, problems)
    return root


def _overlay(base: Node, over: Node, problems: Problems) -> Node:
    """`over` laid over `base`: playbooks key by key, by id; channels and protection added to; any other key replaced."""
    merged = {**base.value, **over.value}
    del merged["extends"]
    for name in _ADDED:
        below, above = base.get(name), over.get(name)
        if below is not None and above is not None:
            merged[name] = _added(below, above)
    playbooks, above = base.get("playbooks"), over.get("playbooks")
    if playbooks is not None:
        if above is not None and isinstance(above.value, list):
            merged["playbooks"] = Node(_playbooks(playbooks, above, problems), above.place)
        elif above is None:
            merged["playbooks"] = playbooks
    return Node(merged, over.place)


def _added(below: Node, above: Node) -> Node:
    if isinstance(below.value, dict) and isinstance(above.value, dict):
        both = {
            name: _added(below.value[name], node) if name in below.value else node for name, node in above.value.items()
        }
        return Node({**below.value, **both}, above.place)
    if isinstance(below.value, list) and isinstance(above.value, list):
        known = [node.plain() for node in below.value]
        return Node([*below.value, *(node for node in above.value if node.plain() not in known)], above.place)
    return above


def _playbooks(below: Node, above: Node, problems: Problems) -> list[Node]:
    found = {node.value["id"].value: node for node in below}
    rest = []
    for node in above:
        name = node.get("id")
        if name is not None and isinstance(name.value, str) and name.value in found:
            found[name.value] = _changed(found[name.value], node, problems)
        elif name is not None and isinstance(name.value, str) and not {"when", "remediations"} & set(node.value):
            hint = suggestion(name.value, found)
            complain(problems, name, f"the shipped policy has no playbook {name.value!r}{hint}")
        else:
            rest.append(node)
    return [*found.values(), *rest]


def _changed(below: Node, above: Node, problems: Problems) -> Node:
    for key in ("when", "remediations"):
        if key in above.value and above.value[key].plain() != below.value[key].plain():
            text = f"replaces {key!r} of the shipped playbook: upgrades no longer reach it"
            problems.append(Problem("note", above.value[key].place, text))
    return Node({**below.value, **above.value}, above.place)
