"""The on-call engineer's own trigger: a remediation on a resource, without a finding; bound by protection, not by mode."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from stanch import clock, guardrails
from stanch.action import Outcome, action_id_of, effect_key
from stanch.containment import Containment
from stanch.deployment import Deployment
from stanch.errors import InvalidInput, Refused
from stanch.expiry import within
from stanch.finding import Resource
from stanch.guardrails import Verdict
from stanch.playbooks.limits import Expires
from stanch.remediation import Plan, bind
from stanch.report import named
from stanch.result import Result
from stanch.target import Target


class Request(Struct, frozen=True):
    """What a person asks for. `reason` is required to act and stands in the journal with the verified `requester`.

    `expires` is a lease in seconds: people are reminded of the containment before it ends and when it does.
    """

    remediation: str
    resource: Resource
    requester: str
    reason: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    expires: int | None = None


class Runbook:
    """One request."""

    def __init__(self, deployment: Deployment, request: Request) -> None:
        """Raises InvalidInput when remediation, resource type or a parameter do not fit."""
        declared = deployment.remediation(request.remediation)
        if request.resource.type != declared.resource_type:
            raise InvalidInput("resource", f"{declared.id} takes {declared.resource_type}, not {request.resource.type}")
        if request.expires is not None:
            within(request.expires, "expires")
        params = bind(declared.parameters, request.params, "params")
        if "since" in params and params["since"] is None:
            params["since"] = clock.iso(clock.now())
        effect = effect_key(declared.id, request.resource, params, declared.parameters)
        self._request = request
        self._deployment = deployment
        self._containment = Containment(
            deployment,
            Target(
                remediation=declared.id,
                resource=request.resource,
                params=params,
                effect=effect,
                action_id=action_id_of(effect, request.requester, request.reason, time.time_ns()),
                mode="auto",
                confirmed=f"{request.requester} asked for it",
                requester=request.requester,
                justification=request.reason,
                expires=Expires(request.expires) if request.expires else None,
            ),
        )

    def preview(self) -> tuple[Result, Plan, list[Verdict]]:
        """The plan and the guards' verdicts; nothing is written."""
        shield = guardrails.protected(self._request.resource, (), self._deployment.protected())
        if shield.effect == "hold":
            plan, verdicts = Plan(self._request.resource), [shield]
        else:
            plan, verdicts = self._containment.plan()
        held = shield if shield.effect == "hold" else None if plan.contained else guardrails.first(verdicts, "hold")
        outcome = Outcome.HELD if held else Outcome.NO_OP if plan.contained else Outcome.PLANNED
        result = Result(
            outcome,
            reason=held.sentence() if held else plan.reason,
            resource=named(self._request.resource),
            remediation=self._request.remediation,
            changes=[
                {"target": change.target, "before": change.before, "after": change.after} for change in plan.changes
            ],
        )
        return result, plan, verdicts

    def apply(self) -> Result:
        """Carry it out. Raises Refused without a reason."""
        if not self._request.reason.strip():
            raise Refused("reason", "say why: a runbook's action is journaled with its reason")
        return self._containment.run()
