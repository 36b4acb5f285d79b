"""Settings that both clouds read from the environment (INTERFACE: names are fixed; secrets are given by name only)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from stanch.deployment import Settings
from stanch.errors import PolicyError
from stanch.playbooks.compile import load_compiled
from stanch.playbooks.model import Policy

ROOT = Path(__file__).parent.parent


def settings(env: Mapping[str, str] = os.environ) -> Settings:
    """The engine's knobs. Raises PolicyError for a mode that does not exist."""
    ceiling = env.get("STANCH_MODE", "observe")
    if ceiling not in ("observe", "approve", "auto"):
        raise PolicyError("STANCH_MODE", f"must be observe, approve or auto, not {ceiling!r}")
    delays = env.get("STANCH_VERIFY_DELAYS")
    return Settings(
        ceiling=ceiling,
        lease=float(env.get("STANCH_LEASE_SECONDS", "90")),
        verify_delays=tuple(float(part) for part in delays.split(",") if part)
        if delays is not None
        else Settings().verify_delays,
        stale_after=timedelta(hours=float(env.get("STANCH_STALE_HOURS", "24"))),
    )


def policy(env: Mapping[str, str] = os.environ) -> Policy:
    """The policy: compiled where a build made it, else read from YAML (never on a deployed function's cold path)."""
    path = Path(env.get("STANCH_PLAYBOOKS") or _packaged())
    if path.suffix == ".json":
        return load_compiled(path)
    from stanch.playbooks.load import load

    return load(path)


def _packaged() -> Path:
    compiled = ROOT / "playbooks.json"
    return compiled if compiled.exists() else ROOT / "playbooks.yaml"


def max_deliveries(env: Mapping[str, str] = os.environ) -> int:
    """After how many deliveries the queue gives up on a message."""
    return int(env.get("STANCH_MAX_DELIVERIES", "5"))
