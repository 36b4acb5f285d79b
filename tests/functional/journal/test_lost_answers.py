"""Stores whose answers are lost: what was written is known as our own, and nobody else's is taken for it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from stanch.errors import Busy, Retryable
from stanch.journal import Journal, Standing
from stanch.journal.dynamodb import DynamoJournal
from stanch.journal.dynamodb_table import create_table
from stanch.journal.table_storage import TableJournal
from tests.functional.journal.records import EFFECT, MARKER, a_lease, a_report, an_action, closed
from tests.functional.journal.stores import dynamodb_client, table_client
from tests.functional.journal.trouble import Forgetful, serving

ACTION = an_action()


@pytest.fixture(params=["dynamodb_local", "azurite"])
def forgetful(request: pytest.FixtureRequest) -> Iterator[tuple[Journal, Forgetful]]:
    """A journal on a real store, reached through one who may lose its answers."""
    name = f"journal{uuid.uuid4().hex[:8]}"
    server = request.getfixturevalue(request.param)
    if request.param == "azurite":
        endpoint = urlsplit(server.endpoint("table"))
        proxy = Forgetful(f"http://{endpoint.netloc}", lambda request: request[1].endswith("/$batch"))
        with serving(proxy) as url, table_client(url + endpoint.path, name) as table:
            table.create_table()
            yield TableJournal(table), proxy
        return
    proxy = Forgetful(server, lambda request: request[2]["X-Amz-Target"].endswith(("TransactWriteItems", "UpdateItem")))
    with (
        serving(proxy) as url,
        closing(dynamodb_client(url, retries={"mode": "standard", "total_max_attempts": 3})) as client,
    ):
        create_table(client, name)
        yield DynamoJournal(client, name), proxy


def test_a_write_whose_answer_was_lost_is_known_as_our_own(forgetful: tuple[Journal, Forgetful]) -> None:
    """The SDK sends it again, and the conditions no longer hold because they held the first time."""
    journal, proxy = forgetful
    action = an_action()
    report = a_report(f"{action.id}:acted:1")

    def losing_one(write: Callable[[], object]) -> object:
        proxy.lose = 1
        result = write()
        assert proxy.lose == 0
        return result

    losing_one(lambda: journal.open(action, a_lease(action), MARKER))
    assert journal.look(EFFECT, MARKER) == Standing(a_lease(action), action, action, action.id)
    losing_one(lambda: journal.claim(a_lease(action), a_lease(action, 2)))
    assert journal.look(EFFECT, None).lease == a_lease(action, 2)
    losing_one(lambda: journal.record(action, a_lease(action, 2, 1_900_000_000.0)))
    assert journal.look(EFFECT, None).lease == a_lease(action, 2, 1_900_000_000.0)
    losing_one(lambda: journal.close(closed(action), a_lease(action, 2), report))
    assert journal.look(EFFECT, MARKER) == Standing(None, None, action, action.id)
    assert list(journal.pending()) == [report]
    losing_one(lambda: journal.reopen(action, a_lease(action, 3)))
    assert journal.look(EFFECT, None).lease == a_lease(action, 3)
    assert losing_one(lambda: journal.note(an_action(2), None, None)) is True
    assert losing_one(lambda: journal.file(a_report("key"))) is True
    losing_one(lambda: journal.sent(a_report("key", sns="2026-03-01T10:00:03.000Z", teams=None)))
    assert [item.pending for item in journal.pending() if item.key == "key"] == [["teams"]]
    assert losing_one(lambda: journal.keep("lease", "sweep", {"by": "us"}, None, new=True)) is True
    assert journal.kept("lease") == {"sweep": {"by": "us"}}
    assert losing_one(lambda: journal.keep("lease", "sweep", {"by": "us again"}, None)) is True
    assert losing_one(lambda: journal.drop("lease", "sweep")) is True
    assert journal.kept("lease") == {}
    assert proxy.lost == 11


def test_a_count_whose_answer_was_lost_is_never_forgotten(forgetful: tuple[Journal, Forgetful]) -> None:
    journal, proxy = forgetful
    counted = 0
    for number in range(1, 4):
        proxy.lose = 1
        (value,) = journal.count(["key"], 2e9)
        assert counted < value <= 2 * number
        assert journal.counts(["key"]) == [value]
        counted = value
    assert proxy.lost == 3
    proxy.lose = 100
    with pytest.raises(Retryable):
        journal.count(["key"], 2e9)
    proxy.lose = 0
    assert journal.counts(["key"])[0] > counted


def test_the_write_of_another_is_not_taken_for_our_own(forgetful: tuple[Journal, Forgetful]) -> None:
    journal, proxy = forgetful
    action = an_action()
    journal.open(action, a_lease(action), None)
    proxy.lose = 1
    with pytest.raises(Busy):
        journal.open(an_action(), a_lease(action), None)
    assert journal.look(EFFECT, None) == Standing(a_lease(action), action, None, action.id)
    journal.keep("lease", "sweep", {"by": "another"}, None)
    proxy.lose = 1
    assert journal.keep("lease", "sweep", {"by": "us"}, None, new=True) is False
    assert journal.kept("lease") == {"sweep": {"by": "another"}}


def test_a_write_whose_every_answer_is_lost_leaves_it_unknown(forgetful: tuple[Journal, Forgetful]) -> None:
    journal, proxy = forgetful
    action = an_action()
    proxy.lose = 100
    with pytest.raises(Retryable):
        journal.open(action, a_lease(action), MARKER)
    proxy.lose = 0
    assert journal.look(EFFECT, MARKER) == Standing(a_lease(action), action, action, action.id)
