"""What all stores share: the stored JSON, what tells one state from the next, and the limits by which things are cut."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from stanch.journal import Query
from stanch.journal.stored import batches, column, earliest, live, pack_fact, pack_report, tip, wall
from tests.functional.journal.records import a_report, an_action


def test_what_is_stored_says_its_version() -> None:
    assert json.loads(pack_report(a_report("key"))) == {
        "schema": 1, "key": "key", "report": {"key": "key", "outcome": "acted"}, "channels": {"sns": None, "teams": None},
        "created_at": "2026-03-01T10:00:01.000Z", "errors": {},
    }  # fmt: skip
    assert json.loads(pack_fact("pause", "prod", {"by": "ann"})) == {"schema": 1, "kind": "pause", "key": "prod", "value": {"by": "ann"}}  # fmt: skip


def test_the_last_hash_of_its_history_tells_one_state_of_an_action_from_the_next() -> None:
    action = an_action()
    assert tip(action) == "-"
    action.note("opened")
    opened = tip(action)
    assert opened == action.chain[-1]["hash"]
    action.note("applied")
    assert tip(action) == action.chain[-1]["hash"] != opened


def test_what_is_kept_until_a_moment_is_over_at_that_moment(later: Callable[[float], None]) -> None:
    later(0)
    now = wall()
    assert [live(until) for until in (None, now + 0.001, now, now - 0.001)] == [True, True, False, False]


def test_a_listing_begins_at_the_moment_whatever_zone_the_machine_is_in(zone: Callable[[str], None]) -> None:
    since = datetime(2026, 3, 1, 12, 0, 30, 999_000, tzinfo=timezone(timedelta(hours=2)))
    zone("Asia/Tokyo")
    assert earliest(Query(since=since)) == "2026-03-01T10:00:30"
    assert earliest(Query()) is None


def test_columns_are_short_ascii_without_case_as_earlier_releases_wrote_them() -> None:
    assert column("Zürich-Prod") == r"z\xfcrich-prod"
    assert column("P" * 300) == "p" * 200


def test_lists_and_texts_are_cut_into_batches_without_loss() -> None:
    assert batches(["a", "b", "c", "d", "e"], 2) == [["a", "b"], ["c", "d"], ["e"]]
    assert batches("abcd", 2) == ["ab", "cd"]
    assert batches("", 2) == []
