"""The Azure deployment, put together from the environment on first use and kept for the life of the worker."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from handlers import settings
from handlers.azure import oversight
from handlers.azure.programs import programs
from handlers.once import Once
from remediations.azure import REGISTRY
from stanch.clouds.azure import AzureCloud
from stanch.clouds.azure_settings import AzureSettings
from stanch.deployment import Deployment, Upstream
from stanch.errors import InvalidInput
from stanch.finding import Resource
from stanch.journal import Journal
from stanch.notify.routes import Kind, Router, channel_specs
from stanch.outbox import Channel
from stanch.playbooks.match import Matcher
from stanch.playbooks.model import Policy
from stanch.upstream.sentinel import SentinelUpstream
from stanch.upstream.write_back import Route

if TYPE_CHECKING:
    from stanch.approval.links import Links

TEAMS: tuple[Kind, ...] = ("teams",)
"""Topics belong to the AWS deployment."""


def build(env: Mapping[str, str] = os.environ) -> Deployment:
    """A deployment as the environment describes it. Raises InvalidInput naming the setting that does not fit."""
    cloud = AzureCloud(AzureSettings.from_environment(env))
    policy = settings.policy(env)
    channels, default = _channels(cloud, policy, env)
    sentinel = SentinelUpstream(cloud, env.get("STANCH_SENTINEL_WORKSPACE", ""))
    pages = links(cloud, env)
    journal = _journal(cloud, env)
    told = programs(cloud, env)
    return Deployment(
        link=pages.to if pages else None,
        cloud=cloud,
        journal=journal,
        registry=REGISTRY,
        policy=policy,
        matcher=Matcher(policy),
        channels={**channels, **{one.name: one for one in told}},
        programs=[one.name for one in told],
        route=Route(Router(policy, default, kinds=TEAMS), told),
        upstreams={"sentinel": Upstream(sentinel.confirm, first=sentinel.can_read)},
        settings=settings.settings(env),
        tags_of=oversight.tags(cloud, policy),
        switch=oversight.switch(cloud, env),
    )


_PROCESS = Once(build)
deployment, responder, reset = _PROCESS.deployment, _PROCESS.responder, _PROCESS.reset


def _journal(cloud: AzureCloud, env: Mapping[str, str]) -> Journal:
    kind, _, place = env.get("STANCH_JOURNAL", "").partition("://")
    if kind == "azuretable" and place.count("/") == 1:
        from azure.data.tables import TableClient

        from stanch.journal.table_storage import TableJournal

        account, _, table = place.partition("/")
        endpoint = env.get("STANCH_TABLE_ENDPOINT") or f"https://{account}.table.core.windows.net"
        client = TableClient(endpoint, table, credential=cloud.credential("own"), transport=cloud.transport)
        return TableJournal(client)
    if kind == "sqlite" and place:
        from stanch.journal.sqlite import SqliteJournal

        return SqliteJournal(place)
    given = env.get("STANCH_JOURNAL")
    told = f"not {given!r}" if given else "and is not set"
    raise InvalidInput(
        "STANCH_JOURNAL", f"must be azuretable://ACCOUNT/TABLE or sqlite://PATH here (dynamodb://TABLE on AWS), {told}"
    )


def _channels(cloud: AzureCloud, policy: Policy, env: Mapping[str, str]) -> tuple[dict[str, Channel], list[str]]:
    """Every Teams channel that the policy or the environment names."""
    default = {"teams": ("teams", env["STANCH_TEAMS_SECRET"])} if env.get("STANCH_TEAMS_SECRET") else {}
    specs = {**default, **channel_specs(policy)}
    secrets = {name: where for name, (kind, where) in specs.items() if kind == "teams"}
    if not secrets:
        return {}, list(default)
    from stanch.notify.teams import TeamsChannel

    hosts = ("127.0.0.1", "localhost") if cloud.settings.local else ()
    channels: dict[str, Channel] = {
        name: TeamsChannel(name, partial(secret, cloud, env.get("STANCH_KEY_VAULT", ""), where), extra_hosts=hosts)
        for name, where in secrets.items()
    }
    return channels, list(default)


def links(cloud: AzureCloud, env: Mapping[str, str] = os.environ) -> Links | None:
    """How links to the approval page are made and read; the signing keys are a secret of the key vault. None where no signing secret is named."""
    if not env.get("STANCH_SIGNING_SECRET"):
        return None
    from stanch.approval.links import Links

    return Links.from_environment(env, partial(secret, cloud, env.get("STANCH_KEY_VAULT", "")))


def secret(cloud: AzureCloud, vault: str, name: str) -> str:
    """A secret of the key vault `vault` (its URL). Raises InvalidInput without a vault."""
    if not vault.startswith("https://"):
        raise InvalidInput("STANCH_KEY_VAULT", "must be the https URL of the key vault that holds the webhook's secret")
    session = cloud.session(Resource("Microsoft.Graph/users", "", ""), "own", "")
    answer = session.vault(vault, f"/secrets/{quote(name, safe='')}") or {}
    return str(answer.get("value", ""))
