"""What attackers write into names, findings and reasons stays text on every page."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from stanch.action import Outcome
from stanch.approval import page
from stanch.approval.parts import Form
from stanch.finding import Resource
from stanch.guardrails import Verdict
from stanch.remediation import Change, Plan
from tests.unit.approval import samples
from tests.unit.approval.reader import Reader
from tests.unit.approval.samples import DECLARED, view
from tests.unit.notify.samples import HOSTILE, anything


def hostile(text: str) -> list[str]:
    """Every page with the text wherever an event, a name or a person's words can put it."""
    changes = (
        Change("a", text, {"name": text, "kept": 1}, {"name": None, "kept": 1}),
        Change("b", text, text, [text]),
        Change("c", text, {"protocol": text, "from": text, "to": text, "source": text}, None),
        Change("d", text, None, {"access": text, "direction": text, "protocol": text, "sourceAddressPrefix": text}),
    )
    resource = Resource(text, text, text, text)
    made = Plan(resource, changes, (text,), {text: text}, {}, (text,), (text,), text)
    said = [{"how": text, "by": text, "subject": text, "at": text, "reason": text}]
    found = {"id": text, "type": text, "title": text, "severity": 4, "account": text, "region": text}
    waits = replace(
        samples.action(made), resource=resource, reason=text, source=text, requester=text, finding=found,
        approvals=said, evidence={"confirmed": text},
    )  # fmt: skip
    verdicts = [Verdict(text, "hold", text), Verdict(text, "approve", text), Verdict(text, "pass")]
    asked = view(made, action=waits, verdicts=verdicts, approvals=said, approvals_needed=2)
    form = Form(text, "TOKEN", "5" * 64, "?t=LINK")
    acted = replace(waits, outcome=Outcome.ACTED)
    return [
        page.request(asked, DECLARED, form),
        page.request(replace(asked, expires_at=text), DECLARED, None),
        page.record(acted, DECLARED, text),
        page.refusal("Refused", "This request did nothing", text, page.standing(acted, DECLARED), "?t=LINK"),
    ]


HARMLESS = [Reader(text).found for text in hostile("a name")]
"""The elements and attributes of those pages where every text is harmless."""

MORE = {
    "script": "<script>alert(document.domain)</script>",
    "attribute": '" onmouseover="alert(1)" x=\'',
    "style": "</style><style>*{display:none}</style>",
    "title": "</title><meta http-equiv=refresh content='0;url=//evil.com'>",
    "textarea": "</textarea><form action=//evil.com><button>Approve</button></form>",
    "comment": "<!-- --><svg/onload=alert(1)>",
    "entity": "&lt;script&gt;alert(1)&lt;/script&gt;&#x3c;img&#x3e;",
    "javascript url": "javascript:alert(1) JaVaScRiPt:alert(2) data:text/html,<b>x",
    "template": "{{7*7}} ${7*7} #{7*7} <%= 7*7 %> {0.__class__} %(x)s",
    "null": "a\x00b</p>",
    "csp": "'; script-src *",
}


@pytest.mark.parametrize("name", [*HOSTILE, *MORE])
def test_nothing_from_outside_is_markup(name: str) -> None:
    text = {**HOSTILE, **MORE}[name]
    for written, harmless in zip(hostile(text), HARMLESS, strict=True):
        assert written.encode("utf-8", "strict")
        found = Reader(written)
        assert found.found == harmless
        assert found.open == []
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", written)


@pytest.mark.parametrize("name", [*HOSTILE, *MORE])
def test_nothing_from_outside_is_a_link(name: str) -> None:
    for written in hostile({**HOSTILE, **MORE}[name]):
        body = written.partition("</style>")[2]
        assert [each["href"] for each in Reader(written).all("a")] in ([], ["?t=LINK"])
        assert not re.search(r"(?i)https?:/|://", body)
        assert not re.search(r"(?i)\s(src|style|on\w+|http-equiv)=(?![^<]*</)", body)


@given(anything)
@settings(max_examples=60)
def test_whatever_is_written_stays_text(text: str) -> None:
    for written, harmless in zip(hostile(text or "x"), HARMLESS, strict=True):
        assert [tag for tag, _ in Reader(written).found if tag not in ("li", "section", "h2", "ul")] == [
            tag for tag, _ in harmless if tag not in ("li", "section", "h2", "ul")
        ]
