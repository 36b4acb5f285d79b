"""What the sweep reads on AWS: what Config holds, and what queues gave up."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stanch.clouds.aws import AwsCloud, AwsSettings
from stanch.clouds.aws_queues import SqsDeadLetters
from stanch.errors import CloudError, Refused
from stanch.finding import Finding
from stanch.local.aws.config_rules import compliance_stores
from stanch.local.aws.seed import seed
from stanch.sources import config
from stanch.upstream.config_survey import ConfigSurvey
from tests.functional.local_aws.findings import config_finding
from tests.functional.local_aws.lab import HOME, OTHER, REGION, Lab

GROUP = "AWS::EC2::SecurityGroup"
SSH = "restricted-ssh"


@pytest.fixture
def deployed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> AwsCloud:
    """A deployment's cloud, in the home account, with member roles."""
    for name, value in {
        "AWS_ENDPOINT_URL": lab.url,
        "AWS_ACCESS_KEY_ID": "LOCAL",
        "AWS_SECRET_ACCESS_KEY": "local",
    }.items():
        monkeypatch.setenv(name, value)
    return AwsCloud(AwsSettings(REGION, HOME, "stanch", "external-id", lab.url))


def of_ssh(finding: Finding) -> bool:
    return finding.type == "INCOMING_SSH_DISABLED"


def group(number: int) -> str:
    return f"sg-{number:017x}"


def recorded(
    account: str, rule: str, resource: str, verdict: str = "NON_COMPLIANT", resource_type: str = GROUP
) -> None:
    compliance_stores[account][REGION].record(rule, resource_type, resource, verdict, datetime.now(UTC))


class TestConfig:
    def asked(
        self, deployed: AwsCloud, account: str = OTHER, wanted: Callable[[Finding], bool] = of_ssh
    ) -> list[Finding]:
        return list(ConfigSurvey(deployed, account, REGION).findings(wanted))

    def test_a_finding_is_the_one_that_its_event_would_have_given(self, lab: Lab, deployed: AwsCloud) -> None:
        event = config_finding(
            SSH, GROUP, group(1), OTHER, rule_arn=f"arn:aws:config:{REGION}:{OTHER}:config-rule/config-rule-ssh"
        )
        seed(lab.url, event, HOME)
        (found,) = self.asked(deployed)
        assert (found.id, found.resources, found.account, found.region) == (event.id, event.resources, OTHER, REGION)
        assert (found.type, found.compliant) == ("INCOMING_SSH_DISABLED", False)
        assert {name: found.upstream[name] for name in ("rule_name", "rule_arn", "resource_id", "evaluation")} == {
            name: event.upstream[name] for name in ("rule_name", "rule_arn", "resource_id", "evaluation")
        }
        assert found.last_seen is not None
        assert datetime.now(UTC) - found.last_seen < timedelta(seconds=30)
        assert found.updated_at == found.last_seen, "how old it is says Config, not we"
        (again,) = config.parse(json.loads(json.dumps(found.raw)))
        assert (again.id, again.version) == (found.id, found.version)

    def test_only_what_is_wanted_and_wrong(self, lab: Lab, deployed: AwsCloud) -> None:
        seed(lab.url, config_finding(SSH, GROUP, group(1), OTHER), HOME)
        seed(lab.url, config_finding("s3-bucket-public-read-prohibited", "AWS::S3::Bucket", "open-bucket", OTHER), HOME)
        recorded(OTHER, SSH, group(2), "COMPLIANT")
        recorded(OTHER, SSH, group(3), "NOT_APPLICABLE")
        lab.own("DELETE", "calls")
        assert [one.upstream["resource_id"] for one in self.asked(deployed)] == [group(1)]
        assert lab.writes("config") == []
        assert self.asked(deployed, wanted=lambda finding: False) == []
        assert self.asked(deployed, account=HOME) == []

    def test_every_page(self, lab: Lab, deployed: AwsCloud) -> None:
        seed(lab.url, config_finding(SSH, GROUP, group(0), OTHER), HOME)
        for number in range(1, 120):
            recorded(OTHER, SSH, group(number))
        assert {one.upstream["resource_id"] for one in self.asked(deployed)} == {group(number) for number in range(120)}

    def test_what_no_event_could_tell_hides_nothing(self, lab: Lab, deployed: AwsCloud) -> None:
        seed(lab.url, config_finding(SSH, GROUP, group(1), OTHER), HOME)
        recorded(OTHER, SSH, "..", resource_type="AWS::S3::Bucket")
        assert [one.upstream["resource_id"] for one in self.asked(deployed)] == [group(1)]

    def test_many_rules_are_asked_about_in_portions(self, lab: Lab, deployed: AwsCloud) -> None:
        for number in range(27):
            rule = {
                "ConfigRuleName": f"ssh-{number}",
                "Source": {"Owner": "AWS", "SourceIdentifier": "INCOMING_SSH_DISABLED"},
            }
            lab.client("config", OTHER).put_config_rule(ConfigRule=rule)
            recorded(OTHER, f"ssh-{number}", group(number))
        assert len(self.asked(deployed)) == 27

    def test_an_account_out_of_reach_is_an_error(self, lab: Lab) -> None:
        alone = AwsCloud(AwsSettings(REGION, HOME, endpoint=lab.url))
        with pytest.raises(Refused, match="wrong account"):
            list(ConfigSurvey(alone, OTHER, REGION).findings(of_ssh))


