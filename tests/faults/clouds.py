"""One deployment on each local cloud: its environment, its resources, its mailbox, and what it wrote."""

from __future__ import annotations

import json
import os
import re
import threading
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from handlers.aws import wiring as aws_wiring
from handlers.azure import wiring as azure_wiring
from stanch.deployment import Deployment
from stanch.finding import Resource
from stanch.local.aws.seed import seed as seed_aws
from stanch.local.azure.seed import seed as seed_azure
from stanch.local.azure.server import AzureCloudServer
from stanch.local.teams import TeamsReceiver
from stanch.sources import guardduty, sentinel
from tests.contract.azure_world import AzureWorld
from tests.contract.scenario import Scenario
from tests.contract.scenarios.aws import deactivate_access_key
from tests.contract.scenarios.azure.revoke_nsg_rule import REMEDIATION, SOUND, expecting, live, rule
from tests.contract.worlds import AwsWorld
from tests.faults import events
from tests.faults.cases import Case

HOME = "123456789012"
LEASE = 8.0
"""Seconds: more than a fork takes from opening its action to its end, on a busy machine too."""


def _policy(folder: Path, source: str, remediation: str) -> str:
    path = folder / "playbooks.yaml"
    path.write_text(
        f"playbooks:\n  - {{id: only, when: {{source: [{source}]}}, remediations: [{remediation}], mode: auto}}\n"
    )
    return str(path)


def _common(folder: Path, policy: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"], "STANCH_MODE": "auto", "STANCH_JOURNAL": f"sqlite://{folder / 'journal.sqlite'}", "STANCH_PLAYBOOKS": policy,
        "STANCH_LEASE_SECONDS": str(LEASE), "STANCH_VERIFY_DELAYS": "0.05,0.2,0.5", "NO_PROXY": "127.0.0.1,localhost",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true", "POWERTOOLS_TRACE_DISABLED": "true",
    }  # fmt: skip


class Aws:
    """Leaked keys in an account that the responder reaches through its roles; reports go to a topic with a mailbox."""

    name, scenario, wiring = "aws", deactivate_access_key.SCENARIOS[0], aws_wiring

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._lock = url, threading.Lock()
        home = AwsWorld(url, HOME)
        self._sqs, sns = home.client("sqs"), home.client("sns")
        topic = sns.create_topic(Name="faults")["TopicArn"]
        self._mailbox = self._sqs.create_queue(QueueName="faults")["QueueUrl"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=topic.replace(":sns:", ":sqs:"))
        self.environment = _common(folder, _policy(folder, "guardduty", self.scenario.remediation)) | {
            "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "LOCALHOMEKEY00000000", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": events.REGION,
            "AWS_DEFAULT_REGION": events.REGION, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "STANCH_ACCOUNT": HOME, "STANCH_ROLE_NAME": "stanch", "STANCH_SNS_TOPIC_ARN": topic,
        }  # fmt: skip

    def open(self) -> None:
        self.world = AwsWorld(self._url)

    def make(self, series: tuple[str, str], k: int) -> Case:
        with self._lock:
            resource = self.scenario.expose(self.world)
            event = events.leaked_key(resource)
            for finding in guardduty.parse(event):
                seed_aws(self._url, finding, HOME)
            return Case(series, k, event, self.world, resource, self.scenario.snapshot(self.world, resource))

    def handle(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        from handlers.aws import guardduty as handler

        return list(handler.handler(event, None)["actions"])

    def writes(self, action_id: str, case: Case) -> list[str]:
        """What changed something in IAM for the action, from the cloud's own record."""
        with urlopen(f"{self._url}/stanch/aws/calls") as answer:
            calls = json.load(answer)["calls"]
        ours = [call for call in calls if call["service"] == "iam" and call["write"] and f"md/action#{action_id}" in call["user_agent"]]  # fmt: skip
        return [call["operation"] for call in ours]

    def all_writes(self) -> int:
        """Every write of Stanch's in IAM, whatever action it was made for."""
        with urlopen(f"{self._url}/stanch/aws/calls") as answer:
            calls = json.load(answer)["calls"]
        return sum(call["service"] == "iam" and call["write"] and "stanch/" in call["user_agent"] for call in calls)

    def told(self) -> list[str]:
        """The key of every report that the topic's subscriber got."""
        found = []
        while messages := self._sqs.receive_message(QueueUrl=self._mailbox, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                found.append(json.loads(message["Body"])["MessageAttributes"]["report"]["Value"])
                self._sqs.delete_message(QueueUrl=self._mailbox, ReceiptHandle=message["ReceiptHandle"])
        return found

    def deployment(self) -> Deployment:
        return aws_wiring.deployment()


def _expose(world: AzureWorld) -> Resource:
    """A group with a rule that is to be split: a new one keeps the private network's part of it."""
    rules = {**SOUND, "open": rule(110, ["Internet", "10.0.0.0/8"], ["22", "443"])}
    group = world.security_group(world.group(), rules)
    return Resource("Microsoft.Network/networkSecurityGroups", group.id, world.account)


SPLIT = Scenario(
    "a rule is split", REMEDIATION, _expose,
    expecting({"open": rule(110, ["Internet", "10.0.0.0/8"], ["443"]), "+": rule(111, ["10.0.0.0/8"], ["22"])}),
    live, None, None,
)  # fmt: skip


class Azure:
    """Security groups open to the Internet; reports go to a Teams workflow."""

    name, wiring = "azure", azure_wiring
    scenario = SPLIT

    def __init__(self, server: AzureCloudServer, folder: Path) -> None:
        self._server, self._lock = server, threading.Lock()
        self.teams = TeamsReceiver(server.tls)
        self.teams.start()
        policy = _policy(folder, "sentinel", self.scenario.remediation)
        self.environment = _common(folder, policy) | server.environment() | {
            "STANCH_TEAMS_SECRET": "stanch-teams", "STANCH_KEY_VAULT": f"{self.teams.base}/vault", "STANCH_SENTINEL_WORKSPACE": "*",
        }  # fmt: skip

    def open(self) -> None:
        """The world needs the environment."""
        self.world = AzureWorld(self._server)

    def make(self, series: tuple[str, str], k: int) -> Case:
        with self._lock:
            resource = self.scenario.expose(self.world)
            event = events.open_group(resource)
            for finding in sentinel.parse(event):
                seed_azure(self._server.url, str(self._server.ca), finding)
            return Case(series, k, event, self.world, resource, self.scenario.snapshot(self.world, resource))

    def handle(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        from handlers.azure import sentinel as handler

        return handler.answer(event)

    def writes(self, action_id: str, case: Case) -> list[str]:
        """What changed something in the group, from the cloud's own record: the method and the rule."""
        return [
            f"{call['method']} {call['path'].rpartition('/')[2]}"
            for call in self._ours()
            if call["path"].lower().startswith(case.resource.id.lower())
        ]

    def all_writes(self) -> int:
        """Every write of Stanch's in a network, whatever group it was made to."""
        return len(self._ours())

    def told(self) -> list[str]:
        """The key of every report that the workflow took: cards say it among their ids."""
        return [re.findall(r"[0-9a-f]{12}-[0-9a-f]{11}:\w+:\d+", json.dumps(card))[0] for card in self.teams.cards]

    def _ours(self) -> list[dict[str, Any]]:
        return [call for call in self._server.calls if call["method"] in ("PUT", "PATCH", "DELETE") and "/Microsoft.Network/" in call["path"] and "stanch/" in str(call["user_agent"])]  # fmt: skip

    def deployment(self) -> Deployment:
        return azure_wiring.deployment()
