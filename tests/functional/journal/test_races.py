"""Many at once: whoever comes first wins, once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from stanch.errors import Busy, Retryable, StanchError
from stanch.journal import OutboxItem
from tests.functional.journal.records import EFFECT, MARKER, OTHER, a_lease, a_report, an_action
from tests.functional.journal.stores import Store

MANY = 8


def at_once(calls: Sequence[Callable[[], object]]) -> list[object]:
    """Each call in a thread of its own, all let go together; its result, or the StanchError it raised."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return call()
        except StanchError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def winner(results: list[object]) -> int:
    """Which call came through; all others must have been told that another holds the effect, or to come again."""
    assert sum(result is None for result in results) == 1, results
    assert all(isinstance(result, Retryable) for result in results if result is not None), results
    assert any(isinstance(result, Busy) for result in results), results
    return results.index(None)


def test_of_many_who_open_an_effect_one_wins(store: Store) -> None:
    actions = [an_action(number) for number in range(MANY)]

    def opening(number: int) -> Callable[[], None]:
        journal = store()
        return lambda: journal.open(actions[number], a_lease(actions[number]), MARKER)

    won = winner(at_once([opening(number) for number in range(MANY)]))
    standing = store().look(EFFECT, MARKER)
    assert standing.lease == a_lease(actions[won])
    assert standing.open == standing.earlier == actions[won]
    assert [store().get(action.id) for number, action in enumerate(actions) if number != won] == [None] * (MANY - 1)


def test_of_many_who_claim_a_crashed_attempt_one_wins(store: Store) -> None:
    action = an_action()
    crashed = a_lease(action)
    store().open(action, crashed, None)

    def claiming(number: int) -> Callable[[], None]:
        journal = store()
        return lambda: journal.claim(crashed, a_lease(action, 2, 1_900_000_000.0 + number))

    won = winner(at_once([claiming(number) for number in range(MANY)]))
    assert store().look(EFFECT, None).lease == a_lease(action, 2, 1_900_000_000.0 + won)


def test_a_holder_who_records_and_one_who_claims_cannot_both_succeed(store: Store) -> None:
    """The record renews the lease, so that the claim's `stale` is no longer stored; after the claim the record is fenced."""
    for number in range(5):
        action = an_action(number, OTHER[:12] + f"{number:052x}")
        crashed = a_lease(action)
        journal = store()
        journal.open(action, crashed, None)
        renewed, claimed = a_lease(action, 1, 1_900_000_000.0), a_lease(action, 2, 1_950_000_000.0)
        won = winner(
            at_once([lambda: journal.record(action, renewed), lambda: journal.claim(crashed, claimed)])  # noqa: B023
        )
        assert journal.look(action.effect, None).lease == (renewed, claimed)[won]


def test_of_many_who_note_or_file_the_same_one_does(store: Store) -> None:
    def noting(number: int) -> Callable[[], bool]:
        journal, action = store(), an_action(reason=f"number {number}")
        return lambda: journal.note(action, None, a_report(f"{action.id}:{number}"))

    def filing(number: int) -> Callable[[], bool]:
        journal, report = store(), OutboxItem("key", {"number": number}, {"sns": None}, "2026-03-01T10:00:00.000Z")
        return lambda: journal.file(report)

    noted = at_once([noting(number) for number in range(MANY)])
    assert noted.count(True) == 1
    assert all(result is False or isinstance(result, Retryable) for result in noted if result is not True), noted
    kept = store().get(an_action().id)
    assert kept is not None
    assert kept.reason == f"number {noted.index(True)}"
    filed = at_once([filing(number) for number in range(MANY)])
    assert filed.count(True) == 1
    assert all(result is False or isinstance(result, Retryable) for result in filed if result is not True), filed
    assert [item.key for item in store().pending()] == ["key", f"{an_action().id}:{noted.index(True)}"]
    assert next(store().pending()).report == {"number": filed.index(True)}


def test_many_channels_delivered_at_once_are_all_remembered(store: Store) -> None:
    names = [f"channel {number}" for number in range(MANY)]
    store().file(OutboxItem("key", {}, dict.fromkeys(names), "2026-03-01T10:00:00.000Z"))

    def sending(name: str) -> Callable[[], None]:
        journal, channels = store(), {other: "now" if other == name else None for other in names}
        return lambda: journal.sent(OutboxItem("key", {}, channels, "2026-03-01T10:00:00.000Z"))

    results = at_once([sending(name) for name in names])
    told = [name for name, result in zip(names, results, strict=True) if result is None]
    assert all(isinstance(result, Retryable) for result in results if result is not None), results
    assert told
    pending = [item.pending for item in store().pending()]
    assert pending == ([sorted(set(names) - set(told))] if len(told) < MANY else [])


def test_different_effects_are_opened_at_once(store: Store) -> None:
    actions = [an_action(number, f"{number:064x}"[::-1]) for number in range(1, MANY + 1)]
    results = at_once(
        [lambda action=action: store().open(action, a_lease(action), MARKER) for action in actions]  # type: ignore[misc]
    )
    assert results == [None] * MANY
    assert [store().look(action.effect, MARKER).open for action in actions] == actions
