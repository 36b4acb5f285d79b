"""Reports to an SNS topic."""

from __future__ import annotations

import re
from typing import Any, Protocol

from stanch.errors import Refused
from stanch.notify.message import severity
from stanch.notify.text import subject, text
from stanch.notify.untrusted import plain
from stanch.remediation import digest
from stanch.report import Report

_TOKEN = re.compile(r"[!-~]{1,128}")
"""What FIFO topics take as group and deduplication id (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html)."""


class Session(Protocol):
    """Calls in the topic's account; `stanch.clouds.aws.AwsSession` is one. `call` raises the error tree's kinds."""

    def call(self, service: str, operation: str, *, region: str | None = None, **params: Any) -> Any: ...


class SnsChannel:
    """Publishes each report as plain text, with attributes that subscriptions can filter on
    (https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html).
    """

    def __init__(self, name: str, session: Session, topic_arn: str) -> None:
        self.name = name
        self._session = session
        self._topic = topic_arn

    def send(self, report: Report) -> None:
        """Raises what the session's `call` raises."""
        self._session.call(
            "sns",
            "publish",
            region=self._region(),
            TopicArn=self._topic,
            Subject=subject(report),
            Message=text(report),
            MessageAttributes=attributes(report),
            **self._ordered(report),
        )

    def ready(self) -> str:
        """That the topic is there, and who listens; nothing is published. Raises what the session's `call` raises, Refused where nobody does."""
        answer = self._session.call("sns", "get_topic_attributes", region=self._region(), TopicArn=self._topic)
        confirmed = int(answer["Attributes"].get("SubscriptionsConfirmed", 0))
        if not confirmed:
            raise Refused("topic", f"nobody has a confirmed subscription to {self._topic}")
        return f"the topic is there, with {confirmed} confirmed subscription{'' if confirmed == 1 else 's'}"

    def _region(self) -> str | None:
        return self._topic.split(":")[3] if self._topic.count(":") == 5 else None

    def _ordered(self, report: Report) -> dict[str, str]:
        """A FIFO topic keeps an action's reports in order and drops a repeat that comes within five minutes."""
        if not self._topic.endswith(".fifo"):
            return {}
        return {
            "MessageGroupId": _token(report.action_id or report.key),
            "MessageDeduplicationId": _token(report.key),
        }


def attributes(report: Report) -> dict[str, dict[str, str]]:
    """What subscriptions filter on: ten, the most that a message delivered raw to a queue may have. SNS refuses empty values, so they are left out
    (https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html).
    """
    found = {
        "outcome": report.outcome,
        "severity": severity(report),
        "account": report.account,
        "team": _team(report),
        "region": report.region,
        "source": report.source,
        "resource_type": (report.resource or {}).get("type"),
        "playbook": report.playbook,
        "remediation": report.remediation,
        "report": report.key,
    }
    shown = {name: plain(value or "", 256) for name, value in found.items()}
    return {name: {"DataType": "String", "StringValue": value} for name, value in shown.items() if value}


def _team(report: Report) -> str | None:
    """The account's tag `Team`, whatever its case, where tags are read."""
    return next((value for name, value in (report.account_tags or {}).items() if name.lower() == "team"), None)


def _token(text: str) -> str:
    return text if _TOKEN.fullmatch(text) else digest(text)
