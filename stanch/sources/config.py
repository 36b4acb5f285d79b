"""AWS Config: compliance changes, configuration item changes, and the invocation of a rule's own function.

Formats: https://docs.aws.amazon.com/config/latest/developerguide/monitor-config-with-cloudwatchevents.html,
…/example-config-rule-compliance-notification.html, …/example-sns-notification.html, …/oversized-notification-example.html and
…/evaluate-config_develop-rules_example-events.html.
"""

from __future__ import annotations

from typing import Any

from stanch.errors import MalformedEvent
from stanch.finding import Finding, Resource, Severity
from stanch.sources._aws import ARN, Owner, account_of, arn_part, partition_of, region_of
from stanch.sources._config_resources import read_resource, resource_type
from stanch.sources._redact import redact
from stanch.sources._shape import Node, shown, stamp
from stanch.sources.envelope import unwrap

ITEM_CHANGE = "ConfigurationItemChange"
"""Type of the finding that a configuration item's change notification makes, oversized or not."""

RULE_INVOCATION = "ConfigRuleInvocation"
"""Types of a rule's own invocation begin so; `:ConfigurationItemChange`, `:OversizedConfigurationItemChange` or `:Scheduled` follows."""

_VERDICTS = ("NON_COMPLIANT", "COMPLIANT", "NOT_APPLICABLE", "INSUFFICIENT_DATA")


def parse(raw: object) -> list[Finding]:
    """The findings in an AWS Config message: an EventBridge event, an SNS notification, or a rule's own invocation, in any letter case.

    A compliance change bears the rule's name as its type (confirming replaces it by the rule's source identifier) and is `compliant` unless
    it says NON_COMPLIANT. The account is `awsAccountId`, else the rule's, never the envelope's. Config gives no severity. `upstream` holds what confirming
    needs: `rule_name`, `rule_arn`, `resource_type`, `resource_id`, `account`, `region`, `evaluation`, for an invocation `result_token` too.
    Raises MalformedEvent with the place and the reason for what is none of these.
    """
    findings = [_finding(event) for event in unwrap(raw)]
    if not findings:
        raise MalformedEvent("event", "holds no AWS Config message")
    return findings


def _finding(event: Node) -> Finding:
    if event.get("invokingEvent").present:
        return _invocation(event)
    body, source = event, event.get("source")
    if event.get("detail").present:
        if source.present and source.text() != "aws.config":
            raise source.malformed(f"is {shown(source.text())}, not 'aws.config'")
        body = event.get("detail")
    message = body.get("messageType").text()
    if message == "ComplianceChangeNotification" or (message is None and body.get("newEvaluationResult").present):
        return _compliance_change(event, body)
    if _item(body).present and (message is None or message.endswith("ConfigurationItemChangeNotification")):
        return _item_change(event, body)
    raise body.get("messageType").malformed(
        f"is {shown(message)}, which holds no compliance change and no configuration item" if message else "is missing"
    )


def _item(body: Node) -> Node:
    return body.first("configurationItem", "configurationItemSummary")


def _owner(account: Node, region: Node, rule_arn: str | None) -> Owner:
    if not account.present:
        account = Node(arn_part(rule_arn, 4), account.place)
    here = region_of(region, rule_arn)
    return Owner(account_of(account), here, arn_part(rule_arn, 1) or partition_of(here))


def _compliance_change(event: Node, body: Node) -> Finding:
    result = body.get("newEvaluationResult")
    qualifier = result.at("evaluationResultIdentifier", "evaluationResultQualifier")
    verdict = result.get("complianceType")
    if verdict.required() not in _VERDICTS:
        raise verdict.malformed(f"is {shown(verdict.value)}, not one of {', '.join(_VERDICTS)}")
    kind_node, ident = body.get("resourceType"), body.get("resourceId")
    kind = resource_type(kind_node if kind_node.present else qualifier.get("resourceType"))
    ident = ident if ident.present else qualifier.get("resourceId")
    rule, rule_arn = _rule_name(body, qualifier), body.get("configRuleARN").matching(ARN, "an ARN")
    owner = _owner(body.get("awsAccountId"), body.get("awsRegion"), rule_arn)
    mode = qualifier.get("evaluationMode").text()
    recorded = result.get("resultRecordedTime").moment()
    notified = body.get("notificationCreationTime").moment() or event.get("time").moment() or recorded
    return Finding(
        source="config", id=f"{rule_arn or owner.account + '/' + rule}/{kind}/{ident.required()}",
        version=f"{stamp(recorded or notified)}#{verdict.text()}", type=rule,
        title=f"{kind} {ident.text()} is {verdict.text()} with {rule}",
        severity=Severity.UNKNOWN, account=owner.account, region=owner.region,
        resources=_resources(kind, ident, owner, Node(None), Node(None), mode),
        first_seen=recorded, last_seen=recorded or notified, updated_at=notified, compliant=verdict.text() != "NON_COMPLIANT",
        upstream={
            "rule_name": rule, "rule_arn": rule_arn, "resource_type": kind, "resource_id": ident.text(), "account": owner.account,
            "region": owner.region, "evaluation": verdict.text(), "evaluation_mode": mode, "annotation": result.get("annotation").text(),
            "message_type": "ComplianceChangeNotification", "envelope_account": event.get("account").text(),
        },
        raw=redact(event.value),
    )  # fmt: skip


