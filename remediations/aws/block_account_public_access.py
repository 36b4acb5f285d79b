"""Block public access of every S3 bucket in an account."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, ClassVar

from remediations.aws.public_access import ALL_ON, UNSET, Flags, flags
from stanch.clouds.aws import AwsSession
from stanch.finding import Resource
from stanch.remediation import Change, Permissions, Plan, Remediation, State

LOOKED_AT = 50
"""How many buckets a plan looks at: enough to warn, few enough to answer within seconds."""


class BlockAccountPublicAccess(Remediation[AwsSession]):
    """Turns on the account's four public-access flags, which bind every bucket and access point of every region.

    Undo puts back the exact flags, or none. Where an organisation policy manages the account, S3 answers 403
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_PutPublicAccessBlock.html).
    """

    id = "aws.s3.block_account_public_access"
    title = "Block public access of all S3 buckets of an account"
    resource_type = "AWS::::Account"
    countermeasure = "D3-APA"
    disruption = "Every public bucket of the account, websites among them, loses its anonymous readers."
    facts: ClassVar[Mapping[str, str]] = {
        "public_buckets": "how many of the buckets looked at have a public policy",
        "approve": "why a person should look first",
    }
    permissions = Permissions(
        plan=frozenset({"s3:GetAccountPublicAccessBlock", "s3:ListAllMyBuckets", "s3:GetBucketPolicyStatus"}),
        apply=frozenset({"s3:GetAccountPublicAccessBlock", "s3:PutAccountPublicAccessBlock"}),
        undo=frozenset({"s3:GetAccountPublicAccessBlock", "s3:PutAccountPublicAccessBlock"}),
    )

    def plan(self, resource: Resource, params: Mapping[str, Any]) -> Plan:
        before = self._flags()
        if before == ALL_ON:
            reason = "the account, or an organisation policy over it, already blocks public access"
            return Plan(resource, reason=reason)
        # Only paged requests name each bucket's region: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
        buckets = self.session.pages("s3", "list_buckets", "Buckets", PaginationConfig={"PageSize": 1000})
        public = self._public(buckets)
        change = Change("flags", f"public-access block of account {self.session.account}", before, ALL_ON)
        return Plan(
            resource,
            changes=(change,),
            facts={"public_buckets": len(public), **_advice(public)},
            breaks=_breaks(public, len(buckets)),
            not_done=(
                "buckets that only an ACL makes public, or whose policy may not be read, were not counted; they close too",
                "accounts that policies name one by one keep their access",
                "the flags take up to a few minutes to reach every region",
            ),
        )

    def read(self, change: Change) -> State:
        return self._flags()

    def apply(self, change: Change) -> Change:
        self._put(change.after)
        return change

    def undo(self, change: Change) -> None:
        if change.before is None:
            self.session.call("s3control", "delete_public_access_block", AccountId=self.session.account)
        else:
            self._put(change.before)

    def _public(self, buckets: list[Mapping[str, Any]]) -> list[str]:
        """The buckets with a public policy; one that may not be read must not keep the account open."""
        public = []
        for bucket in islice(buckets, LOOKED_AT):
            status = self.session.call(
                "s3", "get_bucket_policy_status", region=bucket.get("BucketRegion"),
                missing=("NoSuchBucketPolicy", "NoSuchBucket", "AccessDenied"), Bucket=bucket["Name"],
            )  # fmt: skip
            if status is not None and status["PolicyStatus"].get("IsPublic"):
                public.append(bucket["Name"])
        return public

    def _flags(self) -> Flags | None:
        answer = self.session.call(
            "s3control", "get_public_access_block", missing=UNSET, AccountId=self.session.account
        )
        return flags(answer)

    def _put(self, wanted: Flags) -> None:
        self.session.call(
            "s3control", "put_public_access_block",
            AccountId=self.session.account, PublicAccessBlockConfiguration=wanted,
        )  # fmt: skip


def _advice(public: list[str]) -> dict[str, str]:
    if not public:
        return {}
    return {
        "approve": f"{len(public)} bucket{'s have' if len(public) > 1 else ' has'} a public policy, perhaps on purpose"
    }


def _breaks(public: list[str], total: int) -> tuple[str, ...]:
    return (
        f"public by policy today: {', '.join(public)}" if public else "no bucket looked at has a public policy",
        *((f"{total - LOOKED_AT} of {total} buckets were not looked at",) if total > LOOKED_AT else ()),
    )
