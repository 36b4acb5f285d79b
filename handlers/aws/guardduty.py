"""GuardDuty findings from EventBridge, directly or through SQS."""

from __future__ import annotations

from typing import Any

from handlers.aws.entry import serve
from stanch.sources import guardduty


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Lambda's entry: see `handlers.aws.entry.serve`."""
    return serve("guardduty", guardduty.parse, event, context)
