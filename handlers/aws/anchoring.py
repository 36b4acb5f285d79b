"""The daily anchor of the journal, set with the sweep."""

from __future__ import annotations

from stanch import clock
from stanch.action import Outcome
from stanch.deployment import Deployment
from stanch.errors import StanchError
from stanch.journal.s3_anchors import S3Anchors, anchor_due
from stanch.report import Report


def anchored(deployment: Deployment, anchors: S3Anchors | None) -> list[str]:
    """Anchor the days that are over; what went wrong, of which people hear once a day. Nothing without a bucket."""
    if anchors is None:
        return []
    now = clock.now()
    try:
        anchor_due(deployment.journal, anchors, now)
    except StanchError as error:
        reason = f"the journal could not be anchored: {error}"
        deployment.tell(
            Report(f"anchor:{now:%Y-%m-%d}", str(Outcome.FAILED), "Anchor the journal", "", severity=4, reason=reason)
        )
        return [reason]
    return []
