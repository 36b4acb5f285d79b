"""Events as the clouds deliver them: the samples of `events/`, of today and each of a resource of its own."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.runtime.interpreter import ROOT

ENGINEER = "arn:aws:sts::111122223333:assumed-role/on-call/engineer"


def _sample(path: str) -> str:
    return (ROOT / "events" / path).read_text()


def _ago(minutes: float) -> str:
    moment = datetime.now(UTC) - timedelta(minutes=minutes)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def leaked_key(**service: Any) -> dict[str, Any]:
    """GuardDuty's finding of a stolen access key of one user; `service` changes its member of that name."""
    event: dict[str, Any] = json.loads(_sample("guardduty/leaked-access-key.json"))
    detail, unique = event["detail"], uuid.uuid4().hex
    event["time"] = _ago(0)
    detail["arn"] = detail["arn"].replace(detail["id"], unique)
    detail["id"] = unique
    detail["resource"]["accessKeyDetails"] |= {
        "accessKeyId": f"AKIA{unique[:16].upper()}",
        "userName": f"ci-{unique[:8]}",
        "principalId": f"AIDA{unique[16:].upper()}",
    }
    detail["createdAt"], detail["updatedAt"] = _ago(5), _ago(0)
    detail["service"] |= {"eventFirstSeen": _ago(6), "eventLastSeen": _ago(1)} | service
    return event


def key_of(event: dict[str, Any]) -> tuple[str, str]:
    """User and id of the stolen key."""
    details = event["detail"]["resource"]["accessKeyDetails"]
    return details["userName"], details["accessKeyId"]


def open_ssh() -> dict[str, Any]:
    """Config's verdict that a security group lets anyone reach port 22."""
    group, now = group_id(), _ago(0)
    text = _sample("config/open-ssh.json").replace("sg-0c9d8e7f6a5b40312", group)
    event: dict[str, Any] = json.loads(text)
    event["time"] = event["detail"]["notificationCreationTime"] = now
    result = event["detail"]["newEvaluationResult"]
    result["evaluationResultIdentifier"]["orderingTimestamp"] = now
    result["resultRecordedTime"] = result["configRuleInvokedTime"] = now
    return event


def group_id() -> str:
    """The id of a security group that nobody else has."""
    return f"sg-0{uuid.uuid4().hex[:16]}"


def rule_invocation(rule: str, group: str, account: str, region: str, token: str) -> dict[str, Any]:
    """What Config gives the function of a custom rule when a security group has changed; the configuration item is JSON in a string
    (https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_example-events.html)."""
    item = {
        "resourceType": "AWS::EC2::SecurityGroup", "resourceId": group, "awsAccountId": account, "awsRegion": region,
        "ARN": f"arn:aws:ec2:{region}:{account}:security-group/{group}", "configurationItemCaptureTime": _ago(2),
        "configurationItemStatus": "OK", "configurationStateId": "1",
    }  # fmt: skip
    invoking = {
        "configurationItem": item, "messageType": "ConfigurationItemChangeNotification", "notificationCreationTime": _ago(1), "recordVersion": "1.3",
    }  # fmt: skip
    return {
        "version": "1.0", "invokingEvent": json.dumps(invoking), "ruleParameters": "{}", "resultToken": token, "eventLeftScope": False,
        "executionRoleArn": f"arn:aws:iam::{account}:role/config", "configRuleName": rule, "accountId": account, "configRuleId": f"config-rule-{rule}",
        "configRuleArn": f"arn:aws:config:{region}:{account}:config-rule/config-rule-{rule}",
    }  # fmt: skip


def batch(*bodies: Any, received: int = 1) -> dict[str, Any]:
    """What the event source mapping of a queue gives a function; bodies that are no text are written as JSON
    (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html)."""
    return {"Records": [record(f"message-{number}", body, received) for number, body in enumerate(bodies)]}


def record(message_id: str, body: Any, received: int) -> dict[str, Any]:
    """One message of such a batch, delivered for the `received`-th time."""
    now = str(int(datetime.now(UTC).timestamp() * 1000))
    return {
        "messageId": message_id, "receiptHandle": f"handle-{message_id}", "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {
            "ApproximateReceiveCount": str(received), "SentTimestamp": now, "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": now,
        },
        "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs", "awsRegion": "eu-west-1",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:stanch-guardduty",
    }  # fmt: skip


def http(body: Any, caller: str | None = ENGINEER, encoded: bool = False) -> dict[str, Any]:
    """What a function URL with IAM gives its function: payload format 2.0
    (https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads)."""
    text = body if isinstance(body, str) else json.dumps(body)
    context: dict[str, Any] = {
        "accountId": "anonymous", "apiId": "url-id", "domainName": "url-id.lambda-url.eu-west-1.on.aws", "requestId": "request",
        "http": {"method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "198.51.100.7", "userAgent": "test"}, "stage": "$default",
    }  # fmt: skip
    if caller:
        given = {"accountId": caller.split(":")[4], "userArn": caller, "accessKey": "ASIAIOSFODNN7EXAMPLE"}
        context["authorizer"] = {"iam": given}
    return {
        "version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "", "headers": {"content-type": "application/json"},
        "requestContext": context, "body": base64.b64encode(text.encode()).decode() if encoded else text, "isBase64Encoded": encoded,
    }  # fmt: skip


def mining_machine(name: str) -> dict[str, Any]:
    """Sentinel's incident of a virtual machine that mines."""
    unique = uuid.uuid4().hex[:9]
    text = _sample("sentinel/crypto-mining-vm.json").replace("vm-batch-2", name)
    for number in ("1003", "2000", "3003", "4003", "5003"):
        text = text.replace(f"-00000000{number}", f"-{number[0]}00{unique}")
    event: dict[str, Any] = json.loads(text)
    facts = event["object"]["properties"]
    facts |= {
        "firstActivityTimeUtc": _ago(20),
        "createdTimeUtc": _ago(5),
        "lastActivityTimeUtc": _ago(6),
        "lastModifiedTimeUtc": _ago(5),
    }
    facts["alerts"][0]["properties"] |= {"startTimeUtc": _ago(20), "endTimeUtc": _ago(6), "timeGenerated": _ago(6)}
    return event
