"""The error tree. Each outcome that is not a success has one kind here; SDK errors are translated into it in `stanch.clouds`.

StanchError
├── InvalidInput          what we were given is wrong; nothing was written
│   ├── MalformedEvent    an event that holds no finding we can read
│   └── PolicyError       a playbook file that says something impossible
├── Unconfirmed           the source does not know the finding it is said to have sent
├── Refused               a rule of ours says no (protection, a second undo, a person's missing reason)
│   └── Drifted           the resource is neither as we found it nor as we left it
├── Retryable             unknown, so try again; never act, never drop
│   ├── Throttled         the cloud asks us to slow down
│   ├── Unreachable       timeout, broken connection, 5xx
│   ├── Stopped           the kill switch was pulled in the middle
│   └── Busy              another invocation holds the lease on the same effect
│       └── Fenced        we held it and lost it: our late write must not happen
└── CloudError            the cloud's considered no
    ├── AccessDenied      a permission is missing or an organisation policy forbids it
    ├── Gone              what we wanted to read or write does not exist
    └── Conflict          it changed between our read and our write
"""

from __future__ import annotations

from typing import Any


class StanchError(Exception):
    """Base of everything that Stanch raises on purpose."""


class InvalidInput(StanchError):
    """What we were given is wrong. `place` says where (a JSON path or file:line), `reason` what."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.place = place
        self.reason = reason


class MalformedEvent(InvalidInput):
    """An event that holds no finding we can read."""


class PolicyError(InvalidInput):
    """A playbook file that says something impossible."""


class Unconfirmed(StanchError):
    """The source does not know the finding that it is said to have sent."""


class Refused(StanchError):
    """A rule of ours says no. `guard` is the rule's name."""

    def __init__(self, guard: str, reason: str) -> None:
        super().__init__(f"{guard}: {reason}")
        self.guard = guard
        self.reason = reason


class Drifted(Refused):
    """The resource is neither as we found it nor as we left it, so nothing was touched."""

    def __init__(self, target: str, before: Any, after: Any, live: Any) -> None:
        super().__init__(
            "drifted", f"{target} is now {live!r}; it was {before!r} before the action and {after!r} after it"
        )
        self.target, self.before, self.after, self.live = target, before, after, live


class Retryable(StanchError):
    """Unknown for now: the delivery must come again."""


class Throttled(Retryable):
    """The cloud asks us to slow down and its SDK's own retries are used up."""


class Unreachable(Retryable):
    """Timeout, broken connection or a server's fault: whether a write happened is unknown."""


class Stopped(Retryable):
    """The kill switch was pulled between two writes, or could not be read: what is left is not written."""


class Busy(Retryable):
    """Another invocation holds the lease on the same effect."""


class Fenced(Busy):
    """We held the lease and lost it; a late write must not happen."""


class CloudError(StanchError):
    """The cloud's considered no. `code` is its error code, `operation` what was called. `begun` tells that it said no only after it had begun: some of it may be done."""

    begun = False

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(f"{operation}: {code}: {message}")
        self.operation, self.code, self.message = operation, code, message


class AccessDenied(CloudError):
    """A permission is missing or an organisation policy forbids the call."""


class Gone(CloudError):
    """What we wanted to read or write does not exist."""


class Conflict(CloudError):
    """The resource changed between our read and our write."""
