"""The sweep on AWS, started by a schedule."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from handlers.aws import wiring
from handlers.aws.anchoring import anchored
from handlers.aws.entry import observe
from stanch.clouds.aws_queues import SqsDeadLetters
from stanch.errors import Retryable
from stanch.sweep import Survey, Sweep
from stanch.sweep.run import SECONDS
from stanch.upstream.config_survey import ConfigSurvey

ENDING = 10.0
"""Seconds before the function's own end at which the sweep is over."""


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Lambda's entry. Raises Retryable once every step was tried if one of them failed: the next sweep does it again, and people hear of it."""
    swept = sweep().run(context.get_remaining_time_in_millis() / 1000 - ENDING if context else SECONDS)
    observe([result for row in swept.rows for result in row.results])
    errors = [*swept.errors, *anchored(wiring.deployment(), wiring.anchors())]
    if errors:
        raise Retryable("; ".join(errors))
    return swept.as_json()


def sweep(env: Mapping[str, str] = os.environ) -> Sweep:
    """The sweep of this deployment, with its dead-letter queues and what Config watches."""
    return Sweep(wiring.deployment(), dead_letters(env), surveys())


def dead_letters(env: Mapping[str, str] = os.environ) -> list[SqsDeadLetters]:
    """The queues of what was given up, by the URLs in the settings."""
    cloud: Any = wiring.deployment().cloud
    urls = [url.strip() for url in env.get("STANCH_DEAD_LETTER_QUEUES", "").split(",")]
    return [SqsDeadLetters(lambda: cloud.home, url) for url in urls if url]


def surveys() -> list[Survey]:
    """Config in the responder's own account and in those that the policy names by their ids, in the region whose events arrive here."""
    deployment = wiring.deployment()
    cloud: Any = deployment.cloud
    named = [name for group in deployment.policy.accounts.groups.values() for name in group.ids]
    accounts = dict.fromkeys([cloud.account, *(name for name in named if re.fullmatch(r"\d{12}", name))])
    return [ConfigSurvey(cloud, account, cloud.settings.region) for account in accounts]
