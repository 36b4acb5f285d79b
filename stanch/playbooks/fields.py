"""The fields that patterns may ask for: where each is read, and which values it can have at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal

from msgspec import Struct, field

from stanch.finding import Finding, Resource, Severity

Kind = Literal["text", "number", "flag", "ip", "any"]
Of = Literal["finding", "resource", "live", "account", "report"]

SOURCES = ("guardduty", "config", "security_hub", "cloudtrail", "sentinel", "defender", "event_grid")
OUTCOMES = ("acted", "no_op", "planned", "awaiting_approval", "held", "partial", "unverified", "failed", "rejected", "unmatched",
            "undone", "expired")  # fmt: skip
SEVERITIES: Mapping[str, int] = {level.name.lower(): int(level) for level in Severity}


def always(_: Any) -> bool:
    """Case never counts."""
    return True


def _azure(resource: Resource) -> bool:
    return resource.cloud == "azure"


class Field(Struct, frozen=True):
    """One field. `read` takes the finding, the resource, the plan's facts, the account's tags or the report, as `of` says; None means missing.

    `choices` are all the values there are; `low`, `high` and `whole` bound a number. `names` maps words to the numbers they stand
    for. `optional` fields may be missing and `many` fields hold several values. `folds` says for which subjects case does not count.
    """

    name: str
    kind: Kind
    of: Of
    read: Callable[[Any], Any]
    help: str
    choices: tuple[Any, ...] = ()
    names: Mapping[str, int] = field(default_factory=dict)
    low: float = float("-inf")
    high: float = float("inf")
    whole: bool = False
    optional: bool = False
    many: bool = False
    folds: Callable[[Any], bool] | None = None


def _observables(kind: str) -> Callable[[Finding], Any]:
    return lambda finding: [seen.value for seen in finding.observables if seen.kind == kind]


FIELDS: Mapping[str, Field] = {
    item.name: item
    for item in (
        Field("source", "text", "finding", lambda f: f.source, "the source's name", choices=SOURCES),
        Field("type", "text", "finding", lambda f: f.type, "GuardDuty's type, Config's source identifier, an alert type"),
        Field("title", "text", "finding", lambda f: f.title, "the finding's title, compared without case", folds=always),
        Field("severity", "number", "finding", lambda f: int(f.severity), "OCSF severity, a name or 0 to 5",
              choices=tuple(SEVERITIES.values()), names=SEVERITIES, low=0, high=5, whole=True),
        Field("score", "number", "finding", lambda f: f.score, "the source's own number, 0 to 10 (GuardDuty's severity)",
              low=0, high=10, optional=True),
        Field("account", "text", "finding", lambda f: f.account, "AWS account id or Azure subscription id", folds=always),
        Field("region", "text", "finding", lambda f: f.region, "the region of what was found", optional=True),
        Field("count", "number", "finding", lambda f: f.count, "how often the source saw it", low=1, whole=True),
        Field("compliant", "flag", "finding", lambda f: f.compliant, "whether Config found the resource compliant",
              choices=(True, False)),
        Field("resource.type", "text", "resource", lambda r: r.type, "CloudFormation or ARM type of a resource"),
        Field("resource.id", "text", "resource", lambda r: r.id, "ARN or id of a resource; Azure's without case", folds=_azure),
        Field("resource.role", "text", "resource", lambda r: r.role, "the part the resource plays",
              choices=("actor", "target", "affected")),
        Field("resource.account", "text", "resource", lambda r: r.account, "the resource's account", folds=always),
        Field("observables.ip", "ip", "finding", _observables("ip"), "IP addresses", optional=True, many=True),
        Field("observables.domain", "text", "finding", _observables("domain"), "domains", optional=True, many=True,
              folds=always),
        Field("observables.hash", "text", "finding", _observables("hash"), "file hashes", optional=True, many=True,
              folds=always),
        Field("observables.principal", "text", "finding", _observables("principal"), "foreign principals", optional=True,
              many=True),
        Field("outcome", "text", "report", lambda r: r.outcome, "what became of it", choices=OUTCOMES),
        Field("playbook", "text", "report", lambda r: r.playbook, "the playbook's id", optional=True),
        Field("remediation", "text", "report", lambda r: r.remediation, "the remediation's id", optional=True),
    )
}  # fmt: skip
"""The fields with a fixed name; those below `OPEN` take any name after the dot."""


def dig(value: Any, path: str) -> Any:
    """What stands at a dotted path in nested mappings; lists on the way are looked into, as EventBridge does. None if missing."""
    found = [value]
    for name in path.split("."):
        steps = [item for value in found for item in (value if isinstance(value, list | tuple) else (value,))]
        found = [step[name] for step in steps if isinstance(step, Mapping) and name in step]
    if len(found) < 2:
        return found[0] if found else None
    return [item for value in found for item in (value if isinstance(value, list | tuple) else (value,))]


OPEN: Mapping[str, tuple[Of, str]] = {
    "resource.details.": ("resource", "what the source says of a resource beside its name"),
    "live.": ("live", "a fact that the plan read; each remediation documents its own"),
    "account.tags.": ("account", "a tag of the account"),
}


@lru_cache(maxsize=4096)
def find(name: str) -> Field | None:
    """The field of that name, or None."""
    if name in FIELDS:
        return FIELDS[name]
    prefix = next((prefix for prefix in OPEN if name.startswith(prefix) and len(name) > len(prefix)), None)
    if prefix is None:
        return None
    path, (of, help_) = name.removeprefix(prefix), OPEN[prefix]
    if of == "resource":
        return Field(name, "any", of, lambda r: dig(r.details, path), help_, optional=True, many=True)
    # Tag keys and facts are flat: a dot in them is part of the name.
    return Field(name, "any", of, lambda values: values.get(path), help_, optional=True, many=of != "account")


WHEN: frozenset[Of] = frozenset({"finding", "resource"})
UNLESS: frozenset[Of] = WHEN | {"live"}
ROUTE: frozenset[Of] = WHEN | {"account", "report"}


def names(allowed: Iterable[Of]) -> list[str]:
    """The field names that may stand there, the open ones with `*`."""
    kinds = frozenset(allowed)
    return [name for name, item in FIELDS.items() if item.of in kinds] + [
        f"{prefix}*" for prefix, (of, _) in OPEN.items() if of in kinds
    ]
