"""The finding itself, at GuardDuty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from moto.guardduty.models import guardduty_backends
from moto.utilities.utils import get_partition

from stanch import clock
from stanch.local.aws.guardduty import finding_stores
from stanch.local.aws.seeding.scene import Scene, Unseedable, guardduty_id


def register(scene: Scene, home_account: str) -> Iterator[str]:
    """Import the finding where the responder asks (the home account) and where it arose, each with a detector.

    A copy that is there stays unless the event is a later one of the same finding. An account that cannot be has no detector, but the
    home account's copy says of it what the event says.
    """
    if scene.finding.source != "guardduty":
        return
    try:
        region = scene.region()
    except Unseedable as reason:
        yield f"GuardDuty does not have the finding: {reason}."
        return
    accounts = [home_account]
    try:
        accounts.append(scene.account())
    except Unseedable as reason:
        yield f"GuardDuty has the finding in {home_account} only: {reason}."
    item = _item(scene, region)
    for account in dict.fromkeys(accounts):
        detector = _detector(account, region, item.get("Service", {}).get("DetectorId"))
        findings = finding_stores[account][region].findings
        known = findings.get(item["Id"])
        if known is None or _updated(known) < _updated(item):
            findings[item["Id"]] = item
            yield f"GuardDuty in {account} ({region}) has the finding {item['Id']} at detector {detector}."


def _updated(item: Mapping[str, Any]) -> datetime:
    try:
        return clock.parse(item["UpdatedAt"])
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _item(scene: Scene, region: str) -> dict[str, Any]:
    """The finding in the API's form, with what the API always has."""
    finding = scene.finding
    one, partition = guardduty_id(finding), get_partition(region)
    own_arn = f"arn:{partition}:guardduty:{region}:{finding.account}:detector/local/finding/{one}"
    seen = finding.updated_at or finding.last_seen or finding.first_seen or datetime.now(UTC)
    required = {
        "AccountId": finding.account, "Region": region, "Type": finding.type, "SchemaVersion": "2.0",
        "Arn": finding.id if finding.id.startswith("arn:") else own_arn, "CreatedAt": _time(finding.first_seen or seen),
        "UpdatedAt": _time(seen), "Severity": finding.score or 0.0, "Title": finding.title, "Resource": {},
    }  # fmt: skip
    return {**required, **scene.guardduty, "Id": one}


def _detector(account: str, region: str, wanted: str | None) -> str:
    """The account's one detector; made, with the id that the finding names, where there is none."""
    backend = guardduty_backends[account][region]
    if backend.detectors:
        return str(next(iter(backend.detectors)))
    detector = backend.detectors.pop(backend.create_detector(True, "SIX_HOURS", {}, {}, []))
    detector.id = wanted or detector.id
    backend.detectors[detector.id] = detector
    return detector.id
