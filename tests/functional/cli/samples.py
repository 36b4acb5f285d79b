"""Events of the tests' own: sample events about other resources, so that tests that share clouds do not meet."""

from __future__ import annotations

import json
import uuid
from typing import Any

from tests.functional.cli.command import event

_LEAK = {"AKIAIOSFODNN7EXAMPL1": "AKIA{0}", "ci-deploy": "deploy-{1}", "01c1b2a39f4e5d6c7b8a9f0e1d2c3b4a": "{2}"}
_SSH = {"sg-0c9d8e7f6a5b40312": "sg-{3}"}
_MINING = {
    "vm-batch-2": "vm-{1}",
    "00000000-0000-0000-0000-000000001003": "{4}",
    "00000000-0000-0000-0000-000000004003": "{5}",
}


def leaked_key() -> dict[str, Any]:
    """GuardDuty: a user's key in somebody else's hands; a key and the user's sessions are contained."""
    return _renamed("guardduty/leaked-access-key", _LEAK)


def open_ssh() -> dict[str, Any]:
    """AWS Config: a security group open to anybody on port 22."""
    return _renamed("config/open-ssh", _SSH)


def mining_vm() -> dict[str, Any]:
    """Sentinel: a machine that mines; it is isolated."""
    return _renamed("sentinel/crypto-mining-vm", _MINING)


def key_of(raw: dict[str, Any]) -> str:
    """The access key that `leaked_key` names."""
    return str(raw["detail"]["resource"]["accessKeyDetails"]["accessKeyId"])


def _renamed(name: str, names: dict[str, str]) -> dict[str, Any]:
    one = uuid.uuid4()
    given = (one.hex[:16].upper(), one.hex[:8], one.hex, one.hex[:17], str(one), str(uuid.uuid4()))
    text = json.dumps(event(name))
    for old, new in names.items():
        text = text.replace(old, new.format(*given))
    found: dict[str, Any] = json.loads(text)
    return found
