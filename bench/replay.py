"""A thousand events replayed on the laptop's clouds: how many a second, and where the time goes.

`python -m bench.replay EVENTS OUT` is the process that is profiled: it replays as `stanch replay` does.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from bench import events
from bench.goals import Results, Row, Spread

PERIOD = 0.005
"""Seconds between two looks at what the process is doing."""

WAITING = "waiting for the local clouds"
SDK = "AWS SDK (botocore, urllib3, http)"
OURS = "Stanch"
ELSE = "else (YAML, logging, interpreter)"
PARTS = {
    SDK: ("/botocore/", "/boto3/", "/urllib3/", "/requests/", "/http/client.py"),
    "journal (SQLite)": ("/stanch/journal/",),
    "seeding (stanch.local)": ("/stanch/local/",),
    OURS: ("/stanch/", "/handlers/", "/remediations/"),
}
"""Whose code asked for what is done: the first of these that stands in the stack, from the inside out. The standard library counts to who calls it."""

BLOCKED = {("socket.py", "readinto"), ("ssl.py", "read"), ("socket.py", "create_connection"), ("connection.py", "create_connection"), ("client.py", "send")}  # fmt: skip
"""Where a thread is that waits for the other side."""

IDLE = {
    ("threading.py", "wait"),
    ("_base.py", "result"),
    ("_base.py", "wait"),
    ("thread.py", "_worker"),
    ("queue.py", "get"),
}
"""Where a thread is that waits for another thread or for work: what that one does is counted."""


def measure(results: Results, count: int, root: Path) -> None:
    """Adds the rate, the share of each part, and whether more than half is the cloud's and its SDK's."""
    with tempfile.TemporaryDirectory(prefix="stanch-replay-") as name:
        folder = Path(name)
        now = datetime.now(UTC)
        told = "\n".join(json.dumps(events.guardduty(number, now)) for number in range(count))
        (folder / "events.jsonl").write_text(told)
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
    results.profile = {part: found["parts"].get(part, 0.0) for part in (WAITING, *PARTS, ELSE)}
    _add(
        results,
        f"events a second, {count:,} events of two actions each on the local clouds",
        count / found["seconds"],
        "/s",
    )
    outside = results.profile[WAITING] + results.profile[SDK]
    _add(results, "share of the work in the local clouds and the SDK", outside, "of 1", 0.5)
    _add(results, "share of the work in Stanch itself", results.profile[OURS], "of 1")
    _add(results, "CPU an event of the local clouds' process (moto)", 1e3 * found["clouds"] / count, "ms")
    _add(results, "CPU an event of our process, the SDK's included", 1e3 * found["cpu"] / count, "ms")
    _add(results, "progress bar on a terminal (1: shown)", float("━" in bar), "", 1)


def _add(results: Results, what: str, value: float, unit: str, goal: float | None = None) -> None:
    results.rows.append(Row("replay", what, Spread.of([value]), unit, goal, "above"))


def _cpu_of(process: int) -> float:
    """Seconds of CPU that a process has used so far, its start included."""
    told = subprocess.run(["ps", "-o", "cputimes=", "-p", str(process)], capture_output=True, text=True, check=True)
    return float(told.stdout)


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


class Sampler(threading.Thread):
    """Looks at every thread of the process each PERIOD and counts, for those at work, whose part it is."""

    def __init__(self) -> None:
        super().__init__(name="sampler", daemon=True)
        self.seen: Counter[str] = Counter()
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(PERIOD):
            for thread, frame in sys._current_frames().items():
                if thread != self.ident and (part := _part(frame)):
                    self.seen[part] += 1

    def stop(self) -> None:
        self._over.set()
        self.join()


def _part(frame: FrameType | None) -> str | None:
    """Whose work the stack is; None for a thread that has none."""
    if frame is not None and _place(frame) in IDLE:
        return None
    blocked = frame is not None and _place(frame) in BLOCKED
    while frame is not None:
        path = frame.f_code.co_filename
        for part, marks in PARTS.items():
            if any(mark in path for mark in marks):
                return WAITING if blocked else part
        frame = frame.f_back
    return ELSE


def _place(frame: FrameType) -> tuple[str, str]:
    return frame.f_code.co_filename.rpartition("/")[2], frame.f_code.co_name


def _replay(path: str) -> dict[str, Any]:
    """As `stanch replay` does it: seconds and CPU for all events, and each part's share of the samples."""
    from stanch.cli import context
    from stanch.cli.reading import read
    from stanch.cli.replaying import Replay

    entered = context.enter("local", "auto")
    if entered.running is None:
        raise RuntimeError("the local clouds do not run")
    replay = Replay(entered, seed=True)
    told = list(read([path]))
    replay.ready(told)
    sampler = Sampler()
    sampler.start()
    start, cpu, clouds = time.monotonic(), time.process_time(), _cpu_of(entered.running.pid)
    outcomes = [row["outcome"] for event in told for row in replay.rows(event)]
    seconds, cpu = time.monotonic() - start, time.process_time() - cpu
    sampler.stop()
    if outcomes.count("acted") < len(told):
        raise RuntimeError(f"not every event was acted on: {sorted(set(outcomes))}")
    whole = sampler.seen.total()
    clouds = _cpu_of(entered.running.pid) - clouds
    return {
        "seconds": seconds,
        "cpu": cpu,
        "clouds": clouds,
        "parts": {part: seen / whole for part, seen in sampler.seen.items()},
    }


def main(path: str, out: str) -> None:
    """In a process of its own, so that nothing of the benchmark is in it."""
    Path(out).write_text(json.dumps(_replay(path)))


if __name__ == "__main__":
    main(*sys.argv[1:3])
