"""What becomes of real events, file by file: the table beside the tests says what an on-call security engineer wants, and why.

The events lie in `../shared/corpus` or at STANCH_CORPUS; without them everything here is skipped.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stanch.cli import replaying
from stanch.cli.context import Context
from stanch.errors import Refused
from stanch.journal import Query
from stanch.undo import Request, Undo
from tests.functional.local_replay import calls, local_clouds

REPOSITORY = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("STANCH_CORPUS") or REPOSITORY.parent / "shared" / "corpus")
TABLE = REPOSITORY / "tests" / "corpus_expected.tsv"
JUDGED, OTHERS = ("guardduty", "config", "sentinel"), ("securityhub", "cloudtrail", "defender", "eventgrid")
TROUBLE = {"failed", "partial", "unverified"}
SECRETS = ("never-forward-this", "myResultToken", "eyJlbmNyeXB0ZWREYXRhIjpb")
"""What the corpus holds of secrets: a secret access key, and result tokens of AWS Config."""

pytestmark = [
    pytest.mark.skipif(not CORPUS.is_dir(), reason="no collection of real events here"),
]

Row = dict[str, Any]


def files(folders: tuple[str, ...]) -> dict[str, Path]:
    return {
        str(path.relative_to(CORPUS)): path
        for folder in folders
        for path in sorted((CORPUS / folder).rglob("*"))
        if path.is_file()
    }


def table() -> dict[str, list[dict[str, str]]]:
    """The expected rows of each file, in the order of the table."""
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    with TABLE.open(encoding="utf-8", newline="") as opened:
        for line in csv.DictReader(opened, delimiter="\t", quoting=csv.QUOTE_NONE):
            found[line["path"]].append(line)
    return found


def replayed(clouds: Context, paths: dict[str, Path], *, seed: bool = True) -> dict[str, list[list[Row]]]:
    """For each file the rows of each of its events."""
    replay = replaying.Replay(clouds, seed=seed)
    return {name: [replay.rows(event) for event in replaying.read([str(path)])] for name, path in paths.items()}


@dataclass(slots=True)
class Run:
    """Everything that one start of the clouds tells: the corpus twice, then what was done undone, twice."""

    first: dict[str, list[list[Row]]]
    second: dict[str, list[list[Row]]]
    others: dict[str, list[list[Row]]]
    journal: str
    undone: dict[str, Row] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def undo(clouds: Context, row: Row) -> Row:
    cloud = "azure" if row["source"] == "sentinel" else "aws"
    request = Request(row["action_id"], "a tester", "the corpus is done", force=True)
    return Undo(clouds.deployment(cloud), request).run().as_json()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("corpus")
    with local_clouds(folder) as clouds:
        judged = files(JUDGED)
        told = Run(replayed(clouds, judged), replayed(clouds, judged), replayed(clouds, files(OTHERS)), "")
        actions = [action for cloud in ("aws", "azure") for action in clouds.deployment(cloud).journal.find(Query())]
        told.journal = json.dumps([action.as_json() for action in actions], default=str)
        for row in flat(told.first):
            if row["outcome"] == "acted":
                told.undone[row["action_id"]] = undo(clouds, row)
                with pytest.raises(Refused) as refusal:
                    undo(clouds, row)
                told.refused[row["action_id"]] = refusal.value.guard
        stored = [file.read_bytes().decode("latin-1") for file in folder.glob("journal.sqlite*")]
        assert stored
        told.journal += "".join(stored)
        yield told


def flat(rows: dict[str, list[list[Row]]]) -> list[Row]:
    return [row for events in rows.values() for event in events for row in event]


def test_the_table_is_of_this_corpus() -> None:
    listed = {(path, line["sha256"]) for path, lines in table().items() for line in lines}
    present = {(name, hashlib.sha256(path.read_bytes()).hexdigest()[:16]) for name, path in files(JUDGED).items()}
    assert listed == present


def test_the_table_is_sorted_and_says_why() -> None:
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    assert lines[1:] == sorted(lines[1:])
    assert all(line["judgement"] for lines in table().values() for line in lines)


@pytest.mark.parametrize("path", sorted(table()))
def test_a_real_event_is_answered_as_judged(run: Run, path: str) -> None:
    got = [row for event in run.first[path] for row in event]
    shown = sorted(
        (row["playbook"] or "", row["remediation"] or "", row["outcome"], row["reason"] or "") for row in got
    )
    wanted = sorted((line["playbook"], line["remediation"], line["outcome"], line["reason"]) for line in table()[path])
    assert [row[:3] for row in shown] == [row[:3] for row in wanted]
    for (*_, reason), (*_, prefix) in zip(shown, wanted, strict=True):
        assert reason.startswith(prefix) if prefix else not reason


def test_no_event_is_dropped_and_none_fails(run: Run) -> None:
    for rows in (run.first, run.others):
        assert all(events and all(events) for events in rows.values())
        assert [row for row in flat(rows) if row["outcome"] in TROUBLE] == []
        assert [row for row in flat(rows) if not row["reason"] and row["outcome"] != "acted"] == []


def test_a_second_run_changes_nothing_and_tells_nobody(run: Run) -> None:
    assert [row for row in flat(run.second) if row["outcome"] in {"acted", *TROUBLE}] == []
    assert [row for row in flat(run.second) if row["notified"]] == []
    assert len(flat(run.second)) == len(flat(run.first))


def test_what_was_done_is_undone_once(run: Run) -> None:
    acted = [row["action_id"] for row in flat(run.first) if row["outcome"] == "acted"]
    assert acted
    assert {one: row["outcome"] for one, row in run.undone.items()} == dict.fromkeys(acted, "undone")
    assert run.refused == dict.fromkeys(acted, "undone")


def test_no_secret_of_an_event_is_kept_or_shown(run: Run) -> None:
    shown = json.dumps([run.first, run.second, run.others], default=str) + run.journal
    assert [secret for secret in SECRETS if secret in shown] == []


def test_forged_events_write_nothing(tmp_path: Path) -> None:
    """The same events with no such finding upstream and no such resources: whoever can send them is no source."""
    with local_clouds(tmp_path) as clouds:
        rows = replayed(clouds, files(JUDGED), seed=False)
        aws_calls, azure_calls = calls(clouds)
    assert aws_calls, "nothing was asked, so nothing was confirmed"
    writes = {(call["service"], call["operation"]) for call in aws_calls if call["write"]}
    assert writes == {("sns", "Publish")}, "only people are told"
    assert azure_calls, "nothing was asked, so nothing was confirmed"
    assert [call for call in azure_calls if call["method"] != "GET" and not reads(call)] == []
    assert {row["outcome"] for row in flat(rows)} == {"held", "rejected", "unmatched"}


def reads(call: dict[str, Any]) -> bool:
    """Sentinel lists an incident's alerts and entities by POST."""
    return call["method"] == "POST" and call["path"].lower().rpartition("/")[2] in ("alerts", "entities")
