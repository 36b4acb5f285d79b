"""What a contract test needs to know of one remediation: how to make the exposed state, and how to look at it without the remediation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stanch.finding import Resource


@dataclass(frozen=True)
class Scenario:
    """One exposed situation of one remediation.

    `world` is the cloud's test world (`tests.contract.worlds`): literal SDK clients of any account. `expose` creates the situation and returns the
    resource; `contained` reads the cloud itself and says whether it is contained; `snapshot` returns everything that undo must bring back exactly; `drift` makes
    a foreign change to what was written, after which undo must refuse; `remove` deletes the resource, after which the plan is empty with reason 'gone'.
    `account` is where the resource lives.
    """

    name: str
    remediation: str
    expose: Callable[[Any], Resource]
    contained: Callable[[Any, Resource], bool]
    snapshot: Callable[[Any, Resource], Any]
    drift: Callable[[Any, Resource], None] | None
    remove: Callable[[Any, Resource], None] | None
    params: Mapping[str, Any] = field(default_factory=dict)
