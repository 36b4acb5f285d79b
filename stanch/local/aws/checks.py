"""What some managed Config rules check, judged by the local cloud's live state.

The rules: https://docs.aws.amazon.com/config/latest/developerguide/managed-rules-by-aws-config.html. A check answers True (compliant),
False, or None where it cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import Any

from moto.core.utils import utcnow
from moto.iam.models import iam_backends
from moto.s3.models import s3_backends
from moto.s3control.models import s3control_backends
from moto.utilities.utils import get_partition

from stanch.local.aws.ec2 import ec2_backends

ANYWHERE = ("0.0.0.0/0", "::/0")

COMMON_PORTS = (20, 21, 3389, 3306, 4333)
"""The ports that RESTRICTED_INCOMING_TRAFFIC blocks unless told otherwise."""

MAX_KEY_AGE = timedelta(days=90)

Check = Callable[[str, str, str], bool | None]


def _closed(ports: Iterable[int], account: str, region: str, group_id: str) -> bool | None:
    group = ec2_backends[account][region].get_security_group_from_id(group_id)
    if group is None:
        return None
    return not any(
        (rule.cidr_ipv4 in ANYWHERE or rule.cidr_ipv6 in ANYWHERE) and _covers(rule, port)
        for rule in group.ingress_rules
        for port in ports
    )


def _covers(rule: Any, port: int) -> bool:
    if rule.ip_protocol == "-1":
        return True
    return bool(rule.ip_protocol == "tcp" and rule.from_port <= port <= rule.to_port)


def _flags(block: Any) -> list[bool]:
    names = ("block_public_acls", "ignore_public_acls", "block_public_policy", "restrict_public_buckets")
    return [str(getattr(block, name, False)).lower() == "true" for name in names]


def _account_blocked(account: str, region: str, _: str = "") -> bool:
    return all(_flags(s3control_backends[account][get_partition(region)].public_access_block))


def _bucket_blocked(account: str, region: str, bucket: str) -> bool | None:
    found = s3_backends[account][get_partition(region)].buckets.get(bucket)
    return None if found is None else all(_flags(found.public_access_block))


def _bucket_not_public(account: str, region: str, bucket: str) -> bool | None:
    # Whether a policy or an access list is public is not analysed; full blocking, here or above, settles it.
    return True if _account_blocked(account, region) else (_bucket_blocked(account, region, bucket) or None)


def _keys_rotated(account: str, region: str, user_id: str) -> bool | None:
    users = iam_backends[account][get_partition(region)].users.values()
    user = next((user for user in users if user_id in (user.id, user.name)), None)
    if user is None:
        return None
    return not any(key.status == "Active" and utcnow() - key.create_date > MAX_KEY_AGE for key in user.access_keys)


CHECKS: dict[str, Check] = {
    "INCOMING_SSH_DISABLED": partial(_closed, (22,)),
    "RESTRICTED_INCOMING_TRAFFIC": partial(_closed, COMMON_PORTS),
    "S3_BUCKET_PUBLIC_READ_PROHIBITED": _bucket_not_public,
    "S3_BUCKET_PUBLIC_WRITE_PROHIBITED": _bucket_not_public,
    "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED": _bucket_blocked,
    "S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS": _account_blocked,
    "S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS_PERIODIC": _account_blocked,
    "ACCESS_KEYS_ROTATED": _keys_rotated,
}
