"""The rule and its verdict, at AWS Config."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from moto.config.models import MANAGED_RULES_CONSTRAINTS, ConfigRule, config_backends

from stanch.local.aws.config_rules import compliance_stores
from stanch.local.aws.seeding.scene import Scene, Unseedable

_ANY = "REQUIRED_TAGS"
"""Some managed rule, to make a rule object with; its source is replaced."""


def register(scene: Scene) -> Iterator[str]:
    """Create the rule that the event names, and its verdict on the resource where there is none as late."""
    told = scene.finding.upstream
    name = str(told.get("rule_name") or "")
    if scene.finding.source != "config" or not name:
        return
    try:
        account, region = scene.account(), scene.region()
    except Unseedable as reason:
        yield f"The rule {name} was not created: {reason}."
        return
    rules, store = config_backends[account][region].config_rules, compliance_stores[account][region]
    if name not in rules:
        rules[name] = _rule(scene, name, account, region)
        yield f"Config in {account} ({region}) has the rule {name} ({rules[name].source.source_identifier})."
    if told.get("result_token"):
        store.tokens[str(told["result_token"])] = name
    if told.get("resource_type") and told.get("resource_id"):
        key = (name, str(told["resource_type"]), str(told["resource_id"]))
        at = scene.finding.last_seen or scene.finding.updated_at or datetime.now(UTC)
        if key not in store.results or _as_of(store.results[key]) < at:
            verdict = str(told.get("evaluation") or "NON_COMPLIANT")
            store.record(*key, verdict, at, told.get("annotation"))
            yield f"The rule says {verdict} of {key[1]} {key[2]}."


def _as_of(result: dict[str, Any]) -> datetime:
    at: datetime = result["EvaluationResultIdentifier"]["OrderingTimestamp"]
    return at


def _rule(scene: Scene, name: str, account: str, region: str) -> ConfigRule:
    """A rule as the event names it: managed where the name tells which, else a custom one with a Lambda function."""
    managed = scene.rule or _ANY
    wanted = [one for one in MANAGED_RULES_CONSTRAINTS[managed]["Parameters"] if not one["Optional"]]
    given = {one["Name"]: str(one.get("Default", "1")) for one in wanted}
    asked = {"ConfigRuleName": name, "Source": {"Owner": "AWS", "SourceIdentifier": managed}}
    rule = ConfigRule(account, region, asked | ({"InputParameters": json.dumps(given)} if given else {}), {})
    if scene.rule is None:
        # Made past moto's check that the function exists: the rule is somebody else's and is never invoked here.
        rule.source.owner = "CUSTOM_LAMBDA"
        rule.source.source_identifier = f"arn:aws:lambda:{region}:{account}:function:{name}"
        rule.input_parameters = None
    arn = scene.finding.upstream.get("rule_arn")
    if arn:
        rule.config_rule_arn = str(arn)
        rule.config_rule_id = str(arn).rpartition("/")[2]
    if name.startswith("securityhub-"):
        rule.created_by = "securityhub.amazonaws.com"
    return rule
