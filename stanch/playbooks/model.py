"""The policy as the engine uses it: playbooks, their steps and modes, channels and routes. Everything becomes JSON and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import force_setattr

from stanch.playbooks.limits import (
    Accounts,
    Approval,
    Budget,
    Budgets,
    Exempt,
    Expires,
    Flap,
    Freeze,
    Json,
    Mode,
    Protect,
)
from stanch.remediation import digest

MODES: tuple[Mode, ...] = ("observe", "approve", "auto")
"""From the strictest on: only say what would be done; do it when a person agrees; do it."""

FORMAT = 1
"""Of the compiled policy. A release reads its own format and those before it."""

Conditions = Mapping[str, tuple[Any, ...]]
"""Field name → patterns, any of which must match (EventBridge pattern syntax, see `stanch.playbooks.patterns`)."""


def strictest(*modes: str) -> Mode:
    """The mode that allows the least. Raises ValueError without any."""
    return MODES[min(MODES.index(mode) for mode in modes)]


class Step(Struct, frozen=True):
    """One remediation of a playbook, with the parameters it is given: literals, or names bound from the finding."""

    remediation: str
    with_: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Json) -> Step:
        return cls(data["remediation"], dict(data.get("with", {})))


class Playbook(Struct, frozen=True):
    """Which findings lead to which remediations. `mode` is one mode, or one for each group of accounts."""

    id: str
    when: Conditions
    remediations: tuple[Step, ...]
    mode: Mode | Mapping[str, Mode]
    enabled: bool = True
    unless: Conditions = field(default_factory=dict)
    exempt: Exempt = field(default_factory=Exempt)
    flap: Flap | None = None
    budget: Budget | None = None
    expires: Expires | None = None

    @classmethod
    def from_json(cls, data: Json) -> Playbook:
        return cls(
            id=data["id"],
            when=_conditions(data.get("when", {})),
            remediations=tuple(Step.from_json(step) for step in data["remediations"]),
            mode=data["mode"],
            enabled=data.get("enabled", True),
            unless=_conditions(data.get("unless", {})),
            exempt=Exempt.from_json(data.get("exempt", {})),
            flap=Flap.from_json(data["flap"]) if "flap" in data else None,
            budget=Budget.from_json(data["budget"]) if "budget" in data else None,
            expires=Expires.from_json(data["expires"]) if "expires" in data else None,
        )


def mode_for(playbook: Playbook, group: str | None) -> Mode:
    """The playbook's mode in a group of accounts. A group that is unknown or that it does not name gets its strictest one."""
    if isinstance(playbook.mode, str):
        return playbook.mode
    return playbook.mode.get(group or "") or strictest(*playbook.mode.values())


class Channel(Struct, frozen=True):
    """Where reports go: the name of the secret that holds a Teams webhook URL, an SNS topic's ARN, or both."""

    teams: str | None = None
    sns: str | None = None


class Route(Struct, frozen=True):
    """Which channels are told; without `when`, of everything."""

    to: tuple[str, ...]
    when: Conditions = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Json) -> Route:
        return cls(tuple(data["to"]), _conditions(data.get("when", {})))


class Policy(Struct, frozen=True, eq=False):
    """The effective policy, after overlays. `digest` is the SHA-256 of its canonical JSON; every action carries it."""

    playbooks: tuple[Playbook, ...] = ()
    channels: Mapping[str, Channel] = field(default_factory=dict)
    notify: tuple[Route, ...] = ()
    protect: Protect = field(default_factory=Protect)
    accounts: Accounts = field(default_factory=Accounts)
    ceiling: Mapping[str, Mode] = field(default_factory=dict)
    approval: Approval = field(default_factory=Approval)
    freeze: tuple[Freeze, ...] = ()
    budget: Budgets = field(default_factory=Budgets)
    digest: str = ""
    index: Json | None = None
    """How playbooks are looked up, where the policy was compiled (`stanch.playbooks.compile`). It is no part of the meaning, so not of the digest."""

    def __post_init__(self) -> None:
        force_setattr(self, "digest", digest(self.content()))

    def __eq__(self, other: object) -> bool:
        """Two policies are equal if they mean the same, compiled or not."""
        return isinstance(other, Policy) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def names_units(self) -> bool:
        """Whether a group of accounts is told by organisational units."""
        return any(group.ous for group in self.accounts.groups.values())

    @property
    def asks_account_tags(self) -> bool:
        """Whether who is told depends on an account's tags."""
        return any(name.startswith("account.tags.") for route in self.notify for name in route.when)

    def content(self) -> dict[str, Any]:
        """What the digest is of, as plain JSON: what is empty is left out, so that a later release's new keys change no digest."""
        return _members(self, [name for name in self.__struct_fields__ if name not in ("digest", "index")])

    def as_json(self) -> dict[str, Any]:
        """The compiled form."""
        return {"format": FORMAT, "digest": self.digest, **self.content()}

    @classmethod
    def from_json(cls, data: Json) -> Policy:
        """The policy of a compiled form. The digest is made anew, not believed."""
        return cls(
            playbooks=tuple(Playbook.from_json(playbook) for playbook in data.get("playbooks", ())),
            channels={name: Channel(**channel) for name, channel in data.get("channels", {}).items()},
            notify=tuple(Route.from_json(route) for route in data.get("notify", ())),
            protect=Protect.from_json(data.get("protect", {})),
            accounts=Accounts.from_json(data.get("accounts", {})),
            ceiling=dict(data.get("ceiling", {})),
            approval=Approval.from_json(data.get("approval", {})),
            freeze=tuple(Freeze.from_json(freeze) for freeze in data.get("freeze", ())),
            budget=Budgets.from_json(data.get("budget", {})),
            index=data.get("index"),
        )

    def ceiling_for(self, group: str | None) -> Mode:
        """The most that any playbook may do in a group; in an unknown one, what is allowed in the strictest."""
        if group is None:
            return strictest("auto", *self.ceiling.values())
        return self.ceiling.get(group, "auto")


def _conditions(data: Json) -> Conditions:
    return {name: tuple(patterns) for name, patterns in data.items()}


def _plain(value: Any) -> Any:
    """Nested structs as JSON; a trailing underscore only keeps a field's name from being a Python keyword."""
    kind = type(value)
    if kind in (str, int, float, bool, type(None)):
        return value
    if kind in (tuple, list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return _members(value, value.__struct_fields__) if isinstance(value, Struct) else value


def _members(value: Any, names: Iterable[str]) -> dict[str, Any]:
    found = {name.rstrip("_"): _plain(getattr(value, name)) for name in names}
    return {name: item for name, item in found.items() if item is not None and item not in ({}, [])}
