"""Events as people have them: files, folders, standard input; one event, several, or a queue's batch of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stanch.errors import InvalidInput, MalformedEvent
from stanch.sources.loading import MAX_FILE_BYTES, load, load_many

ENDINGS = (".json", ".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Event:
    """One event and where it came from: a path, with `#n` for the n-th event of a file. `problem` is set where it could not be read."""

    place: str
    raw: Any = None
    problem: str | None = None


def read(paths: Sequence[str]) -> Iterator[Event]:
    """Every event under the paths (files, folders, `-` for standard input), in order of name; what cannot be read is an event with a problem.

    Raises InvalidInput for a path that is not there and for a folder without a file that ends in ENDINGS.
    """
    for path in paths:
        if path == "-":
            yield from _events(_stdin(), "-")
            continue
        for file in _files(Path(path)):
            try:
                if file.stat().st_size > MAX_FILE_BYTES:
                    yield Event(str(file), problem=f"{file}: is larger than {MAX_FILE_BYTES} bytes")
                    continue
                content = file.read_bytes()
            except OSError as error:
                yield Event(str(file), problem=f"{file}: cannot be read: {error.strerror}")
                continue
            yield from _events(content, str(file))


def _files(root: Path) -> list[Path]:
    if not root.exists():
        raise InvalidInput(str(root), "there is no such file or folder")
    if not root.is_dir():
        return [root]
    files = sorted(file for file in root.rglob("*") if file.suffix.lower() in ENDINGS and not file.is_dir())
    if not files:
        raise InvalidInput(str(root), f"the folder holds no file that ends in {', '.join(ENDINGS)}")
    return files


def _stdin() -> bytes:
    if sys.stdin.isatty():
        print("reading events from the keyboard; end with Ctrl-D", file=sys.stderr)  # noqa: T201
    return sys.stdin.buffer.read()


def _events(content: bytes, place: str) -> Iterator[Event]:
    try:
        found = load_many(content, place)
    except MalformedEvent as error:
        yield Event(place, problem=str(error))
        return
    for name, raw in found:
        if isinstance(raw, MalformedEvent):
            yield Event(name, problem=str(raw))
        else:
            yield from _messages(raw, name)


def _messages(raw: Any, place: str) -> Iterator[Event]:
    """The bodies of an SQS batch, each delivered by itself: a function answers a batch with what failed of it, which says too little.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    """
    records = raw.get("Records") if isinstance(raw, Mapping) else None
    if not isinstance(records, list) or not records or not all(map(_is_message, records)):
        yield Event(place, raw)
        return
    for number, record in enumerate(records, 1):
        here = f"{place}.{number}" if "#" in place else f"{place}#{number}"
        try:
            yield Event(here, load(record["body"], f"{here} body"))
        except MalformedEvent as error:
            yield Event(here, problem=str(error))


def _is_message(record: Any) -> bool:
    return (
        isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs" and isinstance(record.get("body"), str)
    )
