"""The form of the page as it is sent back: strictly read, because what it says is what somebody pressed."""

from __future__ import annotations

from urllib.parse import parse_qs

from stanch.errors import InvalidInput
from stanch.notify.untrusted import plain

TYPE = "application/x-www-form-urlencoded"

LARGEST = 16 * 1024
"""Bytes of a form."""

LONGEST = 1000
"""Characters of a reason."""


def fields(body: bytes) -> dict[str, str]:
    """The form's fields, each at most once. Raises InvalidInput('form', …)."""
    try:
        found = parse_qs(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=8
        )
    except ValueError:
        raise InvalidInput("form", "it cannot be read") from None
    if any(len(values) != 1 for values in found.values()):
        raise InvalidInput("form", "it says something twice")
    return {name: values[0] for name, values in found.items()}


def approves(given: dict[str, str]) -> bool:
    """Which of the two buttons was pressed. Raises InvalidInput('form', …) for neither."""
    if given.get("decision") not in ("approve", "deny"):
        raise InvalidInput("form", "it says neither approve nor deny")
    return given["decision"] == "approve"


def reason(given: dict[str, str]) -> str:
    """Why, as one line of visible characters, however many were typed."""
    return plain(given.get("reason", ""))
