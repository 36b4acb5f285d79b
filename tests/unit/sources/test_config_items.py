"""AWS Config: changes of configuration items, and a rule's own invocation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from stanch.finding import Severity
from tests.unit.sources import events
from tests.unit.sources.config_read import GROUP, GROUP_ARN, ITEM, RULE_ARN, on_bus, parsed, refusal
from tests.unit.sources.events import ACCOUNT, configuration_item, rule_invocation


class TestItemChanges:
    def test_a_change_from_the_bus(self) -> None:
        found = parsed(on_bus(ITEM, "Config Configuration Item Change"))
        assert (found.type, found.severity, found.compliant) == ("ConfigurationItemChange", Severity.UNKNOWN, False)
        assert found.id == f"{ACCOUNT}/eu-west-1/AWS::EC2::SecurityGroup/{GROUP}"
        assert found.title == f"AWS::EC2::SecurityGroup {GROUP} changed (UPDATE)"
        assert (found.version, found.last_seen) == (
            "2026-03-01T09:59:00.000+00:00#1772359140000",
            datetime(2026, 3, 1, 9, 59, tzinfo=UTC),
        )
        assert (found.resources[0].id, found.resources[0].details) == (GROUP_ARN, {"resource_id": GROUP, "name": "web"})

    def test_an_oversized_change_keeps_a_summary(self) -> None:
        oversized = {
            "messageType": "OversizedConfigurationItemChangeNotification",
            "configurationItemSummary": configuration_item(changeType="DELETE"),
        }
        found = parsed(on_bus(oversized, "Config Configuration Item Change"))
        assert (found.type, found.resources[0].id) == ("ConfigurationItemChange", GROUP_ARN)
        assert (found.upstream["message_type"], found.upstream["change_type"]) == (
            "OversizedConfigurationItemChangeNotification",
            "DELETE",
        )

    def test_an_iam_users_name_and_path_are_known_from_the_item(self) -> None:
        arn = f"arn:aws:iam::{ACCOUNT}:user/teams/ci/ci-deploy"
        item = configuration_item(
            resourceType="AWS::IAM::User",
            resourceId="AIDACKCEVSQ6C2EXAMPLE",
            resourceName="ci-deploy",
            ARN=arn,
            awsRegion="global",
        )
        assert refusal(on_bus(ITEM | {"configurationItem": item}))[1] == "is not an AWS region: 'global'"
        (user,) = parsed(on_bus(ITEM | {"configurationItem": item | {"awsRegion": "us-east-1"}})).resources
        assert (user.id, user.region) == (f"arn:aws:iam::{ACCOUNT}:user/ci-deploy", None)
        assert user.details == {"user_name": "ci-deploy", "unique_id": "AIDACKCEVSQ6C2EXAMPLE", "arn": arn}
        (unnamed,) = parsed(
            on_bus(ITEM | {"configurationItem": item | {"awsRegion": "us-east-1", "resourceName": None}})
        ).resources
        assert unnamed.id == user.id

    def test_an_arn_of_another_account_is_not_believed(self) -> None:
        item = configuration_item(
            resourceType="AWS::EFS::FileSystem",
            resourceId="fs-1",
            ARN=f"arn:aws:elasticfilesystem:eu-west-1:{events.ADMINISTRATOR}:file-system/fs-1",
        )
        assert parsed(on_bus(ITEM | {"configurationItem": item})).resources[0].id == "fs-1"
        mine = item | {"ARN": f"arn:aws:elasticfilesystem:eu-west-1:{ACCOUNT}:file-system/fs-1"}
        assert parsed(on_bus(ITEM | {"configurationItem": mine})).resources[0].id == mine["ARN"]

    def test_an_item_must_name_its_account(self) -> None:
        item = configuration_item(awsAccountId=None)
        assert refusal(on_bus(ITEM | {"configurationItem": item})) == (
            "detail.configurationItem.awsAccountId",
            "is missing",
        )


class TestRuleInvocations:
    def test_a_change_is_to_be_judged(self) -> None:
        found = parsed(rule_invocation(ITEM))
        assert (found.type, found.title) == (
            "ConfigRuleInvocation:ConfigurationItemChange",
            f"no-public-ssh is to judge AWS::EC2::SecurityGroup {GROUP}",
        )
        assert (found.id, found.account, found.region) == (
            f"{RULE_ARN}/AWS::EC2::SecurityGroup/{GROUP}",
            ACCOUNT,
            "eu-west-1",
        )
        assert found.resources[0].id == GROUP_ARN
        assert found.upstream == {
            "message_type": "ConfigurationItemChangeNotification", "resource_type": "AWS::EC2::SecurityGroup", "resource_id": GROUP, "account": ACCOUNT,
            "region": "eu-west-1", "item_status": "OK", "change_type": "UPDATE", "ordered_at": "2026-03-01T09:59:00+00:00", "rule_name": "no-public-ssh",
            "rule_arn": RULE_ARN, "rule_id": "config-rule-abc123", "rule_parameters": {"port": "22"}, "result_token": "token-of-the-result",
            "event_left_scope": False, "evaluation_mode": "DETECTIVE",
        }  # fmt: skip
        assert "token-of-the-result" not in str(found.raw)

    def test_the_items_account_and_region_win_over_the_rules(self) -> None:
        item = configuration_item(awsAccountId=events.ADMINISTRATOR, awsRegion="us-west-2")
        found = parsed(rule_invocation(ITEM | {"configurationItem": item}))
        assert (found.account, found.region) == (events.ADMINISTRATOR, "us-west-2")
        plain = configuration_item(awsAccountId=None, awsRegion=None)
        assert (parsed(rule_invocation(ITEM | {"configurationItem": plain})).account) == ACCOUNT

    def test_an_oversized_change(self) -> None:
        invoking = {
            "messageType": "OversizedConfigurationItemChangeNotification",
            "configurationItemSummary": configuration_item(resourceName=None),
        }
        assert parsed(rule_invocation(invoking)).type == "ConfigRuleInvocation:OversizedConfigurationItemChange"

    @pytest.mark.parametrize("message", ["ScheduledNotification", "ScheduledNxotification"])
    def test_a_schedule_names_no_resource(self, message: str) -> None:
        invoking = {
            "messageType": message,
            "awsAccountId": ACCOUNT,
            "notificationCreationTime": "2026-03-01T10:00:00.000Z",
        }
        found = parsed(rule_invocation(invoking))
        assert (found.type, found.resources, found.account) == ("ConfigRuleInvocation:Scheduled", (), ACCOUNT)
        assert found.title == f"no-public-ssh is to judge account {ACCOUNT}, on schedule"
        assert (found.id, found.version) == (f"{RULE_ARN}/schedule/{ACCOUNT}", "2026-03-01T10:00:00.000+00:00")

    def test_a_resource_that_is_not_yet_made_is_not_named(self) -> None:
        assert parsed(rule_invocation(ITEM, evaluationMode="PROACTIVE")).resources == ()

    @pytest.mark.parametrize(
        ("event", "place", "reason"),
        [
            (rule_invocation({}), "invokingEvent.messageType", "is missing"),
            (rule_invocation({"messageType": "Other"}), "invokingEvent.messageType", "is 'Other', which names no configuration item"),
            (rule_invocation(ITEM, configRuleName=None), "configRuleName", "is missing"),
            (rule_invocation(ITEM, invokingEvent="{"), "invokingEvent",
             "is not JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
            (rule_invocation(ITEM, invokingEvent="text"), "invokingEvent", "must be an object, not 'text'"),
            (rule_invocation(ITEM, ruleParameters="[1, 2]"), "ruleParameters", "must be an object, not a list"),
            (rule_invocation(ITEM | {"configurationItem": configuration_item(resourceType="x")}), "invokingEvent.configurationItem.resourceType",
             "is not an AWS resource type: 'x'"),
        ],
    )  # fmt: skip
    def test_a_malformed_invocation_is_refused_with_its_place(self, event: Any, place: str, reason: str) -> None:
        assert refusal(event) == (place, reason)
