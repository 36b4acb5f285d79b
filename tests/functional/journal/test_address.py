"""The `STANCH_JOURNAL` setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanch.errors import InvalidInput
from stanch.journal.address import Address, parse
from stanch.journal.sqlite import SqliteJournal
from tests.functional.journal.records import an_action


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("dynamodb://stanch-journal", Address("dynamodb", "stanch-journal")),
        ("dynamodb://Stanch.Journal_1", Address("dynamodb", "Stanch.Journal_1")),
        ("azuretable://stanchstore/journal", Address("azuretable", "journal", "stanchstore")),
        ("sqlite:///var/lib/stanch/journal.db", Address("sqlite", "/var/lib/stanch/journal.db")),
        ("sqlite://.stanch/journal.db", Address("sqlite", ".stanch/journal.db")),
    ],
)
def test_the_three_forms(url: str, expected: Address) -> None:
    assert parse(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "journal.db",
        "sqlite:journal.db",
        "sqlite://",
        "dynamodb://",
        "dynamodb://ab",
        "dynamodb://a/b",
        "dynamodb://eu-west-1/table with blanks",
        "azuretable://account",
        "azuretable://Account/journal",
        "azuretable://account/my-journal",
        "azuretable://account/journal/more",
        "postgres://host/db",
    ],
)
def test_anything_else_is_refused_with_the_forms(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(url)
    assert refused.value.place == "STANCH_JOURNAL"
    assert "dynamodb://TABLE, azuretable://ACCOUNT/TABLE or sqlite://PATH" in refused.value.reason


def test_a_file_s_address_opens_a_journal(tmp_path: Path) -> None:
    address = parse(f"sqlite://{tmp_path}/deep/journal.db")
    journal = SqliteJournal(address.name)
    assert journal.note(an_action(), None, None) is True
    assert SqliteJournal(address.name).get(an_action().id) == an_action()
