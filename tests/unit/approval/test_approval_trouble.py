"""Forms that nobody filled in on our page, clouds that do not answer, keys that are not there."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from handlers import approval
from stanch.approval.links import Links
from stanch.errors import AccessDenied, Throttled, Unreachable
from tests.unit.approval.desk import (
    ALICE,
    CAROL,
    LINKS,
    Desk,
    filled,
    hidden,
    link,
    sealed,
    untouched,
    words,
)
from tests.unit.engine.toy import Call


@pytest.mark.parametrize("given", ["", "   ", "\u202e\u200b", "\r\n", "x" * 1001])
def test_a_reason_is_required(desk: Desk, given: str) -> None:
    action = desk.ask()
    reply = desk.visit("POST", action, ALICE, filled(desk.show(action), reason=given))
    assert reply.status == 400
    assert "Say why, in at most 1000 characters. This request did nothing." in words(reply)
    assert set(hidden(reply)) == {"form", "plan"}
    assert ("x" * 1001 in reply.body) == (given[:1] == "x")
    assert untouched(desk, action)


@pytest.mark.parametrize(
    "body",
    [b"", b"decision", b"=&=", b"\xff\xfe", b"reason=%ff", b"a=1&a=2&reason=x", b"&".join(b"f%d=1" % at for at in range(9)), b"{}"],
)  # fmt: skip
def test_a_form_that_cannot_be_read_does_nothing(desk: Desk, body: bytes) -> None:
    action = desk.ask()
    reply = desk.visit("POST", action, ALICE, body, content_type="application/x-www-form-urlencoded")
    assert reply.status in (400, 403)
    assert untouched(desk, action)


def test_fields_that_stand_twice_are_refused(desk: Desk) -> None:
    action = desk.ask()
    reply = desk.visit("POST", action, ALICE, filled(desk.show(action)) + b"&decision=deny")
    assert (reply.status, "form: it says something twice" in words(reply)) == (400, True)
    assert untouched(desk, action)


@pytest.mark.parametrize("decision", ["", "Approve", "approve\n", "apply", "release"])
def test_neither_button_does_nothing(desk: Desk, decision: str) -> None:
    action = desk.ask()
    reply = desk.visit("POST", action, ALICE, filled(desk.show(action), decision))
    assert (reply.status, "neither approve nor deny" in words(reply)) == (400, True)
    assert untouched(desk, action)


def test_a_form_may_have_16_kilobytes(desk: Desk) -> None:
    action = desk.ask()
    sent = filled(desk.show(action), reason="x" * 900)
    padded = sent + b"&pad=" + b"x" * (16 * 1024 - len(sent) - 5)
    assert len(padded) == 16 * 1024
    reply = desk.visit("POST", action, ALICE, padded + b"x")
    assert (reply.status, "longer than 16 KB" in words(reply)) == (413, True)
    assert untouched(desk, action)
    assert desk.visit("POST", action, ALICE, padded).status == 200


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "application/json", "multipart/form-data; boundary=x", "application/x-www-form-urlencodedx"],
)
def test_other_kinds_of_body_are_refused(desk: Desk, kind: str) -> None:
    action = desk.ask()
    reply = desk.visit("POST", action, ALICE, filled(desk.show(action)), content_type=kind)
    assert reply.status == 415
    assert untouched(desk, action)


def test_a_charset_is_no_other_kind(desk: Desk) -> None:
    action = desk.ask()
    kind = "Application/X-WWW-Form-URLEncoded; charset=UTF-8"
    assert desk.visit("POST", action, ALICE, filled(desk.show(action)), content_type=kind).status == 200


def failing(desk: Desk, verb: str, error: Exception) -> None:
    def hook(call: Call) -> None:
        if call.verb == verb:
            raise error

    desk.cloud.before.append(hook)


def test_a_busy_cloud_is_to_be_asked_again(desk: Desk) -> None:
    action = desk.ask()
    failing(desk, "Describe", Throttled("toy:Describe: slow down"))
    reply = desk.show(action)
    assert reply.status == 503
    assert words(reply).splitlines()[:6] == [
        "NOT FINISHED", "There is no plan to show", "Close a door", "Open it again in a moment: toy:Describe: slow down", "How it stands",
        "AWAITING APPROVAL (high) Nothing was changed: it waits for a person. Reason: mode: approve",
    ]  # fmt: skip


def test_what_was_interrupted_is_not_called_done_or_undone(desk: Desk) -> None:
    action = desk.ask()
    sent = filled(desk.show(action))
    failing(desk, "Set", Unreachable("toy:Set: no answer"))
    reply = desk.visit("POST", action, ALICE, sent)
    assert reply.status == 503
    assert words(reply).startswith("NOT FINISHED\nIt is not known what was done\n")
    assert "IN PROGRESS (high)" in words(reply)


def test_a_clouds_no_is_told(desk: Desk) -> None:
    action = desk.ask()
    failing(desk, "Describe", AccessDenied("toy:Describe", "AccessDenied", "not allowed"))
    reply = desk.show(action)
    assert (reply.status, "toy:Describe: AccessDenied: not allowed" in words(reply)) == (502, True)


def test_a_failed_action_is_told_as_failed(desk: Desk) -> None:
    action = desk.ask()
    sent = filled(desk.show(action))
    failing(desk, "Set", AccessDenied("toy:Set", "AccessDenied", "not allowed"))
    reply = desk.visit("POST", action, ALICE, sent)
    assert reply.status == 200
    assert words(reply).startswith("FAILED (high)\nClose a door\nNOT contained.")
    assert '<header class="attention">' in reply.body


def test_an_action_that_the_journal_does_not_hold_is_refused(desk: Desk) -> None:
    action = desk.ask()
    gone = link(action, action_id="0" * 12 + "-" + "0" * 11)
    reply = desk.show(action, token=gone)
    assert (reply.status, "unknown action: the journal holds no action 000000000000-00000000000" in words(reply)) == (
        409,
        True,
    )


@pytest.mark.parametrize(("links", "said"), [
    (None, "approvals by link are not set up: STANCH_SIGNING_SECRET names no secret"),
    (Links("", lambda: "s3cr3t"), "Nothing can be decided here: STANCH_SIGNING_SECRET: the secret is no JSON"),
])  # fmt: skip
def test_without_keys_nothing_is_shown(desk: Desk, links: Links | None, said: str) -> None:
    action = desk.ask()
    for visit in (approval.Visit("GET", link(action), ALICE), approval.Visit("POST", link(action), ALICE, sealed(action, ALICE), "application/x-www-form-urlencoded")):  # fmt: skip
        reply = approval.answer(desk.deployment, links, visit)
        assert (reply.status, said in words(reply)) == (503, True)
    assert untouched(desk, action)


def test_keys_that_cannot_be_fetched_are_to_be_asked_for_again(desk: Desk) -> None:
    def fetch() -> str:
        raise Throttled("secretsmanager:GetSecretValue: slow down")

    action = desk.ask()
    reply = approval.answer(desk.deployment, Links("", fetch), approval.Visit("GET", link(action), ALICE))
    assert (reply.status, "secretsmanager:GetSecretValue: slow down" in words(reply)) == (503, True)


def test_refusals_are_logged_without_the_token(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    action = desk.ask()
    given = link(action)
    with caplog.at_level(logging.INFO, "stanch"):
        desk.visit("POST", action, CAROL, sealed(action, CAROL), token=given)
        desk.show(action, ALICE, token=given[:-4] + "AAAA")
    first, second = (json.loads(record.getMessage()) for record in caplog.records)
    assert first["status"] == 409
    assert (first["action"], first["by"], first["channel"]) == (action.id, CAROL.subject, "soc:teams")
    assert (second["status"], second["by"], "action" in second) == (403, ALICE.subject, False)
    assert given.split(".")[2] not in caplog.text


def test_a_visit_does_not_print_its_token(desk: Desk) -> None:
    action = desk.ask()
    given: Any = link(action)
    assert given not in repr(approval.Visit("GET", given, ALICE))
    assert "nnnn" not in repr(LINKS)
