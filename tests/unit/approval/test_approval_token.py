"""A link's token is believed only as we made it, for as long as it lives, and for what it was made."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.approval import token
from stanch.approval.keys import Keys
from stanch.errors import InvalidInput, Refused

ACTION = "0a1b2c3d4e5f-0192f5c1a2b"
PLAN = "5" * 64
OLD, NEW = "o" * 40, "n" * 40
KEYS = Keys("2026-11", {"2026-10": OLD, "2026-11": NEW})
NOT_OURS = "this link approves nothing: it is incomplete or not ours; open it again as it was sent"
ALTERED = "this link approves nothing: its signature does not hold: it was altered, or somebody else made it"


def claims(**changed: Any) -> dict[str, Any]:
    """What a link's token says, less what is changed to None."""
    now = int(time.time())
    given = {"act": ACTION, "plan": PLAN, "channel": "soc:teams", "iss": "stanch", "aud": "stanch:approval-link",
             "iat": now, "exp": now + 600, "jti": "J"}  # fmt: skip
    return {name: value for name, value in {**given, **changed}.items() if value is not None}


def signed(payload: dict[str, Any], key: str = NEW, kid: str | None = "2026-11", algorithm: str = "HS256") -> str:
    return jwt.encode(payload, key, algorithm, headers={"kid": kid} if kid else {})


