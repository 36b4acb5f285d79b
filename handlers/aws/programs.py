"""The programs that hear of an action on AWS beside people: GuardDuty and an EventBridge bus, each where the settings ask for it."""

from __future__ import annotations

from collections.abc import Mapping

from stanch.clouds.aws import AwsCloud
from stanch.journal import Journal
from stanch.upstream.write_back import WriteBack, opted_in


def programs(cloud: AwsCloud, journal: Journal, env: Mapping[str, str]) -> list[WriteBack]:
    """Raises InvalidInput for a setting that is neither on nor off."""
    found: list[WriteBack] = []
    archive, feedback = opted_in(env, "STANCH_GUARDDUTY_ARCHIVE"), opted_in(env, "STANCH_GUARDDUTY_FEEDBACK")
    if archive or feedback:
        from stanch.upstream.guardduty_write_back import GuardDutyWriteBack

        found.append(GuardDutyWriteBack(cloud, journal, archive=archive, feedback=feedback))
    if env.get("STANCH_EVENT_BUS"):
        from stanch.notify.event_bus import EventBusChannel

        found.append(EventBusChannel(cloud.home, env["STANCH_EVENT_BUS"]))
    return found
