"""Faults at the calls of a run: of the SDKs (`injector_aws`, `injector_azure`), of the journal and of the channels, all counted in one row.

A run without a fault tells which calls there are; a fault then names one of them by its number. What it does there is its kind.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from stanch.errors import AccessDenied, StanchError, Throttled, Unreachable
from stanch.journal import Journal

VERBS = frozenset(name for name in vars(Journal) if not name.startswith("_"))
"""The calls of a journal."""

EVERYWHERE = (
    "crash before",
    "crash after",
    "throttled",
    "timed out",
    "answer lost",
    "denied once",
    "denied for good",
)
"""`crash` ends the process, before the call or with its effect made; a call that `timed out` never arrived, one whose `answer` is `lost` took effect."""

SDK_ONLY = ("server error", "sent twice", "cut answer", "page cut", "failed after its effect")
"""`sent twice`: the answer was lost and the SDK sent the call again by itself. `cut answer`: half of its bytes. `page cut`: the rest of a list on a page of its own.
`failed after its effect`: a long-running operation says that it failed, although it did what it was for."""

KINDS = (*EVERYWHERE, *SDK_ONLY)


PAUSED = "paused"
"""Not a fault of the call: before it is made, the process stands still while `Injector.pause` runs."""


class Death(BaseException):
    """The process ends here: nothing after it runs, not even an except clause of the engine."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong at the call number `k` (from 0)."""

    k: int
    kind: str


@dataclass(slots=True)
class Call:
    """One call: `layer` is `sdk`, `journal` or `channel`. `cuttable`: its answer has bytes to lose, `pageable`: a list to put on two pages, `final`: it ends a long-running operation."""

    layer: str
    name: str
    cuttable: bool = False
    pageable: bool = False
    final: bool = False

    def kinds(self) -> Iterable[str]:
        """The faults that can be made of it."""
        yield from EVERYWHERE
        if self.layer == "sdk":
            yield from ("server error", "sent twice")
            yield from ("cut answer",) if self.cuttable else ()
            yield from ("page cut",) if self.pageable else ()
            yield from ("failed after its effect",) if self.final else ()


@dataclass
class Injector:
    """Counts calls while it is lit, and has a fault ready for one of them."""

    fault: Fault | None = None
    calls: list[Call] = field(default_factory=list)
    hit: Call | None = None
    """The call at which the fault took place."""
    pause: Callable[[], None] = lambda: None
    mended: bool = False
    dead: bool = False
    """The process has ended: whatever another thread of it still tries comes to nothing."""
    repeated: dict[str, str] = field(default_factory=dict)
    """What an SDK sends again by itself, and the kind of fault that it meets until the SDK gives up."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, layer: str, name: str) -> tuple[Call, str | None]:
        """Count a call; with the kind of fault that it is to suffer."""
        if (
            self.fault is not None
            and self.fault.kind == PAUSED
            and len(self.calls) == self.fault.k
            and self.hit is None
        ):
            self.hit = Call(layer, name)
            self.pause()
        with self._lock:
            if self.dead:  # other threads of the process that has ended
                raise Death(name)
            call = Call(layer, name)
            at = len(self.calls)
            self.calls.append(call)
            if self.fault is None or self.mended:
                return call, None
            if self.hit is None and at == self.fault.k:
                self.hit = call
                self.dead = self.fault.kind == "crash before"
                return call, self.fault.kind
            lasting = self.fault.kind == "denied for good" and self.hit is not None
            same = self.hit is not None and (layer, name) == (self.hit.layer, self.hit.name)
            return call, "denied for good" if lasting and same else None

    def die(self, name: str) -> NoReturn:
        """The process ends now."""
        self.dead = True
        raise Death(name)

    @property
    def sent_twice(self) -> bool:
        return self.fault is not None and self.fault.kind == "sent twice"

    def mend(self) -> None:
        """From now on everything works."""
        self.mended = True


class Hooks:
    """What the SDKs' hooks ask: the injector of the run that is on, if one is."""

    lit: Injector | None = None


HOOKS = Hooks()


class HasInjector(Protocol):
    injector: Injector


class Tapped:
    """A journal or a channel behind the injector that its lab has at the time. `methods` are those that are calls."""

    def __init__(self, inner: Any, lab: HasInjector, layer: str, methods: Iterable[str]) -> None:
        self._inner, self._lab, self._layer, self._methods = inner, lab, layer, frozenset(methods)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in self._methods:
            return found

        def call(*args: Any, **more: Any) -> Any:
            injector = self._lab.injector
            _, kind = injector.begin(self._layer, name)
            fail(kind, f"{self._layer} {name}", before=True)
            answer = found(*args, **more)
            injector.dead = kind == "crash after"
            fail(kind, f"{self._layer} {name}", before=False)
            return answer

        return call


def fail(kind: str | None, name: str, *, before: bool) -> None:
    """Raise what a fault of this kind raises before a call, or after it took effect."""
    errors: dict[str, BaseException | type[StanchError]] = (
        {
            "crash before": Death(name), "throttled": Throttled(f"{name}: said the test"), "timed out": Unreachable(f"{name}: said the test"),
            "denied once": AccessDenied(name, "AccessDenied", "said the test"), "denied for good": AccessDenied(name, "AccessDenied", "said the test"),
        }
        if before
        else {"crash after": Death(name), "answer lost": Unreachable(f"{name}: the answer was lost, said the test")}
    )  # fmt: skip
    if kind in errors:
        raise errors[kind]
