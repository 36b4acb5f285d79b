"""Reports through the real SDK to a topic, read back where they arrive."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from stanch.clouds.aws import AwsSession
from stanch.clouds.aws_clients import Clients
from stanch.errors import Gone, StanchError, Unreachable
from stanch.notify.sns import SnsChannel
from stanch.notify.text import text
from stanch.report import Report
from tests.unit.notify.samples import ACTION, HOSTILE, KEY, enormous, everywhere, refusal, report

ACCOUNT, REGION = "123456789012", "eu-west-1"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    running = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    try:
        host, port = running.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        running.stop()


def connected(endpoint: str) -> AwsSession:
    """A session at home in another region than the topics."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=5)
    session = AwsSession(Clients("us-east-1", local=True, config=config), ACCOUNT, "us-east-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "local")
        for service in ("sns", "sqs"):
            session.client(service, REGION)  # kept by the session, with the endpoint
    return session


@pytest.fixture(scope="module")
def session(server: str) -> AwsSession:
    return connected(server)


class Topic:
    """A topic in another region, with a queue that gets all that it delivers."""

    def __init__(self, session: AwsSession, name: str) -> None:
        self._session = session
        fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        kind = {"FifoTopic": "true"} if fifo else {}
        self.arn = session.call("sns", "create_topic", region=REGION, Name=name, Attributes=kind)["TopicArn"]
        self._queue = session.call("sqs", "create_queue", region=REGION, QueueName=name, Attributes=fifo)["QueueUrl"]

    def subscribe(self, **attributes: str) -> None:
        queue = self.arn.replace(":sns:", ":sqs:")
        self._session.call(
            "sns", "subscribe", region=REGION, TopicArn=self.arn, Protocol="sqs", Endpoint=queue, Attributes=attributes
        )

    def arrived(self) -> list[dict[str, Any]]:
        """The messages so far: their bodies with the queue's own attributes under `queue`; each is read once."""
        found: list[dict[str, Any]] = []
        while True:
            answer = self._session.call(
                "sqs", "receive_message", region=REGION, QueueUrl=self._queue, MaxNumberOfMessages=10,
                AttributeNames=["All"], MessageAttributeNames=["All"],
            )  # fmt: skip
            if not answer.get("Messages"):
                return found
            for message in answer["Messages"]:
                found.append({**json.loads(message["Body"]), "queue": message["Attributes"]})
                self._session.call(
                    "sqs", "delete_message", region=REGION, QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"]
                )


_numbers = itertools.count()


@pytest.fixture
def topic(session: AwsSession) -> Topic:
    made = Topic(session, f"reports-{next(_numbers)}")
    made.subscribe()
    return made


def test_arrives_whole(session: AwsSession, topic: Topic) -> None:
    SnsChannel("soc:sns", session, topic.arn).send(report(account_tags={"Team": "payments"}))
    (message,) = topic.arrived()
    assert message["Subject"] == f"ACTED (high): Deactivate IAM access key: {KEY} in 111122223333"
    assert message["Message"] == text(report())
    assert f"report {ACTION}:acted:1, " in message["Message"]
    assert message["MessageAttributes"] == {
        "outcome": {"Type": "String", "Value": "acted"},
        "severity": {"Type": "String", "Value": "high"},
        "team": {"Type": "String", "Value": "payments"},
        "account": {"Type": "String", "Value": "111122223333"},
        "source": {"Type": "String", "Value": "guardduty"},
        "resource_type": {"Type": "String", "Value": "AWS::IAM::AccessKey"},
        "playbook": {"Type": "String", "Value": "key-leak"},
        "remediation": {"Type": "String", "Value": "aws.iam.deactivate_access_key"},
        "report": {"Type": "String", "Value": f"{ACTION}:acted:1"},
    }


def test_what_is_unknown_is_no_empty_attribute(session: AwsSession, topic: Topic) -> None:
    SnsChannel("sns", session, topic.arn).send(refusal())
    (message,) = topic.arrived()
    assert sorted(message["MessageAttributes"]) == ["outcome", "report", "severity", "source"]
    assert message["MessageAttributes"]["severity"]["Value"] == "unknown"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_arrive_inert(session: AwsSession, topic: Topic, name: str) -> None:
    SnsChannel("sns", session, topic.arn).send(everywhere(HOSTILE[name]))
    (message,) = topic.arrived()
    assert message["Subject"].isprintable()
    assert len(message["Subject"]) <= 99
    assert "://" not in message["Message"] + message["Subject"]
    assert all(row.isprintable() for row in message["Message"].split("\n"))
    assert len(message["MessageAttributes"]) == 10
    assert all(found["Value"].isprintable() for found in message["MessageAttributes"].values())


def test_the_largest_report_is_far_below_the_limit(session: AwsSession, topic: Topic) -> None:
    SnsChannel("sns", session, topic.arn).send(enormous())
    (message,) = topic.arrived()
    attributes = sum(
        len(f"{name}String{found['Value']}".encode()) for name, found in message["MessageAttributes"].items()
    )
    assert len(message["Message"].encode()) + attributes < 60_000 < 262_144
    assert f"stanch undo {ACTION} --apply" in message["Message"]


def test_subscriptions_filter_on_severity_and_outcome(session: AwsSession) -> None:
    topic = Topic(session, "filtered")
    topic.subscribe(FilterPolicy=json.dumps({"severity": ["high", "critical"], "outcome": ["acted"]}))
    channel = SnsChannel("sns", session, topic.arn)
    for sent in (report(severity=2), report("held"), report(severity=5)):
        channel.send(sent)
    assert [message["Subject"][:16] for message in topic.arrived()] == ["ACTED (critical)"]


def test_a_fifo_topic_drops_the_repeat_and_keeps_the_order(session: AwsSession) -> None:
    topic = Topic(session, "ordered.fifo")
    topic.subscribe()
    channel = SnsChannel("sns", session, topic.arn)
    for sent in (report(), report(), report("undone")):
        channel.send(sent)
    arrived = topic.arrived()
    assert [message["Subject"].split()[0] for message in arrived] == ["ACTED", "UNDONE"]
    assert [message["queue"]["MessageGroupId"] for message in arrived] == [ACTION, ACTION]
    assert [message["queue"]["MessageDeduplicationId"] for message in arrived] == [
        f"{ACTION}:acted:1",
        f"{ACTION}:undone:1",
    ]


@pytest.mark.parametrize("key", ["k" * 129, "zwölf", "two words", ""])
def test_a_key_that_sns_would_refuse_is_hashed(session: AwsSession, key: str) -> None:
    topic = Topic(session, f"hashed-{next(_numbers)}.fifo")
    topic.subscribe()
    SnsChannel("sns", session, topic.arn).send(refusal(key=key))
    (message,) = topic.arrived()
    used = message["queue"]["MessageDeduplicationId"]
    assert len(used) == 64
    assert set(used) <= set("0123456789abcdef")
    assert message["queue"]["MessageGroupId"] == used


def _failure(session: AwsSession, arn: str, sent: Report) -> StanchError:
    with pytest.raises(StanchError) as caught:
        SnsChannel("sns", session, arn).send(sent)
    return caught.value


def test_a_topic_that_is_gone(session: AwsSession) -> None:
    assert type(_failure(session, f"arn:aws:sns:{REGION}:{ACCOUNT}:no-such-topic", report())) is Gone


def test_no_connection() -> None:
    assert (
        type(_failure(connected("http://127.0.0.1:9"), f"arn:aws:sns:{REGION}:{ACCOUNT}:soc", report())) is Unreachable
    )
