"""What an HTTP API or a Function URL passes on (payload format 2.0, https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads), read so that
no request, however it came, is an error of ours."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any


def within(event: Any, *path: str) -> Any:
    """What stands at the end of the path; None where there is nothing, or no object on the way."""
    for name in path:
        event = event.get(name) if isinstance(event, Mapping) else None
    return event


def text(event: Any, *path: str) -> str:
    """The text there; empty for anything else."""
    found = within(event, *path)
    return found if isinstance(found, str) else ""


def body(event: Any, longest: int | None = None) -> bytes:
    """The body's bytes, of which no more than `longest` characters are decoded. Raises ValueError for what is no base64 and no text of Unicode."""
    given = text(event, "body")[:longest]
    return base64.b64decode(given, validate=True) if within(event, "isBase64Encoded") else given.encode()
