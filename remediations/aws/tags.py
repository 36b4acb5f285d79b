"""Live tags as a mapping, and what they tell about who else owns the resource."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

ACTION = "stanch:action"
"""The tag that names the action on what it made or changed."""

STACK = "aws:cloudformation:stack-name"
"""Set by CloudFormation on what it creates (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html)."""


def as_mapping(items: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """The SDK's list of Key and Value as a dict."""
    return {item["Key"]: item.get("Value", "") for item in items or ()}


def drift(tags: Mapping[str, str]) -> tuple[str, ...]:
    """A sentence for whoever owns the resource's template, if a stack made it."""
    return (f"stack {tags[STACK]} will show drift, and its next update may revert this",) if STACK in tags else ()
