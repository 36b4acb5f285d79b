"""The words of the policy file: one table, from which the checker reads and the JSON Schema is made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from stanch.playbooks import cron
from stanch.playbooks.conditions import Conditions
from stanch.playbooks.fields import ROUTE, UNLESS, WHEN
from stanch.playbooks.model import MODES
from stanch.playbooks.shapes import (
    Duration,
    Either,
    Flag,
    ListOf,
    MapOf,
    Problems,
    Record,
    Shape,
    Text,
    Whole,
    complain,
)
from stanch.playbooks.tree import Node

ID = r"^[a-z0-9][a-z0-9-]{0,63}$"
GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


def _moment(text: str) -> str | None:
    try:
        (date if len(text) == 10 else datetime).fromisoformat(text)
    except ValueError:
        return f"{text!r} is no date (2026-12-18) or time (2026-12-18T22:00)"
    return None


def _zone(text: str) -> str | None:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        return f"{text!r} is no time zone such as Europe/Berlin"
    return None


def _cron(text: str) -> str | None:
    try:
        cron.parse(text)
    except ValueError as error:
        return str(error)
    return None


class Literal(Shape):
    """A parameter's value: a text, a number, true, false, or a list of them."""

    def read(self, node: Node, name: str, problems: Problems) -> Any:
        if isinstance(node.value, list):
            return [Literal().read(item, name, problems) for item in node]
        if not isinstance(node.value, str | int | float | bool):
            complain(problems, node, f"{name} must be a value or a list of values")
            return None
        return node.value

    def schema(self) -> dict[str, Any]:
        scalar = {"type": ["string", "number", "boolean"]}
        return {"anyOf": [scalar, {"type": "array", "items": scalar}]}


class Step(Shape):
    """A remediation's id, or its id `with` parameters."""

    _id = Text("a remediation's id", pattern=r"^(aws|azure)\.[a-z0-9_]+\.[a-z0-9_]+$", means="an id such as aws.iam.x")
    _full = Record(
        {"id": _id, "with": MapOf(Literal(), about="parameters: literals, or names bound from the finding")}, ("id",)
    )

    def read(self, node: Node, name: str, problems: Problems) -> Any:
        if not isinstance(node.value, dict):
            return {"remediation": self._id.read(node, name, problems), "with": {}}
        found = self._full.read(node, name, problems)
        return {"remediation": found.get("id"), "with": found.get("with") or {}}

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self._id.schema(), self._full.schema()]}


class AccountGroups(Shape):
    """Groups by name, beside the key `unlisted`."""

    _group = Record(
        {
            "ous": ListOf(Text(pattern=r"^(ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32})$", means="an id such as ou-ab12-34567890")),
            "ids": ListOf(Text(pattern=r"^\d{12}$", means="12-digit account ids in quotes")),
            "subscriptions": ListOf(Text(pattern=GUID, means="subscription ids")),
        },
        one_of=(("ous", "ids", "subscriptions"),),
    )  # fmt: skip
    _unlisted = Text("the group that an account in no group is treated as")

    def read(self, node: Node, name: str, problems: Problems) -> Any:
        if not isinstance(node.value, dict):
            complain(problems, node, f"{name} must be a mapping of groups")
            return None
        groups = {
            key: self._group.read(item, f"{name}.{key}", problems) for key, item in node.items() if key != "unlisted"
        }
        unlisted = node.get("unlisted")
        return {"groups": groups} | (
            {"unlisted": self._unlisted.read(unlisted, f"{name}.unlisted", problems)} if unlisted else {}
        )

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {"unlisted": self._unlisted.schema()},
            "additionalProperties": self._group.schema(),
        }


