"""What a process keeps between invocations."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from time import sleep
from typing import Any, cast

import pytest

from handlers.once import Once
from stanch.deployment import Deployment
from stanch.errors import InvalidInput


def _numbered() -> Once:
    numbers = count(1)

    def build() -> Deployment:
        sleep(0.02)
        return cast("Deployment", f"deployment {next(numbers)}")

    return Once(build)


def test_a_process_builds_one_deployment_whichever_thread_asks_first() -> None:
    once = _numbered()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: once.deployment(), range(8)))
    assert cast("list[Any]", answers) == ["deployment 1"] * 8


def test_a_changed_environment_is_read_after_a_reset() -> None:
    once = _numbered()
    first, responder = once.deployment(), once.responder()
    assert once.responder() is responder
    once.reset()
    assert (cast("Any", first), cast("Any", once.deployment())) == ("deployment 1", "deployment 2")
    assert once.responder() is not responder


def test_a_setting_that_does_not_fit_is_named_again_until_it_fits() -> None:
    fits = iter([False, False, True])

    def build() -> Deployment:
        if not next(fits):
            raise InvalidInput("STANCH_JOURNAL", "must be dynamodb://TABLE")
        return cast("Deployment", "built")

    once = Once(build)
    for ask in (once.deployment, once.responder):
        with pytest.raises(InvalidInput, match="STANCH_JOURNAL"):
            ask()
    assert cast("Any", once.deployment()) == "built"
