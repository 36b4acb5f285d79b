"""The keys that links and forms are signed with: named, so that they can be replaced one after the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from stanch.errors import InvalidInput

SETTING = "STANCH_SIGNING_SECRET"

SHORTEST = 32
"""Bytes: a key for HMAC-SHA-256 is at least as long as its hash (https://www.rfc-editor.org/rfc/rfc7518#section-3.2)."""


class Keys(Struct, frozen=True):
    """`current` is the id of the key that signs; every key of `known` is believed.

    To replace a key, add the new one and make it current; take the old one out an hour later, when no link of its lives any more. Taking one out at once
    voids every link that it signed.
    """

    current: str
    known: Mapping[str, str]

    def __repr__(self) -> str:
        """Without the keys themselves."""
        return f"Keys({self.current!r}, known as {sorted(self.known)})"

    @classmethod
    def parse(cls, secret: str) -> Keys:
        """The keys of `{"current": "kid2", "keys": {"kid1": "…", "kid2": "…"}}`. Raises InvalidInput, which never quotes the secret."""
        try:
            data = json.loads(secret)
        except ValueError:
            raise InvalidInput(SETTING, "the secret is no JSON") from None
        keys = data.get("keys") if isinstance(data, Mapping) else None
        if not isinstance(keys, Mapping) or not keys or not all(map(_is_key, keys.values())):
            raise InvalidInput(SETTING, f"`keys` must map key ids to texts of at least {SHORTEST} bytes")
        if not isinstance(data.get("current"), str) or data["current"] not in keys:
            raise InvalidInput(SETTING, "`current` must be the id of one of the keys")
        return cls(data["current"], dict(keys))


def _is_key(text: Any) -> bool:
    return isinstance(text, str) and len(text.encode("utf-8", "replace")) >= SHORTEST