def part(data: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def reason(text: str, keys: Keys = KEYS) -> str:
    with pytest.raises(Refused) as refused:
        token.read(keys, text)
    assert refused.value.guard == "link"
    return refused.value.reason


def test_says_what_it_was_made_for() -> None:
    before = int(time.time())
    ticket = token.read(KEYS, token.issue(KEYS, ACTION, PLAN, "soc:teams"))
    assert (ticket.action_id, ticket.plan_digest, ticket.channel) == (ACTION, PLAN, "soc:teams")
    assert before + 3600 <= ticket.expires_at.timestamp() <= before + 3602
    assert re.fullmatch(r"[\w-]{22}", ticket.id)


def test_no_two_are_alike() -> None:
    first, second = (token.issue(KEYS, ACTION, PLAN, "soc:teams", now=time.time()) for _ in range(2))
    assert first != second
    assert token.read(KEYS, first).id != token.read(KEYS, second).id


def test_fits_where_links_go() -> None:
    made = token.issue(KEYS, ACTION, PLAN, "soc:teams")
    assert len(made) < 500
    assert re.fullmatch(r"[\w.-]+", made, re.ASCII)
    assert NEW not in base64.urlsafe_b64decode(made.split(".")[1] + "==").decode()


def test_lives_an_hour_at_most() -> None:
    ticket = token.read(KEYS, token.issue(KEYS, ACTION, PLAN, "soc:teams", lifetime=86400))
    assert ticket.expires_at.timestamp() <= time.time() + 3600


def test_one_that_would_live_longer_is_refused_even_with_our_signature() -> None:
    now = int(time.time())
    assert reason(signed(claims(iat=now, exp=now + 3601))) == "this link approves nothing: it says something impossible"


def test_expired_says_when_and_what_is_left_to_do() -> None:
    made = token.issue(KEYS, ACTION, PLAN, "soc:teams", lifetime=60, now=1_795_448_438)
    assert reason(made) == (
        "this link approves nothing: it expired on 2026-11-23 at 15:41 UTC. If the request is still open, "
        "`stanch approve 0a1b2c3d4e5f-0192f5c1a2b --reason 'why'` decides on it"
    )


def test_expires_to_the_second() -> None:
    now = int(time.time())
    assert token.read(KEYS, signed(claims(iat=now - 10, exp=now + 30))).action_id == ACTION
    assert "expired" in reason(signed(claims(iat=now - 10, exp=now)))


def test_one_from_the_future_is_refused() -> None:
    now = int(time.time())
    assert reason(signed(claims(iat=now + 600, exp=now + 900))) == NOT_OURS


@pytest.mark.parametrize("name", ["act", "plan", "channel", "iss", "aud", "iat", "exp", "jti"])
def test_no_claim_can_be_changed(name: str) -> None:
    head, body, signature = token.issue(KEYS, ACTION, PLAN, "soc:teams").split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=="))
    said[name] = said[name] + 1 if isinstance(said[name], int) else "0" + said[name][1:]
    assert reason(f"{head}.{part(said)}.{signature}") == ALTERED


@pytest.mark.parametrize("name", ["act", "plan", "channel", "iss", "aud", "iat", "exp", "jti"])
def test_no_claim_can_be_missing(name: str) -> None:
    said = reason(signed(claims(**{name: None})))
    assert said == (
        "this link approves nothing: it says something impossible" if name == "channel"
        else f"this link approves nothing: it lacks the claim {name!r}"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [("act", "../../etc/passwd"), ("act", 7), ("act", f"{ACTION}\n"), ("plan", "5" * 63), ("plan", ["5" * 64]), ("channel", 1), ("jti", 1),
     ("exp", True), ("exp", "soon"), ("iat", 0.5), ("exp", 1), ("iss", "other"), ("aud", ["stanch:approval-link", "x"])],
)  # fmt: skip
def test_what_we_would_not_say_is_refused_even_with_our_signature(name: str, value: Any) -> None:
    assert reason(signed(claims(**{name: value}))).startswith("this link approves nothing: ")


@pytest.mark.parametrize("place", range(3))
def test_no_character_can_be_changed(place: int) -> None:
    parts = token.issue(KEYS, ACTION, PLAN, "soc:teams").split(".")
    for at in range(0, len(parts[place]) - 1, 7):
        old = parts[place][at]
        changed = parts[place][:at] + ("A" if old != "A" else "B") + parts[place][at + 1 :]
        assert reason(".".join([*parts[:place], changed, *parts[place + 1 :]]))


def test_another_key_is_refused() -> None:
    assert reason(signed(claims(), "x" * 40)) == ALTERED


def test_a_key_of_no_name_is_refused() -> None:
    gone = "this link approves nothing: it is signed with a key that is not, or no longer, in use"
    assert reason(signed(claims(), kid="2025-01")) == gone
    assert reason(signed(claims(), kid=None)) == gone
    assert reason(signed(claims(), kid="../2026-11")) == gone


def test_the_key_id_and_the_key_belong_together() -> None:
    assert reason(signed(claims(), OLD, "2026-11")) == ALTERED
    assert reason(signed(claims(), NEW, "2026-10")) == ALTERED


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE"])
def test_unsigned_is_refused(algorithm: str) -> None:
    head = part({"alg": algorithm, "typ": "JWT", "kid": "2026-11"})
    unused = "this link approves nothing: it is signed in a way that we do not use"
    assert reason(f"{head}.{part(claims())}.") == unused
    assert reason(f"{head}.{part(claims())}.AAAA") == unused


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_is_refused(algorithm: str) -> None:
    keys = Keys("k", {"k": "n" * 64})
    made = signed(claims(), "n" * 64, "k", algorithm)
    assert reason(made, keys) == "this link approves nothing: it is signed in a way that we do not use"


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a.b.c", "x" * 2049, "x" * 10_000_000, "\u0660.\u0660.\u0660", "\ud800", "\x00", "[]", "{{7*7}}"],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    assert reason(text) == NOT_OURS


@given(st.text(max_size=200))
def test_any_text_is_refused(text: str) -> None:
    assert reason(text).startswith("this link approves nothing: ")


def test_keys_are_replaced_one_after_the_other() -> None:
    before = Keys("2026-10", {"2026-10": OLD})
    sent = token.issue(before, ACTION, PLAN, "soc:teams")
    both = Keys("2026-11", {"2026-10": OLD, "2026-11": NEW})
    assert token.read(both, sent).action_id == ACTION
    fresh = token.issue(both, ACTION, PLAN, "soc:teams")
    assert jwt.get_unverified_header(fresh) == {"alg": "HS256", "kid": "2026-11", "typ": "JWT"}
    after = Keys("2026-11", {"2026-11": NEW})
    assert token.read(after, fresh).action_id == ACTION
    assert "no longer, in use" in reason(sent, after)


def test_a_forms_token_is_no_links_and_the_reverse() -> None:
    form = token.issue_form(KEYS, "alice", ACTION, PLAN)
    assert reason(form) == "this link approves nothing: it was made for something else"
    with pytest.raises(Refused, match="form: this form approves nothing: it was made for something else"):
        token.check_form(KEYS, token.issue(KEYS, ACTION, PLAN, "soc:teams"), "alice", ACTION, PLAN)


def test_a_form_holds_for_its_person_action_and_plan() -> None:
    form = token.issue_form(KEYS, "alice", ACTION, PLAN)
    token.check_form(KEYS, form, "alice", ACTION, PLAN)
    for subject, action, plan, what in (
        ("mallory", ACTION, PLAN, "person"),
        ("alice", ACTION[:-1] + "c", PLAN, "action"),
        ("alice", ACTION, "6" * 64, "plan"),
    ):
        with pytest.raises(Refused, match=f"its {what} is not this one"):
            token.check_form(KEYS, form, subject, action, plan)


def test_a_form_expires() -> None:
    form = token.issue_form(KEYS, "alice", ACTION, PLAN, now=time.time() - 3601)
    with pytest.raises(Refused, match="form: this form approves nothing: it expired on "):
        token.check_form(KEYS, form, "alice", ACTION, PLAN)


def test_keys_are_read_from_their_secret() -> None:
    keys = Keys.parse(json.dumps({"current": "b", "keys": {"a": OLD, "b": NEW}}))
    assert (keys.current, keys.known) == ("b", {"a": OLD, "b": NEW})
    assert NEW not in repr(keys)


@pytest.mark.parametrize(
    "secret",
    ["", "s3cr3t", "[]", "null", '{"current": "a"}', '{"current": "a", "keys": {}}', '{"current": "a", "keys": []}',
     f'{{"current": "b", "keys": {{"a": "{NEW}"}}}}', f'{{"keys": {{"a": "{NEW}"}}}}', f'{{"current": ["a"], "keys": {{"a": "{NEW}"}}}}',
     '{"current": "a", "keys": {"a": "s3cr3t"}}', '{"current": "a", "keys": {"a": 1}}'],
)  # fmt: skip
def test_a_secret_that_holds_no_keys_is_named_and_not_quoted(secret: str) -> None:
    with pytest.raises(InvalidInput, match=r"^STANCH_SIGNING_SECRET: ") as wrong:
        Keys.parse(secret)
    assert "s3cr3t" not in str(wrong.value)
    assert NEW not in str(wrong.value)
