"""What is done of a request that nobody answered, where the policy lets silence stand for consent."""

from __future__ import annotations

from msgspec.structs import replace

from stanch.action import Outcome
from stanch.decision import Decision, Identity, View
from stanch.errors import Refused
from stanch.playbooks.match import excluded
from stanch.playbooks.model import Playbook, mode_for, strictest
from stanch.restraint import Subject
from stanch.result import Result
from stanch.target import Target

NOBODY = Identity("stanch (nobody answered)", "stanch")


class Silence(Decision):
    """A decision that no person made: it has no more rights than automation."""

    def consent(self, waited: str) -> Result:
        """Carry out what was asked, as if the playbook's mode were auto. Raises Refused with whatever else asks for a person or forbids it."""
        if self.action.outcome is not Outcome.AWAITING_APPROVAL:
            raise Refused("decided", f"action {self.action.id} ended as {self.action.outcome}")
        target, playbook = self._target(), self._wanted()
        view = self.preview()
        if view.plan.contained:
            return self._contained(view)
        self._unhindered(view, target, playbook)
        # The playbook without its flap: `proceed` counts the containment.
        subject = Subject(view.plan, target.remediation, target.effect, target.group, replace(playbook, flap=None))
        spent = self._deployment.restraint.spend(subject)
        if spent.effect != "pass":
            raise Refused(spent.guard, spent.reason)
        return self._continuation().proceed(self.action, view.plan, "nobody objected", reason=waited)

    def _unhindered(self, view: View, target: Target, playbook: Playbook) -> None:
        ceiling = strictest(self._deployment.policy.ceiling_for(target.group), self._deployment.settings.ceiling)
        if ceiling != "auto":
            raise Refused("ceiling", f"{ceiling} is the most that may be done there")
        for verdict in view.verdicts:
            if verdict.effect != "pass":
                raise Refused(verdict.guard, verdict.reason)
        fact = excluded(playbook, None, view.plan.facts)
        if fact is not None:
            raise Refused("unless", fact)
        if view.digest != self.action.plan.get("digest"):
            raise Refused("changed plan", "what would be done has changed since it was shown")

    def _wanted(self) -> Playbook:
        """The playbook as it is today. Raises Refused if it does not want this any more."""
        target = self._target()
        playbook = target.playbook
        if playbook is None or not playbook.enabled or mode_for(playbook, target.group) == "observe":
            raise Refused("playbook", f"{self.action.playbook or 'none'} does not ask for it any more")
        return playbook

    def _target(self) -> Target:
        return Target.of_action(self.action, self._deployment, unattended=True)
