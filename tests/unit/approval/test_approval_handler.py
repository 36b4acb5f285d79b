"""GET shows and never acts; POST acts once, for a verified member, on the plan that was shown."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from handlers import approval
from stanch.action import Action, Outcome
from stanch.approval import token
from stanch.approval.layout import HEADERS
from stanch.approval.links import Links
from stanch.deployment import Settings
from stanch.playbooks.limits import Protect
from tests.unit.approval.desk import (
    ALICE,
    BOB,
    CAROL,
    KEYS,
    Desk,
    filled,
    hidden,
    link,
    sealed,
    untouched,
    words,
)


def test_get_shows_and_never_acts(desk: Desk) -> None:
    action = desk.ask()
    for _ in range(3):
        reply = desk.show(action)
        assert (reply.status, reply.headers) == (200, HEADERS)
    assert words(reply).startswith("AWAITING APPROVAL (high)\nClose a door\n")
    assert set(hidden(reply)) == {"form", "plan"}
    assert untouched(desk, action)


def test_a_get_with_everything_in_it_does_not_act_either(desk: Desk) -> None:
    action = desk.ask()
    reply = desk.visit("GET", action, ALICE, filled(desk.show(action)))
    assert reply.status == 200
    assert untouched(desk, action)


def test_head_answers_like_get_without_a_page(desk: Desk) -> None:
    action = desk.ask()
    reply = desk.visit("HEAD", action, ALICE)
    assert (reply.status, reply.headers, reply.body) == (200, HEADERS, "")
    assert desk.visit("HEAD", action, ALICE, token="x").status == 403
    assert untouched(desk, action)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "", "POST "])
def test_other_methods_are_not_answered(desk: Desk, method: str) -> None:
    action = desk.ask()
    reply = desk.visit(method, action, ALICE, filled(desk.show(action)))
    assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD, POST")
    assert untouched(desk, action)


def test_approved_is_done_and_said(desk: Desk) -> None:
    action = desk.ask()
    reply = desk.decide(action, ALICE, reason="seen\r\nlive\u202e!")
    assert reply.status == 200
    assert words(reply).splitlines()[:4] == [
        "ACTED (high)", "Close a door", "Contained: a second look confirmed it.", "You approved it as alice@corp.example: seen live!",
    ]  # fmt: skip
    assert desk.cloud.writes() == ["Set door-1.front"]
    now = desk.now(action)
    assert now.outcome is Outcome.ACTED
    assert [(each["how"], each["subject"], each["reason"]) for each in now.approvals] == [
        ("approved", ALICE.subject, "seen live!")
    ]


def test_denied_changes_nothing_and_is_said(desk: Desk) -> None:
    action = desk.ask()
    reply = desk.decide(action, ALICE, "deny", "it is ours")
    assert reply.status == 200
    assert words(reply).startswith("DENIED (high)\nClose a door\nNothing was changed: a person denied it.")
    assert "You denied it as alice@corp.example: it is ours" in words(reply)
    assert desk.cloud.writes() == []
    assert [each["how"] for each in desk.now(action).approvals] == ["denied"]
    assert words(desk.show(action)).startswith("DENIED (high)\n")
    again = desk.visit("POST", action, BOB, sealed(action, BOB))
    assert again.status == 409
    assert desk.cloud.writes() == []


def test_a_form_sent_twice_acts_once(desk: Desk) -> None:
    action = desk.ask()
    sent = filled(desk.show(action))
    assert desk.visit("POST", action, ALICE, sent).status == 200
    again = desk.visit("POST", action, ALICE, sent)
    assert again.status == 409
    assert words(again).splitlines()[:6] == [
        "REFUSED", "This request did nothing", "Close a door", f"decided: action {action.id} is acted, not awaiting_approval", "How it stands",
        "ACTED (high) Contained: a second look confirmed it.",
    ]  # fmt: skip
    assert desk.cloud.writes() == ["Set door-1.front"]


def test_two_people_at_the_same_moment_act_once(desk: Desk) -> None:
    action = desk.ask()
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda by: desk.visit("POST", action, by, sealed(action, by)), [ALICE, BOB] * 4))
    assert [reply.status for reply in replies].count(200) == 1
    assert {reply.status for reply in replies} <= {200, 409, 503}
    assert desk.cloud.writes() == ["Set door-1.front"]


def test_what_cannot_be_undone_needs_two_people(desk: Desk) -> None:
    action = desk.ask_to_burn()
    first = desk.decide(action, ALICE)
    assert (first.status, desk.cloud.writes()) == (200, [])
    assert words(first).startswith(
        "AWAITING APPROVAL (high)\nBurn a letter\nNothing was changed: it waits for a person."
    )
    assert "a second person must approve" in words(first)
    assert desk.decide(action, ALICE).status == 409
    assert desk.cloud.writes() == []
    assert "1 of 2 approvals given" in words(desk.show(action, BOB))
    assert words(desk.decide(action, BOB)).startswith("ACTED (high)\n")
    assert desk.cloud.writes() == ["Set letter-1.front"]


def test_without_an_identity_the_plan_is_shown_and_nothing_to_press(desk: Desk) -> None:
    action = desk.ask()
    reply = desk.show(action, None)
    assert reply.status == 200
    assert f"stanch approve {action.id} --reason 'why'" in words(reply)
    assert "<form" not in reply.body
    posted = desk.visit("POST", action, None, filled(desk.show(action, ALICE)))
    assert posted.status == 403
    assert f"You are not signed in here; `stanch approve {action.id} --reason 'why'` decides elsewhere." in words(
        posted
    )
    assert untouched(desk, action)


def test_the_wrong_group_is_refused(desk: Desk) -> None:
    action = desk.ask()
    for decision in ("approve", "deny"):
        reply = desk.decide(action, CAROL, decision)
        assert (reply.status, "wrong group: carol@corp.example is not in sec-oncall" in words(reply)) == (409, True)
    assert untouched(desk, action)


@pytest.mark.parametrize("given", ["", "x", "a.b.c", "{{7*7}}", "x" * 5000])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_forged_link_shows_nothing(desk: Desk, method: str, given: str) -> None:
    action = desk.ask()
    reply = desk.visit(method, action, ALICE, sealed(action, ALICE) if method == "POST" else b"", token=given)
    assert reply.status == 403
    assert words(reply).splitlines() == [
        "REFUSED", "This request did nothing", "This link approves nothing: it is incomplete or not ours; open it again as it was sent.",
    ]  # fmt: skip
    assert action.id not in reply.body
    assert untouched(desk, action)


def test_an_expired_link_shows_no_plan_but_says_what_to_do(desk: Desk) -> None:
    action = desk.ask()
    old = link(action, now=time.time() - 3601)
    for reply in (desk.show(action, token=old), desk.visit("POST", action, ALICE, sealed(action, ALICE), token=old)):
        assert reply.status == 403
        assert "This link approves nothing: it expired on " in words(reply)
        assert f"`stanch approve {action.id} --reason 'why'` decides on it." in words(reply)
    assert untouched(desk, action)


def test_a_link_signed_with_a_key_that_was_taken_out_is_refused(desk: Desk) -> None:
    action = desk.ask()
    links = Links("", lambda: json.dumps({"current": "z", "keys": {"z": "z" * 40}}))
    reply = approval.answer(desk.deployment, links, approval.Visit("GET", link(action), ALICE))
    assert (reply.status, "a key that is not, or no longer, in use" in words(reply)) == (403, True)


def test_a_link_to_another_plan_shows_the_plan_of_now_and_approves_nothing(desk: Desk) -> None:
    action = desk.ask()
    other = link(action, plan_digest="5" * 64)
    reply = desk.show(action, token=other)
    assert reply.status == 200
    assert "The plan has changed since this link was sent, so the link approves nothing." in words(reply)
    assert "front of door-1: open → shut" in words(reply)
    assert "<form" not in reply.body
    posted = desk.visit("POST", action, ALICE, sealed(action, ALICE), token=other)
    assert (posted.status, "shown for another plan" in words(posted)) == (403, True)
    both = desk.visit("POST", action, ALICE, other_form(action, "5" * 64), token=other)
    assert (both.status, "changed plan: " in words(both)) == (409, True)
    assert untouched(desk, action)


def other_form(action: Action, plan: str) -> bytes:
    return sealed(action, ALICE, plan=plan, form=token.issue_form(KEYS, ALICE.subject, action.id, plan))


def test_a_plan_that_changes_under_the_form_voids_it(desk: Desk) -> None:
    action = desk.ask()
    sent = filled(desk.show(action))
    desk.cloud.things["door-1"]["front"] = "ajar"
    assert "The plan has changed since this link was sent" in words(desk.show(action))
    reply = desk.visit("POST", action, ALICE, sent)
    assert (reply.status, "changed plan: " in words(reply)) == (409, True)
    assert untouched(desk, action)


def test_nothing_left_to_do_is_said(desk: Desk) -> None:
    action = desk.ask()
    desk.cloud.things["door-1"]["front"] = "shut"
    reply = desk.show(action)
    assert "There is nothing left to do: the door is shut." in words(reply)
    assert "<form" not in reply.body


def test_a_request_that_ran_out_is_refused(desk: Desk) -> None:
    action = desk.ask()
    sent = filled(desk.show(action))
    desk.settings = Settings(ceiling="auto", approval=0.0)
    reply = desk.show(action)
    assert "The time to decide is over. Nothing was changed and nothing will be." in words(reply)
    assert "<form" not in reply.body
    posted = desk.visit("POST", action, ALICE, sent)
    assert (posted.status, "expired: the request was open until " in words(posted)) == (409, True)
    assert untouched(desk, action)


def test_the_form_of_another_person_is_refused(desk: Desk) -> None:
    """What a page of somebody else's would make alice's browser send."""
    action = desk.ask()
    for sent in (
        sealed(action, BOB),
        sealed(action, ALICE, form=""),
        sealed(action, ALICE, form=link(action)),
        sealed(action, ALICE, plan="5" * 64),
    ):
        reply = desk.visit("POST", action, ALICE, sent)
        assert (reply.status, "This form approves nothing: " in words(reply)) == (403, True)
    assert untouched(desk, action)


def test_the_form_of_another_action_is_refused(desk: Desk) -> None:
    action, letter = desk.ask(), desk.ask_to_burn()
    reply = desk.visit("POST", action, ALICE, filled(desk.show(letter)))
    assert (reply.status, "shown to another person or for another plan" in words(reply)) == (403, True)
    assert desk.cloud.writes() == []


def test_a_guard_that_holds_by_now_is_not_overruled(desk: Desk) -> None:
    action = desk.ask()
    sent = filled(desk.show(action))
    desk.protect = Protect(resources=("door-1",))
    assert "A guard holds it, so it cannot be approved now." in words(desk.show(action))
    reply = desk.visit("POST", action, ALICE, sent)
    assert (reply.status, "protected: door-1 matches door-1, which is never touched" in words(reply)) == (409, True)
    assert untouched(desk, action)
