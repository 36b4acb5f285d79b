"""The process of the local clouds: started on demand, shared, noticed when it is gone; and that nothing real can leak in."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stanch.errors import Refused, Unreachable
from stanch.local import environment
from stanch.local.process import LocalProcess
from tests.functional.cli import samples
from tests.functional.cli.command import EVENTS, ROOT, Stanch
from tests.functional.cli.test_replay import written


def until(true: object, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def ended(pid: int) -> bool:
    """Whether the process is gone or only waits to be asked for its exit code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_its_life(alone: Stanch, tmp_path: Path) -> None:
    assert alone("local", "status").out.startswith(f"no local clouds run in {alone.folder}; ")
    assert alone.json("local", "status").row == {"running": False, "folder": str(alone.folder)}
    assert alone("local", "stop").out == "nothing was running\n"
    row = alone.json("replay", written(tmp_path, samples.open_ssh())).row
    first = alone.running
    told = alone("local", "status").out
    assert told.splitlines()[0] == f"local clouds in {alone.folder} · account 123456789012 · us-east-1"
    assert first.aws in told
    assert alone.json("local", "status").row["pid"] == first.pid
    assert alone.json("actions", "show", row["action_id"]).row["id"] == row["action_id"]
    assert alone.running == first
    assert (
        alone("local", "stop").out
        == f"stopped; the journal is kept as {alone.folder}/journal-{first.instance[:8]}.sqlite\n"
    )
    until(lambda: ended(first.pid))
    assert (alone.folder / f"journal-{first.instance[:8]}.sqlite").exists()
    assert alone.json("actions", "ls").rows == []
    second = alone.running
    assert second.instance != first.instance
    shutil.rmtree(alone.folder)
    until(lambda: ended(second.pid))
    assert "no local clouds run" in alone("local", "status").out


def test_a_killed_process_is_noticed_and_its_journal_refused(alone: Stanch, tmp_path: Path) -> None:
    path = written(tmp_path, samples.open_ssh())
    assert alone.json("replay", path).row["outcome"] == "acted"
    os.kill(alone.running.pid, signal.SIGKILL)
    until(lambda: LocalProcess(alone.folder).running() is None)
    for args in (("replay", path), ("actions", "ls"), ("undo", "x")):
        ran = alone(*args)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith(
            f"stanch: journal: {alone.folder}/journal.sqlite tells of changes to local clouds that no longer run"
        )
        assert "`stanch local stop` sets it aside, `stanch local reset` deletes it" in ran.err
    assert LocalProcess(alone.folder).running() is None, "a refusal starts nothing"
    assert "tells of clouds that no longer run" in alone("local", "status").out
    assert alone("local", "stop").out.startswith("nothing was running; the journal is kept as ")
    assert alone.json("replay", path).row["outcome"] == "acted"


def test_the_journal_of_another_process_is_refused(shared: Stanch, tmp_path: Path) -> None:
    assert shared.json("replay", written(tmp_path, samples.open_ssh())).row["outcome"] == "acted"
    owner = shared.folder / "journal.instance"
    mine = owner.read_text()
    try:
        for other in ("somebody else", None):
            owner.write_text(other) if other else owner.unlink()
            ran = shared("actions", "ls")
            assert (ran.code, ran.out, "stanch: journal: " in ran.err) == (1, "", True)
    finally:
        owner.write_text(mine)


def test_a_journal_that_tells_nothing_is_set_aside_unasked(alone: Stanch) -> None:
    alone("actions", "ls")
    os.kill(alone.running.pid, signal.SIGKILL)
    until(lambda: LocalProcess(alone.folder).running() is None)
    assert alone("actions", "ls").code == 0
    assert len(list(alone.folder.glob("journal-*.sqlite"))) == 1
    pid = alone.running.pid
    assert alone("local", "reset").out == f"{alone.folder} is gone; the next command begins anew\n"
    until(lambda: ended(pid))
    assert not alone.folder.exists()


