"""What comes back is what was written, whatever it is made of, however large, and whoever writes meanwhile."""

from __future__ import annotations

import json
import random
import threading
from pathlib import Path
from typing import Any

import pytest

from stanch.action import Action, Outcome, Status
from stanch.journal import Journal, OutboxItem, Query
from stanch.journal.stored import pack, unpack
from tests.functional.journal.records import EFFECT, MARKER, a_lease, a_report, an_action, closed
from tests.functional.journal.stores import Store

FIXTURE = Path(__file__).parent / "fixtures/action-v1.json"

ODD = {
    "text": "naïve – 表 🔒 \u202e\u2028 \x00\x01\x1f\x7f \ud800 \\ \" ' </script>",
    "empty": {"": "", "list": [], "map": {}, "nothing": None, "nested": [[None], {"a": None}]},
    "numbers": [0, -1, 2**63, 10**30, 0.1, -0.0, 1e-300, 1.7976931348623157e308, 1e16, 12345678901234.567],
    "truth": [True, False, 1, 0],
    "spaces": [" ", "\t\r\n", " leading and trailing "],
    "keys": {"pk": "x", "@odata.type": "y", "$ref": "z", "a.b/c": 1, "ключ": 2},
}  # fmt: skip


def large(characters: int, seed: int = 1) -> str:
    """Text that a cut in the wrong place, a lost escape or a swapped part would change."""
    chance = random.Random(seed)
    return "".join(chance.choices('abc"\\/\n\x00é表🔒 0123456789', k=characters))


@pytest.mark.parametrize("characters", [0, 290_000, 450_000, 1_000_000])
def test_evidence_comes_back_exactly(journal: Journal, characters: int) -> None:
    evidence = {**ODD, "raw": "x" * characters}
    action = an_action(evidence=evidence, params=dict(ODD), playbook="表\x00\ud800", finding=dict(ODD))
    journal.open(action, a_lease(action), MARKER)
    standing = journal.look(EFFECT, MARKER)
    assert standing.open == action
    assert standing.earlier == action
    assert standing.open.evidence["empty"] == {
        "": "",
        "list": [],
        "map": {},
        "nothing": None,
        "nested": [[None], {"a": None}],
    }
    assert standing.open.evidence["numbers"][2:4] == [9223372036854775808, 1000000000000000000000000000000]
    assert standing.open.evidence["raw"] == "x" * characters


def test_a_large_record_grows_shrinks_and_closes(journal: Journal) -> None:
    action = an_action(evidence={"raw": large(200_000)})
    journal.open(action, a_lease(action), None)
    for characters in (10, 120_000, 250_000, 0):
        action.evidence = {"raw": large(characters, characters)}
        journal.record(action, a_lease(action))
        kept = journal.get(action.id)
        assert kept is not None
        assert kept.evidence == {"raw": large(characters, characters)}
    action.evidence = {"raw": large(200_000)}
    journal.close(closed(action), a_lease(action), None)
    assert journal.get(action.id) == action


def test_a_large_report_is_filed_and_delivered(journal: Journal) -> None:
    action = closed(an_action(), Outcome.HELD)
    item = OutboxItem(f"{action.id}:held:1", {"text": large(150_000)}, {"sns": None}, "2026-03-01T10:00:00.000Z")
    assert journal.note(action, None, item) is True
    assert list(journal.pending()) == [item]
    item.errors = {"sns": large(500, 2)}
    journal.sent(item)
    assert list(journal.pending()) == [item]
    item.channels = {"sns": "2026-03-01T10:00:01.000Z"}
    journal.sent(item)
    assert list(journal.pending()) == []


def test_a_large_report_of_no_action_is_filed_whole(journal: Journal) -> None:
    item = OutboxItem("summary", {"text": large(150_000)}, {"sns": None}, "2026-03-01T10:00:00.000Z")
    assert journal.file(item) is True
    assert journal.filed("summary") == item
    assert list(journal.pending()) == [item]


