"""A thousand events replayed on the laptop's clouds: how many a second, and where the time goes.

`python -m bench.replay EVENTS OUT` is the process that is profiled: it replays as `stanch replay` does.
"""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import pty
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import events
from bench.goals import Results, Row, Spread

PROFILED = 100
"""Further events that are replayed under the profiler."""

PARTS = {
    "waiting for the local clouds": (
        "method 'recv_into'",
        "method 'connect'",
        "method 'poll' of 'select",
        "method 'sendall'",
        "method 'acquire' of '_thread",
    ),
    "AWS SDK (botocore, urllib3, http)": ("/botocore/", "/urllib3/", "/http/", "/email/", "/jmespath/", "/dateutil/"),
    "journal (SQLite)": ("sqlite3", "/stanch/journal/"),
    "seeding (stanch.local)": ("/stanch/local/",),
    "Stanch": ("/stanch/", "/handlers/", "/remediations/"),
}
"""By the function in which the time was spent itself; the first that fits."""


def measure(results: Results, count: int, root: Path) -> None:
    """Adds the rate, the share of each part, and whether more than half is the cloud's and its SDK's."""
    with tempfile.TemporaryDirectory(prefix="stanch-replay-") as name:
        folder = Path(name)
        now = datetime.now(UTC)
        (folder / "events.jsonl").write_text(
            "\n".join(json.dumps(events.guardduty(number, now)) for number in range(count + PROFILED))
        )
        env = {**os.environ, "STANCH_LOCAL_STATE": str(folder / "state"), "PYTHONPATH": str(root)}
        command = [sys.executable, "-m", "bench.replay", str(folder / "events.jsonl"), str(folder / "out.json")]
        try:
            done = subprocess.run(command, env=env, cwd=root, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(done.stderr[-3000:])
            found = json.loads((folder / "out.json").read_text())
            bar = _on_terminal([sys.executable, "-m", "stanch", "replay", str(folder / "events.jsonl")], env, root)
        finally:
            subprocess.run([sys.executable, "-m", "stanch", "local", "stop"], env=env, cwd=root, capture_output=True)
    results.profile = found["parts"]
    results.rows.append(
        Row(
            "replay",
            f"events a second, {count} events on the local clouds",
            Spread.of([count / found["seconds"]]),
            "/s",
        )
    )
    cloud = found["parts"]["waiting for the local clouds"] + found["parts"]["AWS SDK (botocore, urllib3, http)"]
    results.rows.append(
        Row("replay", "share of the time in the local clouds and the SDK", Spread.of([cloud]), "of 1", 0.5, "above")
    )
    results.rows.append(
        Row("replay", "share of the time in Stanch itself", Spread.of([found["parts"]["Stanch"]]), "of 1")
    )
    results.rows.append(
        Row("replay", "progress bar on a terminal (1: shown)", Spread.of([float("━" in bar)]), "", 1, "above")
    )


def _on_terminal(command: list[str], env: dict[str, str], root: Path) -> str:
    """What the command shows on a terminal, until it shows a progress bar or ends."""
    ours, theirs = pty.openpty()
    shown = b""
    with subprocess.Popen(
        command, env={**env, "TERM": "xterm-256color"}, cwd=root, stdin=theirs, stdout=theirs, stderr=theirs
    ) as child:
        os.close(theirs)
        try:
            while "━".encode() not in shown and (piece := os.read(ours, 65536)):
                shown += piece
        except OSError:
            pass  # the terminal's other end was closed: the command has ended
        child.terminate()
    os.close(ours)
    return shown.decode("utf-8", "replace")


def _replay(path: str) -> tuple[float, cProfile.Profile]:
    """Seconds for all events but the last, and the profile of these."""
    from stanch.cli import context
    from stanch.cli.reading import read
    from stanch.cli.replaying import Replay

    found = context.enter("local", "auto")
    replay = Replay(found, seed=True)
    told = list(read([path]))
    replay.ready(told)
    start = time.monotonic()
    outcomes = [row["outcome"] for event in told[:-PROFILED] for row in replay.rows(event)]
    seconds = time.monotonic() - start
    profile = cProfile.Profile(time.monotonic)
    profile.enable()
    outcomes += [row["outcome"] for event in told[-PROFILED:] for row in replay.rows(event)]
    profile.disable()
    if outcomes.count("acted") < len(told):
        raise RuntimeError(f"not every event was acted on: {sorted(set(outcomes))}")
    return seconds, profile


def _parts(profile: cProfile.Profile) -> dict[str, float]:
    """Each part's share of the wall-clock time."""
    stats: Any = pstats.Stats(profile)
    shares = dict.fromkeys([*PARTS, "else (JSON, TLS, Python)"], 0.0)
    for (path, _, function), (_, _, own, _, _) in stats.stats.items():
        name = f"{path} {function}"
        part = next(
            (part for part, marks in PARTS.items() if any(mark in name for mark in marks)), "else (JSON, TLS, Python)"
        )
        shares[part] += own
    whole = sum(shares.values())
    return {part: own / whole for part, own in shares.items()}


def main(path: str, out: str) -> None:
    """The profiler's own cost falls on Python code, so the clouds' share is rather under- than overstated."""
    seconds, profile = _replay(path)
    Path(out).write_text(json.dumps({"seconds": seconds, "parts": _parts(profile)}))


if __name__ == "__main__":
    main(*sys.argv[1:3])
