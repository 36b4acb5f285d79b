"""`python -m tests.proof.fuzzing ENTRANCE RUNS FOLDER`: atheris leads events into an entrance, guided by what they reach of the code.

Runs in an environment that `seeded.entered` made, for libFuzzer ends its process itself. Leaves a byte a run in FOLDER/runs and a line a failure in FOLDER/failures.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["stanch", "handlers", "remediations"], enable_loader_override=False):
    from tests.proof import entrances, incoming, mutation, seeded


class Fuzz:
    """One entrance under libFuzzer, whose units are the texts of events."""

    def __init__(self, entrance: entrances.Entrance, folder: Path) -> None:
        self._entrance, self._folder = entrance, folder
        self._words = incoming.dictionary(entrance)
        self._outcomes: Counter[str] = Counter()
        self._runs = (folder / "runs").open("ab", buffering=0)

    def once(self, data: bytes) -> None:
        """Deliver one unit."""
        try:
            text = data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            text = data.decode("utf-8", "replace")
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            event = text
        verdict, took = entrances.judged(self._entrance, event, text)
        self._outcomes.update(verdict.outcomes)
        self._runs.write(b".")
        if verdict.wrong:
            with (self._folder / "failures").open("a") as out:
                out.write(json.dumps({"wrong": verdict.wrong, "event": text[:2_000]}) + "\n")
        if took > 1.0:
            (self._folder / "slowest").write_text(f"{took:.1f}")
        (self._folder / "outcomes").write_text(json.dumps(self._outcomes))

    def mutated(self, data: bytes, largest: int, seed: int) -> bytes:
        """Half of all mutations are of the bytes, half of what they say."""
        if seed % 2:
            return bytes(atheris.Mutate(data, largest))
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            event = self._entrance.seeds[seed % len(self._entrance.seeds)]
        _, text = mutation.made([event], mutation.drawn(Random(seed), self._words))
        return (text if text is not None else "[" * 3_000).encode("utf-8", "surrogatepass")[:largest]


def main() -> None:
    name, runs, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    waiting = json.loads((folder / "waiting").read_text())
    with seeded.signed(), seeded.silent():
        fuzz = Fuzz(next(one for one in incoming.entrances(waiting) if one.name == name), folder)
        arguments = [sys.argv[0], f"-runs={runs}", "-max_len=400000", "-timeout=60", "-rss_limit_mb=2048", "-verbosity=0", f"-artifact_prefix={folder}/", str(folder / "corpus")]  # fmt: skip
        atheris.Setup(arguments, fuzz.once, custom_mutator=fuzz.mutated)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
