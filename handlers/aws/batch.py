"""An SQS batch: its records answered at the same time, each on its own, so that only what must come again does.

Powertools' batch processor takes one record after the other, or asyncio, which botocore does not speak.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from handlers import settings
from handlers.aws.log import complain, observe
from stanch.concurrent import settled
from stanch.errors import Busy, MalformedEvent, Retryable
from stanch.finding import Finding
from stanch.responder import Delivery
from stanch.result import Result
from stanch.sources.loading import load

Parse = Callable[[Any], list[Finding]]
Answer = Callable[[str, Delivery], list[Result]]

_PARTS = {"messageId", "body", "attributes"}

_COUNT = re.compile("[0-9]{1,9}")

AT_ONCE = 10
"""Records that are answered at the same time: all of an ordinary batch."""


def is_batch(event: Any) -> bool:
    """Whether Lambda's event source mapping sent messages of a queue."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    return (
        isinstance(records, list)
        and bool(records)
        and all(isinstance(one, Mapping) and one.keys() >= _PARTS for one in records)
        and all(isinstance(one[name], str) for one in records for name in ("messageId", "body"))
        and all(isinstance(one["attributes"], Mapping) and _COUNT.fullmatch(_count(one)) for one in records)
        and records[0].get("eventSource") == "aws:sqs"
    )


def failures(records: Sequence[Any], parse: Parse, answer: Answer) -> dict[str, Any]:
    """The partial answer: the records that must come again, for whatever reason.

    `answer` takes a record's body and raises Retryable for what is unknown. Where another record of the batch may have been at the same resource, and before a last delivery is given
    up, it is answered once more when the others are done.
    """
    again: list[Any] = []
    failed: dict[str, BaseException] = {}

    def answered(some: Sequence[Any], at_once: int, final: bool) -> None:
        work = [partial(_record, record, answer, final) for record in some]
        for record, each in zip(some, settled(work, at_once), strict=True):
            error = each.exception()
            if not final and (isinstance(error, Busy) or (isinstance(error, Retryable) and _last(record))):
                again.append(record)
            elif error is not None:
                failed[record["messageId"]] = error

    for some in _rounds(parse, records):
        answered(some, AT_ONCE, final=False)
    answered(again, 1, final=True)
    for name, error in failed.items():
        complain(name, error)
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


def _record(record: Any, answer: Answer, final: bool) -> None:
    observe(answer(record["body"], Delivery(last=final and _last(record))), message_id=record["messageId"])


def _last(record: Any) -> bool:
    return int(_count(record)) >= settings.max_deliveries()


def _count(record: Any) -> str:
    """How often the record has come, this time included."""
    return str(record["attributes"].get("ApproximateReceiveCount", "1"))


def _rounds(parse: Parse, records: Sequence[Any]) -> list[list[Any]]:
    """The records, one of each finding and resource at a time: of two at the same moment the one would only have to wait for the other."""
    rounds: list[list[Any]] = []
    seen: Counter[str] = Counter()
    for record in records:
        names = _names(parse, record)
        at = max((seen[name] for name in names), default=0)
        seen.update({name: at + 1 - seen[name] for name in names})
        rounds += [[]] if at == len(rounds) else []
        rounds[at].append(record)
    return rounds


def _names(parse: Parse, record: Any) -> set[str]:
    try:
        findings = parse(load(record["body"], "body"))
    except MalformedEvent:
        return set()  # said when it is answered
    resources = {resource.key() for finding in findings for resource in finding.resources}
    return {finding.id for finding in findings} | resources
