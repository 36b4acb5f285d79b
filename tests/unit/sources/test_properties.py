"""What holds for every input: a finding that can be stored, or MalformedEvent, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.errors import MalformedEvent
from stanch.finding import Finding
from stanch.sources import config, guardduty, recognise, sentinel
from tests.unit.sources import events

Parse = Callable[[object], list[Finding]]

KEYS = st.sampled_from(
    ["detail", "resource", "accountId", "service", "type", "id", "Records", "Sns", "Message", "body", "object", "properties", "invokingEvent", "messageType"]
) | st.text(max_size=4)  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.sampled_from(["{", "[]", '{"a": 1}', "None", "Notification", "${x}", "\ud800", events.VM, "arn:aws:s3:::b", "2026-03-01", "1e400", "9" * 5000])
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)

BUCKETS = {
    "resourceType": "S3Bucket",
    "s3BucketDetails": [{"name": "data"}],
    "accessKeyDetails": events.access_key()["accessKeyDetails"],
}
ITEM = {"messageType": "ConfigurationItemChangeNotification", "configurationItem": events.configuration_item()}
ENTITIES = [
    events.entity("Host", hostName="h", azureID=events.VM),
    events.entity("Account", accountName="a", upnSuffix="corp.example"),
    events.entity("Ip", address="198.51.100.7"),
]
REAL: list[tuple[Parse, Any]] = [
    (guardduty.parse, events.on_bus(events.finding(events.access_key()))),
    (guardduty.parse, events.pascal(events.finding(events.instance()))),
    (guardduty.parse, events.sns(events.on_bus(events.finding(BUCKETS)))),
    (config.parse, events.on_bus(events.compliance_change("AWS::EC2::SecurityGroup", "sg-0abc1234def567890"), "Config Rules Compliance Change", "aws.config")),
    (config.parse, events.on_bus(ITEM, "Config Configuration Item Change", "aws.config")),
    (config.parse, events.rule_invocation(ITEM) | {"invokingEvent": ITEM}),
    (sentinel.parse, events.incident([events.arm_alert(entities=ENTITIES)], ENTITIES)),
    (sentinel.parse, events.incident(related=ENTITIES)),
    (sentinel.parse, events.alert_record() | {"Entities": ENTITIES, "ResourceId": events.VM}),
]  # fmt: skip


def check(parse: Parse, event: Any) -> None:
    recognise(event)
    try:
        found = parse(event)
    except MalformedEvent as error:
        where = error.place
    else:
        where = "findings"
        assert found
        for finding in found:
            check_finding(finding)
    assert where


def check_finding(finding: Finding) -> None:
    assert finding.id
    assert finding.type
    assert finding.title
    json.dumps([finding.upstream, finding.raw, finding.summary()], ensure_ascii=False, allow_nan=False).encode()
    for resource in finding.resources:
        assert resource.type
        assert resource.id
        json.dumps(resource.as_json(), ensure_ascii=False, allow_nan=False).encode()
        if resource.id.startswith("arn:"):
            assert re.fullmatch(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:\d*:\S+", resource.id)
        if resource.id.startswith("/"):
            assert not {"", ".", ".."} & set(resource.id.split("/")[1:])
        if resource.type in ("AWS::EC2::Instance", "AWS::EC2::SecurityGroup"):
            assert resource.id.split(":")[4] == resource.account


@pytest.mark.parametrize("parse", [guardduty.parse, config.parse, sentinel.parse])
@given(value=VALUES)
def test_any_value_is_findings_or_malformed(parse: Parse, value: Any) -> None:
    check(parse, value)


def paths(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in members:
        yield (*here, key)
        yield from paths(item, (*here, key))


@pytest.mark.parametrize(("parse", "event"), REAL)
@given(data=st.data())
def test_a_real_event_bent_anywhere_is_findings_or_malformed(parse: Parse, event: Any, data: st.DataObject) -> None:
    bent = deepcopy(event)
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(list(paths(bent))))
        parent = bent
        for key in way:
            parent = parent[key]
        if data.draw(st.booleans()):
            parent[last] = data.draw(VALUES)
        else:
            parent.pop(last)
        if not bent or not list(paths(bent)):
            break
    check(parse, bent)


@pytest.mark.parametrize(("parse", "event"), REAL)
def test_the_unbent_events_are_findings(parse: Parse, event: Any) -> None:
    for finding in parse(event):
        assert finding.resources
        check_finding(finding)


@pytest.mark.parametrize(("parse", "event"), REAL)
def test_parsing_changes_nothing_and_repeats_itself(parse: Parse, event: Any) -> None:
    before = deepcopy(event)
    assert parse(event) == parse(event)
    assert event == before
