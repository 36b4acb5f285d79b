"""A bounded part of the figure `security`: each attack by itself, so that a failure names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof.attacks import approvals, events, requests, secrets, texts
from tests.proof.security import protected

pytestmark = pytest.mark.timeout(600)


LEAST = {events: 100, approvals: 900, requests: 150, texts: 900, secrets: 200}
"""How many cases there are at least."""


@pytest.mark.parametrize("attack", LEAST, ids=lambda module: module.__name__.rpartition(".")[2])
def test_nothing_gets_through(attack, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    tried = attack.attack("bounded", tmp_path)
    assert tried.failures == []
    assert tried.cases >= LEAST[attack]


def test_the_contracts_protected_cases_are_counted() -> None:
    tried = protected("bounded")
    assert tried.failures == []
    assert tried.cases >= 10
