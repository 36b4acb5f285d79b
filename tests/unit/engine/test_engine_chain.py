"""The history of an action: true whenever the journal is looked at, and false after whatever was done to it by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from stanch import chain
from stanch.action import Action, Outcome, Status
from stanch.decision import Decision, Identity, Request
from stanch.errors import Refused, Throttled
from stanch.expiry import extend
from stanch.journal import Query
from stanch.playbooks.limits import Expires
from tests.unit.engine.bench import Bench, door, finding, of_type, playbook, vault
from tests.unit.engine.failing import failing
from tests.unit.engine.toy_remediations import CloseDoor

ANNA, BEN = Identity("anna@corp.example", "id-anna"), Identity("ben@corp.example", "id-ben")


@pytest.fixture
def watched(bench: Bench) -> Bench:
    """Every record is verified after every write to the journal."""

    def whole(name: str) -> None:
        for action in bench.journal.find(Query()):
            assert chain.verify(action) == [], f"after {name} of {action.id}"

    bench.journal.after.append(whole)
    return bench


def undone(bench: Bench) -> Action:
    """An action with all that a record may hold, as the journal holds it."""
    bench.vault()
    acted = bench.deliver(finding(vault()))
    bench.undo(acted.action_id).run()
    return bench.action(acted)


class TestTrueAtAnyMoment:
    def test_acted_and_undone(self, watched: Bench) -> None:
        assert undone(watched).outcome is Outcome.UNDONE

    def test_garnish_that_fails_and_an_undo_that_is_refused(self, watched: Bench) -> None:
        watched.vault()
        watched.cloud.before.append(failing(Throttled("slow down"), verb="Set", name="label"))
        acted = watched.deliver(finding(vault()))
        watched.cloud.things["vault-1"]["alarm"] = "broken"
        with pytest.raises(Refused):
            watched.undo(acted.action_id).run()

    def test_interrupted_and_gone_on_with(self, watched: Bench) -> None:
        watched.vault()
        slow = failing(Throttled("slow down"), verb="Set", name="alarm")
        watched.cloud.before.append(slow)
        with pytest.raises(Throttled):
            watched.deliver(finding(vault()))
        watched.cloud.before.remove(slow)
        acted = watched.deliver(finding(vault()))
        assert acted.outcome is Outcome.ACTED
        watched.cloud.before.append(slow)
        with pytest.raises(Throttled):
            watched.undo(acted.action_id).run()
        watched.cloud.before.remove(slow)
        assert watched.undo(acted.action_id).run().outcome is Outcome.UNDONE

    def test_given_up(self, watched: Bench) -> None:
        watched.door()
        watched.cloud.before.append(failing(Throttled("slow down"), verb="Set"))
        with pytest.raises(Throttled):
            watched.deliver()
        assert watched.deliver(last=True).outcome is Outcome.UNVERIFIED

    @pytest.mark.parametrize("decide", ["approve", "deny"])
    def test_decided(self, watched: Bench, decide: str) -> None:
        watched.playbooks = [playbook("doors", CloseDoor.id, when=of_type(CloseDoor), mode="approve")]
        watched.door()
        asked = watched.deliver()
        decision = Decision(watched.deployment, Request(str(asked.action_id), ANNA, "seen"))
        assert getattr(decision, decide)().outcome in (Outcome.ACTED, Outcome.EXPIRED)
        assert [entry["event"] for entry in watched.action(asked).chain][-1] == {"approve": "acted", "deny": "expired"}[decide]  # fmt: skip

    def test_ran_by_a_person(self, watched: Bench) -> None:
        assert watched.runbook(watched.door()).apply().outcome is Outcome.ACTED

    def test_on_a_lease_that_is_extended(self, watched: Bench) -> None:
        lease = Expires(after=3600, then="remind")
        watched.playbooks = [playbook("doors", CloseDoor.id, when=of_type(CloseDoor), expires=lease)]
        watched.door()
        acted = watched.deliver()
        extend(watched.deployment, str(acted.action_id), "anna@corp.example", 7200, "still looking")
        assert [entry["event"] for entry in watched.action(acted).chain][-1] == "lease extended"

    def test_of_text_that_is_no_unicode(self, watched: Bench) -> None:
        watched.door()
        result = watched.deliver(finding(title="a lone surrogate \ud800", raw={"name": "\udfff"}))
        assert result.outcome is Outcome.ACTED


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every leaf of a JSON value, an empty object or list being one."""
    if isinstance(value, dict | list) and value:
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths(item, (*at, key))
    else:
        yield at


def other(path: tuple[Any, ...], value: Any) -> Any:
    """A value that may stand there instead."""
    if path == ("outcome",):
        return str(Outcome.ACTED if value != Outcome.ACTED else Outcome.FAILED)
    if path[0] == "steps" and path[-1] == "status":
        return str(Status.FAILED if value != Status.FAILED else Status.APPLIED)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, dict):
        return {"added": 1}
    return ["added"] if isinstance(value, list) else f"{value or ''}x"


