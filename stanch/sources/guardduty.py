"""GuardDuty: findings as EventBridge, SNS, an export or the API delivers them.

Formats: https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html (camelCase) and
https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Finding.html (the API's SDKs write PascalCase).
"""

from __future__ import annotations

import re
from typing import Any

from stanch.errors import MalformedEvent
from stanch.finding import Finding, Role, Severity
from stanch.sources._aws import PARTITION, Named, Owner, account_of, arn_part, partition_of, region_of
from stanch.sources._guardduty_observables import read_observables
from stanch.sources._guardduty_resources import read_resources
from stanch.sources._observables import principal, unique
from stanch.sources._redact import redact
from stanch.sources._shape import Node, shown, stamp
from stanch.sources.envelope import unwrap

_TYPE = re.compile(r"[A-Za-z0-9]+:[A-Za-z0-9]+(?:/\S+)?", re.ASCII)
_ARN = re.compile(r"arn:aws(?:-[a-z]+)*:guardduty:[a-z0-9-]*:\d*:detector/\S+")
_DETECTOR = re.compile(r":detector/(\w+)", re.ASCII)

# Ids that AWS assigns. A name that people choose (a user, a bucket) never marks a sample: an attacker would choose it.
_ASSIGNED = (
    ("accessKeyDetails", "accessKeyId"),
    ("accessKeyDetails", "principalId"),
    ("instanceDetails", "iamInstanceProfile", "id"),
)


def parse(raw: object) -> list[Finding]:
    """The GuardDuty findings in `raw`: an EventBridge event, a finding, or either within SNS, SQS or a list, in any letter case.

    The account is the finding's, never the envelope's. `upstream` holds `detector_id`, `finding_id`, `region`, `envelope_account` and, under
    `unresolved`, `{place, reason}` for each resource that the finding should name and does not, `missing` where it names none. Raises MalformedEvent with the place
    and the reason for what is no finding.
    """
    findings = [_finding(event) for event in unwrap(raw)]
    if not findings:
        raise MalformedEvent("event", "holds no GuardDuty finding")
    return findings


def severity(score: float | None) -> Severity:
    """GuardDuty's score as OCSF's severity: low from 1, medium from 4, high from 7, critical from 9 to 10.

    Source: https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-severity.html. Anything else is unknown.
    """
    if score is None or not 1 <= score <= 10:
        return Severity.UNKNOWN
    bands = ((9, Severity.CRITICAL), (7, Severity.HIGH), (4, Severity.MEDIUM))
    return next((band for least, band in bands if score >= least), Severity.LOW)


def _finding(event: Node) -> Finding:
    detail = _detail(event)
    service, resource = detail.get("service"), detail.get("resource")
    arn = detail.get("arn").matching(_ARN, "the ARN of a GuardDuty finding")
    ident = _finding_id(detail, arn)
    detail.get("type").required()
    kind = detail.get("type").matching(_TYPE, "a GuardDuty finding type") or ""
    title = detail.get("title").text() or kind
    sample = _is_sample(detail, title)
    owner = _owner(detail, arn, service)
    named = Named(sample)
    read_resources(resource, service.at("detection", "sequence"), owner, named)
    score, updated, count = (
        detail.get("severity").number(),
        detail.get("updatedAt").moment(),
        service.get("count").count(),
    )
    return Finding(
        source="guardduty", id=arn or ident, version=f"{stamp(updated)}#{count}",
        type=kind, title=title, severity=severity(score), account=owner.account, region=owner.region,
        resources=named.resources,
        observables=unique([*read_observables(service), *map(principal, named.principals)]),
        score=score, count=count, sample=sample, archived=service.get("archived").flag(),
        first_seen=service.get("eventFirstSeen").moment() or detail.get("createdAt").moment(),
        last_seen=service.get("eventLastSeen").moment() or updated, updated_at=updated,
        upstream=_upstream(event, service, arn, ident, owner, named), raw=redact(event.value),
    )  # fmt: skip


def _detail(event: Node) -> Node:
    """The finding within an EventBridge event, or the event itself."""
    if not event.get("detail").present:
        return event
    source, kind = event.get("source"), event.get("detail-type")
    if source.present and source.text() != "aws.guardduty":
        raise source.malformed(f"is {shown(source.text())}, not 'aws.guardduty'")
    if kind.present and kind.text() != "GuardDuty Finding":
        raise kind.malformed(f"is {shown(kind.text())}, which is no finding")
    return event.get("detail")


def _finding_id(detail: Node, arn: str | None) -> str:
    """The finding's id; exports that flatten events keep it in the ARN alone."""
    ident = detail.get("id")
    return ident.text() or (arn or "").rpartition("/finding/")[2] or ident.required()


def _owner(detail: Node, arn: str | None, service: Node) -> Owner:
    region = region_of(detail.get("region"), arn)
    partition = detail.get("partition").matching(PARTITION, "an AWS partition") or arn_part(arn, 1)
    roles: dict[str, Role] = {"ACTOR": "actor", "TARGET": "target"}
    role = roles.get((service.get("resourceRole").text() or "").upper(), "affected")
    return Owner(account_of(detail.get("accountId")), region, partition or partition_of(region), role)


def _is_sample(detail: Node, title: str) -> bool:
    """GuardDuty marks samples by `service.additionalInfo.sample`, which newer formats keep as JSON text in `additionalInfo.value`.

    The console adds `[SAMPLE]` to the title (https://docs.aws.amazon.com/guardduty/latest/ug/sample_findings.html).
    """
    info = detail.at("service", "additionalInfo")
    value = info.get("value")
    inner = value.decoded() if isinstance(value.value, str) else value
    marked = inner.get("sample").flag() if isinstance(inner.value, dict) else False
    assigned = (detail.get("resource").at(*path).text() or "" for path in _ASSIGNED)
    generated = any(text.startswith("GeneratedFinding") for text in assigned)
    return marked or info.get("sample").flag() or title.startswith("[SAMPLE]") or generated


def _upstream(event: Node, service: Node, arn: str | None, ident: str, owner: Owner, named: Named) -> dict[str, Any]:
    detector = _DETECTOR.search(arn or "")
    return {
        "detector_id": service.get("detectorId").text() or (detector[1] if detector else None),
        "finding_id": ident,
        "region": owner.region,
        "envelope_account": event.get("account").text() if event.get("detail").present else None,
        "unresolved": named.unresolved,
    }
