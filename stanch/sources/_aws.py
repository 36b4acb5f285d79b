"""What AWS sources share: the checked names of accounts, regions and resources.

Patterns are wider than today's ids where AWS leaves them open, and closed against anything that would change an ARN's meaning.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct, field

from stanch.errors import MalformedEvent
from stanch.finding import Resource, Role
from stanch.sources._shape import Node, shown

# Twelve digits in truth; events that were anonymised for sharing have more or fewer, and an account that is none fails on confirmation.
ACCOUNT = re.compile(r"\d{1,20}", re.ASCII)
REGION = re.compile(r"[a-z]{2,6}(?:-[a-z]+)+-\d{1,2}")
PARTITION = re.compile(r"aws(?:-[a-z]+)*")
ARN = re.compile(r"arn:(aws(?:-[a-z]+)*):([a-z0-9-]+):([a-z0-9-]*):(\d*):([^\s\"'<>\\^`{|}]+)", re.ASCII)
INSTANCE = re.compile(r"i-[0-9a-zA-Z]{8,32}", re.ASCII)
BUCKET = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,253}[a-zA-Z0-9]", re.ASCII)
IAM_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
LONG_TERM_KEY = re.compile(r"AKIA[A-Z0-9]{12,124}", re.ASCII)

_PARTITIONS = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eusc-", "aws-eusc"),
)


def account_of(node: Node) -> str:
    """The account id here, required. A number that lost its leading zeros gets them back."""
    if isinstance(node.value, int | float) and not isinstance(node.value, bool):
        node = Node(f"{node.text()}".zfill(12), node.place)
    node.required()
    return node.matching(ACCOUNT, "an AWS account id") or ""


def partition_of(region: str | None) -> str:
    """The partition that a region lies in (https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html)."""
    return next((name for prefix, name in _PARTITIONS if region and region.startswith(prefix)), "aws")


def arn_part(arn: str | None, index: int) -> str | None:
    """Field `index` of an ARN (3 is the region, 4 the account), None where there is none."""
    fields = (arn or "").split(":", 5)
    return fields[index] or None if len(fields) == 6 else None


def region_of(node: Node, arn: str | None) -> str | None:
    """The region here, else the ARN's."""
    given = node if node.present else Node(arn_part(arn, 3), node.place)
    return given.matching(REGION, "an AWS region")


class Owner(Struct, frozen=True):
    """Whose resources a finding names: the account, the region and partition they are in, and the part they play in it."""

    account: str
    region: str | None
    partition: str
    role: Role = "affected"

    def resource(self, kind: str, ident: str, /, *, regional: bool = False, **details: Any) -> Resource:
        """A resource of this owner; details that are None are left out."""
        known = {key: value for key, value in details.items() if value is not None}
        return Resource(kind, ident, self.account, self.region if regional else None, self.role, known)

    def arn(self, service: str, name: str, *, regional: bool = True) -> str:
        """The ARN of `name` in this account; IAM's have no region."""
        return f"arn:{self.partition}:{service}:{self.region if regional else ''}:{self.account}:{name}"


class Named(Struct):
    """What was found while reading a finding's resources.

    `unresolved` holds `{place, reason}` for each resource that the finding should name and does not, with `missing` true where the
    place is empty rather than not ours or not known to us; `principals` are foreign identities. A `sample`
    names resources that do not exist, so that what is malformed in it is noted instead of refused.
    """

    sample: bool = False
    known: dict[str, Resource] = field(default_factory=dict)
    unresolved: list[dict[str, Any]] = field(default_factory=list)
    principals: list[str] = field(default_factory=list)

    @property
    def resources(self) -> tuple[Resource, ...]:
        return tuple(self.known.values())

    def add(self, resource: Resource) -> None:
        """Keep the first of each resource."""
        self.known.setdefault(resource.key(), resource)

    def missing(self, node: Node, reason: str | None = None) -> None:
        """Note that the finding does not name here what it should. Without a reason the place is empty, which `missing` marks."""
        note: dict[str, Any] = {"place": node.place, "reason": reason or "is missing"}
        self.unresolved.append(note if reason else note | {"missing": True})

    def refuse(self, node: Node, reason: str) -> None:
        """Raise MalformedEvent about a name that cannot be one; in a sample, note it."""
        if not self.sample:
            raise node.malformed(reason)
        self.missing(node, reason)

    def name(self, node: Node, pattern: re.Pattern[str], what: str) -> str | None:
        """The name here if it is a possible one; None, noted or refused, if not."""
        try:
            text = node.matching(pattern, what)
        except MalformedEvent as error:
            self.refuse(node, error.reason)
            return None
        if text is None:
            self.missing(node)
        return text

    def arn(self, node: Node, owner: Owner) -> str | None:
        """The ARN here, which must be of the owner's account."""
        arn = self.name(node, ARN, "an ARN")
        if arn and arn_part(arn, 4) not in (None, owner.account):
            self.refuse(
                node, f"names account {arn_part(arn, 4)}, but the finding is of account {owner.account}: {shown(arn)}"
            )
            return None
        return arn
