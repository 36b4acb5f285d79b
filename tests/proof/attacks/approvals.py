"""Forged approvals: whatever link, form or identity is not the one that the request was made for decides nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from stanch.action import Action
from stanch.approval.token import FORM, LINK, issue_form
from stanch.identity import Identity
from tests.proof.attacks import Tried
from tests.proof.figure import Size
from tests.unit.approval.desk import ALICE, BOB, CAROL, KEYS, Desk, link, sealed
from tests.unit.engine.bench import FAST, Wall
from tests.unit.engine.toy import ToyCloud

CURRENT = KEYS.known[KEYS.current]
NOBODY = Identity("alice@corp.example", "", ())


def attack(size: Size, folder: Path) -> Tried:
    """Each through the page itself, as GET, HEAD and POST; afterwards the door is open and the action as it was."""
    tried = Tried("forged approvals")
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        desk = Desk(Path(name), ToyCloud(), Wall())
        action = desk.ask()
        for what, token, by, form in _forgeries(action):
            for method in ("POST", "GET", "HEAD"):
                _one(tried, desk, action, f"{method} {what}", method, token, by, form)
        _replays(tried, desk, action)
    return tried


def _one(
    tried: Tried, desk: Desk, action: Action, what: str, method: str, token: str, by: Identity | None, form: bytes
) -> None:
    before = action.as_json()
    try:
        reply = desk.visit(method, action, by, form if method == "POST" else b"", token=token)
        status = reply.status
    except Exception as error:  # noqa: BLE001  # what must not happen is what is looked for
        tried.held(what, False, f"{type(error).__name__}: {error}")
        return
    idle = desk.cloud.writes() == [] and desk.now(action).as_json() == before
    tried.held(what, idle and (status in (400, 403, 409, 415) or method != "POST"), f"{status}, {desk.cloud.writes()}")


def _forgeries(action: Action) -> Iterator[tuple[str, str, Identity | None, bytes]]:
    """What is forged, the link's token, who is signed in, and the form."""
    good, form = link(action), sealed(action, ALICE)
    plan = str(action.plan["digest"])
    for what, token in _tokens(good, LINK):
        yield f"link: {what}", token, ALICE, form
    sealing = issue_form(KEYS, ALICE.subject, action.id, plan)
    for what, token in _tokens(sealing, FORM):
        yield f"form: {what}", good, ALICE, sealed(action, ALICE, form=token)
    yield "nobody signed in", good, None, form
    yield "another person's form", good, BOB, form
    yield "a person of another group", good, CAROL, sealed(action, CAROL)
    yield "a person of no group", good, Identity(ALICE.name, ALICE.subject, ()), form
    yield "a person without a subject", good, NOBODY, sealed(action, NOBODY)
    yield (
        "a group that begins alike",
        good,
        Identity("eve", "e", ("sec-oncall2", "SEC-ONCALL", " sec-oncall")),
        sealed(action, Identity("eve", "e")),
    )
    yield "another plan's link", link(action, plan_digest="6" * 64), ALICE, form
    yield (
        "another action's link",
        link(action, action_id=action.id[:-1] + ("0" if action.id[-1] != "0" else "1")),
        ALICE,
        form,
    )
    yield "another plan's form", good, ALICE, sealed(action, ALICE, plan="6" * 64)
    yield "a form of its own words", good, ALICE, sealed(action, ALICE, decision="yes")
    yield "a form that says it twice", good, ALICE, form + b"&decision=approve"
    yield "a form without a reason", good, ALICE, sealed(action, ALICE, reason=" ")
    yield (
        "a form without its token",
        good,
        ALICE,
        urlencode({"plan": plan, "decision": "approve", "reason": "r"}).encode(),
    )
    yield "no form at all", good, ALICE, b""


