"""Findings as the sources make them, from example events with reserved account ids."""

from __future__ import annotations

from typing import Any

from stanch.finding import Finding
from stanch.sources import config, guardduty
from tests.functional.local_aws.lab import REGION

KEY = "AKIAI44QH8DHBEXAMPLE"
GROUP = "sg-0a1b2c3d4e5f60718"
INSTANCE = "i-0a1b2c3d4e5f60718"
ENI = "eni-0a1b2c3d4e5f60718"
TOR = "UnauthorizedAccess:IAMUser/TorIPCaller"
SSH = "UnauthorizedAccess:EC2/SSHBruteForce"
C2 = "Backdoor:EC2/C&CActivity.B"


def config_finding(
    rule: str, resource_type: str, resource_id: str, account: str, *, verdict: str = "NON_COMPLIANT",
    at: str = "2026-03-01T10:00:00.000Z", rule_arn: str | None = None, result_token: str | None = None,
) -> Finding:  # fmt: skip
    """A compliance change; with `result_token`, the invocation of a custom rule about the resource."""
    arn = rule_arn or f"arn:aws:config:{REGION}:{account}:config-rule/config-rule-x1y2z3"
    if result_token:
        item = {
            "resourceType": resource_type, "resourceId": resource_id, "awsAccountId": account, "awsRegion": REGION,
            "configurationItemCaptureTime": at, "configurationItemStatus": "OK",
        }  # fmt: skip
        event: dict[str, Any] = {
            "invokingEvent": {"configurationItem": item, "messageType": "ConfigurationItemChangeNotification"},
            "configRuleName": rule, "configRuleArn": arn, "accountId": account, "resultToken": result_token,
        }  # fmt: skip
        return config.parse(event)[0]
    qualifier = {"configRuleName": rule, "resourceType": resource_type, "resourceId": resource_id}
    return config.parse(
        {
            "source": "aws.config", "detail-type": "Config Rules Compliance Change", "account": account, "region": REGION,
            "detail": {
                "messageType": "ComplianceChangeNotification", "awsAccountId": account, "awsRegion": REGION, "configRuleName": rule,
                "configRuleARN": arn, "resourceType": resource_type, "resourceId": resource_id,
                "newEvaluationResult": {
                    "complianceType": verdict, "resultRecordedTime": at,
                    "evaluationResultIdentifier": {"evaluationResultQualifier": qualifier, "orderingTimestamp": at},
                },
            },
        }
    )[0]  # fmt: skip


def item_change(configuration: dict[str, Any], account: str, *, status: str = "OK") -> Finding:
    """A configuration item's change of the security group that `configuration` describes."""
    group = configuration["groupId"]
    return config.parse(
        {
            "source": "aws.config", "detail-type": "Config Configuration Item Change", "account": account, "region": REGION,
            "detail": {
                "messageType": "ConfigurationItemChangeNotification",
                "configurationItem": {
                    "resourceType": "AWS::EC2::SecurityGroup", "resourceId": group, "awsAccountId": account, "awsRegion": REGION,
                    "configurationItemCaptureTime": "2026-03-01T10:00:00Z", "configurationItemStatus": status, "configuration": configuration,
                },
            },
        }
    )[0]  # fmt: skip


def guardduty_finding(
    kind: str, resource: dict[str, Any], account: str, *, one: str = "a" * 32, updated: str = "2026-03-01T10:00:00.000Z",
    service: dict[str, Any] | None = None, detector: str = "d" * 32, **more: Any,
) -> Finding:  # fmt: skip
    """A finding in EventBridge's form."""
    detail = {
        "schemaVersion": "2.0", "accountId": account, "region": REGION, "partition": "aws", "id": one, "type": kind,
        "arn": f"arn:aws:guardduty:{REGION}:{account}:detector/{detector}/finding/{one}", "severity": 8, "title": kind,
        "description": kind, "createdAt": "2026-03-01T09:00:00.000Z", "updatedAt": updated, "resource": resource,
        "service": {
            "serviceName": "guardduty", "detectorId": detector, "count": 1, "archived": False, "resourceRole": "TARGET",
            "eventFirstSeen": "2026-03-01T09:00:00Z", "eventLastSeen": "2026-03-01T09:30:00Z", **(service or {}),
        }, **more,
    }  # fmt: skip
    event = {
        "source": "aws.guardduty",
        "detail-type": "GuardDuty Finding",
        "account": account,
        "region": REGION,
        "detail": detail,
    }
    return guardduty.parse(event)[0]


def access_key(key: str, user: str, kind: str = "IAMUser", principal: str = "AIDACKCEVSQ6C2EXAMPLE") -> dict[str, Any]:
    return {
        "resourceType": "AccessKey",
        "accessKeyDetails": {"accessKeyId": key, "userName": user, "userType": kind, "principalId": principal},
    }


def instance(instance_id: str = "i-0a1b2c3d4e5f60718", profile: str | None = None, **interface: Any) -> dict[str, Any]:
    """An instance with one interface in a VPC of its own."""
    one = {
        "networkInterfaceId": "eni-0a1b2c3d4e5f60718", "subnetId": "subnet-0a1b2c3d4e5f60718", "vpcId": "vpc-0a1b2c3d4e5f60718",
        "privateIpAddress": "10.0.0.23", "publicIp": "198.51.100.7",
        "securityGroups": [{"groupId": "sg-0a1b2c3d4e5f60718", "groupName": "web"}], **interface,
    }  # fmt: skip
    details: dict[str, Any] = {
        "instanceId": instance_id, "instanceType": "m5.large", "imageId": "ami-0a1b2c3d4e5f60718", "availabilityZone": f"{REGION}b",
        "tags": [{"key": "Name", "value": "web-1"}, {"key": "team", "value": "payments"}], "networkInterfaces": [one],
    }  # fmt: skip
    if profile:
        details["iamInstanceProfile"] = {"arn": profile, "id": "AIPACKCEVSQ6C2EXAMPLE"}
    return {"resourceType": "Instance", "instanceDetails": details}
