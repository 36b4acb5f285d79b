"""What one containment is about: a remediation, a resource, and on whose behalf."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from stanch.action import Action, action_id_of
from stanch.deployment import Deployment
from stanch.errors import Retryable
from stanch.finding import Finding, Resource
from stanch.playbooks.limits import Expires
from stanch.playbooks.model import Playbook
from stanch.remediation import digest


class Target(Struct, frozen=True):
    """One remediation on one resource.

    Without a finding it is a person's runbook or an action made before: `requester` and `justification` say whose and why. `unattended` tells that nobody asked for an action made
    before, so that what restrains automation restrains it. `expires` is the lease that a person asked for; else the playbook's holds. `waited` is the action made before.
    `group` is the account's; None, where it is unknown, is the strictest, and `doubt` says why it cannot be known for now.
    """

    remediation: str
    resource: Resource
    params: dict[str, Any]
    effect: str
    action_id: str
    mode: str
    playbook: Playbook | None = None
    finding: Finding | None = None
    confirmed: str | None = None
    requester: str = "stanch"
    justification: str | None = None
    group: str | None = None
    unattended: bool = False
    expires: Expires | None = None
    waited: Action | None = None
    doubt: Retryable | None = None

    @classmethod
    def of_action(cls, action: Action, deployment: Deployment, *, unattended: bool = False) -> Target:
        """The target of an action that the journal holds, under the policy of today."""
        group, doubt = deployment.placed(action.resource.account)
        return cls(
            remediation=action.remediation,
            resource=action.resource,
            params=action.params,
            effect=action.effect,
            action_id=action.id,
            mode="auto",
            playbook=next((found for found in deployment.policy.playbooks if found.id == action.playbook), None),
            confirmed=action.evidence.get("confirmed"),
            requester=action.requester,
            justification=action.justification,
            group=group,
            unattended=unattended,
            waited=action,
            doubt=doubt,
        )

    @property
    def automatic(self) -> bool:
        """Whether no person stands behind it: then modes, budgets and the kill switch hold it back."""
        return self.finding is not None or self.unattended

    @property
    def restrained(self) -> bool:
        """Whether it is automation's, also once a person agreed to it: the kill switch and a runtime exemption hold it back. They do not hold a person's own runbook back."""
        return self.automatic or (self.waited is not None and self.waited.finding is not None)

    @property
    def marker(self) -> str | None:
        """The same for every delivery of the same finding, whatever its version."""
        if self.finding is None:
            return marker_of(self.waited) if self.waited is not None else None
        return _marker(self.finding.source, self.finding.id, self.remediation, self.resource)

    @property
    def lease(self) -> Expires | None:
        """After how long people are reminded of it, or it is undone."""
        return self.expires or (self.playbook.expires if self.playbook else None)

    def after(self, last: str | None) -> Target:
        """Under the id that every delivery gives the action that follows the last one of this effect, so that of two at the same moment, be they of the same finding or not, only one can be
        opened, and plans that name things after the action are the same."""
        return self if self.finding is None else replace(self, action_id=action_id_of(self.effect, last))


def marker_of(action: Action) -> str | None:
    """The marker of the finding that an action is for; None for a runbook's."""
    if action.finding is None or action.source is None:
        return None
    return _marker(action.source, str(action.finding["id"]), action.remediation, action.resource)


def _marker(source: str, finding: str, remediation: str, resource: Resource) -> str:
    return digest([source, finding, remediation, resource.key()])
