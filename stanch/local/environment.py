"""The environment under which handlers meet the local clouds instead of real ones."""

from __future__ import annotations

import os
from pathlib import Path

from stanch.local.process import Running

REGION = "us-east-1"
HOME_ACCOUNT = "123456789012"
"""moto's default account: where the local deployment runs."""

WORKSPACE = "*"
_FOREIGN = (
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_DEFAULT_PROFILE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
)


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
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }


def enter(settings: dict[str, str]) -> None:
    """Make this process's environment the local one."""
    for name in _FOREIGN:
        os.environ.pop(name, None)
    os.environ.update(settings)
