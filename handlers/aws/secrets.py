"""Values of Secrets Manager: webhook URLs and signing keys."""

from __future__ import annotations

import time

from stanch.clouds.aws import AwsCloud
from stanch.errors import InvalidInput

KEPT = 5.0
"""Seconds that a value is used again: a batch asks once, and a rotated secret is in use soon after."""


class Secrets:
    """The secrets of the responder's own account, by name. Raises what the session raises (Gone for one that is not there), and InvalidInput for one that holds bytes."""

    def __init__(self, cloud: AwsCloud) -> None:
        self._cloud = cloud
        self._kept: dict[str, tuple[float, str]] = {}

    def __call__(self, name: str) -> str:
        until, value = self._kept.get(name, (0.0, ""))
        if time.monotonic() >= until:
            answer = self._cloud.home.call("secretsmanager", "get_secret_value", SecretId=name)
            if "SecretString" not in answer:
                raise InvalidInput(name, "the secret holds bytes, not a text")
            value = answer["SecretString"]
            self._kept[name] = (time.monotonic() + KEPT, value)
        return value