def _rule_name(body: Node, qualifier: Node) -> str:
    listed = next(iter(body.get("configRuleNames").items()), Node(None))
    return (
        body.get("configRuleName").text()
        or qualifier.get("configRuleName").text()
        or listed.text()
        or body.get("configRuleName").required()
    )


def _resources(kind: str, ident: Node, owner: Owner, name: Node, arn: Node, mode: str | None) -> tuple[Resource, ...]:
    """The one resource; none where Config evaluated it before it was made (mode PROACTIVE) or where it is not AWS's."""
    resource = None if mode == "PROACTIVE" else read_resource(kind, ident, owner, name, arn)
    return (resource,) if resource else ()


def _item_facts(body: Node, rule_arn: str | None, account: Node, mode: str | None) -> dict[str, Any]:
    """What a configuration item or its summary gives a finding; `upstream` is to be added to."""
    item = _item(body)
    given = item.get("awsAccountId")
    owner = _owner(given if given.present else account, item.get("awsRegion"), rule_arn)
    kind, ident = resource_type(item.get("resourceType")), item.get("resourceId")
    captured = item.get("configurationItemCaptureTime").moment()
    notified = body.get("notificationCreationTime").moment() or captured
    return {
        "version": f"{stamp(captured or notified)}#{item.get('configurationStateId').text() or ''}",
        "account": owner.account, "region": owner.region, "first_seen": captured, "last_seen": captured or notified, "updated_at": notified,
        "resources": _resources(kind, ident, owner, item.get("resourceName"), item.get("ARN"), mode),
        "upstream": {
            "message_type": body.get("messageType").text(), "resource_type": kind, "resource_id": ident.text(),
            "account": owner.account, "region": owner.region, "item_status": item.get("configurationItemStatus").text(),
            "change_type": body.at("configurationItemDiff", "changeType").text() or item.get("changeType").text(),
            "ordered_at": captured.isoformat() if captured else None,
        },
    }  # fmt: skip


def _item_change(event: Node, body: Node) -> Finding:
    facts = _item_facts(body, None, Node(None, f"{_item(body).place}.awsAccountId"), None)
    upstream = facts.pop("upstream") | {"envelope_account": event.get("account").text()}
    return Finding(
        source="config", type=ITEM_CHANGE, severity=Severity.UNKNOWN, upstream=upstream, raw=redact(event.value),
        id=f"{facts['account']}/{facts['region'] or ''}/{upstream['resource_type']}/{upstream['resource_id']}",
        title=f"{upstream['resource_type']} {upstream['resource_id']} changed ({upstream['change_type'] or 'change not said'})",
        **facts,
    )  # fmt: skip


def _invocation(event: Node) -> Finding:
    body, account = event.get("invokingEvent"), event.get("accountId")
    rule_arn = event.get("configRuleARN").matching(ARN, "an ARN")
    rule, mode = event.get("configRuleName").required(), event.get("evaluationMode").text()
    message = body.get("messageType").text() or ""
    if _item(body).present:
        facts = _item_facts(body, rule_arn, account, mode)
        about = f"{facts['upstream']['resource_type']} {facts['upstream']['resource_id']}"
    elif message.startswith("Scheduled"):
        facts = _schedule_facts(body, rule_arn, account)
        about = f"account {facts['account']}, on schedule"
    else:
        raise body.get("messageType").malformed(
            f"is {shown(message)}, which names no configuration item" if message else "is missing"
        )
    kind = "Scheduled" if message.startswith("Scheduled") else message.removesuffix("Notification") or ITEM_CHANGE
    upstream = facts.pop("upstream") | {
        "rule_name": rule, "rule_arn": rule_arn, "rule_id": event.get("configRuleId").text(),
        "rule_parameters": dict(event.get("ruleParameters").mapping()), "result_token": event.get("resultToken").text(),
        "event_left_scope": event.get("eventLeftScope").flag(), "evaluation_mode": mode,
    }  # fmt: skip
    return Finding(
        source="config",
        id=f"{rule_arn or facts['account'] + '/' + rule}/{upstream['resource_type'] or 'schedule'}/{upstream['resource_id'] or facts['account']}",
        type=f"{RULE_INVOCATION}:{kind}", title=f"{rule} is to judge {about}",
        severity=Severity.UNKNOWN, upstream=upstream, raw=redact(event.value), **facts,
    )  # fmt: skip


def _schedule_facts(body: Node, rule_arn: str | None, account: Node) -> dict[str, Any]:
    """A periodic evaluation names no resource: the function looks for them itself."""
    given = body.get("awsAccountId")
    owner = _owner(given if given.present else account, Node(None), rule_arn)
    made = body.get("notificationCreationTime").moment()
    return {
        "version": stamp(made), "account": owner.account, "region": owner.region, "first_seen": made, "last_seen": made, "updated_at": made,
        "upstream": {
            "message_type": body.get("messageType").text(), "resource_type": None, "resource_id": None, "account": owner.account,
            "region": owner.region, "ordered_at": made.isoformat() if made else None,
        },
    }  # fmt: skip
