"""Actions, leases and reports to write. Nothing here comes from the code under test but the words."""

from __future__ import annotations

from typing import Any

from stanch.action import Action, Outcome, Status, Step
from stanch.finding import Resource
from stanch.journal import Lease, OutboxItem
from stanch.remediation import Change

EFFECT = "0123456789ab" + "c" * 52
OTHER = "ba9876543210" + "d" * 52
NEIGHBOUR = "0123456789ab" + "e" * 52
"""Another effect whose first twelve digits are EFFECT's."""

MARKER = "guardduty|arn:aws:guardduty:eu-west-1:111122223333:detector/d/finding/f?x=1#y|7"
"""With every character that a store might take for its own: | / ? # \\ and blanks come from sources."""

FREE_TEXT = [
    "a",
    "A",
    "a ",
    "",
    "a/b\\c#d?e%f'g",
    "naïve – 表 🔒",
    "\x00\x1f\x7f",
    "\ud800",
    "counter",
    "x" * 5000,
    "x" * 4999 + "y",
]
"""Keys that a store might refuse, cut off or take for one another."""


def an_action(number: int = 1, effect: str = EFFECT, **fields: Any) -> Action:
    """An action with one planned change; `number` makes its id."""
    change = Change("status", "access key AKIAEXAMPLE", "Active", "Inactive", {"user_name": "build"}, ("other",))
    given: dict[str, Any] = {
        "id": f"{effect[:12]}-{number:011x}",
        "effect": effect,
        "remediation": "aws.iam.deactivate_access_key",
        "resource": Resource(
            "AWS::IAM::AccessKey", "AKIAEXAMPLE", "111122223333", "eu-west-1", "actor", {"n": [1, None]}
        ),
        "params": {},
        "steps": [Step(change, Status.PLANNED)],
        "opened_at": "2026-03-01T10:00:00.000Z",
        "updated_at": "2026-03-01T10:00:00.000Z",
    }
    return Action(**(given | fields))


def a_lease(action: Action, attempt: int = 1, until: float = 1_800_000_000.123456) -> Lease:
    return Lease(action.effect, action.id, attempt, until)


def a_report(key: str, at: str = "2026-03-01T10:00:01.000Z", **channels: str | None) -> OutboxItem:
    """A report, undelivered to the channels `sns` and `teams` unless others are given."""
    return OutboxItem(key, {"key": key, "outcome": "acted"}, dict(channels or {"sns": None, "teams": None}), at)


def closed(action: Action, outcome: Outcome = Outcome.ACTED) -> Action:
    """The same action with an outcome."""
    action.outcome, action.closed_at = outcome, "2026-03-01T10:00:02.000Z"
    return action
