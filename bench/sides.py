"""Who is measured: our packaged functions and what others do for the same event."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from bench import environments, events
from bench.measure import Side

COMPARATORS = environments.BENCH / "comparators"
DEACTIVATE = "iam:UpdateAccessKey"
DELETE_RULE = "network:deleteRule"

OURS = {
    "STANCH_MODE": "auto",
    "STANCH_JOURNAL": "dynamodb://stanch",
    "STANCH_ACCOUNT": events.ACCOUNT,
    "STANCH_SNS_TOPIC_ARN": "arn:aws:sns:eu-west-1:111122223333:reports",
    "POWERTOOLS_SERVICE_NAME": "stanch",
}
AZURE = {"IDENTITY_ENDPOINT": "STUB/msi/token", "IDENTITY_HEADER": "header"}
OURS_ON_AZURE = {
    **AZURE,
    "STANCH_MODE": "auto",
    "STANCH_JOURNAL": "azuretable://tables/stanch",
    "STANCH_TABLE_ENDPOINT": "STUB/tables",
    "STANCH_ARM_ENDPOINT": "STUB",
    "STANCH_GRAPH_ENDPOINT": "STUB",
    "STANCH_SENTINEL_WORKSPACE": "*",
}

ONE_ACTION = """
extends: shipped
playbooks:
  - id: user-sessions
    enabled: false
"""
"""The shipped policy also revokes the user's sessions; the hand-written function does not, so neither does ours where the two are compared."""


def policy(folder: Path) -> Path:
    """The shipped policy without the second action, compiled."""
    sys.path.insert(0, str(environments.ROOT))
    from stanch.playbooks.compile import dump
    from stanch.playbooks.load import load

    source, target = folder / "one.yaml", folder / "one.json"
    source.write_text(ONE_ACTION)
    target.write_text(dump(load(source)))
    return target


def hand() -> Side:
    path = (environments.comparator("handwritten"), COMPARATORS)
    return Side("hand-written", path, "handwritten:handler", DEACTIVATE)


def powertools() -> Side:
    path = (environments.comparator("with_powertools"), COMPARATORS)
    return Side("Powertools idempotency", path, "with_powertools:handler", DEACTIVATE)


def custodian() -> Side:
    archive, runtime = environments.custodian()
    return Side("Cloud Custodian", (archive, runtime), "custodian_policy:run", DEACTIVATE, folder=archive)


def ours(artefact: Path, compiled: Path | None, **more: str) -> Side:
    """`compiled`: another policy than the shipped one."""
    env = {**OURS, **more} | ({"STANCH_PLAYBOOKS": str(compiled)} if compiled else {})
    return Side("Stanch", (artefact,), "handlers.aws.guardduty:handler", DEACTIVATE, env)


def member(artefact: Path, compiled: Path) -> Side:
    """Ours, with the resource in another account that is reached through its roles."""
    made = ours(artefact, compiled, STANCH_ROLE_NAME="stanch", STANCH_EXTERNAL_ID="example-external-id")
    return replace(made, name="Stanch, member account", account=events.MEMBER)


def naive() -> Side:
    env = {**AZURE, "ARM": "STUB", "SUBSCRIPTION": "00000000-0000-0000-0000-0000000000a1"}
    path = (environments.comparator("naive_azure"), COMPARATORS)
    return Side("three SDK clients", path, "naive_azure:answer", DELETE_RULE, env, context=False)


def ours_on_azure(artefact: Path) -> Side:
    return Side("Stanch on Azure", (artefact,), "handlers.azure.sentinel:answer", DELETE_RULE, OURS_ON_AZURE, "function_app", False)  # fmt: skip


def renamed(side: Side, name: str) -> Side:
    return replace(side, name=name)
