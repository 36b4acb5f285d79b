"""Mails and their subjects hold whatever an event says: whole lines, inert, within bounds."""

from __future__ import annotations

import re
import string
import unicodedata

import pytest
from hypothesis import given

from stanch.notify.text import subject, text
from stanch.report import Report
from tests.unit.notify.mails import line
from tests.unit.notify.samples import (
    ACTION,
    HOSTILE,
    KEY,
    OUTCOMES,
    enormous,
    everywhere,
    report,
    reports,
)


@pytest.mark.parametrize(
    "name", ["x; rm -rf ~", "$(id)", "`id`", "--apply", "a'b", "a b", "a\nb", "", "x|y", "x" * 500, "ｘ"]
)
def test_an_odd_name_is_in_no_command(name: str) -> None:
    shown = text(report("planned", resource={"type": "AWS::IAM::AccessKey", "id": name}))
    assert line(shown, "To act") == ""


def test_a_name_with_brackets_is_quoted() -> None:
    shown = text(report("planned", resource={"type": "T", "id": "/subscriptions/0/resourceGroups/rg(1)"}))
    assert line(shown, "To act").startswith(
        "stanch run aws.iam.deactivate_access_key '/subscriptions/0/resourceGroups/rg(1)' --reason"
    )


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("name", HOSTILE)
def test_the_mail_is_inert(name: str, outcome: str) -> None:
    shown = text(everywhere(HOSTILE[name], outcome))
    control = [
        char for char in shown if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
    ]
    assert control == []
    assert not re.search(r"(?i)https?:|://|\bwww\.\w|evil\.com|//evil\.", shown)
    rows = shown.splitlines()
    assert rows[0].startswith(outcome.upper().replace("_", " "))
    assert [row for row in rows if row.startswith(("Undo  ", "Subject", "ACTED"))] in (
        [],
        [rows[0]],
        [f"Undo          stanch undo {ACTION} --apply --reason 'why'"],
        [rows[0], f"Undo          stanch undo {ACTION} --apply --reason 'why'"],
    )


@given(reports)
def test_any_report_has_a_text_of_whole_lines(given_: Report) -> None:
    shown = text(given_)
    assert shown.endswith("\n")
    assert all(row.isprintable() for row in shown.split("\n"))
    assert f"report {ACTION}:acted:1, " in shown
    assert shown.encode().decode() == shown


@given(reports)
def test_any_subject_is_what_sns_takes(given_: Report) -> None:
    shown = subject(given_)
    assert 0 < len(shown) <= 99
    assert set(shown) <= set(string.ascii_letters + string.digits + string.punctuation + " ")
    assert shown[0].isalpha()
    assert shown == shown.strip()
    assert shown.startswith(given_.outcome.upper().replace("_", " "))


@pytest.mark.parametrize("name", HOSTILE)
def test_the_subject_is_inert(name: str) -> None:
    shown = subject(everywhere(HOSTILE[name]))
    assert not re.search(r"(?i)https?:|://|www\.\w|evil\.com", shown)
    assert shown.startswith("ACTED (high): ")
    assert len(shown) <= 99


def test_subjects_begin_with_the_state_and_name_the_place() -> None:
    assert subject(report()) == f"ACTED (high): Deactivate IAM access key: {KEY} in 111122223333"
    assert (
        subject(report("awaiting_approval"))
        == f"AWAITING APPROVAL (high): Deactivate IAM access key: {KEY} in 111122223333"
    )
    long = subject(report("failed", title="Über→" * 30))
    assert long == f"FAILED (high): ?ber??ber??ber??ber??ber??ber??ber??ber??be...: {KEY} in 111122223333"
    assert long.endswith(f"...: {KEY} in 111122223333")
    assert len(long) in (98, 99)


def test_more_than_fits_anywhere_still_fits() -> None:
    shown = text(enormous())
    assert len(shown.encode()) < 40_000
    assert f"stanch undo {ACTION} --apply --reason 'why'" in shown
    assert "… and 45 more" in shown
