"""The sweep on AWS, started by a schedule."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from handlers.aws import oversight, wiring
from handlers.aws.anchoring import anchored
from handlers.aws.log import observe
from stanch.clouds.aws_queues import SqsDeadLetters
from stanch.errors import Retryable, StanchError
from stanch.finding import Finding
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


def surveys(env: Mapping[str, str] = os.environ) -> list[Survey]:
    """Config in the responder's own account and in those of the policy's groups, in every region of STANCH_REGIONS (default: the responder's own).

    Accounts that cannot be listed keep none that is named by its id from being asked: they are an error of their own.
    """
    deployment = wiring.deployment()
    cloud: Any = deployment.cloud
    try:
        named, unlisted = oversight.members(cloud, deployment.policy), []
    except StanchError as error:
        named, unlisted = oversight.named(deployment.policy), [Unlisted(error)]
    places = [(account, region) for account in dict.fromkeys([cloud.account, *named]) for region in regions(cloud, env)]
    return [*unlisted, *(ConfigSurvey(cloud, account, region) for account, region in places)]


def regions(cloud: Any, env: Mapping[str, str]) -> list[str]:
    """The regions whose events arrive here."""
    given = [name.strip() for name in env.get("STANCH_REGIONS", "").split(",")]
    return list(dict.fromkeys(filter(None, given))) or [cloud.settings.region]


class Unlisted(Struct, frozen=True):
    """The accounts of the policy's units, which nobody can name now."""

    error: StanchError
    name: str = "AWS accounts of the policy's organisational units"

    def findings(self, wanted: Callable[[Finding], bool]) -> Iterator[Finding]:
        """Raises what kept them from being listed."""
        raise self.error
