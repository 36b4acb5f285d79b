"""Patterns that can never match: well-formed, and yet no finding has such a value."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from stanch.playbooks.fields import Field, Kind
from stanch.playbooks.numeric import pairs, possible
from stanch.playbooks.patterns import compile_patterns, listed_but

_TEXT_OPERATORS = ("prefix", "suffix", "wildcard", "equals-ignore-case", "anything-but", "exists")

FITS: Mapping[Kind, tuple[str, ...]] = {
    "text": _TEXT_OPERATORS,
    "ip": (*_TEXT_OPERATORS, "cidr"),
    "number": ("numeric", "anything-but", "exists"),
    "flag": ("exists",),
    "any": (*_TEXT_OPERATORS, "cidr", "numeric"),
}
"""The operators that can match a field of each kind."""

ACCOUNT = re.compile(r"\d{12}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
"""An AWS account id, or a GUID: Azure subscription or Entra tenant."""

TYPE = re.compile(r"AWS::[A-Za-z0-9]*(::[A-Za-z0-9]+)+|[A-Z][A-Za-z0-9]*(\.[A-Za-z0-9]+)+(/[A-Za-z0-9]+)+")
"""The form of CloudFormation and ARM type names; `AWS::::Account` is AWS Config's own."""


def suggestion(given: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` or nothing."""
    close = get_close_matches(given, list(known), 1, 0.6)
    if not close:
        folded = {name.casefold(): name for name in known}
        close = get_close_matches(given.casefold(), list(folded), 1, 0.6)
        close = [folded[name] for name in close]
    return f"; did you mean {close[0]!r}?" if close else ""


def named(field: Field, pattern: Any) -> Any:
    """The pattern with the field's words replaced by their numbers: severity `high` is 4, also inside operators."""
    if isinstance(pattern, str):
        return field.names.get(pattern.casefold(), pattern)
    if isinstance(pattern, list):
        return [named(field, item) for item in pattern]
    if isinstance(pattern, Mapping) and field.names:
        return {name: named(field, operand) for name, operand in pattern.items()}
    return pattern


def never(field: Field, pattern: Any) -> str | None:
    """Why no value of the field can match this well-formed pattern, or None."""
    if pattern is None or (isinstance(pattern, Mapping) and "exists" in pattern):
        absent = pattern is None or pattern["exists"] is False
        return f"{field.name} is never missing" if absent and not field.optional else None
    if isinstance(pattern, Mapping) and next(iter(pattern)) not in FITS[field.kind]:
        return f"{field.name} is {_KINDS[field.kind]}; {next(iter(pattern))} cannot match it, but {', '.join(FITS[field.kind])}"
    if field.kind == "any":
        return None
    if field.kind == "number":
        return _number(field, pattern)
    if field.kind == "flag":
        return None if isinstance(pattern, bool) else f"{field.name} is true or false, never {pattern!r}"
    return _text(field, pattern)


_KINDS: Mapping[Kind, str] = {"text": "a text", "ip": "an IP address", "number": "a number", "flag": "true or false"}


def _number(field: Field, pattern: Any) -> str | None:
    span = f"{field.name} is a {'whole ' if field.whole else ''}number {_range(field)}"
    if isinstance(pattern, str):
        return f"{span}, never {pattern!r}{suggestion(pattern, field.names)}"
    if isinstance(pattern, bool):
        return f"{span}, never {pattern!r}"
    if isinstance(pattern, int | float):
        exact = [("=", float(pattern))]
        return None if possible(exact, field.low, field.high, field.whole) else f"{span}, never {pattern!r}"
    ((name, operand),) = pattern.items()
    if name == "numeric":
        if possible(pairs(operand), field.low, field.high, field.whole):
            return None
        return f"{span}; no such number satisfies {operand!r}"
    if field.choices and not any(compile_patterns([pattern])(choice) for choice in field.choices):
        return f"it excludes every {field.name} there is"
    odd = [value for value in listed_but(operand) if isinstance(value, str)]
    return f"{span}, never {odd[0]!r}{suggestion(odd[0], field.names)}" if odd else None


def _range(field: Field) -> str:
    low, high = f"{field.low:g}", f"{field.high:g}"
    words = f" ({', '.join(field.names)})" if field.names else ""
    return f"from {low}{words}" if high == "inf" else f"from {low} to {high}{words}"


def _text(field: Field, pattern: Any) -> str | None:
    if isinstance(pattern, bool | int | float):
        return f'{field.name} is a text; write "{pattern}" in quotes'
    if field.choices:
        return _choice(field, pattern)
    return _form(field, pattern) if isinstance(pattern, str) else None


def _choice(field: Field, pattern: Any) -> str | None:
    if any(compile_patterns([pattern])(choice) for choice in field.choices):
        return None
    close = suggestion(pattern, field.choices) if isinstance(pattern, str) else ""
    return f"{field.name} is one of {', '.join(field.choices)}{close}"


def _form(field: Field, text: str) -> str | None:
    if not text:
        return f"{field.name} is never empty"
    if field.kind == "ip":
        return _address(text)
    if field.name in ("account", "resource.account") and not ACCOUNT.fullmatch(text):
        return f"{text!r} is neither a 12-digit AWS account id nor an Azure GUID"
    if field.name == "resource.type" and not TYPE.fullmatch(text):
        return f"{text!r} has the form of no resource type (AWS::Service::Thing, Microsoft.Service/things)"
    return None


def _address(text: str) -> str | None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        meant = f"; for a network write {{cidr: {text!r}}}" if "/" in text else ""
        return f"{text!r} is no IP address{meant}"
    return None