class FreezeTime(Record):
    """Either `from` and `to`, or `cron` and `for`."""

    def read(self, node: Node, name: str, problems: Problems) -> Any:
        found = super().read(node, name, problems)
        if found is None:
            return None
        given = [key for key in ("from", "to", "cron", "for") if key in found]
        if given not in (["from", "to"], ["cron", "for"]):
            complain(problems, node, f"{name} needs either 'from' and 'to', or 'cron' and 'for'")
        elif found.get("from") and found.get("to") and _start(found["to"]) < _start(found["from"]):
            complain(problems, node.value["to"], f"{name} ends before it begins")
        return found

    def schema(self) -> dict[str, Any]:
        spans = (("from", "to"), ("cron", "for"))
        return super().schema() | {
            "oneOf": [
                {"required": list(span), "not": {"anyOf": [{"required": [key]} for key in other]}}
                for span, other in (spans, spans[::-1])
            ]
        }


def _start(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


MODE = Text(choices=MODES)
NAMES = ListOf(Text(pattern=r"\S", means="a name, with * for any characters"))
CHANNELS = ListOf(Text("the name of a channel"))

BUDGET = Record(
    {
        "actions": Whole(),
        "window": Duration(),
        "per": ListOf(Text(choices=("remediation", "account", "playbook", "region"))),
    },
    ("actions", "window"),
)

PLAYBOOK: Mapping[str, Shape] = {
    "id": Text("unique; overlays refer to it", pattern=ID, means="lower-case letters, digits and dashes"),
    "enabled": Flag(),
    "when": Conditions(WHEN, least=1, about="all of these fields must match; each, any of its patterns"),
    "unless": Conditions(UNLESS, about="each of these fields, where it matches, keeps the playbook from acting"),
    "remediations": ListOf(Step()),
    "mode": Either(MODE, MapOf(MODE, about="a mode for each group of accounts; observe in those not named")),
    "exempt": Record({"tags": MapOf(ListOf(Text())), "names": NAMES}, one_of=(("tags", "names"),)),
    "flap": Record(
        {"times": Whole(), "window": Duration(), "then": Text(choices=MODES[:2])}, ("times", "window")
    ),
    "budget": BUDGET,
    "expires": Record({"after": Duration(), "then": Text(choices=("remind", "undo"))}, ("after",)),
}  # fmt: skip

COMPLETE = ("id", "when", "remediations", "mode")
"""What a playbook of one's own must say."""

POLICY: Mapping[str, Shape] = {
    "extends": Text("the policy that this file changes", choices=("shipped",)),
    "accounts": AccountGroups(),
    "ceiling": MapOf(MODE, about="the most that any playbook may do in a group of accounts"),
    "channels": MapOf(
        Record(
            {
                "teams": Text(pattern=r"^[A-Za-z0-9/_+=.@-]+$", means="the name of the secret that holds the URL"),
                "sns": Text(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w.-]+$", means="the ARN of a topic"),
            },
            one_of=(("teams", "sns"),),
        ),
        key=ID,
    ),
    "notify": ListOf(Record({"to": CHANNELS, "when": Conditions(ROUTE, least=1)}, ("to",))),
    "approval": Record(
        {
            "by": Record({"group": Text("a group of the directory that approvers sign in with")}, ("group",)),
            "escalate": ListOf(
                Record(
                    {"after": Duration(), "notify": CHANNELS, "then": Text(choices=("hold", "act"))},
                    ("after",),
                    (("notify", "then"),),
                )
            ),
        },
        one_of=(("by", "escalate"),),
    ),
    "protect": Record({"principals": NAMES, "resources": NAMES}, one_of=(("principals", "resources"),)),
    "freeze": ListOf(
        FreezeTime(
            {
                "name": Text(),
                "from": Text(wrong=_moment),
                "to": Text(wrong=_moment),
                "cron": Text(wrong=_cron),
                "for": Duration(),
                "tz": Text(wrong=_zone),
                "accounts": ListOf(Text("a group of accounts")),
                "ceiling": MODE,
                "except": ListOf(Text("a playbook's id")),
            },
            ("name", "ceiling"),
        )
    ),
    "budget": Record({"default": BUDGET, "organisation": BUDGET}, one_of=(("default", "organisation"),)),
    "playbooks": ListOf(Record(PLAYBOOK, COMPLETE)),
}
