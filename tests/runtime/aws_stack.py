"""The AWS deployment on the local AWS: journal table, topic with a mailbox, and the functions of template.yaml in their own environments."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stanch.action import Action
from stanch.finding import Finding
from stanch.journal.dynamodb import DynamoJournal
from stanch.journal.dynamodb_table import create_table
from stanch.local.aws.seed import seed
from tests.functional.local_aws.lab import HOME, Lab
from tests.runtime import template
from tests.runtime.faults import FaultyProxy
from tests.runtime.interpreter import Interpreter
from tests.runtime.rie import CLIENT, ExecutionEnvironment

REGION = "eu-west-1"
ACCOUNT = "111122223333"
"""The account to be protected: not the one that the responder runs in."""


class Stack:
    """One deployment. `settings` go over those that every function has; `journal` is another DynamoDB's endpoint than the local AWS's."""

    def __init__(
        self, url: str, artefact: Path, interpreter: Interpreter, folder: Path, *, journal: str | None = None, timeout: int | None = None,
        **settings: str,
    ) -> None:  # fmt: skip
        self.lab, self.proxy = Lab(url), FaultyProxy(url)
        self._interpreter, self._folder, self._timeout = interpreter, folder, timeout
        self._path = [artefact, interpreter.only(folder / "var-runtime", *CLIENT)]
        self._functions: dict[str, ExecutionEnvironment] = {}
        self.table = f"stanch-{uuid.uuid4().hex[:8]}"
        self.dynamodb = Lab(journal).client("dynamodb", region=REGION) if journal else self.client("dynamodb")
        create_table(self.dynamodb, self.table)
        self.journal = DynamoJournal(self.dynamodb, self.table)
        self._sns, self._sqs = self.client("sns"), self.client("sqs")
        self.topic = self._sns.create_topic(Name=self.table)["TopicArn"]
        self._mailbox = self._subscribed()
        self.environment = self._environment(journal) | settings

    def client(self, service: str, account: str = HOME) -> Any:
        """An SDK client of the test's own, past everything that is under test."""
        return self.lab.client(service, account, REGION)

    def _subscribed(self) -> str:
        queue: str = self._sqs.create_queue(QueueName=f"{self.table}-mail")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self._sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)
        return queue

    def _environment(self, journal: str | None) -> dict[str, str]:
        """Every setting of the template, and what Lambda itself would set."""
        # What the template leaves empty unless asked for: the other deployments, write-backs and links.
        optional = (
            "STANCH_DEAD_LETTER_QUEUES", "STANCH_KILL_SWITCH", "STANCH_EVENT_BUS", "STANCH_GUARDDUTY_ARCHIVE", "STANCH_GUARDDUTY_FEEDBACK",
            "STANCH_ANCHOR_BUCKET", "STANCH_REGIONS", "STANCH_SIGNING_SECRET", "STANCH_APPROVAL_URL", "STANCH_OIDC_ISSUER",
        )  # fmt: skip
        return dict.fromkeys(optional, "") | {
            "STANCH_MODE": "auto", "STANCH_JOURNAL": f"dynamodb://{self.table}", "STANCH_SNS_TOPIC_ARN": self.topic, "STANCH_TEAMS_SECRET": "",
            "STANCH_ROLE_NAME": "stanch", "STANCH_EXTERNAL_ID": "external-id", "STANCH_ACCOUNT": HOME, "STANCH_MAX_DELIVERIES": "5",
            "STANCH_OWN": f"arn:*:iam::*:role/{self.table}-*,arn:*:sns:*:*:{self.table}-*", "POWERTOOLS_SERVICE_NAME": "stanch",
            "STANCH_VERIFY_DELAYS": "0.05,0.2", "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": self.proxy.url,
            "AWS_ACCESS_KEY_ID": "LOCALHOMEKEY00000000", "AWS_SECRET_ACCESS_KEY": "local", "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull, **({"AWS_ENDPOINT_URL_DYNAMODB": journal} if journal else {}),
        }  # fmt: skip

    def function(self, logical_id: str) -> ExecutionEnvironment:
        """The execution environment of a function of the template, started on first use."""
        if logical_id not in self._functions:
            self._functions[logical_id] = self.another(logical_id)
        return self._functions[logical_id]

    def another(self, logical_id: str, number: int = 0) -> ExecutionEnvironment:
        """One more execution environment of a function; whoever asked for it stops it."""
        declared = template.properties(logical_id)
        return ExecutionEnvironment(
            self._interpreter, declared["Handler"], self._path, self.environment, self._folder / f"{logical_id}-{number}.log",
            timeout=self._timeout or declared["Timeout"], memory=declared["MemorySize"],
        )  # fmt: skip

    def plant(self, event: Any, parse: Callable[[Any], list[Finding]]) -> None:
        """Create what the event names, in the exposed state, and the finding at its source."""
        for finding in parse(event):
            seed(self.lab.url, finding, HOME)

    def quiet(self) -> None:
        """As at the start of a test: no faults, no calls on record, no mail."""
        self.proxy.calm()
        self.reports()
        self.lab.own("DELETE", "calls")

    def reports(self) -> list[dict[str, Any]]:
        """What subscribers of the topic got since the last look: SNS's own envelopes."""
        found = []
        while messages := self._sqs.receive_message(QueueUrl=self._mailbox, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                found.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._mailbox, ReceiptHandle=message["ReceiptHandle"])
        return found

    def told(self) -> list[tuple[str, str]]:
        """Outcome and remediation of each report since the last look."""
        attributes = [report["MessageAttributes"] for report in self.reports()]
        return sorted((one["outcome"]["Value"], one.get("remediation", {}).get("Value", "")) for one in attributes)

    def writes(self, *but: str) -> list[str]:
        """The calls on record that change something, as `iam:UpdateAccessKey`, those to the services in `but` left out."""
        calls = self.lab.own("GET", "calls")[1]["calls"]
        return [
            f"{call['service']}:{call['operation']}" for call in calls if call["write"] and call["service"] not in but
        ]

    def items(self, sort: str) -> list[dict[str, Any]]:
        """The journal's items whose sort key begins so, as DynamoDB has them."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"] if item["sk"]["S"].startswith(sort)]

    def lapse(self) -> None:
        """Let every lease in the journal have run out, as if its time had passed."""
        for item in self.items("lock#"):
            self.dynamodb.update_item(
                TableName=self.table, Key={name: item[name] for name in ("pk", "sk")},
                UpdateExpression="SET #until = :past", ExpressionAttributeNames={"#until": "until"},
                ExpressionAttributeValues={":past": {"N": "1"}},
            )  # fmt: skip

    def actions(self) -> list[Action]:
        """Every action in the journal, oldest first."""
        ids = [item["sk"]["S"].partition("#")[2] for item in self.items("action#")]
        found = [action for action in map(self.journal.get, ids) if action]
        return sorted(found, key=lambda action: action.opened_at)

    def stop(self) -> None:
        self.proxy.calm()
        for function in self._functions.values():
            function.stop()
        self.proxy.stop()
