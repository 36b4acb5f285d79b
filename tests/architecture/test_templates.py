"""What is deployed on both clouds: every setting that the code reads, and no permission that does not exist."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml

from tests.architecture.bicep import resources

ROOT = Path(__file__).parent.parent.parent

NOT_DEPLOYED = {
    "STANCH_ARM_ENDPOINT": "local clouds",
    "STANCH_GRAPH_ENDPOINT": "local clouds",
    "STANCH_TABLE_ENDPOINT": "local clouds",
    "STANCH_LEASE_SECONDS": "tests: the default fits the functions' timeouts",
    "STANCH_PLAYBOOKS": "the artefact carries the compiled policy",
    "STANCH_STALE_HOURS": "the default holds unless an operator adds it",
    "STANCH_VERIFY_DELAYS": "local clouds are consistent at once",
}
"""Settings that no template sets, and why."""

COMPOSED = {"STANCH_IDENTITY_": ("READ", "ACT", "UNDO")}
"""Names that the code puts together."""

# Actions whose API has another name: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
NAMED_OTHERWISE = {
    "s3:GetAccountPublicAccessBlock": ("s3control", "GetPublicAccessBlock"),
    "s3:GetBucketObjectLockConfiguration": ("s3", "GetObjectLockConfiguration"),
    "s3:GetBucketPublicAccessBlock": ("s3", "GetPublicAccessBlock"),
    "s3:GetObjectVersion": ("s3", "GetObject"),
    "s3:ListAllMyBuckets": ("s3", "ListBuckets"),
    "s3:ListBucketVersions": ("s3", "ListObjectVersions"),
    "s3:PutAccountPublicAccessBlock": ("s3control", "PutPublicAccessBlock"),
    "s3:PutBucketPublicAccessBlock": ("s3", "PutPublicAccessBlock"),
}
WITHOUT_API = {
    "kms:*": "the administrator statement of every key policy: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html",
    "sts:SetSourceIdentity": "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html",
}


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms; what they refer to does not matter here."""


def _short_form(loader: _Loader, name: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return f"!{name} {node.value}"
    return loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else {}


_Loader.add_multi_constructor("!", _short_form)


@cache
def template(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((ROOT / name).read_text(), _Loader)
    return loaded


def read(cloud: str) -> set[str]:
    """The settings that one cloud's functions read: named in the files that its entry points import, however far down."""
    names: set[str] = set()
    for path in _imported(_entries(cloud)):
        names |= set(re.findall(r"\bSTANCH_[A-Z_]+", path.read_text()))
    return {whole for name in names for whole in (f"{name}{end}" for end in COMPOSED.get(name, ("",)))}


def _entries(cloud: str) -> set[str]:
    if cloud == "azure":
        return {"function_app"}
    functions = [
        one for one in template("template.yaml")["Resources"].values() if one["Type"] == "AWS::Serverless::Function"
    ]
    return {one["Properties"]["Handler"].rpartition(".")[0] for one in functions}


def _imported(modules: set[str]) -> set[Path]:
    seen: set[Path] = set()
    left = set(modules)
    while left:
        place = ROOT.joinpath(*left.pop().split("."))
        path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if not path.is_file() or path in seen:
            continue
        seen.add(path)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                left |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                left |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return seen


def deployed(cloud: str) -> set[str]:
    """The settings that a template gives every function of a cloud."""
    if cloud == "aws":
        names = template("template.yaml")["Globals"]["Function"]["Environment"]["Variables"]
    else:
        names = resources("Microsoft.Web/sites/config", "appsettings")[0]["properties"]
    return {name for name in names if name.startswith("STANCH_")}


@pytest.mark.parametrize("cloud", ["aws", "azure"])
def test_every_setting_that_is_read_is_deployed_and_the_reverse(cloud: str) -> None:
    assert deployed(cloud) == read(cloud) - set(NOT_DEPLOYED)


def test_what_is_not_deployed_is_at_least_read() -> None:
    assert set(NOT_DEPLOYED) <= read("aws") | read("azure")


def test_the_function_gives_up_when_the_queue_does() -> None:
    variables = template("template.yaml")["Globals"]["Function"]["Environment"]["Variables"]
    policies = [one["Properties"].get("RedrivePolicy") for one in template("template.yaml")["Resources"].values() if one["Type"] == "AWS::SQS::Queue"]  # fmt: skip
    assert {one["maxReceiveCount"] for one in policies if one} == {int(variables["STANCH_MAX_DELIVERIES"])}


def _statements(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict) and "Effect" in node and "Action" in node:
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _statements(child)


def _actions() -> set[str]:
    names: set[str] = set()
    for file in ("template.yaml", "deploy/aws/member-role.yaml"):
        for statement in _statements(template(file)["Resources"]):
            found = statement["Action"]
            names |= {found} if isinstance(found, str) else set(found)
    return names


@cache
def _operations(service: str) -> set[str]:
    return set(botocore.session.Session().get_service_model(service).operation_names)


def test_every_iam_action_exists() -> None:
    """An action bears the name of the API operation that it permits, in botocore's model of the service, but for the exceptions."""
    unknown = set()
    for action in _actions() - set(WITHOUT_API):
        service, operation = NAMED_OTHERWISE.get(action) or action.split(":")
        if operation not in _operations(service):
            unknown.add(action)
    assert unknown == set()


def test_every_exception_is_used() -> None:
    assert set(NAMED_OTHERWISE) | set(WITHOUT_API) <= _actions()


def test_every_function_that_assumes_member_roles_is_among_those_that_they_trust() -> None:
    """What a page approves is carried out by the page's function: a member role that does not trust it refuses."""
    whole = template("template.yaml")
    roles = {name: one for name, one in whole["Resources"].items() if one["Type"] == "AWS::IAM::Role"}
    assuming = {name for name, one in roles.items() if "sts:AssumeRole" in json.dumps(one["Properties"]["Policies"])}
    assert len(assuming) == 5
    trusted = json.dumps(whole["Outputs"]["ResponderRoles"]["Value"])
    assert {name for name in assuming if re.search(rf"\b{name}\b", trusted)} == assuming
