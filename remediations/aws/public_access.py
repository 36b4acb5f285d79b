"""S3's four public-access flags, and their merging. Pure; no SDK.

A bucket is bound by its own flags and its account's together, the stricter of each; the account's include those of an organisation policy
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html).
"""

from __future__ import annotations

from collections.abc import Mapping

Flags = dict[str, bool]

FLAGS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")

ALL_ON: Flags = dict.fromkeys(FLAGS, True)

UNSET = ("NoSuchPublicAccessBlockConfiguration",)
"""The code for "no flag was ever set", which is the same as all off but is restored by deleting."""


def flags(answer: Mapping[str, Mapping[str, bool]] | None) -> Flags | None:
    """The flags of a GetPublicAccessBlock response, each said; None if there is no configuration."""
    if answer is None:
        return None
    configured = answer["PublicAccessBlockConfiguration"]
    return {flag: bool(configured.get(flag)) for flag in FLAGS}


def effective(*layers: Flags | None) -> Flags:
    """What bucket and account come to together."""
    return {flag: any(layer is not None and layer[flag] for layer in layers) for flag in FLAGS}
