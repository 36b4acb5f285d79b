"""The local AWS for thousands of events: it keeps the record of every call, and costs little of what moto costs.

moto lists its modules and inspects a class for each request, walks through thousands of snapshots of public images, reads the clock for each message in a queue again and again,
and parses the same paths for each event on a bus: with thousands of messages the time to drain would be moto's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from unittest import mock

import jsonpath_ng.ext
from moto import backends
from moto.core import responses
from moto.sqs import models

from stanch.local.aws import front


def _now() -> float:
    return time.time() * 1000


@contextmanager
def light() -> Iterator[None]:
    """What is started inside keeps all calls; by default only the latest thousands are kept, and what came before them would not be counted."""
    with (
        mock.patch.dict(os.environ, MOTO_EC2_LOAD_DEFAULT_AMIS="false"),
        mock.patch.object(front, "KEPT_CALLS", None),
        mock.patch.object(backends, "list_of_moto_modules", partial(frozenset, [*backends.list_of_moto_modules()])),
        mock.patch.object(responses, "method_names_from_class", cache(responses.method_names_from_class)),
        mock.patch.object(models, "unix_time_millis", _now),
        mock.patch.object(jsonpath_ng.ext, "parse", cache(jsonpath_ng.ext.parse)),
    ):
        yield
