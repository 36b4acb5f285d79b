"""Daily anchors in an S3 bucket with Object Lock: whoever may change the journal can still not change what it said yesterday."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from stanch.chain import anchor, verify_day
from stanch.errors import Conflict, InvalidInput, Refused
from stanch.journal import Journal, Query

PREFIX = "stanch/anchors/"

DONE, LAST = "anchor", "last"
"""The standing fact that says which day was anchored last."""

PERMISSIONS = frozenset(
    {"s3:GetBucketObjectLockConfiguration", "s3:GetObjectVersion", "s3:ListBucketVersions", "s3:PutObject"}
)


class Session(Protocol):
    """Calls in the bucket's account; `stanch.clouds.aws.AwsSession` is one. `call` and `pages` raise the error tree's kinds."""

    def call(self, service: str, operation: str, *, missing: tuple[str, ...] = (), **params: Any) -> Any: ...

    def pages(self, service: str, operation: str, result: str, **params: Any) -> list[Any]: ...


class S3Anchors:
    """Anchors by day. The bucket must lock what is put into it by default, for as long as its owner chose
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html).
    """

    def __init__(self, session: Session, bucket: str) -> None:
        self._session, self._bucket = session, bucket

    def keep(self, made: dict[str, Any]) -> bool:
        """Keep an anchor; False if this very one was kept before.

        Raises Refused for a bucket that locks nothing, Conflict if another anchor of the day is kept already, and what the session's `call` raises.
        """
        self._locks()
        content = json.dumps(made, sort_keys=True, separators=(",", ":")).encode()
        answer = self._session.call(
            "s3",
            "put_object",
            missing=("PreconditionFailed", "ConditionalRequestConflict"),
            Bucket=self._bucket,
            Key=_key(date.fromisoformat(made["day"])),
            Body=content,
            ContentType="application/json",
            IfNoneMatch="*",
        )
        if answer is not None:
            return True
        kept = self.kept(date.fromisoformat(made["day"]))
        if kept is None or kept["root"] != made["root"]:
            raise Conflict("s3:PutObject", "AnchorDiffers", f"another anchor of {made['day']} is kept already")
        return False

    def kept(self, day: date) -> dict[str, Any] | None:
        """The anchor of a day, None if there is none: its first version, because later ones and deletions can be put over it. Raises InvalidInput for what is no anchor."""
        key = _key(day)
        found = self._session.pages("s3", "list_object_versions", "Versions", Bucket=self._bucket, Prefix=key)
        versions = [one for one in found if one["Key"] == key]
        if not versions:
            return None
        # The latest is listed first (https://docs.aws.amazon.com/AmazonS3/latest/userguide/list-obj-version-enabled-bucket.html), and times are whole seconds.
        first = min(reversed(versions), key=lambda one: one["LastModified"])
        answer = self._session.call("s3", "get_object", Bucket=self._bucket, Key=key, VersionId=first["VersionId"])
        try:
            anchored: dict[str, Any] = json.loads(answer["Body"].read())
            if anchored["day"] != day.isoformat() or not isinstance(anchored["tips"], dict):
                raise ValueError("it is of another day")
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput(f"s3://{self._bucket}/{key}", f"is no anchor: {error}") from error
        return anchored

    def _locks(self) -> None:
        answer = self._session.call(
            "s3",
            "get_object_lock_configuration",
            missing=("ObjectLockConfigurationNotFoundError",),
            Bucket=self._bucket,
        )
        configured = (answer or {}).get("ObjectLockConfiguration", {})
        if configured.get("ObjectLockEnabled") != "Enabled" or "DefaultRetention" not in configured.get("Rule", {}):
            raise Refused("anchor", f"bucket {self._bucket} has no Object Lock with a default retention")


def anchor_due(journal: Journal, anchors: S3Anchors, now: datetime, back: int = 7) -> list[date]:
    """Anchor each of the last `back` days that is over, for an hour at least, and has no anchor yet; the days anchored now.

    Once a day: every action of the journal is read. Raises as `S3Anchors` and the journal do; a day of which another anchor is kept keeps no other day waiting.
    """
    last = (now.astimezone(UTC) - timedelta(hours=1)).date() - timedelta(days=1)
    if journal.kept(DONE).get(LAST, {}).get("day") == last.isoformat():
        return []
    actions, done = list(journal.find(Query())), list[date]()
    differing: Conflict | InvalidInput | None = None
    for day in (last - timedelta(days=ago) for ago in range(back - 1, -1, -1)):
        try:
            done += [day] if anchors.keep(anchor(actions, day)) else []
        except (Conflict, InvalidInput) as error:
            differing = error
    journal.keep(DONE, LAST, {"day": last.isoformat()}, None)
    if differing is not None:
        raise differing
    return done


def verify_anchors(journal: Journal, anchors: S3Anchors, days: Iterable[date]) -> list[str]:
    """What differs between the journal and the anchors of these days, one sentence each; a day without an anchor is one too."""
    actions = list(journal.find(Query()))
    problems = []
    for day in days:
        kept = anchors.kept(day)
        problems += [f"there is no anchor of {day}"] if kept is None else verify_day(kept, actions)
    return problems


def _key(day: date) -> str:
    return f"{PREFIX}{day.isoformat()}.json"
