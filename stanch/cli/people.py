"""Who asks, and which resource and remediation they mean."""

from __future__ import annotations

import getpass
import os
import re
import socket
from typing import Any

from stanch.cli import output
from stanch.cli.context import CloudName, Context
from stanch.deployment import Deployment
from stanch.errors import InvalidInput, PolicyError
from stanch.finding import Resource
from stanch.identity import Identity, of_arn
from stanch.journal import Query
from stanch.naming import of_text
from stanch.remediation import Remediation, load

_UNIQUE = frozenset({"AWS::IAM::AccessKey", "AWS::S3::Bucket", "AWS::EC2::Instance", "AWS::EC2::SecurityGroup", "Microsoft.Graph/users"})  # fmt: skip
"""Types whose names say no account but stand for one thing in all the world, so that the journal's account is the right one."""


def cloud_of(remediation: str) -> CloudName:
    """The cloud that a remediation's id begins with. Raises InvalidInput."""
    name = remediation.partition(".")[0]
    if name == "aws":
        return "aws"
    if name == "azure":
        return "azure"
    raise InvalidInput(
        "remediation", f"{remediation!r} begins neither with aws. nor with azure.; `stanch catalog` lists them"
    )


def declared(remediation: str) -> type[Remediation[Any]]:
    """The class behind an id. Raises InvalidInput."""
    from remediations import aws, azure

    registry = aws.REGISTRY if cloud_of(remediation) == "aws" else azure.REGISTRY
    if remediation not in registry:
        raise PolicyError("remediation", f"there is no {remediation}; there is {', '.join(sorted(registry))}")
    return load(registry[remediation])


def requester(context: Context) -> str:
    """Who asks, by the name that the journal has of them."""
    return caller(context).name


def caller(context: Context) -> Identity:
    """Who asks: on live clouds whom AWS or Entra say that the credentials are of, on local ones the owner of this machine, who is in every group.

    Where neither says so it is the account of this machine, which proves nothing: such a caller is no person that can be told from another.
    """
    if context.live and "aws" in context.clouds:
        aws: Any = context.deployment("aws").cloud
        return of_arn(str(aws.home.call("sts", "get_caller_identity")["Arn"]))
    if context.live:
        from stanch.clouds import azure_claims

        azure: Any = context.deployment("azure").cloud
        known = azure_claims.identity(azure_claims.claims(azure.credential("own"), azure.settings.arm_scope))
        return known or Identity(_account(), _account(), person=False)
    group = context.deployment(context.clouds[0]).policy.approval.by.get("group")
    return Identity(_account(), _account(), (group,) if group else ())


def _account() -> str:
    """The account of this machine."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as containers have it
        name = f"uid-{os.getuid()}"
    return f"{name}@{socket.gethostname()}"


def resource(deployment: Deployment, text: str, wanted: str, account: str | None, region: str | None) -> Resource:
    """The resource that a person names. What the name and the options leave out is the journal's where it knows the resource, else the deployment's own,
    and is said on stderr: what is not found in one account may well be in another.

    Raises InvalidInput when the text cannot name such a resource.
    """
    if account is not None and wanted.startswith("AWS::") and not re.fullmatch(r"\d{12}", account, re.ASCII):
        raise InvalidInput("--account", f"{account!r} is no AWS account id, which has 12 digits")
    where: Any = deployment.cloud
    home = str(getattr(where, "account", ""))
    own = region or getattr(where.settings, "region", None)
    found = of_text(text, wanted, account or home, own)
    if account is not None or of_text(text, wanted, "", own).account:
        return found
    known = _known(deployment, found) if wanted in _UNIQUE else None
    if known is None and wanted.startswith("Microsoft.Graph/"):
        return found  # the tenant is that of the credentials
    if known is None:
        output.say(f"account {found.account or 'unknown'}, this deployment's own: the name says none; --account says otherwise")  # fmt: skip
        return found
    output.say(f"account {known.account or 'unknown'}{f', {known.region}' if known.region else ''}, as the journal has it; --account and --region say otherwise")  # fmt: skip
    return of_text(text, wanted, known.account, region or known.region)


def _known(deployment: Deployment, found: Resource) -> Resource | None:
    """The resource as the latest action on it names it."""
    name = found.id.rpartition("/")[2].lower()
    for action in deployment.journal.find(Query()):
        if action.resource.type == found.type and action.resource.id.rpartition("/")[2].lower() == name:
            return action.resource
    return None
