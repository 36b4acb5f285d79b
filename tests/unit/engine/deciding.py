"""People who decide, and actions that wait for them."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from stanch.action import Action, Outcome
from stanch.decision import Decision, Identity, Request
from tests.unit.engine.bench import Bench, door, finding, of_type, playbook
from tests.unit.engine.toy_remediations import BurnLetter, CloseDoor, SealVault

ALICE = Identity("alice@corp.example", "sub-alice", ("sec-oncall",))
BOB = Identity("bob@corp.example", "sub-bob", ("sec-oncall",))
CAROL = Identity("carol@corp.example", "sub-carol", ("finance",))
ASKS = (
    playbook("doors", CloseDoor.id, when=of_type(CloseDoor), mode="approve"),
    playbook("vaults", SealVault.id, when=of_type(SealVault), mode="approve"),
    playbook("letters", BurnLetter.id, when=of_type(BurnLetter), mode="auto"),
)


def waits(bench: Bench, given: Any = None, outcome: Outcome = Outcome.AWAITING_APPROVAL) -> Action:
    result = bench.deliver(given or finding())
    assert result.outcome is outcome, result
    return bench.action(result)


def decide(bench: Bench, action: Action, by: Identity = ALICE, plan: str | None = None) -> Decision:
    return Decision(bench.deployment, Request(action.id, by, "seen live", plan))


def now(bench: Bench, action: Action) -> Action:
    found: Action | None = bench.journal.get(action.id)
    assert found is not None
    return found


def letter(bench: Bench) -> Any:
    bench.door("letter-1")
    return finding(replace(door("letter-1"), type=BurnLetter.resource_type))
