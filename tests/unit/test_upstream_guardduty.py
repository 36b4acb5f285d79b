"""What GuardDuty answers is read like the event: as JSON, whatever botocore made of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from stanch.clouds.aws import AwsCloud
from stanch.sources import guardduty
from stanch.upstream.guardduty import GuardDutyUpstream

EVENT = json.loads((Path(__file__).parents[2] / "events/guardduty/leaked-access-key.json").read_text())


def cloud(answer: dict[str, Any]) -> AwsCloud:
    """A cloud whose detector answers this, whatever it is asked."""
    settings = SimpleNamespace(region="eu-west-1")
    home = SimpleNamespace(call=lambda *_, **__: answer)
    return cast(AwsCloud, SimpleNamespace(settings=settings, home=home, account=EVENT["detail"]["accountId"]))


def test_a_time_that_botocore_made_is_text_again_and_all_else_stays() -> None:
    (finding,) = guardduty.parse(EVENT)
    kept = {"text": "é", "number": 2, "real": 2.5, "flag": True, "nothing": None, "list": [{"name": ""}, []]}
    process = {
        "startTime": datetime(2026, 11, 20, 3, 12, 4, tzinfo=UTC),
        "lineage": [{"startTime": datetime(2026, 11, 20)}],
    }
    answer = EVENT["detail"] | {
        "service": EVENT["detail"]["service"] | {"runtimeDetails": {"process": process}, "kept": kept}
    }
    (copy,), _ = GuardDutyUpstream(cloud({"Findings": [answer]})).confirm(finding)
    service = copy.raw["service"]
    assert service["runtimeDetails"]["process"] == {
        "startTime": "2026-11-20 03:12:04+00:00", "lineage": [{"startTime": "2026-11-20 00:00:00"}],
    }  # fmt: skip
    assert service["kept"] == kept
    assert copy.resources == finding.resources
