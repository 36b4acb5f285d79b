"""A finding: one normalised observation, whatever cloud and product it came from.

The words are OCSF's (Detection Finding 2004, Compliance Finding 2003; https://schema.ocsf.io). Only what playbooks, guards and
remediations use is kept; the event as received stays beside it as evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum
from typing import Any, Literal

from msgspec import Struct, field

Cloud = Literal["aws", "azure"]
Role = Literal["actor", "target", "affected"]
ObservableKind = Literal["ip", "domain", "hash", "principal"]


class Severity(IntEnum):
    """OCSF `severity_id`, 0–5."""

    UNKNOWN = 0
    INFORMATIONAL = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


class Resource(Struct, frozen=True):
    """What a finding names: canonical type and id, and the part it plays.

    `type` is a CloudFormation type name (`AWS::IAM::AccessKey`), an ARM type (`Microsoft.Compute/virtualMachines`) or
    `Microsoft.Graph/users`. `id` is an ARN, an access key id (keys have no ARN), an account id, an ARM resource id or an Entra object id
    or user principal name. `account` is the AWS account id, the Azure subscription id or the Entra tenant id ('' if unknown).
    `region` binds regional AWS types only. `details` are hints from the finding (a user name, an instance's interfaces): a plan may
    use them to find its way, never as the truth.
    """

    type: str
    id: str
    account: str
    region: str | None = None
    role: Role = "affected"
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cloud(self) -> Cloud:
        """Which cloud owns the resource: AWS types are written with colons."""
        return "aws" if self.type.startswith("AWS::") else "azure"

    def key(self) -> str:
        """The canonical name that identifies the resource in keys: ARM ids and user names compare without case."""
        return f"{self.type}|{self.id if self.cloud == 'aws' else self.id.lower()}"

    def as_json(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "id": self.id,
            "account": self.account,
            "region": self.region,
            "role": self.role,
            "details": dict(self.details),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Resource:
        return cls(**{name: data[name] for name in ("type", "id", "account", "region", "role", "details")})


class Observable(Struct, frozen=True):
    """Something the finding mentions that is no resource of ours: an IP, a domain, a hash or a foreign principal."""

    kind: ObservableKind
    value: str


class Finding(Struct, frozen=True):
    """One normalised observation.

    `source` is the handler's name (`guardduty`, `config`, `sentinel` …), `id` the source's own id (an ARN where there is one) and
    `version` what tells two deliveries of the same finding apart (its update time or count). `severity` is OCSF's; `score` the
    source's own number (GuardDuty's 1.0–10.0). `account` and `region` are the resource's, never the envelope's. `archived` covers suppressed,
    resolved and closed. `upstream` holds what `confirm` needs (detector id, rule name, incident id). `raw` is the finding as received.
    """

    source: str
    id: str
    version: str
    type: str
    title: str
    severity: Severity
    account: str
    region: str | None
    resources: tuple[Resource, ...] = ()
    observables: tuple[Observable, ...] = ()
    score: float | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    updated_at: datetime | None = None
    count: int = 1
    sample: bool = False
    archived: bool = False
    compliant: bool = False
    upstream: Mapping[str, Any] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """The `finding` field of results, reports and the journal."""
        return {
            "id": self.id, "type": self.type, "title": self.title, "severity": int(self.severity),
            "account": self.account, "region": self.region,
        }  # fmt: skip
