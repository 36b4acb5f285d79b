"""The AWS deployment, put together from the environment on first use and kept for the life of the execution environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from handlers import settings
from handlers.aws import oversight
from handlers.aws.programs import programs
from handlers.aws.secrets import Secrets
from handlers.once import Once
from remediations.aws import REGISTRY
from stanch.approval.links import Links
from stanch.clouds.aws import AwsCloud, AwsSettings
from stanch.deployment import Deployment, Upstream
from stanch.errors import InvalidInput
from stanch.journal import Journal
from stanch.notify.routes import Router, channel_specs
from stanch.outbox import Channel
from stanch.playbooks.match import Matcher
from stanch.playbooks.model import Policy
from stanch.upstream.config import ConfigUpstream
from stanch.upstream.guardduty import GuardDutyUpstream
from stanch.upstream.write_back import Route

if TYPE_CHECKING:
    from stanch.journal.s3_anchors import S3Anchors


def build(env: Mapping[str, str] = os.environ) -> Deployment:
    """A deployment as the environment describes it. Raises InvalidInput naming the setting that does not fit."""
    cloud = AwsCloud(AwsSettings.from_environment(env))
    policy = settings.policy(env)
    channels, default = _channels(cloud, policy, env)
    pages = links(cloud, env)
    journal = _journal(cloud, env)
    told = programs(cloud, journal, env)
    units_of, tags_of = oversight.organization(cloud, policy)
    return Deployment(
        link=pages.to if pages else None,
        cloud=cloud,
        journal=journal,
        registry=REGISTRY,
        policy=policy,
        matcher=Matcher(policy),
        channels={**channels, **{one.name: one for one in told}},
        programs=[one.name for one in told],
        route=Route(Router(policy, default), told),
        upstreams={
            "guardduty": Upstream(GuardDutyUpstream(cloud).confirm),
            "config": Upstream(ConfigUpstream(cloud).confirm, first=True),
        },
        settings=settings.settings(env),
        units_of=units_of,
        tags_of=tags_of,
        switch=oversight.switch(cloud, env),
    )


_PROCESS = Once(build)
deployment, responder, reset = _PROCESS.deployment, _PROCESS.responder, _PROCESS.reset


def anchors(env: Mapping[str, str] = os.environ) -> S3Anchors | None:
    """Where the journal is anchored daily; None where no bucket is set."""
    bucket = env.get("STANCH_ANCHOR_BUCKET")
    if not bucket:
        return None
    from stanch.journal.s3_anchors import S3Anchors

    return S3Anchors(AwsCloud(AwsSettings.from_environment(env)).home, bucket)


def _journal(cloud: AwsCloud, env: Mapping[str, str]) -> Journal:
    kind, _, place = env.get("STANCH_JOURNAL", "").partition("://")
    if kind == "dynamodb" and place:
        from stanch.journal.dynamodb import DynamoJournal

        return DynamoJournal(cloud.home.client("dynamodb"), place)
    if kind == "sqlite" and place:
        from stanch.journal.sqlite import SqliteJournal

        return SqliteJournal(place)
    given = env.get("STANCH_JOURNAL")
    told = f"not {given!r}" if given else "and is not set"
    raise InvalidInput(
        "STANCH_JOURNAL",
        f"must be dynamodb://TABLE or sqlite://PATH here (azuretable://ACCOUNT/TABLE on Azure), {told}",
    )


def _channels(cloud: AwsCloud, policy: Policy, env: Mapping[str, str]) -> tuple[dict[str, Channel], list[str]]:
    """Every channel that the policy or the environment names, and the names used when the policy routes nothing."""
    default = {}
    if env.get("STANCH_SNS_TOPIC_ARN"):
        default["sns"] = ("sns", env["STANCH_SNS_TOPIC_ARN"])
    if env.get("STANCH_TEAMS_SECRET"):
        default["teams"] = ("teams", env["STANCH_TEAMS_SECRET"])
    specs = {**default, **channel_specs(policy)}
    secrets = Secrets(cloud)
    return {name: _channel(cloud, secrets, name, kind, where, env) for name, (kind, where) in specs.items()}, list(
        default
    )


def _channel(cloud: AwsCloud, secrets: Secrets, name: str, kind: str, where: str, env: Mapping[str, str]) -> Channel:
    if kind == "sns":
        from stanch.notify.sns import SnsChannel

        return SnsChannel(name, cloud.home, where)
    from stanch.notify.teams import TeamsChannel

    return TeamsChannel(name, partial(secrets, where), extra_hosts=_loopback(env))


def links(cloud: AwsCloud, env: Mapping[str, str] = os.environ) -> Links | None:
    """How links to the approval page are made and read; the signing keys are a secret of Secrets Manager."""
    return Links.from_environment(env, Secrets(cloud))


def _loopback(env: Mapping[str, str]) -> tuple[str, ...]:
    """Only a deployment whose cloud is on this machine may post to this machine."""
    endpoint = env.get("AWS_ENDPOINT_URL", "")
    return ("127.0.0.1", "localhost") if endpoint.startswith(("http://127.0.0.1:", "http://localhost:")) else ()
