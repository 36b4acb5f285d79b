"""Hand-made events in the clouds' own formats, each the plain case that a test then bends."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

ACCOUNT = "111122223333"
ADMINISTRATOR = "444455556666"
SUBSCRIPTION = "00000000-0000-0000-0000-0000000000a1"
WORKSPACE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-soc/providers/Microsoft.OperationalInsights/workspaces/law-soc"
)
INCIDENT = f"{WORKSPACE}/providers/Microsoft.SecurityInsights/Incidents/00000000-0000-0000-0000-00000000c001"
VM = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-app/providers/Microsoft.Compute/virtualMachines/vm-web"
ALERT = "00000000-0000-0000-0000-00000000a1e7"
USER = "00000000-0000-0000-0000-00000000b0b0"
TENANT = "00000000-0000-0000-0000-0000000000f1"


def finding(resource: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A GuardDuty finding as EventBridge carries it in `detail`."""
    ident = "6acdc15e4418414a868e8bbdf45b456b"
    plain = {
        "schemaVersion": "2.0", "accountId": ACCOUNT, "region": "eu-west-1", "partition": "aws", "id": ident,
        "arn": f"arn:aws:guardduty:eu-west-1:{ACCOUNT}:detector/12cc51e1c99e833adf5924c71ac591b2/finding/{ident}",
        "type": "UnauthorizedAccess:IAMUser/MaliciousIPCaller", "resource": resource, "severity": 5,
        "createdAt": "2026-03-01T09:50:00.000Z", "updatedAt": "2026-03-01T10:05:00.123Z", "title": "Credentials were used from a malicious address.",
        "service": {
            "serviceName": "guardduty", "detectorId": "12cc51e1c99e833adf5924c71ac591b2", "resourceRole": "TARGET", "count": 3, "archived": False,
            "eventFirstSeen": "2026-03-01T09:45:00.000Z", "eventLastSeen": "2026-03-01T10:00:00.000Z", "additionalInfo": {},
            "action": {"actionType": "AWS_API_CALL", "awsApiCallAction": {"api": "ListBuckets", "remoteIpDetails": {"ipAddressV4": "198.51.100.7"}}},
        },
    }  # fmt: skip
    return {**deepcopy(plain), **changes}


def access_key(**changes: Any) -> dict[str, Any]:
    """The resource of a finding about an IAM user's long-term key."""
    details = {
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "principalId": "AIDACKCEVSQ6C2EXAMPLE",
        "userType": "IAMUser",
        "userName": "ci-deploy",
    }
    return {"resourceType": "AccessKey", "accessKeyDetails": {**details, **changes}}


def instance(**changes: Any) -> dict[str, Any]:
    """The resource of a finding about an EC2 instance with one interface in two groups."""
    details = {
        "instanceId": "i-0abc1234def567890", "iamInstanceProfile": {"arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/web", "id": "AIPACKCEVSQ6C2EXAMPLE"},
        "networkInterfaces": [{
            "networkInterfaceId": "eni-0abc", "subnetId": "subnet-0abc", "vpcId": "vpc-0abc", "publicIp": "203.0.113.9", "ipv6Addresses": [],
            "securityGroups": [{"groupId": "sg-0abc", "groupName": "web"}, {"groupId": "sg-0def", "groupName": "ssh"}],
        }],
    }  # fmt: skip
    return {"resourceType": "Instance", "instanceDetails": {**details, **changes}}


def on_bus(detail: Any, kind: str = "GuardDuty Finding", source: str = "aws.guardduty") -> dict[str, Any]:
    """An EventBridge event that the administrator account received."""
    return {
        "version": "0", "id": "00000000-0000-0000-0000-0000000000e1", "detail-type": kind, "source": source, "account": ADMINISTRATOR,
        "time": "2026-03-01T10:06:00Z", "region": "eu-central-1", "resources": [], "detail": detail,
    }  # fmt: skip


def notification(message: Any) -> dict[str, Any]:
    """An SNS notification as HTTP endpoints and SQS queues receive it."""
    return {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": f"arn:aws:sns:eu-west-1:{ACCOUNT}:t",
        "Message": message,
    }


def sns(event: Any) -> dict[str, Any]:
    """An SNS notification as Lambda receives it."""
    return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": notification(json.dumps(event))}]}


def sqs(*bodies: Any) -> dict[str, Any]:
    """An SQS batch as Lambda receives it."""
    return {
        "Records": [
            {"messageId": str(number), "eventSource": "aws:sqs", "body": json.dumps(body)}
            for number, body in enumerate(bodies)
        ]
    }