def _tokens(good: str, audience: str) -> Iterator[tuple[str, str]]:
    """Every claim changed, left out, of another type; every header that leads a careless reader to another key or to none."""
    head, body, signature = good.split(".")
    said, header = _part(body), _part(head)
    now = int(time.time())
    for name in said:
        changed = {"act": "0" * 12 + "-" + "0" * 11, "plan": "6" * 64, "exp": now + 86400, "iat": now - 86400}.get(
            name, "other"
        )
        yield f"claim {name} changed under the old signature", f"{head}.{_text({**said, name: changed})}.{signature}"
        yield f"claim {name} left out, signed", _signed({key: value for key, value in said.items() if key != name})
        for value in (None, True, 7, [said[name]], {"a": 1}, "", "\0", "9" * 400):
            if not (name == "jti" and isinstance(value, str)) and not (name == "channel" and isinstance(value, str)):
                yield f"claim {name} is {value!a:.20}, signed", _signed({**said, name: value})
    yield "expired", _signed({**said, "iat": now - 7200, "exp": now - 3600})
    yield "from the future", _signed({**said, "iat": now + 3600, "exp": now + 7200})
    yield "lives too long", _signed({**said, "exp": said["iat"] + 3601})
    yield "made for something else", _signed({**said, "aud": FORM if audience == LINK else LINK})
    for algorithm in ("none", "None", "NONE", "nOnE", "", "HS384", "HS512", "RS256", "ES256", "EdDSA", None):
        yield f"alg {algorithm}", f"{_text({**header, 'alg': algorithm})}.{body}."
        yield f"alg {algorithm} with the signature", f"{_text({**header, 'alg': algorithm})}.{body}.{signature}"
    for kid in (
        "",
        "none",
        "2025-01",
        "2026-10",
        "../2026-11",
        "/dev/null",
        "' or 1=1 --",
        None,
        0,
        ["2026-11"],
        {"a": 1},
    ):
        yield f"kid {kid!a}", f"{_text({**header, 'kid': kid})}.{body}.{signature}"
        yield f"kid {kid!a} and no key", _signed(said, "", kid)
    for key in ("x" * 40, CURRENT[:-1], CURRENT + "n", "2026-11", "secret"):
        yield f"signed with {key[:6]}…", _signed(said, key)
    for name, token in _led_away(said, header, body, signature):
        yield f"header {name}", token
    for what, token in {
        "nothing": "",
        "dots": "..",
        "cut": good[:-1],
        "twice": good + good,
        "blank": good.replace(".", " ."),
        "long": good + "A" * 4000,
        "not ascii": good + "\u0430",
    }.items():
        yield what, token
    yield "five parts", ".".join([head, body, signature, head, body])
    yield "a body of no JSON", f"{head}.{base64.urlsafe_b64encode(b'{').decode()}.{signature}"
    yield "a header of a list", f"{_text([header])}.{body}.{signature}"


def _led_away(said: dict[str, Any], header: dict[str, Any], body: str, signature: str) -> Iterator[tuple[str, str]]:
    """Headers that bring a key along, name where one is, or change how the token is to be read."""
    own = base64.urlsafe_b64encode(b"k" * 32).decode()
    for extra in (
        {"jwk": {"kty": "oct", "k": own}}, {"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example/c"}, {"x5c": [own]},
        {"crit": ["exp"]}, {"b64": False, "crit": ["b64"]}, {"zip": "DEF"},
    ):  # fmt: skip
        yield f"{next(iter(extra))} with the signature", f"{_text({**header, **extra})}.{body}.{signature}"
        yield f"{next(iter(extra))} and its own key", _signed(said, "k" * 32, KEYS.current, extra)


def foreign_tokens() -> list[str]:
    """Tokens whose header names where the key is to be fetched."""
    said = {"act": "0" * 12 + "-" + "0" * 11, "plan": "6" * 64}
    return [
        _signed(said, "k" * 32, kid, {name: url})
        for url in ("http://169.254.169.254/keys", "https://evil.example/keys", "file:///etc/passwd")
        for name in ("jku", "x5u")
        for kid in ("now", url)
    ]


def _signed(
    claims: dict[str, Any], key: str = CURRENT, kid: Any = KEYS.current, extra: Mapping[str, Any] | None = None
) -> str:
    """A token as PyJWT would not let us make it: any claims, any key, any key's name."""
    text = f"{_text({'alg': 'HS256', 'typ': 'JWT', 'kid': kid, **(extra or {})})}.{_text(claims)}"
    return f"{text}.{base64.urlsafe_b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).rstrip(b'=').decode()}"


def _part(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=="))
    return found


def _text(data: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def _replays(tried: Tried, desk: Desk, action: Action) -> None:
    """The good one decides once; sent again, by whomever and however often, it decides nothing more."""
    form, token = sealed(action, ALICE), link(action)
    tried.held(
        "the good one acts", desk.visit("POST", action, ALICE, form).status == 200 and len(desk.cloud.writes()) == 1
    )
    before = desk.now(action).as_json()
    for by in (ALICE, BOB, None):
        for again in (form, sealed(action, BOB), sealed(action, ALICE, decision="deny")):
            status = desk.visit("POST", action, by, again, token=token).status
            idle = len(desk.cloud.writes()) == 1 and desk.now(action).as_json() == before
            tried.held(f"replayed by {by.name if by else 'nobody'}", idle and status in (403, 409), status)
