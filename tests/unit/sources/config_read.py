"""AWS Config's messages, read."""

from __future__ import annotations

from typing import Any

import pytest

from stanch.errors import MalformedEvent
from stanch.finding import Finding
from stanch.sources import config
from tests.unit.sources import events
from tests.unit.sources.events import ACCOUNT, configuration_item

GROUP = "sg-0abc1234def567890"
GROUP_ARN = f"arn:aws:ec2:eu-west-1:{ACCOUNT}:security-group/{GROUP}"
ITEM = {
    "messageType": "ConfigurationItemChangeNotification",
    "configurationItem": configuration_item(),
    "configurationItemDiff": {"changeType": "UPDATE"},
}
RULE_ARN = f"arn:aws:config:eu-west-1:{ACCOUNT}:config-rule/config-rule-abc123"


def parsed(event: Any) -> Finding:
    (found,) = config.parse(event)
    return found


def on_bus(detail: Any, kind: str = "Config Rules Compliance Change") -> dict[str, Any]:
    return events.on_bus(detail, kind, "aws.config")


def refusal(event: Any) -> tuple[str, str]:
    with pytest.raises(MalformedEvent) as caught:
        config.parse(event)
    return caught.value.place, caught.value.reason