def test_many_large_actions_are_listed_whole(journal: Journal) -> None:
    """More than one answer of the store can carry."""
    for number in range(1, 19):
        action = an_action(
            number, evidence={"raw": str(number % 10) * 1_000_000}, opened_at=f"2026-03-01T10:00:{number:02}.000Z"
        )
        assert journal.note(action, None, None) is True
    found = [action.evidence["raw"] for action in journal.find(Query())]
    assert found == [str(number % 10) * 1_000_000 for number in range(18, 0, -1)]


def test_a_reader_never_sees_a_mixture_of_two_writes(store: Store) -> None:
    writer, reader = store(), store()
    action = an_action(evidence={"parts": ["0" * 50_000] * 16})
    writer.open(action, a_lease(action), None)
    done = threading.Event()

    def write() -> None:
        for digit in "123456":
            action.evidence = {"parts": [digit * 50_000] * 16}
            writer.record(action, a_lease(action))
        done.set()

    seen: list[set[str]] = []
    thread = threading.Thread(target=write)
    thread.start()
    while not (finished := done.is_set()) or not seen:
        kept = reader.get(action.id)
        assert kept is not None
        seen.append({part[0] for part in kept.evidence["parts"]})
        if finished:
            break
    thread.join()
    assert {len(digits) for digits in seen} == {1}
    final = reader.get(action.id)
    assert final is not None
    assert final.evidence["parts"] == ["6" * 50_000] * 16


def test_what_is_no_json_is_refused_before_anything_is_written(journal: Journal) -> None:
    action = an_action(evidence={"at": object()})
    with pytest.raises(TypeError):
        journal.open(action, a_lease(action), None)
    assert journal.look(EFFECT, None).lease is None
    assert journal.note(an_action(), None, None) is True


def test_the_first_version_of_the_record_stays_readable() -> None:
    action = unpack(FIXTURE.read_text())
    assert action.id == "5f2a9c1d7e44-19a5b3c2f10"
    assert action.outcome is Outcome.UNDONE
    assert (
        action.resource.key()
        == "AWS::EC2::SecurityGroup|arn:aws:ec2:eu-west-1:111122223333:security-group/sg-0a1b2c3d4e5f67890"
    )
    assert action.resource.role == "target"
    assert [step.status for step in action.steps] == [Status.UNDONE, Status.FAILED]
    assert action.steps[0].change.before == {"rule": "sgr-0123456789abcdef0", "cidr": "0.0.0.0/0", "ports": [22, 22]}
    assert action.steps[0].change.after is None
    assert action.steps[1].change.requires == ("rule:sgr-0123456789abcdef0",)
    assert action.steps[1].change.garnish is True
    assert action.params == {"ports": ["22", "3389"]}
    assert action.undo == {
        "by": "arn:aws:sts::111122223333:assumed-role/on-call/engineer",
        "reason": "the bastion is meant to be open",
    }
    assert [entry["event"] for entry in action.chain] == ["opened", "applied", "closed", "undone"]
    written, first = json.loads(pack(action)), json.loads(FIXTURE.read_text())
    assert {name: written[name] for name in first} == first, "what the first version said is still said"


@pytest.mark.parametrize("later", [{"schema": 2, "of_a_later_release": [1]}, {"schema": 1, "also_new": None}])
def test_fields_of_a_later_release_are_left_out(later: dict[str, Any]) -> None:
    action = unpack(json.dumps({**json.loads(FIXTURE.read_text()), **later}))
    assert isinstance(action, Action)
    assert action.attempt == 2


def test_reports_of_both_kinds_share_a_store(journal: Journal) -> None:
    action = an_action()
    journal.note(action, None, a_report(f"{action.id}:1"))
    journal.file(a_report("rejected:event"))
    assert {item.key for item in journal.pending()} == {"0123456789ab-00000000001:1", "rejected:event"}
