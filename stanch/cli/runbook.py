"""`run`: what a person does by hand, planned, guarded and journaled like everything else."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from stanch import expiry
from stanch.action import Outcome
from stanch.cli import completing, output, parsing, people, showing
from stanch.cli.context import enter
from stanch.cli.options import Apply, CloudOption, Output, Playbooks, Reason
from stanch.deployment import Deployment
from stanch.errors import CloudError, InvalidInput, Refused
from stanch.finding import Resource
from stanch.guardrails import Verdict
from stanch.remediation import Plan
from stanch.report import Report, named
from stanch.result import Result
from stanch.runbook import Request, Runbook

NOT_APPLIED = "not applied: --apply carries it out"
"""The reason of a plan that a person only looked at."""


def register(app: typer.Typer) -> None:
    app.command("run")(run)


def run(
    remediation: Annotated[str, typer.Argument(metavar="REMEDIATION", help="A remediation's id; `stanch catalog` lists them.", autocompletion=completing.remediations)],
    resource: Annotated[str, typer.Argument(metavar="RESOURCE", help="An ARN, name, access key id, ARM id or user principal name.")],
    params: Annotated[list[str] | None, typer.Option("--with", metavar="K=V", help="A parameter; lists with commas.")] = None,
    account: Annotated[str | None, typer.Option(metavar="ID", help="The resource's account, where its name does not say.")] = None,
    region: Annotated[str | None, typer.Option(metavar="REGION", help="The resource's region, where its name does not say.")] = None,
    expires: Annotated[str | None, typer.Option(metavar="TIME", help="A lease, such as 4h: people are reminded of it.")] = None,
    reason: Reason = "", apply: Apply = False, output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None,
) -> None:  # fmt: skip
    """Show the plan of a remediation on a resource; with --apply carry it out. Bound by protection, not by mode."""
    declared = people.declared(remediation)
    given = parsing.parameters(declared.parameters, remediation, params or [])
    lease = expiry.duration(expires, "--expires") if expires is not None else None
    if apply and not reason.strip():
        raise InvalidInput("--reason", "say why: a runbook's action is journaled with its reason")
    context = enter(cloud, None, playbooks)
    deployment = context.deployment(people.cloud_of(remediation))
    found = people.resource(deployment, resource, declared.resource_type, account, region)
    request = Request(declared.id, found, people.requester(context), reason, given, lease)
    output.headline(context, output_)
    result = _carry_out(deployment, request, output_) if apply else _preview(deployment, request, output_)
    showing.undelivered(context, {result.action_id if apply else None})
    raise typer.Exit(output.exit_code([result.as_json()]))


def _carry_out(deployment: Deployment, request: Request, form: str) -> Result:
    result = Runbook(deployment, request).apply()
    if form == "json":
        output.lines([result.as_json()])
        return result
    action = deployment.journal.get(result.action_id or "")
    if action is None or result.outcome is Outcome.NO_OP:
        showing.table([{**result.as_json(), "account": request.resource.account}])
    else:
        showing.of_action(action, deployment.remediation(action.remediation), result.notified)
    return result


def _preview(deployment: Deployment, request: Request, form: str) -> Result:
    verdicts: list[Verdict] = []
    plan = Plan(request.resource)
    try:
        result, plan, verdicts = Runbook(deployment, request).preview()
    except (Refused, CloudError) as error:
        outcome = Outcome.HELD if isinstance(error, Refused) else Outcome.FAILED
        reason = str(error) if isinstance(error, Refused) else f"the plan could not be made: {error}"
        result = Result(outcome, reason, resource=named(request.resource), remediation=request.remediation)
    if form == "json":
        output.lines([{**result.as_json(), "reason": result.reason or NOT_APPLIED}])
        return result
    showing.report(_told(deployment, request.resource, result, plan), without=("To act", "Ids"))
    for verdict in verdicts:
        if verdict.effect == "approve":
            showing.labelled("Think twice", [verdict.sentence()])
    if result.outcome is Outcome.PLANNED:
        output.line("\nNothing was written. To carry it out, add: --apply --reason 'why'")
    return result


def _told(deployment: Deployment, resource: Resource, result: Result, plan: Plan) -> Report:
    """The plan as a report, so that it reads like every other one."""
    found: Any = deployment.remediation(str(result.remediation))
    return Report(
        key="", outcome=result.outcome.value, title=found.title, account=resource.account, cloud=resource.cloud, region=resource.region,
        resource=named(resource), remediation=found.id, reason=result.reason, changes=result.changes,
        breaks=[found.disruption, *plan.breaks], not_done=list(plan.not_done),
    )  # fmt: skip
