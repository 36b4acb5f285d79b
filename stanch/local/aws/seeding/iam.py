"""Users, access keys and roles."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from moto.core.utils import utcnow
from moto.iam.models import IAMBackend, iam_backends

from stanch.finding import Resource
from stanch.local.aws.seeding.scene import Scene, Unseedable

_USER_ID = re.compile(r"AIDA[A-Z0-9]+")
_ROLE_ID = re.compile(r"AROA[A-Z0-9]+")
_UNIQUE_ID = re.compile(r"A(IDA|ROA)[A-Z0-9]+")
_STALE_KEYS = {"ACCESS_KEYS_ROTATED", "IAM_USER_UNUSED_CREDENTIALS_CHECK"}
_KEY_AGE, _STALE_KEY_AGE = timedelta(days=30), timedelta(days=120)
_PATHS = {
    "AWSServiceRoleFor": "/aws-service-role/local.amazonaws.com/",
    "AWSReservedSSO_": "/aws-reserved/sso.amazonaws.com/",
}


def _backend(scene: Scene, resource: Resource) -> IAMBackend:
    return iam_backends[scene.account(resource)][scene.partition(resource)]


def user(scene: Scene, resource: Resource) -> Iterator[str]:
    """The user; for the rules about old keys also one Active key that is 120 days old."""
    if resource.id.endswith(":root"):
        raise Unseedable("every account has its root user")
    backend = _backend(scene, resource)
    name, path = _named(resource, "user")
    yield from _user(backend, name, path, resource)
    found = _find_user(backend, name, resource)
    if scene.rule in _STALE_KEYS and not found.access_keys:
        key = backend.create_access_key(found.name)
        key.create_date = utcnow() - _STALE_KEY_AGE
        yield f"{found.name} has the access key {key.access_key_id}, Active and {_STALE_KEY_AGE.days} days old."


def access_key(scene: Scene, resource: Resource) -> Iterator[str]:
    """The user's key with the id that the finding names, Active."""
    if resource.details.get("user_type") == "Root":
        raise Unseedable("the local AWS has no keys of root users")
    backend = _backend(scene, resource)
    if resource.id in backend.access_keys:
        return
    name = str(resource.details.get("user_name") or f"owner-of-{resource.id.lower()}")
    yield from _user(backend, name, "/", resource)
    owner = backend.users[name]
    # AWS allows two keys a user; findings of several events may name more.
    key = owner.create_access_key(prefix="AKIA")
    key.access_key_id, key.create_date = resource.id, utcnow() - _KEY_AGE
    backend.access_keys[resource.id] = key
    yield f"{name} in {scene.account(resource)} has the access key {resource.id}, Active."


def role(scene: Scene, resource: Resource) -> Iterator[str]:
    """The role, trusted by EC2 where an instance plays a part in the finding, else by its own account."""
    name, path = _named(resource, "role")
    wanted = str(resource.details.get("principal_id") or "")
    on_instance = "InstanceDetails" in scene.guardduty.get("Resource", {}) or ":i-" in wanted
    yield from ensure_role(scene, resource, name, path, on_instance=on_instance)


def ensure_role(scene: Scene, resource: Resource, name: str, path: str, *, on_instance: bool) -> Iterator[str]:
    """A role of that name where there is none."""
    backend = _backend(scene, resource)
    if any(one.name == name for one in backend.get_roles()):
        return
    account, partition = scene.account(resource), scene.partition(resource)
    trusted = {"Service": "ec2.amazonaws.com"} if on_instance else {"AWS": f"arn:{partition}:iam::{account}:root"}
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}],
    }
    made = backend.create_role(
        role_name=name, assume_role_policy_document=json.dumps(policy), path=path, permissions_boundary=None,
        description="", tags=[], max_session_duration="3600",
    )  # fmt: skip
    known = _ROLE_ID.match(str(resource.details.get("principal_id") or resource.details.get("unique_id") or ""))
    if known and known.group() not in backend.roles:
        backend.roles[known.group()] = backend.roles.pop(made.id)
        made.id = known.group()
    yield f"Account {account} has the role {name}."


def ensure_profile(scene: Scene, resource: Resource, arn: str, role_name: str) -> Iterator[str]:
    """The instance profile of that ARN, with the role in it, where missing."""
    backend = _backend(scene, resource)
    name = arn.rpartition("/")[2]
    if name in backend.instance_profiles:
        return
    yield from ensure_role(scene, resource, role_name, "/", on_instance=True)
    backend.create_instance_profile(name, "/", [role_name], [])
    yield f"Account {scene.account(resource)} has the instance profile {name}."


def _user(backend: IAMBackend, name: str, path: str, resource: Resource) -> Iterator[str]:
    if _find_user(backend, name, resource) is not None:
        return
    made = backend.create_user(backend.region_name, name, path)
    known = _user_id(resource)
    if known:
        made.id = known
    yield f"Account {backend.account_id} has the user {name}."


def _find_user(backend: IAMBackend, name: str, resource: Resource) -> Any:
    known = _user_id(resource)
    return backend.users.get(name) or next((one for one in backend.users.values() if known and one.id == known), None)


def _user_id(resource: Resource) -> str | None:
    for text in (str(resource.details.get("principal_id") or resource.details.get("unique_id") or ""), resource.id):
        if _USER_ID.fullmatch(text):
            return text
    return None


def _named(resource: Resource, kind: str) -> tuple[str, str]:
    """Name and path, from an ARN (`arn:aws:iam::ACCT:user/path/NAME`), the details or, for a bare unique id, made from it."""
    name = str(resource.details.get("user_name") or "")
    arn = str(resource.details.get("arn") or resource.id)
    if arn.startswith("arn:"):
        below = arn.partition(f":{kind}/")[2]
        path, _, last = below.rpartition("/")
        name = name or last
        if path:
            return name, f"/{path}/"
    if not name and _UNIQUE_ID.fullmatch(resource.id):
        name = f"{kind}-{resource.id.lower()}"
    if not name:
        raise Unseedable(f"the finding does not say the {kind}'s name")
    return name, next((path for start, path in _PATHS.items() if name.startswith(start)), "/")
