"""AWS: who we are, which accounts are in reach, and whether the roles there hold what the remediations declare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from stanch.clouds.aws import AwsCloud, AwsSession
from stanch.deployment import Deployment
from stanch.doctor import Check, surely
from stanch.doctor.clocks import clock
from stanch.doctor.deployment import groups
from stanch.doctor.rights import PURPOSES, Purpose, judged, needed
from stanch.errors import AccessDenied, Refused, StanchError
from stanch.finding import Resource

PERMISSIONS = frozenset({"iam:SimulatePrincipalPolicy"})
"""What asking for permissions needs, of the reading role
(https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html)."""

AT_ONCE = 50
"""Permissions asked for in one call: a page of answers."""

MEND = "deploy deploy/aws/member-role.yaml there, with this deployment's responder roles and external id"


def aws(one: Deployment, cloud: AwsCloud, accounts: Sequence[str], live: bool) -> Iterator[Check]:
    """Every check of an AWS deployment in these accounts. `live` tells that permissions are enforced."""
    answer: dict[str, Any] = {}

    def ask() -> str:
        answer.update(cloud.home.call("sts", "get_caller_identity"))
        return str(answer["ResponseMetadata"]["HTTPHeaders"].get("date", ""))

    when = clock("AWS", ask)
    yield from _settings(cloud)
    if not answer:
        yield Check("reach", "AWS", "wrong", when.said, "give this machine credentials of the deployment's account")
        return
    yield _identity(cloud, answer)
    yield when
    yield from groups(one, cloud.account)
    for account in accounts:
        yield from surely("reach", account, lambda account=account: _account(one, cloud, account, answer, live))  # type: ignore[misc]  # bound at once


def _settings(cloud: AwsCloud) -> Iterator[Check]:
    if cloud.settings.role_name is None:
        yield Check("settings", "STANCH_ROLE_NAME", "note", "not set: only this deployment's own account is in reach, with all rights of its own role")  # fmt: skip
    elif cloud.settings.external_id is None and cloud.settings.endpoint is None:
        yield Check("settings", "STANCH_EXTERNAL_ID", "note", "not set: member roles as deploy/aws/member-role.yaml makes them ask for one")  # fmt: skip


def _identity(cloud: AwsCloud, answer: dict[str, Any]) -> Check:
    said = f"{answer['Arn']} in account {answer['Account']}"
    if cloud.account != answer["Account"]:
        return Check("reach", "AWS", "wrong", f"{said}, but STANCH_ACCOUNT says {cloud.account}", "put STANCH_ACCOUNT or the credentials right")  # fmt: skip
    return Check("reach", "AWS", "ok", said)


def _account(one: Deployment, cloud: AwsCloud, account: str, caller: dict[str, Any], live: bool) -> Iterator[Check]:
    reading: AwsSession | None = None
    for purpose in PURPOSES:
        where = f"{account} ({purpose})"
        permissions = PERMISSIONS if purpose == "read" else frozenset({"sts:GetCallerIdentity"})
        try:
            session = cloud.session(Resource("AWS::::Account", account, account), purpose, "doctor", permissions)
            found = str(session.call("sts", "get_caller_identity")["Account"])
        except (AccessDenied, Refused) as error:
            yield Check("reach", where, "wrong", str(error), MEND)
            continue
        except StanchError as error:
            yield Check("reach", where, "unknown", str(error))
            continue
        if found != account:
            yield Check("reach", where, "wrong", f"the session is in account {found}", MEND)
            continue
        yield Check("reach", where, "ok", "its role can be assumed" if cloud.settings.role_name else "this account")
        reading = session if purpose == "read" else reading
        yield from _permissions(one, cloud, reading, where, _principal(cloud, account, purpose, caller), purpose, live)


def _principal(cloud: AwsCloud, account: str, purpose: Purpose, caller: dict[str, Any]) -> str:
    """Whose policies are simulated: the purpose's role, or without one whoever calls."""
    arn = str(caller["Arn"])
    partition = arn.split(":")[1]
    if cloud.settings.role_name:
        return f"arn:{partition}:iam::{account}:role/{cloud.settings.role_name}-{purpose}"
    if ":assumed-role/" in arn:  # a role's path is not in it; one with a path is not found and then said so
        return f"arn:{partition}:iam::{account}:role/{arn.split('/')[1]}"
    return arn


def _permissions(
    one: Deployment, cloud: AwsCloud, reading: AwsSession | None, where: str, principal: str, purpose: Purpose, live: bool
) -> Iterator[Check]:  # fmt: skip
    if not live:
        yield Check("permissions", where, "ok", "local clouds enforce none")
        return
    if reading is None:
        yield Check("permissions", where, "unknown", "only the reading role may ask for them", MEND)
        return
    needs = needed(one, purpose)
    try:
        denied = _denied(reading, principal, sorted(needs))
    except StanchError as error:
        yield Check("permissions", where, "unknown", str(error), MEND)
        return
    yield from judged(one, where, needs, denied, MEND)


def _denied(reading: AwsSession, principal: str, names: Sequence[str]) -> dict[str, str]:
    """What the simulator would not allow on any resource, and why. It judges the principal's own policies, its boundary and the organisation's
    policies; what resources say themselves it does not know."""
    denied: dict[str, str] = {}
    for start in range(0, len(names), AT_ONCE):
        found = reading.pages(
            "iam", "simulate_principal_policy", "EvaluationResults", PolicySourceArn=principal, ActionNames=list(names[start : start + AT_ONCE])
        )  # fmt: skip
        for one in found:
            if one["EvalDecision"] != "allowed":
                denied[one["EvalActionName"]] = _why(one)
    return denied


def _why(one: dict[str, Any]) -> str:
    if one.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations") is False:
        return "an organisation policy denies it"
    if one.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary") is False:
        return "the permissions boundary denies it"
    return "a policy denies it" if one["EvalDecision"] == "explicitDeny" else "no policy grants it"
