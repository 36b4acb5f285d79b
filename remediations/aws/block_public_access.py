"""Block public access of one S3 bucket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from remediations.aws import tags
from remediations.aws.public_access import ALL_ON, UNSET, Flags, effective, flags
from stanch.clouds.aws import AwsSession
from stanch.finding import Resource
from stanch.remediation import Change, Permissions, Plan, Remediation, State

EVERYONE = (
    "http://acs.amazonaws.com/groups/global/AllUsers",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
)
"""The groups that make an ACL public (https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#specifying-grantee-predefined-groups)."""


class BlockPublicAccess(Remediation[AwsSession]):
    """Turns on the bucket's four public-access flags; policy and ACLs stay as they are and only stop having effect for the public.

    Nothing to do where the bucket's and its account's flags together are on already. Every call names the expected owner, so that a bucket of the same name in another account is never
    touched. Undo puts back the exact flags, or none. Where an organisation policy forbids the change S3 answers 403.
    """

    id = "aws.s3.block_public_access"
    title = "Block public access of an S3 bucket"
    resource_type = "AWS::S3::Bucket"
    countermeasure = "D3-APA"
    disruption = "Anonymous readers and writers, a public website among them, lose the bucket at once."
    facts: ClassVar[Mapping[str, str]] = {
        "website": "true when the bucket serves a static website",
        "public_policy": "true when its policy makes it public",
        "public_acl": "true when its ACL grants something to everyone",
        "approve": "why a person should look first",
    }
    permissions = Permissions(
        plan=frozenset(
            {
                "s3:GetBucketLocation",
                "s3:GetBucketPublicAccessBlock",
                "s3:GetAccountPublicAccessBlock",
                "s3:GetBucketPolicyStatus",
                "s3:GetBucketAcl",
                "s3:GetBucketWebsite",
                "s3:GetBucketTagging",
            }
        ),
        apply=frozenset({"s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"}),
        undo=frozenset({"s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"}),
    )

    def plan(self, resource: Resource, params: Mapping[str, Any]) -> Plan:
        bucket = resource.id.rpartition(":")[2]
        place = self._call("get_bucket_location", {"bucket": bucket, "region": None}, missing=("NoSuchBucket",))
        if place is None:
            return Plan(resource, reason="gone")
        where = {"bucket": bucket, "region": _region(place.get("LocationConstraint"))}
        own = self._flags(where)
        account = flags(
            self.session.call(
                "s3control",
                "get_public_access_block",
                region=where["region"],
                missing=UNSET,
                AccountId=self.session.account,
            )
        )
        marks = self._call("get_bucket_tagging", where, missing=("NoSuchTagSet",)) or {}
        live = tags.as_mapping(marks.get("TagSet"))
        done = effective(own, account) == ALL_ON
        facts = self._facts(where)
        change = Change("flags", f"public-access block of bucket {bucket}", own, ALL_ON, where)
        return Plan(
            resource,
            changes=() if done else (change,),
            aliases=(bucket,),
            tags=live,
            facts=facts,
            breaks=(*_breaks(facts), *tags.drift(live)),
            not_done=(
                "accounts that policy or ACL name one by one keep their access",
                "presigned URLs and access points that are not public keep working",
                "what was read while the bucket was public is not undone",
            ),
            reason=_reason(own, account) if done else None,
        )

    def read(self, change: Change) -> State:
        return self._flags(change.data)

    def apply(self, change: Change) -> Change:
        self._put(change.data, change.after)
        return change

    def undo(self, change: Change) -> None:
        if change.before is None:
            self._call("delete_public_access_block", change.data)
        else:
            self._put(change.data, change.before)

    def _facts(self, where: Mapping[str, Any]) -> dict[str, Any]:
        website = self._call("get_bucket_website", where, missing=("NoSuchWebsiteConfiguration",)) is not None
        status = self._call("get_bucket_policy_status", where, missing=("NoSuchBucketPolicy",)) or {}
        grants = self._call("get_bucket_acl", where)["Grants"]
        return {
            "website": website,
            "public_policy": bool(status.get("PolicyStatus", {}).get("IsPublic")),
            "public_acl": any(grant["Grantee"].get("URI") in EVERYONE for grant in grants),
            **({"approve": "the bucket serves a static website, which visitors would lose"} if website else {}),
        }

    def _flags(self, where: Mapping[str, Any]) -> Flags | None:
        return flags(self._call("get_public_access_block", where, missing=UNSET))

    def _put(self, where: Mapping[str, Any], wanted: Flags) -> None:
        self._call("put_public_access_block", where, PublicAccessBlockConfiguration=wanted)

    def _call(self, operation: str, where: Mapping[str, Any], missing: Iterable[str] = (), **params: Any) -> Any:
        """One S3 call in the bucket's own region, refused by S3 (403) if another account owns the bucket."""
        return self.session.call(
            "s3", operation, region=where["region"], missing=missing,
            Bucket=where["bucket"], ExpectedBucketOwner=self.session.account, **params,
        )  # fmt: skip


def _region(constraint: str | None) -> str:
    """The region that GetBucketLocation means (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html)."""
    return {None: "us-east-1", "": "us-east-1", "EU": "eu-west-1"}.get(constraint, constraint or "us-east-1")


def _breaks(facts: Mapping[str, Any]) -> list[str]:
    sentences = {
        "website": "the bucket's static website goes dark",
        "public_policy": "the bucket policy grants something to everyone, which ends",
        "public_acl": "the bucket's ACL grants something to everyone, which ends",
    }
    return [text for fact, text in sentences.items() if facts[fact]] or ["nothing in policy or ACL is public today"]


def _reason(own: Flags | None, account: Flags | None) -> str:
    if own == ALL_ON:
        return "public access of the bucket is already blocked"
    if account == ALL_ON:
        return "the account, or an organisation policy over it, already blocks public access of every bucket"
    return "the flags of bucket and account together already block public access"
