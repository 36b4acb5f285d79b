"""The event as received is kept as evidence; secrets that it may carry are not."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from stanch.errors import MalformedEvent
from stanch.sources._shape import NUMBER, OBJECT, SHORT, clean, fold
from stanch.sources.loading import load

REDACTED = "[redacted]"

_SECRET = re.compile(
    r"(?:secretaccesskey|secretkey|sessiontoken|securitytoken|accesstoken|refreshtoken|idtoken|bearertoken|sastoken|resulttoken"
    r"|password|passwd|clientsecret|privatekey|connectionstring|accountkey|apikey|authorization)$"
)
_MENTIONED = re.compile(_SECRET.pattern.removesuffix("$"))


def redact(value: Any) -> Any:
    """A copy of a JSON value in which every secret is `[redacted]`, also within JSON strings.

    A secret is a value under a name that ends like `secretAccessKey`, `SessionToken` or `password`.
    """
    if isinstance(value, str):  # most of what an event holds
        inside = ("{" in value or "[" in value) and value.lstrip()[:1] in ("{", "[") and _MENTIONED.search(fold(value))
        return _embedded(value) if inside else value
    if value is None or isinstance(value, NUMBER):
        return value
    if isinstance(value, list):
        return [redact(item) for item in value]
    if not isinstance(value, OBJECT):
        return value
    return {key: REDACTED if _names_a_secret(key) and _is_told(item) else redact(item) for key, item in value.items()}


def _is_told(item: Any) -> bool:
    return item not in (None, "") and not isinstance(item, Mapping | list)


def _names_a_secret(key: str) -> bool:
    return _remembered(key) if len(key) <= SHORT else bool(_SECRET.search(fold(key)))


@lru_cache(4096)
def _remembered(key: str) -> bool:
    return bool(_SECRET.search(fold(key)))


def _embedded(text: str) -> str:
    try:
        return json.dumps(redact(clean(load(text, "event"))), ensure_ascii=False)
    except MalformedEvent:
        # Text that mentions a secret and cannot be read is not kept.
        return REDACTED
