"""What bounds a playbook: exemptions, budgets, freezes, leases, approvals, account groups. Durations are whole seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct, field

Mode = Literal["observe", "approve", "auto"]

Json = Mapping[str, Any]


class Exempt(Struct, frozen=True):
    """What a playbook leaves alone: a resource whose name matches is exempt; a live tag only lowers the mode to approve."""

    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Json) -> Exempt:
        tags = {key: tuple(values) for key, values in data.get("tags", {}).items()}
        return cls(tags, tuple(data.get("names", ())))


class Protect(Struct, frozen=True):
    """Names that are never touched, with `*` for any characters. Iterating gives all of them."""

    principals: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[str]:
        yield from self.principals
        yield from self.resources

    @classmethod
    def from_json(cls, data: Json) -> Protect:
        return cls(tuple(data.get("principals", ())), tuple(data.get("resources", ())))


class Budget(Struct, frozen=True):
    """At most `actions` within `window` seconds, counted apart for each combination of `per`."""

    actions: int
    window: int
    per: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Json) -> Budget:
        return cls(data["actions"], data["window"], tuple(data.get("per", ())))


class Budgets(Struct, frozen=True):
    """The budget of each playbook without its own, and the one of all playbooks together."""

    default: Budget | None = None
    organisation: Budget | None = None

    @classmethod
    def from_json(cls, data: Json) -> Budgets:
        return cls(**{name: Budget.from_json(value) for name, value in data.items()})


class Flap(Struct, frozen=True):
    """A resource re-opened `times` within `window` seconds is contained in mode `then` only: someone's automation is fighting."""

    times: int
    window: int
    then: Mode = "approve"

    @classmethod
    def from_json(cls, data: Json) -> Flap:
        return cls(**data)


class Expires(Struct, frozen=True):
    """A lease on the containment: `after` so many seconds people are reminded of it, or it is undone."""

    after: int
    then: Literal["remind", "undo"] = "remind"

    @classmethod
    def from_json(cls, data: Json) -> Expires:
        return cls(**data)


class Escalation(Struct, frozen=True):
    """What happens when an approval is still open `after` so many seconds: channels are told, or the request is decided."""

    after: int
    notify: tuple[str, ...] = ()
    then: Literal["hold", "act"] | None = None

    @classmethod
    def from_json(cls, data: Json) -> Escalation:
        return cls(data["after"], tuple(data.get("notify", ())), data.get("then"))


class Approval(Struct, frozen=True):
    """Who may approve (`by`: a directory group that the verified identity must be a member of) and what follows silence."""

    by: Mapping[str, str] = field(default_factory=dict)
    escalate: tuple[Escalation, ...] = ()

    @classmethod
    def from_json(cls, data: Json) -> Approval:
        return cls(dict(data.get("by", {})), tuple(Escalation.from_json(step) for step in data.get("escalate", ())))


class Freeze(Struct, frozen=True):
    """A time in which modes are lowered to `ceiling`: from `from_` to `to` (RFC 3339; dates are included whole, a time ends it) or
    `for_` seconds from each minute that `cron` names. Local to `tz`. Without `accounts` it holds for every group; the
    playbooks in `except_` are not lowered.
    """

    name: str
    ceiling: Mode
    tz: str = "UTC"
    from_: str | None = None
    to: str | None = None
    cron: str | None = None
    for_: int | None = None
    accounts: tuple[str, ...] = ()
    except_: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Json) -> Freeze:
        given = {f"{name}_" if name in ("from", "for", "except") else name: value for name, value in data.items()}
        lists: dict[str, Any] = {name: tuple(given.pop(name, ())) for name in ("accounts", "except_")}
        return cls(**given, **lists)


class Group(Struct, frozen=True):
    """Accounts that are treated alike: organisational units, AWS account ids, Azure subscription ids."""

    ous: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    subscriptions: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Json) -> Group:
        return cls(**{name: tuple(values) for name, values in data.items()})


class Accounts(Struct, frozen=True):
    """The groups by name, and the group that an account in none of them is treated as."""

    groups: Mapping[str, Group] = field(default_factory=dict)
    unlisted: str | None = None

    @classmethod
    def from_json(cls, data: Json) -> Accounts:
        groups = {name: Group.from_json(value) for name, value in data.get("groups", {}).items()}
        return cls(groups, data.get("unlisted"))
