"""Anchors in a bucket that locks them: what was deleted or rewritten in the journal shows, whatever is done to the bucket."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from handlers.aws import wiring
from handlers.aws.anchoring import anchored
from stanch import chain
from stanch.action import Action
from stanch.clouds.aws import AwsCloud, AwsSettings
from stanch.errors import Conflict, Gone, InvalidInput, Refused
from stanch.finding import Resource
from stanch.journal.s3_anchors import PERMISSIONS, PREFIX, S3Anchors, anchor_due, verify_anchors
from stanch.journal.sqlite import SqliteJournal
from tests.functional.local_aws.lab import HOME, Lab
from tests.unit.engine.bench import Bench

REGION = "us-east-1"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
YESTERDAY = date(2026, 11, 22)


@pytest.fixture
def session(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {
        "AWS_ENDPOINT_URL": lab.url, "AWS_ACCESS_KEY_ID": "LOCALHOMEKEY00000000", "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return AwsCloud(AwsSettings(REGION, HOME, endpoint=lab.url)).home


@pytest.fixture
def anchors(lab: Lab, session: Any) -> S3Anchors:
    s3 = lab.client("s3", region=REGION)
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    s3.put_object_lock_configuration(
        Bucket="locked",
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 400}}},
    )  # fmt: skip
    return S3Anchors(session, "locked")


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqliteJournal:
    """Three actions, one a day, the last one yesterday."""
    made = SqliteJournal(str(tmp_path / "journal.sqlite"))
    for ago in (3, 2, 1):
        at = f"{NOW - timedelta(days=ago):%Y-%m-%dT%H:%M:%S.000Z}"
        monkeypatch.setattr("stanch.action.stamp", lambda at=at: at)
        effect = f"{ago:064x}"[::-1]
        action = Action(f"{effect[:12]}-{ago:011x}", effect, "aws.toy.close_door", Resource("AWS::Toy::Door", f"door-{ago}", HOME), {}, [], opened_at=at)  # fmt: skip
        action.note("held")
        assert made.note(action, None, None)
    return made


def delete(tmp_path: Path, action_id: str) -> None:
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as connection:
        assert connection.execute("DELETE FROM actions WHERE id = ?", (action_id,)).rowcount == 1
        connection.commit()


def test_each_day_that_is_over_is_anchored_once(journal: SqliteJournal, anchors: S3Anchors, lab: Lab) -> None:
    assert anchor_due(journal, anchors, NOW, back=4) == [YESTERDAY - timedelta(days=ago) for ago in (3, 2, 1, 0)]
    assert anchor_due(journal, anchors, NOW, back=4) == []
    kept = anchors.kept(YESTERDAY)
    assert kept is not None
    assert (kept["actions"], kept["day"]) == (1, "2026-11-22")
    assert anchors.kept(date(2026, 11, 23)) is None
    keys = [one["Key"] for one in lab.client("s3", region=REGION).list_objects_v2(Bucket="locked")["Contents"]]
    assert keys == sorted(f"{PREFIX}2026-11-{day}.json" for day in (19, 20, 21, 22))


def test_a_day_is_not_over_for_an_hour(journal: SqliteJournal, anchors: S3Anchors) -> None:
    midnight = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
    assert anchor_due(journal, anchors, midnight, back=1) == [date(2026, 11, 21)]
    assert anchor_due(journal, anchors, midnight + timedelta(hours=1), back=1) == [YESTERDAY]


def test_a_deleted_action_shows(journal: SqliteJournal, anchors: S3Anchors, tmp_path: Path) -> None:
    days = anchor_due(journal, anchors, NOW, back=3)
    assert verify_anchors(journal, anchors, days) == []
    gone = str(next(iter(anchors.kept(YESTERDAY)["tips"])))  # type: ignore[index]
    delete(tmp_path, gone)
    assert verify_anchors(journal, anchors, days) == [
        f"action {gone} was anchored on 2026-11-22 and is not in the journal any more"
    ]
    assert verify_anchors(journal, anchors, [date(2026, 11, 1)]) == ["there is no anchor of 2026-11-01"]


def test_what_is_put_over_an_anchor_does_not_count(journal: SqliteJournal, anchors: S3Anchors, lab: Lab, tmp_path: Path) -> None:  # fmt: skip
    anchor_due(journal, anchors, NOW, back=1)
    true = anchors.kept(YESTERDAY)
    assert true is not None
    delete(tmp_path, next(iter(true["tips"])))
    s3, key = lab.client("s3", region=REGION), f"{PREFIX}{YESTERDAY}.json"
    s3.put_object(Bucket="locked", Key=key, Body=json.dumps(chain.anchor([], YESTERDAY)).encode())
    assert len(verify_anchors(journal, anchors, [YESTERDAY])) == 1
    s3.delete_object(Bucket="locked", Key=key)
    assert len(verify_anchors(journal, anchors, [YESTERDAY])) == 1
    assert anchors.kept(YESTERDAY) == true


def test_an_anchor_cannot_be_deleted(journal: SqliteJournal, anchors: S3Anchors, session: Any) -> None:
    anchor_due(journal, anchors, NOW, back=1)
    (version,) = session.pages("s3", "list_object_versions", "Versions", Bucket="locked")
    with pytest.raises(Exception, match="AccessDenied"):
        session.call("s3", "delete_object", Bucket="locked", Key=version["Key"], VersionId=version["VersionId"])


def test_another_anchor_of_the_same_day_is_refused(journal: SqliteJournal, anchors: S3Anchors) -> None:
    anchor_due(journal, anchors, NOW, back=1)
    kept = anchors.kept(YESTERDAY)
    assert kept is not None
    assert anchors.keep(kept) is False
    with pytest.raises(Conflict, match="another anchor of 2026-11-22"):
        anchors.keep(chain.anchor([], YESTERDAY))


def test_an_anchor_that_somebody_else_put_there_first_is_told_and_keeps_no_day_waiting(journal: SqliteJournal, anchors: S3Anchors, lab: Lab) -> None:  # fmt: skip
    """Who knows when we anchor might be first, with an anchor of what is to remain."""
    forged = json.dumps(chain.anchor([], date(2026, 11, 21))).encode()
    lab.client("s3", region=REGION).put_object(Bucket="locked", Key=f"{PREFIX}2026-11-21.json", Body=forged)
    with pytest.raises(Conflict, match="another anchor of 2026-11-21"):
        anchor_due(journal, anchors, NOW, back=3)
    assert [anchors.kept(date(2026, 11, day))["actions"] for day in (20, 21, 22)] == [1, 0, 1]  # type: ignore[index]
    assert anchor_due(journal, anchors, NOW, back=3) == [], "once a day"
    with pytest.raises(Conflict):
        anchor_due(journal, anchors, NOW + timedelta(days=1), back=3)


def test_people_hear_once_a_day_of_a_journal_that_cannot_be_anchored(bench: Bench, session: Any) -> None:
    for _ in range(2):
        (error,) = anchored(bench.deployment, S3Anchors(session, "missing"))
        assert error.startswith("the journal could not be anchored: ")
    assert bench.told() == [("failed", error)]
    assert anchored(bench.deployment, None) == []


def test_a_bucket_that_locks_nothing_is_refused(journal: SqliteJournal, session: Any, lab: Lab) -> None:
    s3 = lab.client("s3", region=REGION)
    s3.create_bucket(Bucket="open")
    s3.create_bucket(Bucket="lockable", ObjectLockEnabledForBucket=True)
    for name in ("open", "lockable"):
        with pytest.raises(Refused, match="no Object Lock with a default retention"):
            anchor_due(journal, S3Anchors(session, name), NOW)
    with pytest.raises(Gone):
        anchor_due(journal, S3Anchors(session, "missing"), NOW)


def test_what_is_no_anchor_says_so(anchors: S3Anchors, lab: Lab) -> None:
    s3 = lab.client("s3", region=REGION)
    for day, body in ((1, b"not json"), (2, b"[]"), (3, b'{"day": "2026-11-04", "tips": {}}')):
        s3.put_object(Bucket="locked", Key=f"{PREFIX}2026-11-0{day}.json", Body=body)
        with pytest.raises(InvalidInput, match=f"2026-11-0{day}.json: is no anchor"):
            anchors.kept(date(2026, 11, day))


def test_the_calls_are_the_permissions(journal: SqliteJournal, anchors: S3Anchors, lab: Lab) -> None:
    lab.own("DELETE", "calls")
    anchor_due(journal, anchors, NOW, back=1)
    verify_anchors(journal, anchors, [YESTERDAY])
    actions = {
        "GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration", "GetObject": "s3:GetObjectVersion",
        "ListObjectVersions": "s3:ListBucketVersions", "PutObject": "s3:PutObject",
    }  # fmt: skip
    called = {call["operation"] for call in lab.own("GET", "calls")[1]["calls"]}
    assert {actions[operation] for operation in called} == PERMISSIONS


def test_the_setting_names_the_bucket(session: Any) -> None:
    assert wiring.anchors({}) is None
    assert isinstance(wiring.anchors({"STANCH_ANCHOR_BUCKET": "locked", "AWS_REGION": REGION}), S3Anchors)
