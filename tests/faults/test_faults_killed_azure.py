"""Revoking a security group's open rule through the Sentinel handler: two changes, one of which makes a rule."""

from __future__ import annotations

import pytest

from tests.faults.proofs import Proofs

pytestmark = pytest.mark.timeout(240)
CLOUD = "azure"


class TestAzure(Proofs):
    """Killed at every call."""
