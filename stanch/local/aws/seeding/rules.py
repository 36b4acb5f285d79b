"""From the name a Config rule bears to the managed rule it probably is."""

from __future__ import annotations

import re

from moto.config.models import MANAGED_RULES_CONSTRAINTS

# Names of managed rules that are not their identifier in lower case
# (https://docs.aws.amazon.com/config/latest/developerguide/managed-rules-by-aws-config.html), and names people use for them.
_ALIASES = {
    "restricted-ssh": "INCOMING_SSH_DISABLED",
    "restricted-common-ports": "RESTRICTED_INCOMING_TRAFFIC",
    "cloudtrail-enabled": "CLOUD_TRAIL_ENABLED",
    "multi-region-cloudtrail-enabled": "MULTI_REGION_CLOUD_TRAIL_ENABLED",
    "ec2-instances-in-vpc": "INSTANCES_IN_VPC",
    "s3-public-read-prohibited": "S3_BUCKET_PUBLIC_READ_PROHIBITED",
    "s3-public-write-prohibited": "S3_BUCKET_PUBLIC_WRITE_PROHIBITED",
}

_PREFIX = re.compile(r"^(securityhub|orgconfigrule|awsconfigrule|aws-config-rule)-")
_PACK = re.compile(r"-conformance-pack-[a-z0-9]+$")
_HASH = re.compile(r"-(?=[a-z0-9]*\d)[a-z0-9]{6,12}$")
"""What Security Hub and organisation rules append: letters and at least one digit."""


def identifier(name: str) -> str | None:
    """The source identifier of the managed rule that `name` tells, or None for a name that tells none.

    Security Hub names its rules `securityhub-NAME-HASH`, conformance packs `NAME-conformance-pack-HASH`, organisations
    `OrgConfigRule-NAME-HASH`.
    """
    plain = _PACK.sub("", name.strip().lower().replace("_", "-"))
    bare = _PREFIX.sub("", plain)
    candidates = [plain, bare, _HASH.sub("", bare)]
    if bare != plain:
        candidates.append(bare.rpartition("-")[0])  # a hash may be letters alone
    for candidate in candidates:
        managed = _ALIASES.get(candidate, candidate.upper().replace("-", "_"))
        if managed in MANAGED_RULES_CONSTRAINTS:
            return managed
    return None
