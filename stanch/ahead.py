"""What acting on a target asks first, all of it at once: what the journal says, what restrains it, and the plan of its next action."""

from __future__ import annotations

import time

from stanch.concurrent import Begun
from stanch.deployment import Deployment
from stanch.journal import Standing
from stanch.remediation import Plan
from stanch.restraint import EXEMPT, FRESH, Facts, asked
from stanch.target import Target


class Reads:
    """The reads for one target, begun now. Nothing is believed or written for them: whoever waits for one judges it as if it were read then."""

    def __init__(self, deployment: Deployment, target: Target) -> None:
        self._deployment = deployment
        self._target = target.after(None)
        self._at = self._told = self._planned = time.monotonic()
        self._kind = EXEMPT if target.automatic else None
        self._standing = Begun(self._look)
        self._plan = Begun(self._make)
        asks = target.automatic and deployment.restraint.known(target.group) is None
        self._switch = Begun(lambda: deployment.restraint.stopped(target.group)) if asks else None

    def _look(self) -> Standing:
        found = self._deployment.journal.look(self._target.effect, self._target.marker, self._kind)
        self._told = time.monotonic()
        return found

    def _make(self) -> Plan:
        found = planned(self._deployment, self._target)
        self._planned = time.monotonic()
        return found

    @property
    def fresh(self) -> bool:
        """Whether they may still be acted on: what was read while a slow source was asked may have changed since."""
        return _recent(self._at)

    def standing(self) -> Standing:
        """What the journal says, with the exemptions where automation asks. Raises Retryable."""
        return asked("journal", self._standing.result)

    def exemptions(self, standing: Standing) -> Facts | None:
        """Those that were read with the journal's answer; None if that was a while ago, because the plan took long: then they are to be asked for anew."""
        return standing.facts if _recent(self._told) else None

    def plan(self, target: Target) -> Plan:
        """The plan of the target as the journal's answer leaves it: read anew where that is another than it was begun for, or took long itself. Raises what planning raises."""
        begun = self._target
        same = (begun.action_id, begun.resource, begun.params) == (target.action_id, target.resource, target.params)
        found = self._plan.result() if same else None
        return found if found is not None and _recent(self._planned) else planned(self._deployment, target)

    def switch(self) -> None:
        """Where automation asks, the kill switch is known after this. Raises Retryable."""
        if self._switch is not None:
            self._switch.result()

    def end(self) -> None:
        """Nothing of it runs any more: a frozen function must not wake up in the middle of a call."""
        for begun in (self._standing, self._plan, self._switch):
            if begun is not None:
                begun.end()


def _recent(moment: float) -> bool:
    return time.monotonic() - moment < FRESH


class Ahead:
    """The reads begun for the first target of a finding, while its source is asked to confirm it."""

    def __init__(self, target: Target | None = None, reads: Reads | None = None) -> None:
        self._name, self._reads = target and _name(target), reads
        self._begun = reads

    def take(self, target: Target) -> Reads | None:
        """The target's reads, if they were begun for it and nothing was done since: whoever asks first gets them, for later ones must see what was done before them."""
        reads, self._reads = self._reads, None
        return reads if _name(target) == self._name else None

    def end(self) -> None:
        """Nothing of it runs any more."""
        if self._begun is not None:
            self._begun.end()


def _name(target: Target) -> tuple[str, str | None]:
    """What the journal is asked for: an effect on behalf of a finding. The source's copy may be another one than the event named."""
    return target.effect, target.marker


def planned(deployment: Deployment, target: Target) -> Plan:
    """What the remediation would do, read live."""
    declared = deployment.remediation(target.remediation)
    reader = deployment.bind(declared, target.resource, "read", target.action_id)
    return reader.plan(target.resource, target.params)
