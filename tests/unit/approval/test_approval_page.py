"""What the page says, and that nothing on it is anybody's but ours."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest
from msgspec.structs import replace

from stanch.action import Outcome
from stanch.approval import page
from stanch.approval.layout import HEADERS, STYLE
from stanch.approval.markup import Html, element, join
from stanch.approval.parts import Form
from stanch.guardrails import Verdict
from stanch.remediation import Change
from tests.unit.approval import samples
from tests.unit.approval.desk import words
from tests.unit.approval.reader import Reader
from tests.unit.approval.samples import ACTION, DECLARED, view

FORM = Form("alice@corp.example", "TOKEN", "5" * 64, "?t=LINK")


def shown(text: str) -> str:
    class Page:
        body = text

    return words(Page)  # type: ignore[arg-type]


def test_a_request_says_all_that_a_person_must_know() -> None:
    text = shown(page.request(view(), DECLARED, FORM))
    assert re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "TIME", text).splitlines()[:-2] == [
        "AWAITING APPROVAL (high)",
        "Revoke security-group rules open to the internet",
        "Nothing was changed: it waits for a person. Reason: exempt: it is tagged sec:exposed=approved",
        "Open until TIME UTC (in 43 min).",
        "Where",
        "AWS::EC2::SecurityGroup arn:aws:ec2:eu-west-1:111122223333:security-group/sg-0123456789abcdef0",
        "AWS account 111122223333, eu-west-1",
        "Would change",
        "tcp 22 from 0.0.0.0/0, ::/0 → revoked",
        "Would break",
        "New connections from the internet to these ports fail, the legitimate ones too.",
        "3 network interfaces use this group; one belongs to a load balancer",
        "Stays open",
        "connections that are open now stay open until they close",
        "Why",
        "INCOMING_SSH_DISABLED (config): Security group allows SSH from anywhere",
        "confirmed: Config in 111122223333 (eu-west-1) says NON_COMPLIANT",
        "Asked by",
        "stanch, playbook sg-open, mode approve",
        "Guards",
        "exempt asks for a person: it is tagged sec:exposed=approved",
        "passed: protected, budget",
        "Undo",
        "Can be undone:",
        "stanch undo 0a1b2c3d4e5f-0192f5c1a2b --apply --reason 'why'",
        "Decide",
        "Reason (required)",
        "It is journaled with your name: alice@corp.example",
        "Approve: carry it out now",
        "Deny: change nothing",
        "Ids",
        "action 0a1b2c3d4e5f-0192f5c1a2b   (stanch actions show 0a1b2c3d4e5f-0192f5c1a2b)",
    ]


def test_the_plan_shown_is_the_one_of_now() -> None:
    old = samples.plan(samples.rule("sgr-0c", 3389, "0.0.0.0/0"), breaks=("nothing",))
    text = shown(page.request(view(action=samples.action(old)), DECLARED, None))
    assert "tcp 22 from 0.0.0.0/0, ::/0 → revoked" in text
    assert "3389" not in text
    assert "nothing\n" not in text


def test_every_change_is_shown() -> None:
    made = samples.plan(*(Change(f"c{at}", f"interface eni-{at:03}", ["sg-1"], ["sg-2"]) for at in range(150)))
    text = shown(page.request(view(made), DECLARED, None))
    assert text.count("sg-1 → sg-2") == 150
    assert "more" not in text


def test_without_a_form_there_is_the_command_alone() -> None:
    text = page.request(view(), DECLARED, None)
    assert not {"form", "input", "button", "textarea"} & {tag for tag, _ in Reader(text).found}
    assert "This page only shows the plan. To decide, on a machine where you are signed in:" in shown(text)
    assert f"stanch approve {ACTION} --reason 'why'" in shown(text)


def test_after_the_deadline_there_is_nothing_to_decide_with() -> None:
    text = shown(page.request(view(minutes=-1), DECLARED, None, ("The time to decide is over.",)))
    assert "The time to decide is over." in text
    assert "stanch approve" not in text
    assert "Open until" not in text


def test_the_form_is_labelled_and_asks_for_a_reason() -> None:
    found = Reader(page.request(view(), DECLARED, FORM))
    assert found.all("form") == [{"method": "post", "action": "?t=LINK", "accept-charset": "utf-8"}]
    assert [(each["name"], each["value"]) for each in found.all("input")] == [("form", "TOKEN"), ("plan", "5" * 64)]
    (area,) = found.all("textarea")
    assert (area["id"], area["name"], "required" in area, area["maxlength"]) == ("reason", "reason", True, "1000")
    assert [each["for"] for each in found.all("label")] == ["reason"]
    assert area["aria-describedby"] in [each.get("id") for each in found.all("p")]
    assert [(each["name"], each["value"]) for each in found.all("button")] == [
        ("decision", "approve"),
        ("decision", "deny"),
    ]


def test_what_was_typed_is_kept() -> None:
    text = page.request(view(), DECLARED, replace(FORM, reason="</textarea><script>alert(1)</script>"))
    assert "&lt;/textarea&gt;&lt;script&gt;alert(1)&lt;/script&gt;</textarea>" in text
    assert Reader(text).all("script") == []


def test_two_people_for_what_cannot_be_undone() -> None:
    class ForGood(DECLARED):
        irreversible = "What is burnt is gone."

    first = shown(page.request(view(approvals_needed=2), ForGood, FORM))
    assert "Cannot be undone. \nWhat is burnt is gone." in first or "Cannot be undone. What is burnt is gone." in first
    assert "0 of 2 approvals given; each must come from another person" in first
    assert "Approve: a second person must agree" in first
    given = [
        {
            "how": "approved",
            "by": "bob@corp.example",
            "subject": "b",
            "at": "2026-11-23T15:40:38.123Z",
            "reason": "seen",
        }
    ]
    waiting = samples.action(samples.plan(), approvals=given)
    second = shown(page.request(view(action=waiting, approvals=given, approvals_needed=2), ForGood, FORM))
    assert "1 of 2 approvals given; each must come from another person" in second
    assert "approved by bob@corp.example at 2026-11-23T15:40:38.123Z: seen" in second
    assert "Approve: carry it out now" in second


def test_what_lowers_the_mode_is_said() -> None:
    lowers = [Verdict("freeze", "observe", "year-end is on"), Verdict("flapping", "approve", "contained 3 times")]
    told = shown(page.request(view(verdicts=lowers), DECLARED, FORM))
    assert "freeze would only observe: year-end is on" in told
    assert "flapping asks for a person: contained 3 times" in told


def test_what_a_guard_holds_can_be_denied_but_not_approved() -> None:
    held = [Verdict("protected", "hold", "it matches log-*"), Verdict("budget", "pass")]
    text = page.request(view(verdicts=held), DECLARED, FORM)
    assert '<li class="note attention"><span class="mark">protected would hold it: </span>it matches log-*</li>' in text
    assert "A guard holds it, so it cannot be approved now." in shown(text)
    assert [each["value"] for each in Reader(text).all("button")] == ["deny"]


def test_an_alert_is_read_out() -> None:
    text = page.request(view(), DECLARED, None, ("The plan has changed.",))
    assert '<div class="note attention" role="alert"><p>The plan has changed.</p></div>' in text


@pytest.mark.parametrize(
    ("outcome", "state", "style"),
    [(Outcome.ACTED, "ACTED (high)", "good"), (Outcome.FAILED, "FAILED (high)", "attention"), (Outcome.PARTIAL, "PARTIAL (high)", "attention"),
     (Outcome.UNVERIFIED, "UNVERIFIED (high)", "attention"), (Outcome.HELD, "HELD (high)", "warning"), (None, "IN PROGRESS (high)", "warning"),
     (Outcome.EXPIRED, "EXPIRED (high)", "warning"), (Outcome.UNDONE, "UNDONE (high)", "accent")],
)  # fmt: skip
def test_a_record_says_how_it_ended(outcome: Outcome | None, state: str, style: str) -> None:
    text = page.record(
        samples.action(samples.plan(), outcome=outcome, reason=None), DECLARED, "You approved it as alice: seen"
    )
    assert f'<header class="{style}"><p class="state">{state}</p>' in text
    assert f'<div class="note {style}" role="alert"><p>You approved it as alice: seen</p></div>' in text
    assert ("stanch undo" in text) == (outcome in (Outcome.ACTED, Outcome.PARTIAL, Outcome.UNVERIFIED))


def test_denied_is_told_from_expired() -> None:
    said = [
        {"how": "denied", "by": "bob@corp.example", "subject": "b", "at": "2026-11-23T15:40:38.123Z", "reason": "ours"}
    ]
    text = shown(
        page.record(
            samples.action(samples.plan(), outcome=Outcome.EXPIRED, reason="denied by bob", approvals=said), DECLARED
        )
    )
    assert text.startswith("DENIED (high)\n")
    assert "Nothing was changed: a person denied it. Reason: denied by bob" in text
    assert "time ran out" not in text


def test_a_refusal_says_why_and_how_it_stands() -> None:
    report = page.standing(samples.action(samples.plan(), outcome=Outcome.ACTED, reason=None), DECLARED)
    text = page.refusal("Refused", "This request did nothing", "It was used already.", report, "?t=LINK")
    assert shown(text).splitlines()[:9] == [
        "REFUSED", "This request did nothing", "Revoke security-group rules open to the internet", "It was used already.",
        "How it stands", "ACTED (high) Contained: a second look confirmed it.", "Where",
        "AWS::EC2::SecurityGroup arn:aws:ec2:eu-west-1:111122223333:security-group/sg-0123456789abcdef0", "AWS account 111122223333, eu-west-1",
    ]  # fmt: skip
    assert Reader(text).all("a") == [{"href": "?t=LINK", "class": "again"}]


def test_the_headers_allow_nothing_but_the_style_and_the_form() -> None:
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    assert {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-Robots-Tag": "noindex",
    } == HEADERS  # fmt: skip
    assert f"<style>{STYLE}</style>" in page.request(view(), DECLARED, FORM)


def test_pages_are_for_phones_and_in_a_language() -> None:
    found = Reader(page.request(view(), DECLARED, FORM))
    assert found.all("html") == [{"lang": "en"}]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in found.all("meta")
    assert found.all("script") == []
    assert page.request(view(), DECLARED, FORM).startswith("<!doctype html><html ")


def test_elements_escape_text_and_values() -> None:
    made: Any = element(
        "p", "a<b>&'\"", element("b", "c"), None, class_="x\"'<", for_=None, hidden=True, aria_label="d"
    )
    assert made == '<p class="x&quot;&#x27;&lt;" hidden aria-label="d">a&lt;b&gt;&amp;&#x27;&quot;<b>c</b></p>'
    assert join("<", Html("<br>"), None) == "&lt;<br>"