class TestDeadLetters:
    @pytest.fixture
    def sqs(self, lab: Lab) -> Any:
        return lab.client("sqs")

    def queues(self, sqs: Any, *sources: str) -> str:
        """A dead-letter queue and the queues that it is for; its URL."""
        dead: str = sqs.create_queue(QueueName="config-dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
        for name in sources:
            sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})
        return dead

    def bodies(self, sqs: Any, name: str) -> list[str]:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            found += [message["Body"] for message in messages]
        return sorted(found)

    def test_looking_takes_nothing_out(self, deployed: AwsCloud, sqs: Any) -> None:
        queue = SqsDeadLetters(lambda: deployed.home, self.queues(sqs, "config"))
        assert (queue.name, queue.waiting().count, queue.waiting().oldest) == ("config-dead", 0, None)
        for number in range(3):
            sqs.send_message(QueueUrl=self.queues(sqs), MessageBody=f"event {number}")
        for _ in range(2):
            found = queue.waiting()
            assert found.count == 3
            assert found.oldest is not None
            assert timedelta() <= datetime.now(UTC) - found.oldest < timedelta(seconds=60)

    def test_messages_go_back_to_where_they_came_from(self, deployed: AwsCloud, sqs: Any) -> None:
        dead = self.queues(sqs, "config")
        sent = [f"event {number:02}" for number in range(23)]
        for body in sent:
            sqs.send_message(QueueUrl=dead, MessageBody=body)
        queue = SqsDeadLetters(lambda: deployed.home, dead)
        assert queue.redrive(5) == 5
        assert (queue.waiting().count, queue.redrive()) == (18, 18)
        assert (queue.waiting().count, queue.redrive()) == (0, 0)
        assert self.bodies(sqs, "config") == sent

    @pytest.mark.parametrize("sources", [(), ("config", "guardduty")])
    def test_where_that_is_not_one_queue_nothing_is_moved(
        self, deployed: AwsCloud, sqs: Any, sources: tuple[str, ...]
    ) -> None:
        dead = self.queues(sqs, *sources)
        sqs.send_message(QueueUrl=dead, MessageBody="event")
        queue = SqsDeadLetters(lambda: deployed.home, dead)
        with pytest.raises(Refused, match="one queue must name config-dead"):
            queue.redrive()
        assert queue.waiting().count == 1

    def test_a_queue_that_is_gone_is_an_error(self, deployed: AwsCloud, sqs: Any) -> None:
        dead = self.queues(sqs)
        sqs.delete_queue(QueueUrl=dead)
        with pytest.raises(CloudError, match="sqs:get_queue_attributes"):
            SqsDeadLetters(lambda: deployed.home, dead).waiting()
