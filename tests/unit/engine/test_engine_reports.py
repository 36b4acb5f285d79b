"""What a report says of an action is what became of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stanch import outbox
from stanch.action import Outcome
from stanch.clock import parse
from stanch.errors import Throttled, Unreachable
from stanch.notify.text import text
from stanch.report import Report
from stanch.responder import Delivery, Responder
from tests.unit.engine.bench import Bench, finding, vault
from tests.unit.engine.failing import denied, failing


def last(bench: Bench) -> Report:
    return bench.channel.reports[-1]


def test_each_change_says_what_became_of_it(bench: Bench) -> None:
    bench.vault()
    bench.cloud.before.append(failing(denied(), verb="Set", name="label"))
    result = bench.deliver(finding(vault()))
    assert result.outcome is Outcome.ACTED
    told = {change["target"]: change["status"] for change in last(bench).changes}
    assert {told[f"{name} of vault-1"] for name in ("barrier", "alarm", "connections", "photo")} == {"applied"}
    assert told["label of vault-1"] == "failed"
    assert all(set(change) == {"target", "before", "after", "status"} for change in last(bench).changes)
    assert "(FAILED)" in text(last(bench))


def test_an_undo_names_who_undid_it_and_what_stays(bench: Bench) -> None:
    bench.vault()
    acted = bench.deliver(finding(vault()))
    assert last(bench).undone_by is None
    assert bench.undo(acted.action_id, who="analyst@corp.example").run().outcome is Outcome.UNDONE
    report = last(bench)
    assert (report.outcome, report.requester, report.undone_by) == ("undone", "stanch", "analyst@corp.example")
    assert report.not_done == ["photo of vault-1 stays as it is: it cannot be undone"]
    assert "connections of vault-1" not in [change["target"] for change in report.changes], "a step on the way"
    shown = text(report)
    assert "Undone by     analyst@corp.example\n" in shown
    assert "Contained by  stanch, playbook vaults, mode auto\n" in shown
    assert "Stays         photo of vault-1 stays as it is: it cannot be undone\n" in shown
    assert report.undo is None


def test_a_tag_that_somebody_changed_since_stays_theirs(bench: Bench) -> None:
    bench.vault()
    acted = bench.deliver(finding(vault()))
    bench.cloud.things["vault-1"]["label"] = "theirs"
    assert bench.undo(acted.action_id).run().outcome is Outcome.UNDONE
    assert last(bench).not_done == [
        "label of vault-1 stays as it is: somebody changed it since",
        "photo of vault-1 stays as it is: it cannot be undone",
    ]


def test_an_undo_that_failed_in_part_says_by_whom_and_what_stays(bench: Bench) -> None:
    bench.vault()
    acted = bench.deliver(finding(vault()))
    bench.cloud.before.append(failing(denied(), purpose="undo", verb="Set", name="alarm"))
    assert bench.undo(acted.action_id).run().outcome is Outcome.PARTIAL
    report = last(bench)
    assert report.undone_by == "analyst"
    assert report.not_done[0].startswith("alarm of vault-1 stays as it is: Set: AccessDenied")
    assert "Undo by       analyst\n" in text(report)


def test_how_the_source_calls_the_finding_goes_with_the_report(bench: Bench) -> None:
    bench.door()
    bench.deliver(
        finding(upstream={"finding_id": "f1", "region": "eu-west-1", "unresolved": [{"place": "x"}], "none": None})
    )
    assert last(bench).upstream == {"finding_id": "f1", "region": "eu-west-1"}


def test_what_led_to_no_action_is_reported_with_its_source(bench: Bench) -> None:
    assert bench.deliver(finding(sample=True)).outcome is Outcome.HELD
    assert (last(bench).source, last(bench).outcome) == ("toy", "held")


def test_a_channel_that_is_gone_keeps_no_other_waiting(bench: Bench) -> None:
    bench.door()
    bench.channel.broken = True
    bench.deliver()
    (item,) = bench.journal.pending()
    item.channels["lost"] = None
    bench.channel.broken = False
    assert outbox.deliver(bench.journal, item, {"soc": bench.channel}) == ["soc"]
    assert item.pending == ["lost"]
    assert item.errors == {"lost": "no such channel is configured any more"}


def test_a_program_is_told_but_not_notified(bench: Bench) -> None:
    """Who is notified are people; a failing write-back changes no outcome and stays pending."""
    bench.door()
    deployment = bench.deployment
    deployment.channels = {"soc": bench.channel, "siem": (siem := type(bench.channel)("siem"))}
    deployment.route, deployment.programs = lambda report: ["soc", "siem"], ["siem"]
    siem.broken = True
    (result,) = Responder(deployment).respond([finding()], Delivery())
    assert (result.outcome, result.notified) == (Outcome.ACTED, ["soc"])
    (item,) = bench.journal.pending()
    assert (item.pending, item.errors) == (["siem"], {"siem": "siem does not answer"})
    siem.broken = False
    assert outbox.drain(bench.journal, deployment.channels) == 1
    assert [report.key for report in siem.reports] == [report.key for report in bench.channel.reports]


def test_an_unknown_answer_of_a_channel_is_tried_again(bench: Bench) -> None:
    bench.door()
    answers = [Throttled("slow down")]
    send = bench.channel.send
    bench.channel.send = lambda report: (_ for _ in ()).throw(answers.pop()) if answers else send(report)  # type: ignore[method-assign]
    assert bench.deliver().notified == []
    assert bench.drain() == 1
    assert [outcome for outcome, _ in bench.told()] == ["acted"]


def test_only_what_was_filed_by_then_is_offered_again(bench: Bench) -> None:
    bench.door()
    bench.channel.broken = True
    bench.deliver()
    bench.channel.broken = False
    (filed,) = bench.journal.pending()
    moment, channels = parse(filed.created_at), bench.deployment.channels
    assert outbox.drain(bench.journal, channels, before=moment - timedelta(milliseconds=1)) == 0
    assert outbox.drain(bench.journal, channels, before=moment) == 1


def test_an_answer_that_could_not_be_stored_is_an_error(bench: Bench) -> None:
    bench.door()
    bench.channel.broken = True
    bench.deliver()
    bench.channel.broken = False

    def silent(verb: str) -> None:
        if verb == "sent":
            raise Unreachable("no answer")

    bench.journal.before.append(silent)
    with pytest.raises(Unreachable):
        bench.drain()
    bench.journal.before.clear()
    assert bench.drain() == 1, "it is offered once more, under the same key"
    assert len({report.key for report in bench.channel.reports}) == 1