def pascal(value: Any) -> Any:
    """The same event with the API's spelling: every key begins with a capital."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: pascal(item) for key, item in value.items()}
    return [pascal(item) for item in value] if isinstance(value, list) else value


def compliance_change(kind: str, ident: str, **changes: Any) -> dict[str, Any]:
    """The detail of "Config Rules Compliance Change"."""
    qualifier = {
        "configRuleName": "no-public-ssh",
        "resourceType": kind,
        "resourceId": ident,
        "evaluationMode": "DETECTIVE",
    }
    plain = {
        "resourceId": ident, "resourceType": kind, "awsRegion": "eu-west-1", "awsAccountId": ACCOUNT, "configRuleName": "no-public-ssh",
        "configRuleARN": f"arn:aws:config:eu-west-1:{ACCOUNT}:config-rule/config-rule-abc123", "recordVersion": "1.0",
        "messageType": "ComplianceChangeNotification", "notificationCreationTime": "2026-03-01T10:00:02.000Z",
        "newEvaluationResult": {
            "evaluationResultIdentifier": {"evaluationResultQualifier": qualifier, "orderingTimestamp": "2026-03-01T09:59:58.000Z"},
            "complianceType": "NON_COMPLIANT", "resultRecordedTime": "2026-03-01T10:00:01.000Z", "annotation": "Port 22 is open.",
        },
    }  # fmt: skip
    return {**plain, **changes}


def configuration_item(**changes: Any) -> dict[str, Any]:
    """A configuration item of a security group."""
    plain = {
        "awsAccountId": ACCOUNT, "awsRegion": "eu-west-1", "resourceType": "AWS::EC2::SecurityGroup", "resourceId": "sg-0abc1234def567890",
        "resourceName": "web", "ARN": f"arn:aws:ec2:eu-west-1:{ACCOUNT}:security-group/sg-0abc1234def567890", "configurationItemStatus": "OK",
        "configurationItemCaptureTime": "2026-03-01T09:59:00.000Z", "configurationStateId": 1772359140000, "configuration": {},
    }  # fmt: skip
    return {**plain, **changes}


def rule_invocation(invoking: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What AWS Config sends to a rule's own function."""
    plain = {
        "version": "1.0", "invokingEvent": json.dumps(invoking), "ruleParameters": '{"port":"22"}', "resultToken": "token-of-the-result",
        "eventLeftScope": False, "configRuleName": "no-public-ssh", "configRuleId": "config-rule-abc123", "accountId": ACCOUNT,
        "configRuleArn": f"arn:aws:config:eu-west-1:{ACCOUNT}:config-rule/config-rule-abc123", "evaluationMode": "DETECTIVE",
    }  # fmt: skip
    return {**plain, **changes}


def entity(kind: str, **properties: Any) -> dict[str, Any]:
    """An entity in ARM's form."""
    name = f"entity-{kind.lower()}"
    return {
        "id": f"{WORKSPACE}/providers/Microsoft.SecurityInsights/Entities/{name}",
        "name": name,
        "type": "Microsoft.SecurityInsights/Entities",
        "kind": kind,
        "properties": properties,
    }


def arm_alert(ident: str = ALERT, **properties: Any) -> dict[str, Any]:
    """A Defender for Cloud alert in ARM's form, without entities of its own."""
    plain = {
        "systemAlertId": ident, "alertDisplayName": "Suspicious process", "alertType": "VM_SuspiciousProcess", "severity": "High", "status": "New",
        "productName": "Azure Security Center", "startTimeUtc": "2026-03-01T09:40:00Z", "endTimeUtc": "2026-03-01T09:50:00Z",
        "timeGenerated": "2026-03-01T09:51:00.1234567Z", "processingEndTime": "2026-03-01T09:52:00Z",
    }  # fmt: skip
    return {**entity("SecurityAlert", **{**plain, **properties}), "name": ident}


def incident(alerts: list[Any] | None = None, related: list[Any] | None = None, **properties: Any) -> dict[str, Any]:
    """The message of an automation rule's playbook about an incident."""
    plain = {
        "title": "Compromised web server", "severity": "Medium", "status": "New", "incidentNumber": "7",
        "firstActivityTimeUtc": "2026-03-01T09:30:00Z", "lastActivityTimeUtc": "2026-03-01T09:55:00Z", "createdTimeUtc": "2026-03-01T09:56:00Z",
        "lastModifiedTimeUtc": "2026-03-01T10:00:00Z", "alerts": alerts or [], "relatedEntities": related or [],
        "additionalData": {"alertProductNames": ["Azure Security Center"]},
    }  # fmt: skip
    return {
        "eventUniqueId": "00000000-0000-0000-0000-0000000000e1", "objectSchemaType": "Incident", "objectEventType": "Create",
        "workspaceId": "00000000-0000-0000-0000-0000000000d1",
        "object": {"id": INCIDENT, "name": INCIDENT.rpartition("/")[2], "type": "Microsoft.SecurityInsights/Incidents", "properties": {**plain, **properties}},
    }  # fmt: skip


def alert_record(entities: Any = "", **changes: Any) -> dict[str, Any]:
    """A record of the SecurityAlert table; what is nested in it is JSON text."""
    plain = {
        "TenantId": "00000000-0000-0000-0000-0000000000d1", "TimeGenerated": "2026-03-01 09:53:00.123456+00:00", "DisplayName": "Suspicious process",
        "AlertName": "Suspicious process", "AlertSeverity": "High", "ProviderName": "Azure Security Center", "SystemAlertId": ALERT.upper(), "ResourceId": "",
        "AlertType": "VM_SuspiciousProcess", "StartTime": "2026-03-01 09:40:00+00:00", "EndTime": "2026-03-01 09:50:00+00:00", "ExtendedProperties": "",
        "ProcessingEndTime": "2026-03-01 09:52:00+00:00", "Entities": entities if isinstance(entities, str) else json.dumps(entities),
        "WorkspaceSubscriptionId": SUBSCRIPTION, "ProductName": "Azure Security Center", "Status": "New", "Type": "SecurityAlert", "ConfidenceScore": "None",
    }  # fmt: skip
    return {**plain, **changes}
