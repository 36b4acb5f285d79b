"""EventBridge pattern syntax: `["exact", {"prefix": "x"}, …]`, any of which must match the field's value.

As in EventBridge (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html): a list of values matches
when any of them does, `anything-but` needs a value to be there, and case counts unless the operator says otherwise. A field that the
source did not fill is missing; `null` and `{"exists": false}` both match it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from stanch.playbooks.numeric import COMPARISONS, compare, wrong_numeric
from stanch.playbooks.wildcards import Glob

Test = Callable[[Any], bool]

SCALARS = (str, int, float, bool)
LISTS = (list, tuple)


def missing(value: Any) -> bool:
    """None and the empty list: the source did not say."""
    return value is None or (isinstance(value, LISTS) and not value)


def compile_patterns(patterns: Iterable[Any], *, fold: bool = False) -> Test:
    """A test of one field's value. With `fold`, case does not count. The patterns must be well-formed (`wrong` says None of each)."""
    given = list(patterns)
    accepts_missing = any(pattern is None or pattern == {"exists": False} for pattern in given)
    accepts_any = {"exists": True} in [pattern for pattern in given if isinstance(pattern, Mapping)]
    scalar = _any_of(given, fold)

    def test(value: Any) -> bool:
        if missing(value):
            return accepts_missing
        if accepts_any:
            return True
        if isinstance(value, LISTS):
            return any(item is not None and scalar(item) for item in value)
        return scalar(value)

    return test


def _any_of(patterns: list[Any], fold: bool) -> Test:
    """A test of one value that is there."""
    exact = {_key(_folded(pattern, fold)) for pattern in patterns if isinstance(pattern, SCALARS)}
    tests = [
        _operator(pattern, fold) for pattern in patterns if isinstance(pattern, Mapping) and "exists" not in pattern
    ]

    def test(value: Any) -> bool:
        if not isinstance(value, SCALARS):
            return False
        folded = _folded(value, fold)
        if _key(folded) in exact:
            return True
        for check in tests:  # noqa: SIM110  (a generator costs more than most of the checks)
            if check(folded):
                return True
        return False

    return test


def _key(value: Any) -> Any:
    # True equals 1 in Python, in JSON it does not.
    return (bool, value) if isinstance(value, bool) else value


def _folded(value: Any, fold: bool) -> Any:
    return value.casefold() if fold and isinstance(value, str) else value


def _operator(pattern: Mapping[str, Any], fold: bool) -> Test:
    ((name, operand),) = pattern.items()
    return OPERATORS[name].make(operand, fold)


def _starts(operand: Any, fold: bool) -> Test:
    if isinstance(operand, Mapping):
        wanted = str(operand["equals-ignore-case"]).casefold()
        return lambda value: isinstance(value, str) and value.casefold().startswith(wanted)
    text = _folded(operand, fold)
    return lambda value: isinstance(value, str) and value.startswith(text)


def _ends(operand: Any, fold: bool) -> Test:
    if isinstance(operand, Mapping):
        wanted = str(operand["equals-ignore-case"]).casefold()
        return lambda value: isinstance(value, str) and value.casefold().endswith(wanted)
    text = _folded(operand, fold)
    return lambda value: isinstance(value, str) and value.endswith(text)


def _wildcard(operand: str, fold: bool) -> Test:
    glob = Glob(_folded(operand, fold))
    return lambda value: isinstance(value, str) and glob(value)


def _same(operand: str, fold: bool) -> Test:
    wanted = operand.casefold()
    return lambda value: isinstance(value, str) and value.casefold() == wanted


def _numeric(operand: list[Any], fold: bool) -> Test:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and compare(operand, value)


def _cidr(operand: str, fold: bool) -> Test:
    network = ipaddress.ip_network(operand)

    def test(value: Any) -> bool:
        try:
            address = ipaddress.ip_address(str(value))
        except ValueError:
            return False
        return (getattr(address, "ipv4_mapped", None) or address) in network

    return test


def _anything_but(operand: Any, fold: bool) -> Test:
    refused = _any_of(listed_but(operand), fold)
    return lambda value: not refused(value)


def listed_but(operand: Any) -> list[Any]:
    """What an `anything-but` refuses, as plain patterns: `{"prefix": ["a", "b"]}` becomes two prefixes."""
    if isinstance(operand, Mapping):
        ((name, values),) = operand.items()
        return [{name: value} for value in (values if isinstance(values, list | tuple) else [values])]
    return list(operand) if isinstance(operand, list | tuple) else [operand]


