"""What a finding says about the world, read once for all seeders."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from botocore.model import StructureShape
from moto.config.models import MANAGED_RULES_CONSTRAINTS
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.utils import get_service_model
from moto.utilities.utils import get_partition

from stanch.errors import StanchError
from stanch.finding import Finding, Resource
from stanch.local.aws.ec2 import ec2_backends
from stanch.local.aws.seeding.rules import identifier
from stanch.local.aws.shapes import conform

DEFAULT_REGION = "us-east-1"
_ACCOUNT = re.compile(r"\d{12}")
_FINDING_MARKS = {"severity", "service", "resource"}
"""A finding has a type and, even where an export left things out, one of these."""


class Unseedable(StanchError):
    """Why a resource cannot be created; its text ends a sentence."""


@dataclass(frozen=True)
class Scene:
    """A finding and what its raw event tells beside it.

    `guardduty` is the finding in the API's member names, {} where it is none. `item` is the configuration item that a Config message carries.
    `rule` is the source identifier that a Config rule's name tells, None where it tells none.
    """

    finding: Finding
    guardduty: Mapping[str, Any] = field(default_factory=dict)
    item: Mapping[str, Any] = field(default_factory=dict)
    rule: str | None = None

    def account(self, resource: Resource | None = None) -> str:
        """The resource's account, else the finding's. Raises Unseedable for what is no account id."""
        account = (resource.account if resource else "") or self.finding.account
        if not _ACCOUNT.fullmatch(account):
            raise Unseedable(f"'{account}' is no AWS account id")
        return account

    def region(self, resource: Resource | None = None) -> str:
        """The resource's region, else the finding's, else us-east-1. Raises Unseedable for one that AWS does not have."""
        region = (resource.region if resource else None) or self.finding.region or DEFAULT_REGION
        if region not in ec2_backends[DEFAULT_ACCOUNT_ID]:
            raise Unseedable(f"'{region}' is no AWS region")
        return region

    def partition(self, resource: Resource | None = None) -> str:
        return get_partition(self.region(resource))


def describe(finding: Finding) -> Scene:
    """Read the finding's raw event."""
    documents = list(_documents(finding.raw))
    named = str(finding.upstream.get("rule_name") or "")
    known = finding.type if finding.type in MANAGED_RULES_CONSTRAINTS else identifier(named)
    return Scene(
        finding=finding,
        guardduty=_guardduty(finding, documents),
        item=_first(documents, {"resourcetype", "resourceid", "configuration"}),
        rule=known if finding.source == "config" else None,
    )


def _documents(value: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Every object in the event, outermost first, also those written as JSON inside strings."""
    if depth > 8:
        return
    if isinstance(value, str):
        if value.lstrip()[:1] not in ("{", "["):
            return
        try:
            value = json.loads(value)
        except ValueError:
            return
    if isinstance(value, Mapping):
        yield value
    children = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for child in children:
        yield from _documents(child, depth + 1)


def _keys(document: Mapping[str, Any]) -> set[str]:
    return {str(key).replace("_", "").lower() for key in document}


def _first(documents: list[Mapping[str, Any]], marks: set[str]) -> Mapping[str, Any]:
    return next((document for document in documents if _keys(document) >= marks), {})


@cache
def finding_shape() -> StructureShape:
    """GuardDuty's own model of a finding."""
    shape = get_service_model("guardduty").shape_for("Finding")
    assert isinstance(shape, StructureShape)
    return shape


def _guardduty(finding: Finding, documents: list[Mapping[str, Any]]) -> dict[str, Any]:
    if finding.source != "guardduty":
        return {}
    found = [
        conform(_with_plain_additions(document), finding_shape())
        for document in documents
        if "type" in _keys(document) and _keys(document) & _FINDING_MARKS
    ]
    wanted = guardduty_id(finding)
    chosen: dict[str, Any] = next((one for one in found if one.get("Id") == wanted), found[0] if found else {})
    return chosen


def guardduty_id(finding: Finding) -> str:
    """The id that GetFindings is asked for."""
    return str(finding.upstream.get("finding_id") or finding.id.rpartition("/")[2])


def _with_plain_additions(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Events carry `service.additionalInfo` as an object, the API as `{value: JSON text, type}`."""
    outer = _key(document, "service")
    service = document.get(outer)
    if not isinstance(service, Mapping):
        return document
    inner = _key(service, "additionalinfo")
    info = service.get(inner)
    if not isinstance(info, Mapping) or not info or {"value", "type"} <= _keys(info):
        return document
    plain = {"value": json.dumps(info, ensure_ascii=False), "type": "default"}
    return {**document, outer: {**service, inner: plain}}


def _key(document: Mapping[str, Any], name: str) -> str:
    return next((key for key in document if key.lower() == name), name)
