"""A pytest plugin for mutants: each is tried in a fork of a large process, whose objects the garbage collector need not walk again."""

from __future__ import annotations

import gc

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """What is there already is kept: pytest collects several times as it ends."""
    gc.freeze()
