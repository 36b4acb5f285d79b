"""The n-th event of each kind and what the stub knows about it: one number names a finding, its access key, its user."""

from __future__ import annotations

import copy
import json
import re
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).parent.parent / "events"
ACCOUNT, MEMBER = "111122223333", "444455556666"
REGION = "eu-west-1"
DETECTOR = "12abc34d567e8fa901bc2d34e56789f0"

_NUMBER = re.compile(r"(\d{7})$")


def key_id(number: int) -> str:
    return f"AKIAEXAMPLEKE{number:07d}"


def user_name(number: int) -> str:
    return f"ci-deploy-{number:07d}"


def finding_id(number: int) -> str:
    return f"01c1b2a39f4e5d6c7b8a9f0e1{number:07d}"


def number_of(name: str) -> int:
    """The number that a key, user or finding id ends with."""
    found = _NUMBER.search(name)
    return int(found[1]) if found else 0


def guardduty(number: int, moment: datetime, account: str = ACCOUNT) -> dict[str, Any]:
    """An EventBridge event: a long-term key used from an address on a threat list, seen a minute before `moment`."""
    event = copy.deepcopy(_template("guardduty/leaked-access-key.json"))
    seen, told = (f"{moment - timedelta(minutes=ago):%Y-%m-%dT%H:%M:%S.000Z}" for ago in (2, 1))
    detail = event["detail"]
    arn = f"arn:aws:guardduty:{REGION}:{ACCOUNT}:detector/{DETECTOR}/finding/{finding_id(number)}"
    event |= {"account": ACCOUNT, "region": REGION, "time": told, "id": f"8f3a1c52-7d0e-4b6f-9a21-{number:012d}"}
    detail |= {"accountId": account, "region": REGION, "id": finding_id(number), "arn": arn}
    detail |= {"createdAt": seen, "updatedAt": told}
    detail["service"] |= {"detectorId": DETECTOR, "eventFirstSeen": seen, "eventLastSeen": seen}
    detail["resource"]["accessKeyDetails"] |= {"accessKeyId": key_id(number), "userName": user_name(number)}
    return event


def sqs_batch(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The events as one batch of an SQS event source mapping."""
    return {
        "Records": [
            {
                "messageId": f"00000000-0000-0000-0000-{number:012d}",
                "receiptHandle": f"handle-{number}",
                "body": json.dumps(event),
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:stanch-guardduty",
                "awsRegion": REGION,
            }
            for number, event in enumerate(events)
        ]
    }


def sentinel(moment: datetime) -> dict[str, Any]:
    """A Sentinel incident: somebody guesses passwords at a machine's open SSH port."""
    event = copy.deepcopy(_template("sentinel/ssh-brute-force.json"))
    text = json.dumps(event)
    return dict(json.loads(re.sub(r"2026-11-20T\d\d:\d\d:\d\dZ", f"{moment:%Y-%m-%dT%H:%M:%SZ}", text)))


@cache
def _template(name: str) -> dict[str, Any]:
    return dict(json.loads((EVENTS / name).read_text()))
