"""The environment: names that mean nothing, and what is left at its default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from stanch.doctor import Check

NAMES = frozenset({
    "STANCH_ACCOUNT", "STANCH_ANCHOR_BUCKET", "STANCH_APPROVAL_URL", "STANCH_APP_CONFIGURATION", "STANCH_ARM_ENDPOINT", "STANCH_CLOUD",
    "STANCH_DEAD_LETTER_QUEUES", "STANCH_EVENT_BUS", "STANCH_EVENT_GRID_TOPIC", "STANCH_EXTERNAL_ID", "STANCH_GRAPH_ENDPOINT",
    "STANCH_GUARDDUTY_ARCHIVE", "STANCH_GUARDDUTY_FEEDBACK", "STANCH_IDENTITY_ACT", "STANCH_IDENTITY_READ", "STANCH_IDENTITY_UNDO",
    "STANCH_JOURNAL", "STANCH_KEY_VAULT", "STANCH_KILL_SWITCH", "STANCH_LEASE_SECONDS", "STANCH_LOCAL_STATE", "STANCH_MAX_DELIVERIES",
    "STANCH_MODE", "STANCH_OIDC_ISSUER", "STANCH_OWN", "STANCH_OWN_PRINCIPAL_ID", "STANCH_PLAYBOOKS", "STANCH_POISON_QUEUES", "STANCH_REGIONS",
    "STANCH_ROLE_NAME", "STANCH_SENTINEL_WORKSPACE", "STANCH_SIGNING_SECRET", "STANCH_SNS_TOPIC_ARN", "STANCH_STALE_HOURS",
    "STANCH_TABLE_ENDPOINT", "STANCH_TEAMS_SECRET", "STANCH_VERIFY_DELAYS",
})  # fmt: skip
"""Every setting that is read; a test holds it against the source."""


def settings(env: Mapping[str, str]) -> Iterator[Check]:
    """A misspelt setting is one that is not set, and nothing else would say so."""
    strange = sorted(name for name in env if name.startswith("STANCH_") and name not in NAMES)
    for name in strange:
        close = get_close_matches(name, sorted(NAMES), 1)
        mend = f"did you mean {close[0]}?" if close else "remove it"
        yield Check("settings", name, "wrong", "there is no such setting: it is ignored", mend)
    if not strange:
        known = sum(name in NAMES for name in env)
        yield Check("settings", "names", "ok", f"{known} settings, all of them known")
