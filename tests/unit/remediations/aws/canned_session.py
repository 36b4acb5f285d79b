"""A session of one AWS account that answers from a table, for what no local cloud can show."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Answer = Any
"""A response, None for 'does not exist', or a function of the call's parameters."""


class CannedSession:
    """Answers `service:operation` from `answers`; a call that is not in the table is an error of the test. `calls` keeps what was asked."""

    def __init__(self, answers: dict[str, Answer], account: str = "111122223333", region: str = "eu-west-1") -> None:
        self.account, self.region = account, region
        self.calls: list[tuple[str, str | None, dict[str, Any]]] = []
        self._answers = answers

    def call(
        self, service: str, operation: str, *, region: str | None = None, missing: Iterable[str] = (), **params: Any
    ) -> Any:
        name = f"{service}:{operation}"
        self.calls.append((name, region, params))
        answer = self._answers[name]
        found = answer(params) if isinstance(answer, Callable) else answer  # type: ignore[arg-type]
        assert found is not None or tuple(missing), (
            f"{name} answered that nothing exists, but the caller expects something"
        )
        return found

    def pages(
        self,
        service: str,
        operation: str,
        result: str,
        *,
        region: str | None = None,
        missing: Iterable[str] = (),
        **params: Any,
    ) -> list[Any]:
        answer = self.call(service, operation, region=region, missing=missing, **params) or {}
        return list(answer.get(result, []))

    def asked(self, name: str) -> list[dict[str, Any]]:
        """The parameters of every call of `service:operation`."""
        return [params for called, _, params in self.calls if called == name]
