"""Finding actions again: by id and by what fits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from stanch.action import Action, Outcome
from stanch.finding import Resource
from stanch.journal import Journal, Query
from tests.functional.journal.records import EFFECT, OTHER, a_lease, an_action

NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def numbers(found: object) -> list[int]:
    return [int(action.id[-11:], 16) for action in found]  # type: ignore[attr-defined]


@pytest.fixture
def listed(journal: Journal) -> Journal:
    """Six actions over forty days; the first number is the newest but one."""
    key = an_action().resource
    machine = Resource(
        "Microsoft.Compute/virtualMachines", "/subscriptions/S/vm", "AAAAAAAA-0000-0000-0000-000000000000"
    )
    rows: list[tuple[int, str, datetime, Outcome | None, str | None, Resource]] = [
        (1, EFFECT, ago(minutes=5), Outcome.ACTED, "leaked-key", key),
        (2, OTHER, ago(minutes=1), Outcome.HELD, "leaked-key", replace(key, account="444455556666")),
        (3, EFFECT, ago(hours=30), Outcome.UNDONE, None, key),
        (4, OTHER, ago(days=3), Outcome.ACTED, "open-port", machine),
        (5, EFFECT, ago(days=40), Outcome.FAILED, "leaked-key", key),
    ]
    for number, effect, at, outcome, playbook, resource in rows:
        action = an_action(number, effect, opened_at=text(at), outcome=outcome, playbook=playbook, resource=resource)
        assert journal.note(action, None, None) is True
    still_open = an_action(6, EFFECT, opened_at=text(ago(days=35)), playbook="open-port")
    journal.open(still_open, a_lease(still_open), None)
    return journal


EXPECTED: list[tuple[Query, list[int]]] = [
    (Query(), [2, 1, 3, 4, 6, 5]),
    (Query(since=ago(minutes=5)), [2, 1]),
    (Query(since=ago(minutes=5) + timedelta(milliseconds=1)), [2]),
    (Query(since=ago(hours=31)), [2, 1, 3]),
    (Query(since=ago(days=3)), [2, 1, 3, 4]),
    (Query(since=ago(days=36)), [2, 1, 3, 4, 6]),
    (Query(since=ago(days=50)), [2, 1, 3, 4, 6, 5]),
    (Query(since=NOW + timedelta(hours=1)), []),
    (Query(account="444455556666"), [2]),
    (Query(account="aaaaaaaa-0000-0000-0000-000000000000"), [4]),
    (Query(account="1111"), []),
    (Query(outcomes=frozenset({Outcome.ACTED})), [1, 4]),
    (Query(outcomes=frozenset({Outcome.ACTED, Outcome.FAILED, Outcome.UNDONE})), [1, 3, 4, 5]),
    (Query(outcomes=frozenset(Outcome)), [2, 1, 3, 4, 5]),
    (Query(outcomes=frozenset()), []),
    (Query(playbook="leaked-key"), [2, 1, 5]),
    (Query(playbook="LEAKED-KEY"), []),
    (Query(open_only=True), [6]),
    (Query(open_only=True, since=ago(days=1)), []),
    (Query(open_only=True, outcomes=frozenset({Outcome.ACTED})), []),
    (Query(since=ago(days=20), playbook="leaked-key", outcomes=frozenset({Outcome.ACTED})), [1]),
    (Query(ago(days=60), "111122223333", frozenset({Outcome.FAILED}), "leaked-key"), [5]),
]


def test_what_fits_comes_newest_first(listed: Journal) -> None:
    found = [(query, numbers(listed.find(query))) for query, _ in EXPECTED]
    assert found == EXPECTED


def test_an_action_moves_between_listings_with_its_outcome(listed: Journal) -> None:
    action = listed.get(f"{EFFECT[:12]}-00000000006")
    assert action is not None
    action.outcome = Outcome.ACTED
    listed.close(action, a_lease(action), None)
    assert numbers(listed.find(Query(open_only=True))) == []
    assert numbers(listed.find(Query(outcomes=frozenset({Outcome.ACTED})))) == [1, 4, 6]


def test_listed_actions_are_whole(listed: Journal) -> None:
    found = next(listed.find(Query(account="444455556666")))
    assert found == listed.get(f"{OTHER[:12]}-00000000002")
    assert found.steps == an_action().steps


def test_writing_while_listing_is_fine(listed: Journal) -> None:
    seen: list[Action] = []
    for number, action in enumerate(listed.find(Query()), 100):
        seen.append(action)
        assert listed.note(an_action(number, opened_at=text(ago(days=45))), None, None) is True
    assert numbers(seen)[:6] == [2, 1, 3, 4, 6, 5]


def test_an_unknown_id_is_no_action(journal: Journal) -> None:
    journal.note(an_action(), None, None)
    ids = ["", "x", "0123456789ab", "0123456789ab-00000000009", "a/b?c#d", "../..", "é", "x" * 5000, "'or'1'='1", "a\n"]
    assert [journal.get(action_id) for action_id in ids] == [None] * len(ids)


def test_an_action_is_got_by_its_id(journal: Journal) -> None:
    action = an_action()
    journal.note(action, None, None)
    assert journal.get("0123456789ab-00000000001") == action
