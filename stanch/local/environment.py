"""The environment under which handlers meet the local clouds instead of real ones."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stanch.local.process import Running

REGION = "us-east-1"
HOME_ACCOUNT = "123456789012"
"""moto's default account: where the local deployment runs."""

WORKSPACE = "*"

_FOREIGN = ("AWS_", "AZURE_", "IDENTITY_", "MSI_", "STANCH_IDENTITY_", "STANCH_OWN")
"""What begins so is read by the SDKs (credentials, profiles, endpoints of single services, regions) or belongs to a deployment."""

_FOREIGN_NAMES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle", "curl_ca_bundle"})  # fmt: skip
_OF_A_DEPLOYMENT = frozenset({"STANCH_EXTERNAL_ID", "STANCH_KILL_SWITCH", "STANCH_EVENT_GRID_TOPIC"})


def without_foreign(env: Mapping[str, str]) -> dict[str, str]:
    """`env` without whatever leads SDKs to a real account or through a proxy."""
    return {
        name: value
        for name, value in env.items()
        if not name.startswith(_FOREIGN) and name.lower() not in _FOREIGN_NAMES and name not in _OF_A_DEPLOYMENT
    }


def local(running: Running, journal: Path, mode: str) -> dict[str, str]:
    """The settings of a deployment on the local clouds. Nothing of a real account can leak in: credentials are made up and profiles are off."""
    return {
        "AWS_ENDPOINT_URL": running.aws,
        "AWS_ACCESS_KEY_ID": "LOCALHOMEKEY00000000",  # no finding can name it, so moto keeps it in the home account
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "STANCH_ACCOUNT": HOME_ACCOUNT,
        "STANCH_ROLE_NAME": "stanch",
        "STANCH_JOURNAL": f"sqlite://{journal}",
        "STANCH_SNS_TOPIC_ARN": running.topic,
        "STANCH_TEAMS_SECRET": "stanch-teams",
        "STANCH_MODE": mode,
        "STANCH_VERIFY_DELAYS": "0.05,0.2,0.5",
        "STANCH_ARM_ENDPOINT": running.azure,
        "STANCH_GRAPH_ENDPOINT": running.azure,
        "STANCH_KEY_VAULT": f"{running.teams.partition('/workflows')[0]}/vault",
        "STANCH_SENTINEL_WORKSPACE": WORKSPACE,
        "IDENTITY_ENDPOINT": f"{running.azure}/msi/token",
        "IDENTITY_HEADER": running.identity_header,
        "REQUESTS_CA_BUNDLE": running.ca,
        "NO_PROXY": "127.0.0.1,localhost",
    }


def enter(settings: Mapping[str, str]) -> None:
    """Make this process's environment the local one."""
    kept = without_foreign(os.environ)
    for name in set(os.environ) - set(kept):
        del os.environ[name]
    os.environ.update(settings)