def wrong(pattern: Any) -> str | None:
    """Why this is no pattern, or None."""
    if pattern is None or isinstance(pattern, SCALARS):
        return None
    if not isinstance(pattern, Mapping):
        return "a pattern is a value or one operator such as {prefix: …}, not a list"
    if len(pattern) != 1:
        return f"a pattern holds one operator, not {len(pattern)}; write them as separate patterns"
    ((name, operand),) = pattern.items()
    if name not in OPERATORS:
        return f"unknown operator {name!r}"
    return OPERATORS[name].wrong(operand)


def _text(operand: Any) -> str | None:
    return None if isinstance(operand, str) else f"needs a text, not {operand!r}"


def _text_or_folded(operand: Any) -> str | None:
    if isinstance(operand, Mapping):
        if list(operand) != ["equals-ignore-case"]:
            return "needs a text or {equals-ignore-case: text}"
        return _text(operand["equals-ignore-case"])
    return _text(operand)


def _wrong_wildcard(operand: Any) -> str | None:
    if not isinstance(operand, str):
        return _text(operand)
    try:
        Glob(operand)
    except ValueError as error:
        return str(error)
    return None


def _wrong_cidr(operand: Any) -> str | None:
    if not isinstance(operand, str):
        return f"needs a network such as 10.0.0.0/8, not {operand!r}"
    try:
        ipaddress.ip_network(operand)
    except ValueError:
        try:
            meant = ipaddress.ip_network(operand, strict=False)
        except ValueError:
            return f"{operand!r} is no network such as 10.0.0.0/8 or 2001:db8::/32"
        return f"{operand!r} has bits set behind its prefix; did you mean {str(meant)!r}?"
    return None


def _wrong_but(operand: Any) -> str | None:
    refused: list[Any]
    if isinstance(operand, Mapping):
        if len(operand) != 1 or next(iter(operand)) not in ("prefix", "suffix", "wildcard", "equals-ignore-case"):
            return "anything-but takes values, or one of prefix, suffix, wildcard, equals-ignore-case"
        refused = listed_but(operand)
        return next((reason for pattern in refused if (reason := wrong(pattern))), None) if refused else "lists nothing"
    refused = listed_but(operand)
    if not refused:
        return "lists nothing"
    odd = [value for value in refused if not isinstance(value, SCALARS)]
    return f"anything-but takes values, not {odd[0]!r}" if odd else None


def _wrong_exists(operand: Any) -> str | None:
    return None if isinstance(operand, bool) else f"needs true or false, not {operand!r}"


def _unused(operand: Any, fold: bool) -> Test:  # `exists` is decided before any value is looked at
    raise AssertionError("exists")


class Operator(Struct, frozen=True):
    """One operator: how its test is made, what is wrong with an operand, and the operand's JSON Schema."""

    make: Callable[[Any, bool], Test]
    wrong: Callable[[Any], str | None]
    schema: Mapping[str, Any]


_STRING = {"type": "string"}
_FOLDED = {"type": "object", "properties": {"equals-ignore-case": _STRING}, "required": ["equals-ignore-case"],
           "additionalProperties": False}  # fmt: skip
_ONE_OR_MORE = {"anyOf": [_STRING, {"type": "array", "items": _STRING, "minItems": 1}]}
_VALUE = {"type": ["string", "number", "boolean"]}

OPERATORS: Mapping[str, Operator] = {
    "prefix": Operator(_starts, _text_or_folded, {"anyOf": [_STRING, _FOLDED]}),
    "suffix": Operator(_ends, _text_or_folded, {"anyOf": [_STRING, _FOLDED]}),
    "wildcard": Operator(_wildcard, _wrong_wildcard, {"type": "string", "not": {"pattern": "\\*\\*"}}),
    "equals-ignore-case": Operator(_same, _text, _STRING),
    "numeric": Operator(
        _numeric,
        wrong_numeric,
        {
            "type": "array",
            "minItems": 2,
            "maxItems": 4,
            "items": {"anyOf": [{"enum": list(COMPARISONS)}, {"type": "number"}]},
        },
    ),
    "anything-but": Operator(
        _anything_but,
        _wrong_but,
        {
            "anyOf": [
                _VALUE,
                {"type": "array", "minItems": 1, "items": _VALUE},
                {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": False,
                    "properties": dict.fromkeys(("prefix", "suffix", "wildcard", "equals-ignore-case"), _ONE_OR_MORE),
                },
            ]
        },
    ),
    "exists": Operator(_unused, _wrong_exists, {"type": "boolean"}),
    "cidr": Operator(_cidr, _wrong_cidr, _STRING),
}
