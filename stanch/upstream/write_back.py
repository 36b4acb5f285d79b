"""Telling the source of a finding, and other programs, what became of an action.

A write-back is a channel: the outbox that no report gets lost from delivers it like any other, tries it again, and its failure changes no outcome.
Which reports it takes it says itself; the policy routes reports to people only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from stanch.errors import InvalidInput
from stanch.outbox import Channel
from stanch.report import Report


class WriteBack(Channel, Protocol):
    """A channel to a program."""

    def wants(self, report: Report) -> bool:
        """Whether the report is to be delivered here; asked once, when it is filed."""


class Route(Struct, frozen=True):
    """Who gets a report: the people whom the policy names, then the programs that want it."""

    people: Callable[[Report], Sequence[str]]
    programs: Sequence[WriteBack]

    def __call__(self, report: Report) -> list[str]:
        return [*self.people(report), *(program.name for program in self.programs if program.wants(report))]


def opted_in(env: Mapping[str, str], name: str) -> bool:
    """Whether a setting that must be switched on is `1`. Raises InvalidInput for what is neither on nor off."""
    value = env.get(name, "")
    if value not in ("", "0", "1"):
        raise InvalidInput(name, f"must be 1 or 0, not {value!r}")
    return value == "1"
