"""Secrets of the AWS deployment, read from the local cloud."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from handlers.aws import secrets, wiring
from handlers.aws.secrets import KEPT, Secrets
from stanch import outbox
from stanch.clouds.aws import AwsCloud, AwsSettings
from stanch.errors import Gone, InvalidInput
from stanch.journal.sqlite import SqliteJournal
from stanch.local.aws.server import AwsCloud as LocalAws
from stanch.playbooks.model import Policy
from tests.unit.notify.samples import report

NAME = "stanch-example"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    local = LocalAws()
    local.start()
    yield local.url
    local.stop()


@pytest.fixture
def cloud(url: str, monkeypatch: pytest.MonkeyPatch) -> AwsCloud:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    return AwsCloud(AwsSettings("eu-west-1", "123456789012", endpoint=url))


@pytest.fixture
def manager(cloud: AwsCloud) -> Iterator[Any]:
    client = boto3.client("secretsmanager")
    client.create_secret(Name=NAME, SecretString="first")
    yield client
    client.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)


def test_a_secret_is_asked_for_once_and_a_rotated_one_is_in_use_soon_after(
    cloud: AwsCloud, manager: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(secrets.time, "monotonic", lambda: now)
    found = Secrets(cloud)
    assert found(NAME) == "first"
    manager.put_secret_value(SecretId=NAME, SecretString="second")
    assert found(NAME) == "first"
    now += KEPT
    assert found(NAME) == "second"


def test_a_secret_of_bytes_is_refused(cloud: AwsCloud, manager: Any) -> None:
    manager.create_secret(Name="stanch-bytes", SecretBinary=b"\x01")
    with pytest.raises(InvalidInput, match="stanch-bytes: the secret holds bytes"):
        Secrets(cloud)("stanch-bytes")


def test_a_secret_that_is_not_there_is_the_clouds_no(cloud: AwsCloud) -> None:
    with pytest.raises(Gone, match="secretsmanager:get_secret_value"):
        Secrets(cloud)("stanch-missing")


def test_a_channel_whose_secret_is_missing_stays_pending_and_keeps_no_other_waiting(
    cloud: AwsCloud, url: str, tmp_path: Any
) -> None:
    topic = boto3.client("sns").create_topic(Name="reports")["TopicArn"]
    env = {"STANCH_TEAMS_SECRET": "stanch-missing", "STANCH_SNS_TOPIC_ARN": topic, "AWS_ENDPOINT_URL": url}
    channels, _ = wiring._channels(cloud, Policy(), env)
    entry = outbox.item(report(), ["teams", "sns"])
    journal = SqliteJournal(str(tmp_path / "journal.sqlite"))
    journal.file(entry)
    assert outbox.deliver(journal, entry, channels) == ["sns"]
    assert list(entry.errors) == ["teams"]
    assert "ResourceNotFoundException" in entry.errors["teams"]
    assert [each.pending for each in journal.pending()] == [["teams"]]