class TestFalseOnceTouched:
    def test_any_field(self, bench: Bench) -> None:
        record = undone(bench).as_json()
        assert chain.verify(Action.from_json(deepcopy(record))) == []
        silent = []
        tried = [path for path in paths(record) if path != ("schema",)]
        for path in tried:
            forged = deepcopy(record)
            at = forged
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = other(path, at[path[-1]])
            if not chain.verify(Action.from_json(forged)):
                silent.append(path)
        assert len(tried) > 100
        assert silent == []

    def test_an_entry_that_is_dropped(self, bench: Bench) -> None:
        action = undone(bench)
        for place in range(len(action.chain)):
            forged = Action.from_json(deepcopy(action.as_json()))
            del forged.chain[place]
            assert chain.verify(forged) != [], f"entry {place}"

    def test_entries_that_are_swapped_or_repeated(self, bench: Bench) -> None:
        action = undone(bench)
        for place in range(len(action.chain) - 1):
            forged = Action.from_json(deepcopy(action.as_json()))
            forged.chain[place : place + 2] = forged.chain[place : place + 2][::-1]
            assert chain.verify(forged) != [], f"entry {place}"
            forged.chain[place : place + 2] = [forged.chain[place]] * 2
            assert chain.verify(forged) != [], f"entry {place}"

    def test_an_entry_that_is_added(self, bench: Bench) -> None:
        action = undone(bench)
        action.chain.append({**action.chain[-1], "event": "released"})
        assert chain.verify(action) == [
            f"history[{len(action.chain) - 1}] (released): was changed, or the one before it was"
        ]

    def test_a_history_of_another_action(self, bench: Bench) -> None:
        one = undone(bench)
        bench.door("door-2")
        two = bench.action(bench.deliver(finding(door("door-2"), id="finding-2")))
        one.chain = two.chain
        assert len(chain.verify(one)) == 2

    @pytest.mark.parametrize("entry", [None, "opened", {"event": "opened"}, {"event": "opened", "hash": 1}])
    def test_no_history_and_no_entry(self, bench: Bench, entry: Any) -> None:
        action = undone(bench)
        action.chain[1] = entry
        assert chain.verify(action) == ["history[1]: is no entry"]
        action.chain = []
        assert chain.verify(action) == ["history: there is none"]

    def test_a_record_of_the_first_release_still_stands(self) -> None:
        """If this fails, what records look like has changed in a way that makes every record before it look forged."""
        record = json.loads((Path(__file__).parent / "fixtures/action-chained.json").read_text())
        assert chain.verify(Action.from_json(record)) == []
        record["reason"] = "nothing to see here"
        assert len(chain.verify(Action.from_json(record))) == 1

    def test_a_later_release_may_add_fields_that_are_empty(self, bench: Bench) -> None:
        record = undone(bench).as_json()
        assert record["expires"] is None
        del record["expires"]  # as a release that did not know it would have stored it
        assert chain.verify(Action.from_json(record)) == []


class TestDay:
    def some(self, bench: Bench) -> tuple[list[Action], date]:
        """Four actions, and the day they are of."""
        for number in range(4):
            bench.door(f"door-{number}")
            bench.deliver(finding(door(f"door-{number}"), id=f"finding-{number}"))
        actions = bench.actions()
        return actions, date.fromisoformat(actions[0].opened_at[:10])

    def test_the_same_whatever_the_order_and_whatever_came_later(self, bench: Bench) -> None:
        actions, today = self.some(bench)
        made = chain.anchor(actions, today)
        assert (made["actions"], made["day"], len(made["tips"])) == (4, today.isoformat(), 4)
        assert chain.anchor(reversed(actions), today) == made
        assert made["version"] == 1
        tomorrow = (today + timedelta(days=1)).isoformat()
        actions[0].chain.append({"at": tomorrow, "event": "undone", "hash": "f" * 64})
        assert chain.anchor(actions, today) == made
        assert chain.verify_day(made, actions) == []

    def test_a_day_on_which_nothing_happened(self, bench: Bench) -> None:
        made = chain.anchor(self.some(bench)[0], date(2020, 1, 1))
        assert (made["actions"], made["tips"]) == (0, {})
        assert chain.verify_day(made, bench.actions()) == []

    def test_a_deleted_action_is_named(self, bench: Bench) -> None:
        actions, today = self.some(bench)
        made = chain.anchor(actions, today)
        gone = actions.pop(2)
        assert chain.verify_day(made, actions) == [
            f"action {gone.id} was anchored on {today} and is not in the journal any more"
        ]

    def test_a_rewritten_one_is_named_though_its_own_history_is_whole(self, bench: Bench) -> None:
        actions, today = self.some(bench)
        made = chain.anchor(actions, today)
        forged = actions[1]
        forged.chain, forged.reason = [], "nothing to see here"
        forged.note("opened")
        assert chain.verify(forged) == []
        assert chain.verify_day(made, actions) == [f"action {forged.id} had another history when {today} was anchored"]  # fmt: skip

    def test_one_that_was_slipped_in_is_named(self, bench: Bench) -> None:
        actions, today = self.some(bench)
        made = chain.anchor(actions[1:], today)
        assert chain.verify_day(made, actions) == [
            f"action {actions[0].id} tells of {today} and was not there when {today} was anchored"
        ]

    def test_an_anchor_that_was_changed_says_so(self, bench: Bench) -> None:
        actions, today = self.some(bench)
        made = chain.anchor(actions, today)
        del made["tips"][actions[0].id]
        assert chain.verify_day(made, actions[1:]) == [
            f"the anchor of {today} is damaged: its hash is not that of its content"
        ]
