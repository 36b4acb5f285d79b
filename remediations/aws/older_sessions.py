"""The inline policy that cuts off sessions issued before a moment: one shape for roles and users.

AWS's own response to stolen temporary credentials, the console's "Revoke active sessions": a deny of everything on condition that
`aws:TokenIssueTime` lies before the cutoff (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html).
Requests signed with a long-term key carry no such time, so the condition does not hold for them
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-tokenissuetime).
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from stanch import clock
from stanch.clouds.aws import AwsSession
from stanch.errors import Refused
from stanch.finding import Resource
from stanch.remediation import Change, Parameter, Remediation, State, canonical

POLICY = "AWSRevokeOlderSessions"
"""The console's name for it: a cutoff set there is found, and ours is understood there."""

SKEW = timedelta(minutes=5)
"""How far the clock that wrote `since` may be ahead of ours."""


_WRITTEN = re.compile(
    r"(?P<year>[12]\d{3})-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?Z"
)
"""The moment as the console and we write it."""


def cutoff(document: Mapping[str, Any] | None) -> datetime | None:
    """The latest moment before which sessions are denied everything; None if the document denies none that way."""
    moments = [moment for statement in _statements(document) if (moment := _moment(statement)) is not None]
    return max(moments, default=None)


def refreshed(document: Mapping[str, Any] | None, since: datetime) -> dict[str, Any]:
    """The document with our statement at `since`, rounded up to whole seconds; statements of another kind stay as they are."""
    # Rounding down would leave sessions of the last fraction of a second alive.
    until = since if since.microsecond == 0 else since.replace(microsecond=0) + timedelta(seconds=1)
    ours = {
        "Effect": "Deny",
        "Action": ["*"],
        "Resource": ["*"],
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": clock.iso(until)}},
    }
    foreign = [dict(statement) for statement in _statements(document) if _moment(statement) is None]
    return {"Version": "2012-10-17", **(document or {}), "Statement": [*foreign, ours]}


def _statements(document: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    found = (document or {}).get("Statement", [])
    return [found] if isinstance(found, Mapping) else list(found)


def _moment(statement: Mapping[str, Any]) -> datetime | None:
    everything = all(statement.get(part) in ("*", ["*"]) for part in ("Action", "Resource"))
    condition = statement.get("Condition")
    if statement.get("Effect") != "Deny" or not everything or not isinstance(condition, Mapping):
        return None
    tests = condition.get("DateLessThan")
    if set(condition) != {"DateLessThan"} or not isinstance(tests, Mapping):
        return None
    # Condition keys are not case-sensitive; a second key would narrow the deny, so it would not be this statement.
    if [key.lower() for key in tests] != ["aws:tokenissuetime"]:
        return None
    value = next(iter(tests.values()))
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    written = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    # Epoch seconds, a bare date or an impossible one: somebody else's, left alone.
    possible = written and int(written["day"]) <= monthrange(int(written["year"]), int(written["month"]))[1]
    return clock.parse(value) if possible else None


class OlderSessions(Remediation[AwsSession]):
    """What revoking a role's and a user's sessions have in common: one inline policy, read, put and taken away by name."""

    kind: ClassVar[str]
    """How IAM's operations call the principal: `role` or `user`."""

    countermeasure = "D3-ANCI"
    parameters = (
        Parameter(
            "since",
            "timestamp",
            "sessions issued before this moment are denied everything; default: the start of the action",
        ),
    )

    def cut(self, name: str, params: Mapping[str, Any]) -> tuple[Change, ...]:
        """The change that brings the cutoff to `since`; none if it is there or later. Raises Refused for a moment that has not come yet."""
        now = clock.now()
        since = clock.parse(params["since"]) if params.get("since") else now
        if since > now + SKEW:
            raise Refused(
                "future cutoff", f"{clock.iso(since)} has not come yet; every new session would be denied until then"
            )
        before = self._document(name)
        standing = cutoff(before)
        if standing is not None and standing >= since:
            return ()
        target = f"inline policy {POLICY} of {self.kind} {name}"
        return (Change("policy", target, before, refreshed(before, since), {"name": name}),)

    def read(self, change: Change) -> State:
        return self._document(change.data["name"])

    def apply(self, change: Change) -> Change:
        self._put(change.data["name"], change.after)
        return change

    def undo(self, change: Change) -> None:
        if change.before is None:
            self.session.call("iam", f"delete_{self.kind}_policy", **self._named(change.data["name"]))
        else:
            self._put(change.data["name"], change.before)

    def _named(self, name: str) -> dict[str, str]:
        return {f"{self.kind.title()}Name": name, "PolicyName": POLICY}

    def _document(self, name: str) -> dict[str, Any] | None:
        answer = self.session.call("iam", f"get_{self.kind}_policy", missing=("NoSuchEntity",), **self._named(name))
        return dict(answer["PolicyDocument"]) if answer else None

    def _put(self, name: str, document: Mapping[str, Any]) -> None:
        text = canonical(document)
        self.session.call("iam", f"put_{self.kind}_policy", **self._named(name), PolicyDocument=text)


def name_of(resource: Resource) -> str:
    """The principal's name: the last part of its ARN, whatever its path."""
    return resource.id.rpartition("/")[2]
