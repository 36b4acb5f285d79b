"""Buckets, open as the finding says, and the account's own block."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from moto.s3.models import PublicAccessBlock, S3Backend, get_canned_acl, s3_backends

from stanch.finding import Resource
from stanch.local.aws.seeding.scene import Scene, Unseedable

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""

_FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def account(scene: Scene, resource: Resource) -> Iterator[str]:
    """Nothing: an account starts without its own public-access block, and a block that stands is not taken away."""
    scene.account(resource)
    yield from ()


def bucket(scene: Scene, resource: Resource) -> Iterator[str]:
    """The bucket, without a public-access block of its own and with the public grant that the finding describes."""
    name, owner = resource.id.rpartition(":")[2], scene.account(resource)
    if name in s3_backends.bucket_accounts:
        return
    if not _NAME.fullmatch(name):
        raise Unseedable("S3 allows no bucket of that name")
    region = scene.region(resource)
    backend = s3_backends[owner][scene.partition(resource)]
    backend.create_bucket(name, region)
    block = _block(scene)
    backend.buckets[name].public_access_block = PublicAccessBlock(*(str(block[flag]).lower() for flag in _FLAGS))
    state = "closed by its own public-access block" if all(block.values()) else "without a public-access block"
    yield f"Account {owner} has the bucket {name} ({region}), {state}."
    yield from _grant(scene, resource, backend, name)


def _block(scene: Scene) -> dict[str, bool]:
    """The bucket's own flags: as GuardDuty saw them, else all off."""
    seen = _access(scene).get("BucketLevelPermissions", {}).get("BlockPublicAccess", {})
    return {flag: bool(seen.get(flag, False)) for flag in _FLAGS}


def _access(scene: Scene) -> Mapping[str, Any]:
    """GuardDuty's view of who may reach the bucket (API_PermissionConfiguration)."""
    buckets = scene.guardduty.get("Resource", {}).get("S3BucketDetails") or [{}]
    found: Mapping[str, Any] = buckets[0].get("PublicAccess", {}).get("PermissionConfiguration", {})
    return found


def _grant(scene: Scene, resource: Resource, backend: S3Backend, name: str) -> Iterator[str]:
    actions, canned = _public(scene)
    partition = scene.partition(resource)
    if actions:
        statement = {
            "Sid": "Public", "Effect": "Allow", "Principal": "*", "Action": actions,
            "Resource": [f"arn:{partition}:s3:::{name}/*"],
        }  # fmt: skip
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        backend.put_bucket_policy(name, json.dumps(policy).encode())
        yield f"Its policy lets anyone {' and '.join(actions)}."
    if canned:
        backend.put_bucket_acl(name, get_canned_acl(canned))
        yield f"Its access list is {canned}."


def _public(scene: Scene) -> tuple[list[str], str | None]:
    """What anyone may do by policy, and the canned access list, as the finding describes it."""
    named = f"{scene.finding.type} {scene.rule or ''}".upper()
    if "PUBLIC_WRITE" in named:
        return ["s3:PutObject"], None
    if "PUBLIC_READ" in named or "PUBLIC_ACCESS_PROHIBITED" in named:
        return ["s3:GetObject"], None
    permissions = _access(scene).get("BucketLevelPermissions", {})
    policy, acl = permissions.get("BucketPolicy", {}), permissions.get("AccessControlList", {})
    if policy or acl:
        actions = [
            action
            for key, action in (("AllowsPublicReadAccess", "s3:GetObject"), ("AllowsPublicWriteAccess", "s3:PutObject"))
            if policy.get(key)
        ]
        writes, reads = acl.get("AllowsPublicWriteAccess"), acl.get("AllowsPublicReadAccess")
        return actions, "public-read-write" if writes else "public-read" if reads else None
    return (["s3:GetObject"], None) if "ACCESSGRANTED" in named else ([], None)
