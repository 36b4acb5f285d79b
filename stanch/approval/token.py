"""Signed tokens. A link's token locates a request and binds it to the plan that was told of; it authorises nobody: who decides is the verified caller.

They are JSON Web Tokens (https://www.rfc-editor.org/rfc/rfc7519), signed with HMAC-SHA-256 and nothing else, whatever their header says. The audience tells
a link's token from a form's, so that neither passes for the other.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from msgspec import Struct

from stanch.approval.keys import Keys
from stanch.errors import Refused

LIFETIME = 3600
"""Seconds; a longer one is cut to this when made and refused when read."""

LONGEST = 2048
"""Characters of a token; ours have some 450."""

ALGORITHM = "HS256"
ISSUER = "stanch"
LINK, FORM = "stanch:approval-link", "stanch:approval-form"

_ACTION = re.compile(r"[0-9a-f]{12}-[0-9a-f]{11}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Ticket(Struct, frozen=True):
    """What a link's token says: which action, as planned how (`plan_digest`), sent through which channel, until when; `id` names the link itself."""

    action_id: str
    plan_digest: str
    channel: str
    expires_at: datetime
    id: str


def issue(
    keys: Keys, action_id: str, plan_digest: str, channel: str, *, lifetime: int = LIFETIME, now: float | None = None
) -> str:
    """The token of a link that lives `lifetime` seconds, at most an hour, from `now` (wall clock, seconds since the epoch)."""
    return _sign(keys, LINK, {"act": action_id, "plan": plan_digest, "channel": channel}, lifetime, now)


def read(keys: Keys, token: str) -> Ticket:
    """What the token of a link says. Raises Refused('link', …) for whatever we did not sign, and for what we signed too long ago."""
    claims = _verified(keys, LINK, token, ("act", "plan", "channel"))
    expires_at = datetime.fromtimestamp(int(claims["exp"]), UTC)
    return Ticket(claims["act"], claims["plan"], claims["channel"], expires_at, claims["jti"])


def issue_form(keys: Keys, subject: str, action_id: str, plan_digest: str, *, now: float | None = None) -> str:
    """The token of a form shown to the caller `subject`: against requests that another site makes in the caller's name
    (https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html).
    """
    return _sign(keys, FORM, {"sub": subject, "act": action_id, "plan": plan_digest}, LIFETIME, now)


def check_form(keys: Keys, token: str, subject: str, action_id: str, plan_digest: str) -> None:
    """Raises Refused('form', …) unless this token was put into the form for this caller, action and plan."""
    claims = _verified(keys, FORM, token, ("sub", "act", "plan"))
    for name, wanted, what in (
        ("sub", subject, "person"),
        ("act", action_id, "action"),
        ("plan", plan_digest, "plan"),
    ):
        if claims[name] != wanted:
            _refuse(FORM, f"it was shown to another person or for another plan: its {what} is not this one")


def _sign(keys: Keys, audience: str, claims: Mapping[str, Any], lifetime: int, now: float | None) -> str:
    import jwt  # some 50 ms that only those functions need spend which make or read a token

    issued = int(time.time() if now is None else now)
    known = {"iss": ISSUER, "aud": audience, "iat": issued, "exp": issued + min(lifetime, LIFETIME)}
    payload = {**claims, **known, "jti": secrets.token_urlsafe(16)}
    return jwt.encode(payload, keys.known[keys.current], ALGORITHM, headers={"kid": keys.current})


def _verified(keys: Keys, audience: str, token: str, texts: tuple[str, ...]) -> dict[str, Any]:
    import jwt

    if not token.isascii() or not 0 < len(token) <= LONGEST:
        _refuse(audience, "it is incomplete or not ours; open it again as it was sent")
    try:
        key = keys.known.get(str(jwt.get_unverified_header(token).get("kid")))
        if key is None:
            _refuse(audience, "it is signed with a key that is not, or no longer, in use")
        claims = _decoded(token, key, audience)
    except jwt.MissingRequiredClaimError as error:
        _refuse(audience, f"it lacks the claim {error.claim!r}")
    except jwt.InvalidAudienceError:
        _refuse(audience, "it was made for something else")
    except jwt.InvalidSignatureError:
        _refuse(audience, "its signature does not hold: it was altered, or somebody else made it")
    except jwt.InvalidAlgorithmError:
        _refuse(audience, "it is signed in a way that we do not use")
    except jwt.InvalidTokenError:
        _refuse(audience, "it is incomplete or not ours; open it again as it was sent")
    if not _in_shape(claims, texts):
        _refuse(audience, "it says something impossible")
    if claims["exp"] <= time.time():
        _refuse(audience, _expired(claims))
    return claims


def _decoded(token: str, key: str, audience: str) -> dict[str, Any]:
    """The claims behind a signature that holds. When it ends is left to the caller, who then can say when it was, and for what."""
    import jwt

    required = ["iss", "aud", "iat", "exp", "jti", "act", "plan"]
    return jwt.decode(
        token, key, algorithms=[ALGORITHM], audience=audience, issuer=ISSUER,
        options={"require": required, "strict_aud": True, "verify_exp": False, "enforce_minimum_key_length": True},
    )  # fmt: skip


def _in_shape(claims: Mapping[str, Any], texts: tuple[str, ...]) -> bool:
    times = (claims["iat"], claims["exp"])
    return (
        all(isinstance(claims.get(name), str) for name in texts)
        and all(isinstance(moment, int) and not isinstance(moment, bool) for moment in times)
        and 0 < claims["iat"] < claims["exp"] <= claims["iat"] + LIFETIME
        and _ACTION.fullmatch(claims["act"]) is not None
        and _DIGEST.fullmatch(claims["plan"]) is not None
    )


def _expired(claims: Mapping[str, Any]) -> str:
    moment = datetime.fromtimestamp(claims["exp"], UTC)
    return f"it expired on {moment:%Y-%m-%d at %H:%M} UTC. If the request is still open, `stanch approve {claims['act']} --reason 'why'` decides on it"


def _refuse(audience: str, reason: str) -> NoReturn:
    what, noun = ("link", "this link") if audience == LINK else ("form", "this form")
    raise Refused(what, f"{noun} approves nothing: {reason}")
