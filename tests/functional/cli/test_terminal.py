"""What a terminal, a pipe and a shell get."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stanch.cli import output
from tests.functional.cli import samples
from tests.functional.cli.command import EVENTS, ROOT, Stanch, event
from tests.functional.cli.test_replay import written

STANCH = [sys.executable, "-m", "stanch"]
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_a_terminal(stanch: Stanch, *args: str | Path, **env: str) -> str:
    """What stands on a terminal's stdout and stderr after the command."""
    master, slave = pty.openpty()
    shell = {**stanch.environment(**env), "TERM": "xterm-256color"}
    done = subprocess.Popen([*STANCH, *map(str, args)], cwd=ROOT, env=shell, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        shown += part
    os.close(master)
    assert done.wait(60) == 0
    return shown.decode()


def test_colour_on_a_terminal_only_and_never_with_no_color(shared: Stanch) -> None:
    sample = EVENTS / "guardduty/sample-finding.json"
    assert ESCAPE.search(on_a_terminal(shared, "replay", sample))
    assert not ESCAPE.search(on_a_terminal(shared, "replay", sample, NO_COLOR="1"))
    for env in ({}, {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1", "CLICOLOR_FORCE": "1"}):
        ran = shared.process("replay", sample, **env)
        assert not ESCAPE.search(ran.out + ran.err)


def test_a_progress_bar_for_many_events(shared: Stanch, tmp_path: Path) -> None:
    many = written(tmp_path, [event("config/compliant-again")] * 12)
    assert "100%" in on_a_terminal(shared, "replay", "-o", "json", many)
    assert "%" not in on_a_terminal(shared, "replay", "-o", "json", EVENTS / "config/compliant-again.json")


def test_data_on_stdout_and_talk_on_stderr(shared: Stanch) -> None:
    ran = shared.process("replay", EVENTS / "guardduty/sample-finding.json", "-o", "json")
    assert ran.out.count("\n") == 1
    assert [line.partition(" ")[0] for line in ran.err.splitlines()] == ["local", "1"]
    assert ran.code == 0


def test_a_pipe_that_closes_early_is_no_traceback(shared: Stanch) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m stanch catalog -o json | head -c 1"], cwd=ROOT, env=shared.environment(), capture_output=True, timeout=60, check=False
    )  # fmt: skip
    assert done.stdout == b"{"
    assert b"Traceback" not in done.stderr


def listening() -> None:
    """To Ctrl-C, which the jobs that a shell runs in the background do not hear."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize(("before", "heard"), [(signal.default_int_handler, True), (signal.SIG_IGN, False)])
def test_an_interruption_waits_for_the_end_of_the_block(before: Any, heard: bool) -> None:
    done, interrupted, former = [], False, signal.signal(signal.SIGINT, before)
    try:
        with output.uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append("the block")
    except KeyboardInterrupt:
        interrupted = True
    finally:
        after = signal.signal(signal.SIGINT, former)
    assert (done, interrupted, after) == (["the block"], heard, before)


def test_what_is_cut_short_says_which_event_was_at_hand_and_how_many_were_not_begun(
    shared: Stanch, tmp_path: Path
) -> None:
    many = written(tmp_path, [event("config/compliant-again")] * 2000)
    replaying = subprocess.Popen(
        [*STANCH, "replay", "-o", "json", many], cwd=ROOT, env=shared.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=listening,
    )  # fmt: skip
    assert replaying.stdout is not None
    first = replaying.stdout.readline()
    replaying.send_signal(signal.SIGINT)
    out, err = replaying.communicate(timeout=60)
    told = re.search(r"cut short at \S+#(\d+), which may have been begun; not begun: (\d+) more of 2000", err.decode())
    assert told, err.decode()
    answered = (first + out).count(b"\n")
    assert (int(told[1]), int(told[2])) == (answered + 1, 2000 - answered - 1)
    assert f"{answered} result" in err.decode()
    assert (replaying.returncode, b"Traceback" in err) == (130, False)


def test_into_a_pipe_no_line_is_broken(shared: Stanch, tmp_path: Path) -> None:
    ran = shared("plan", written(tmp_path, samples.mining_vm()))
    (where,) = [line for line in ran.out.splitlines() if line.startswith("Where")]
    assert re.fullmatch(r"Where {9}Microsoft.Compute/virtualMachines /subscriptions/\S+/virtualMachines/vm-\w+", where)


@pytest.mark.parametrize("columns", ["80", "120"])
def test_lines_are_broken_to_the_width_but_ids_and_commands_are_not(
    shared: Stanch, tmp_path: Path, columns: str
) -> None:
    ran = shared("replay", written(tmp_path, samples.mining_vm()), COLUMNS=columns)
    long = [line for line in ran.out.splitlines()[1:] if len(line) > int(columns)]
    assert all("/subscriptions/" in line or line.startswith(("Undo", "Ids", " " * 14)) for line in long)
    assert "Undo          stanch undo " in ran.out


def complete(stanch: Stanch, words: str) -> list[str]:
    """What bash is offered after these words."""
    count = str(len(words.split(" ")) - 1)
    return stanch(_STANCH_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=count).out.split()


def test_the_shell_is_offered_what_there_is(shared: Stanch, tmp_path: Path) -> None:
    action = shared.json("replay", written(tmp_path, samples.open_ssh())).row["action_id"]
    assert action in complete(shared, "stanch undo ")
    assert complete(shared, "stanch actions show " + action[:20]) == [action]
    assert complete(shared, "stanch run aws.iam.dea") == ["aws.iam.deactivate_access_key"]
    assert complete(shared, "stanch trigger guardduty/leaked") == ["guardduty/leaked-access-key"]
    assert complete(shared, "stanch actions ls --playbook key-l") == ["key-leak"]
    assert complete(shared, "stanch replay --mode ") == ["observe", "approve", "auto"]


def test_completion_starts_nothing(alone: Stanch) -> None:
    assert complete(alone, "stanch undo ") == []
    assert not alone.folder.exists()


def test_the_completion_script_and_the_version(shared: Stanch) -> None:
    assert (
        "_STANCH_COMPLETE" in shared.process("--show-completion", "bash").out
        or "--install-completion" in shared("--help").out
    )
    assert re.fullmatch(r"stanch \d+\.\d+\.\d+\n", shared("--version").out)