def test_two_commands_at_once_share_one_process(alone: Stanch) -> None:
    """As processes: each would start clouds of its own if nothing kept them apart."""
    running = [
        subprocess.Popen([sys.executable, "-m", "stanch", "actions", "ls"], cwd=ROOT, env=alone.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]  # fmt: skip
    heads = [done.communicate(timeout=60)[0].decode().splitlines()[0] for done in running]
    assert [done.returncode for done in running] == [0, 0]
    assert len(set(heads)) == 1
    log = (alone.folder / "process.log").read_text()
    assert log == ""
    serving = [pid for pid in Path("/proc").iterdir() if pid.name.isdigit() and _serves(pid, alone.folder)]
    assert [int(pid.name) for pid in serving] == [alone.running.pid]


def _serves(pid: Path, folder: Path) -> bool:
    try:
        return str(folder) in (pid / "cmdline").read_text() and "stanch.local.serve" in (pid / "cmdline").read_text()
    except OSError:
        return False


def test_a_process_that_hangs_is_told_and_ended(alone: Stanch, monkeypatch: pytest.MonkeyPatch) -> None:
    alone("actions", "ls")
    pid = alone.running.pid
    file = alone.folder / "process.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "aws": "http://127.0.0.1:1"}))
    with pytest.raises(Unreachable, match=f"process {pid}"):
        LocalProcess(alone.folder).running()
    ran = alone("actions", "ls")
    assert (ran.code, "`stanch local stop` ends them" in ran.err) == (1, True)
    assert alone("local", "stop").code == 0
    until(lambda: ended(pid))


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = Stanch(tmp_path / "file" / "state")("actions", "ls")
    assert ran.code == 2
    assert "stanch: STANCH_LOCAL_STATE: " in ran.err


def test_a_process_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ca.pem").mkdir()  # the certificate of the local Azure can then not be written
    with pytest.raises(Unreachable, match=r"the local clouds did not start: IsADirectoryError.*process\.log"):
        LocalProcess(tmp_path).ensure()


def test_an_engineer_s_own_credentials_and_endpoints_are_left_out(alone: Stanch) -> None:
    real = {
        "AWS_PROFILE": "no-such-profile", "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7REALKEY", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "x",
        "AWS_ENDPOINT_URL_IAM": "http://192.0.2.1:1", "AWS_ENDPOINT_URL_STS": "http://192.0.2.1:1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_USE_FIPS_ENDPOINT": "true", "HTTP_PROXY": "http://192.0.2.1:1", "HTTPS_PROXY": "http://192.0.2.1:1", "ALL_PROXY": "http://192.0.2.1:1",
        "AZURE_CLIENT_ID": "00000000-0000-0000-0000-0000000000c1", "REQUESTS_CA_BUNDLE": "/nowhere", "STANCH_MODE": "observe",
    }  # fmt: skip
    ran = alone.json(
        "replay", EVENTS / "guardduty/leaked-access-key.json", EVENTS / "sentinel/crypto-mining-vm.json", **real
    )
    assert (ran.code, {row["outcome"] for row in ran.rows}) == (0, {"acted"})


def test_what_is_foreign() -> None:
    env = {
        "AWS_X": "1",
        "AZURE_X": "1",
        "IDENTITY_HEADER": "1",
        "https_proxy": "1",
        "No_Proxy": "1",
        "STANCH_OWN": "1",
        "STANCH_KILL_SWITCH": "1",
    }
    assert environment.without_foreign({**env, "PATH": "p", "STANCH_LOCAL_STATE": "s"}) == {
        "PATH": "p",
        "STANCH_LOCAL_STATE": "s",
    }


def test_a_refusal_is_an_error_of_ours(alone: Stanch, tmp_path: Path) -> None:
    alone.folder.mkdir()
    (alone.folder / "journal.sqlite").write_text("of another time")
    with pytest.raises(Refused, match="no longer run"):
        LocalProcess(alone.folder).ensure()
