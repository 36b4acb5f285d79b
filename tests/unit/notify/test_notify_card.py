"""The card that Teams shows."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given

from stanch.notify.card import LIMIT, card, encoded, smallest
from stanch.report import Report
from tests.unit.notify.adaptive_cards import content, faults, texts
from tests.unit.notify.samples import (
    ACTION,
    FINDING,
    HOSTILE,
    KEY,
    OUTCOMES,
    enormous,
    everywhere,
    refusal,
    report,
    reports,
)


def test_says_the_same_as_the_mail() -> None:
    shown = content(card(report()))
    assert faults(shown) == []
    assert texts(shown) == [
        "ACTED (high)",
        "Deactivate IAM access key",
        "Contained: a second look confirmed it.",
        "Changed",
        f"status of access key {KEY} of user alice.smith: Active → Inactive",
        "Where",
        f"AWS::IAM::AccessKey {KEY}",
        "AWS account 111122223333",
        "Why",
        "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom (guardduty): API GetCallerIdentity was invoked from a known malicious IP address.",
        "confirmed: GuardDuty in 111122223333 (us-east-1) has the finding",
        "May break",
        "Whatever still signs requests with this key fails at once.",
        "the key was last used on 2026-11-23 15:31 UTC for sts in us-east-1",
        "Not done",
        "sessions that this key already minted live on until they expire or are revoked",
        "Asked by",
        "stanch, playbook key-leak, mode auto",
        "Undo",
        f"stanch undo {ACTION} --apply --reason 'why'",
        "Ids",
        f"action {ACTION}   (stanch actions show {ACTION})",
        f"finding {FINDING}",
        f"report {ACTION}:acted:1, 2026-11-23T15:40:38.123Z",
    ]


@pytest.mark.parametrize(
    ("outcome", "style"),
    [("acted", "good"), ("failed", "attention"), ("partial", "attention"), ("unverified", "attention"), ("held", "warning"),
     ("awaiting_approval", "warning"), ("rejected", "warning"), ("planned", "accent"), ("undone", "accent"), ("of a later release", "default")],
)  # fmt: skip
def test_the_state_is_a_colour_and_a_word(outcome: str, style: str) -> None:
    head = content(card(report(outcome)))["body"][0]
    assert head["style"] == style
    assert texts(head)[0] == f"{outcome.upper().replace('_', ' ')} (high)"


def test_people_who_see_no_card_still_learn_the_state() -> None:
    assert content(card(report("failed")))["fallbackText"] == f"Stanch: FAILED high, {ACTION}"
    assert content(card(refusal()))["fallbackText"] == "Stanch: REJECTED, rejected:0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("name", HOSTILE)
def test_the_card_is_inert(name: str, outcome: str) -> None:
    shown = content(card(everywhere(HOSTILE[name], outcome)))
    assert faults(shown) == []  # nothing but text runs: no Markdown, no action, no picture, no mention
    for text in texts(shown):
        assert not [char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")]
        assert not re.search(r"(?i)https?:|://|\bwww\.\w|evil\.com|\{\{", text)
    assert re.fullmatch(r"Stanch: [A-Za-z ]+, [A-Za-z0-9:.-]+", shown["fallbackText"])


@given(reports)
def test_any_report_makes_a_card_that_teams_takes(given_: Report) -> None:
    posted = card(given_)
    assert faults(content(posted)) == []
    assert len(encoded(posted)) <= 20_000
    assert json.loads(encoded(posted)) == posted
    assert f"report {ACTION}:acted:1, " in " ".join(texts(content(posted)))


def _essentials(posted: dict[str, Any]) -> None:
    shown = texts(content(posted))
    assert shown[0] == "ACTED (high)"
    assert f"stanch undo {ACTION} --apply --reason 'why'" in shown
    assert f"action {ACTION}   (stanch actions show {ACTION})" in shown
    assert f"report {ACTION}:acted:1, 2026-11-23T15:40:38.123Z" in shown


def test_too_much_evidence_is_cut_never_the_essentials() -> None:
    assert LIMIT == 20_000
    _essentials(card(enormous()))
    assert len(encoded(card(enormous()))) <= 20_000
    assert faults(content(card(enormous()))) == []


def test_evidence_goes_first_when_room_is_short() -> None:
    whole = card(report())
    assert card(report(), limit=len(encoded(whole))) == whole
    changes = [{"target": f"rule sgr-{at}", "before": "open" * 40, "after": None} for at in range(9)]
    many = report(changes=changes, breaks=["b" * 200] * 6)
    shorter = card(many, limit=len(encoded(card(many))) - 1)
    assert "… and 6 more" in texts(content(shorter))
    assert f"rule sgr-2: {'open' * 29}ope… → none" in texts(content(shorter))
    _essentials(shorter)


def test_the_smallest_card_keeps_state_place_undo_and_ids() -> None:
    posted = smallest(report())
    assert card(report(), limit=1) == posted
    assert texts(content(posted)) == [
        "ACTED (high)",
        "Deactivate IAM access key",
        "Contained: a second look confirmed it.",
        "Where",
        f"AWS::IAM::AccessKey {KEY}",
        "AWS account 111122223333",
        "Undo",
        f"stanch undo {ACTION} --apply --reason 'why'",
        "Ids",
        f"action {ACTION}   (stanch actions show {ACTION})",
        f"finding {FINDING}",
        f"report {ACTION}:acted:1, 2026-11-23T15:40:38.123Z",
        "Cut",
        "the evidence was too long for a card",
    ]
    assert len(encoded(smallest(enormous()))) <= 8_000


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ({"type": "TextBlock", "text": "[x](https://evil.example)"}, "card.body[0]: not one of"),
        ({"type": "RichTextBlock", "inlines": ["x"]}, "card.body[0].inlines[0]: not one of"),
        (
            {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": "x", "selectAction": {}}]},
            "inlines[0].selectAction",
        ),
        ({"type": "Container", "items": [], "style": "red"}, "card.body[0].style"),
        ({"type": "RichTextBlock"}, "card.body[0].inlines: missing"),
    ],
)
def test_the_tables_find_what_is_not_allowed(broken: dict[str, Any], fault: str) -> None:
    shown = content(card(report())) | {"body": [broken]}
    assert fault in faults(shown)[0]
    assert faults(content(card(report())) | {"actions": []}) == ["card.actions: []"]
