"""Deactivating a leaked access key through the GuardDuty handler."""

from __future__ import annotations

import pytest

from tests.faults.proofs import Proofs

pytestmark = pytest.mark.timeout(240)
CLOUD = "aws"


class TestAws(Proofs):
    """Killed at every call."""
