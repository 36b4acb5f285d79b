"""What the history says of an undo: opened, gone on with, refused, given up."""

from __future__ import annotations

import pytest

from stanch.errors import Drifted, Unreachable
from stanch.result import Result
from tests.unit.engine.bench import Bench, finding, vault
from tests.unit.engine.failing import denied, failing, killed_at, killed_in
from tests.unit.engine.histories import history
from tests.unit.engine.toy import Call


class TestUndone:
    def acted(self, bench: Bench) -> Result:
        bench.door()
        return bench.deliver()

    def test_opened_and_undone(self, bench: Bench) -> None:
        bench.vault()
        acted = bench.deliver(finding(vault()))
        bench.undo(acted.action_id).run()
        assert history(bench, acted.action_id) == [
            "1 opened requester=stanch", *(f"1 applied change={change}" for change in ("barrier", "placed", "connections", "alarm", "label", "photo")), "1 acted",
            "2 undo opened requester=analyst reason=a false alarm", *(f"2 undone change={change}" for change in ("label", "alarm", "placed", "barrier")), "2 undone",
        ]  # fmt: skip

    def test_interrupted_by_a_read_and_resumed(self, bench: Bench) -> None:
        acted = self.acted(bench)
        deaf = failing(Unreachable("timeout"), verb="Describe")

        def fuse(name: str) -> None:
            if name == "reopen":
                bench.cloud.before.append(deaf)

        bench.journal.after.append(fuse)
        with pytest.raises(Unreachable):
            bench.undo(acted.action_id).run()
        bench.cloud.before.clear()
        bench.undo(acted.action_id, who="bob").run()
        assert history(bench, acted.action_id)[3:] == [
            "2 undo opened requester=analyst reason=a false alarm", "2 undo interrupted error=timeout",
            "3 undo resumed requester=bob", "3 undone change=front", "3 undone",
        ]  # fmt: skip

    def test_interrupted_by_a_write(self, bench: Bench) -> None:
        acted = self.acted(bench)
        bench.cloud.before.append(failing(Unreachable("timeout"), verb="Set"))
        with pytest.raises(Unreachable):
            bench.undo(acted.action_id).run()
        assert history(bench, acted.action_id)[3:] == [
            "2 undo opened requester=analyst reason=a false alarm", "2 undo interrupted change=front error=timeout",
        ]  # fmt: skip

    def test_not_verified_for_now(self, bench: Bench) -> None:
        acted = self.acted(bench)

        def deaf(call: Call) -> None:
            if call.verb == "Describe" and "Set door-1.front" in bench.cloud.writes()[1:]:
                raise Unreachable("timeout")

        bench.cloud.before.append(deaf)
        with pytest.raises(Unreachable):
            bench.undo(acted.action_id).run()
        assert history(bench, acted.action_id)[3:] == [
            "2 undo opened requester=analyst reason=a false alarm", "2 undone change=front", "2 undo unverified error=timeout",
        ]  # fmt: skip

    def test_refused_under_the_lock(self, bench: Bench) -> None:
        acted = self.acted(bench)

        def drift(name: str) -> None:
            if name == "reopen":
                bench.cloud.things["door-1"]["front"] = "ajar"

        bench.journal.before.append(drift)
        with pytest.raises(Drifted):
            bench.undo(acted.action_id).run()
        assert history(bench, acted.action_id)[3:] == [
            "2 undo opened requester=analyst reason=a false alarm", "2 undo refused",
        ]  # fmt: skip

    def test_refused_after_an_undo_that_was_partial_keeps_whose_that_was(self, bench: Bench) -> None:
        bench.vault()
        acted = bench.deliver(finding(vault()))
        bench.cloud.before.append(failing(denied(), purpose="undo", name="barrier"))
        assert bench.undo(acted.action_id, who="alice").run().outcome == "partial"
        bench.cloud.before.clear()

        def drift(name: str) -> None:
            if name == "reopen":
                bench.cloud.things["vault-1"]["barrier"] = "theirs"

        bench.journal.before.append(drift)
        with pytest.raises(Drifted):
            bench.undo(acted.action_id, who="bob").run()
        record = bench.action(acted)
        assert (record.outcome, (record.undo or {})["requester"]) == ("partial", "alice")

    def test_given_up(self, bench: Bench) -> None:
        acted = self.acted(bench)
        with killed_at(bench, verb="Set"):
            bench.undo(acted.action_id).run()
        bench.lapse()
        result = bench.undo(acted.action_id, who="stanch").give_up("it crashed three times")
        assert (result.outcome, result.reason) == ("partial", "undo: interrupted: it crashed three times")
        assert (result.notified, bench.told()[-1]) == (["soc"], ("partial", result.reason))
        assert history(bench, acted.action_id)[3:] == [
            "2 undo opened requester=analyst reason=a false alarm", "3 undo resumed requester=stanch", "3 undo refused",
        ]  # fmt: skip

    def test_what_was_given_up_is_told_though_whoever_gave_it_up_dies(self, bench: Bench) -> None:
        acted = self.acted(bench)
        with killed_at(bench, verb="Set"):
            bench.undo(acted.action_id).run()
        bench.lapse()
        with killed_in(bench, "close", after=True):
            bench.undo(acted.action_id, who="stanch").give_up("it crashed three times")
        assert bench.drain() == 1
        assert bench.told()[-1] == ("partial", "undo: interrupted: it crashed three times")
