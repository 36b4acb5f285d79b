"""`stanch doctor` on local clouds and on a deployment: every check is told, and the exit code says whether to worry."""

from __future__ import annotations

from pathlib import Path

from tests.functional.cli.command import Stanch
from tests.functional.cli.test_live import live

__all__ = ["live"]

FIELDS = {"cloud", "area", "subject", "state", "said", "mend"}


def test_local_clouds_are_well_and_say_what_they_do_not_enforce(shared: Stanch) -> None:
    ran = shared.json("doctor")
    assert (ran.code, {row["state"] for row in ran.rows}) == (0, {"ok", "note"})
    assert all(set(row) == FIELDS for row in ran.rows)
    assert {(row["cloud"], row["area"]) for row in ran.rows} >= {
        (cloud, area) for cloud in ("aws", "azure") for area in ("policy", "journal", "reports", "decisions", "clock", "reach", "permissions")
    }  # fmt: skip
    assert {row["said"] for row in ran.rows if row["area"] == "permissions"} == {"local clouds enforce none"}


def test_nothing_is_written_but_a_fact_that_is_removed_again(shared: Stanch) -> None:
    shared("actions", "ls")
    with shared.watched() as writes:
        assert shared("doctor").code == 0
    assert writes == []


def test_text_says_the_state_first_and_what_to_do(shared: Stanch) -> None:
    ran = shared("doctor", STANCH_KILLSWITCH="/stanch/stop")
    assert ran.code == 1
    lines = ran.out.splitlines()
    at = lines.index("wrong     settings · STANCH_KILLSWITCH: there is no such setting: it is ignored")
    assert lines[at + 1] == "          → did you mean STANCH_KILL_SWITCH?"
    assert ran.err.splitlines()[-1].endswith("1 wrong")


def test_a_deployment_whose_permissions_cannot_be_asked_for_is_not_called_well(
    shared: Stanch, live: dict[str, str]
) -> None:
    ran = shared.json("doctor", **live)
    rows = {(row["area"], row["subject"]): row for row in ran.rows}
    assert ran.code == 1
    assert rows["reach", "123456789012 (act)"]["state"] == "ok"
    assert rows["permissions", "123456789012 (act)"]["state"] == "unknown"
    assert rows["sweep", "schedule"]["state"] == "wrong"
    assert {row["cloud"] for row in ran.rows} == {"", "aws"}


def test_settings_that_fit_nothing_are_told_and_not_thrown(shared: Stanch, live: dict[str, str]) -> None:
    ran = shared.json("doctor", **{**live, "STANCH_JOURNAL": ""})
    (wrong,) = [row for row in ran.rows if row["state"] == "wrong"]
    assert (ran.code, wrong["subject"]) == (1, "STANCH_JOURNAL")
    ran = shared.json("doctor", **{**live, "STANCH_JOURNAL": "dynamodb://there-is-none"})
    assert ran.code == 1
    assert [row["state"] for row in ran.rows if row["area"] == "journal"] == ["unknown", "unknown"]


def test_only_the_accounts_that_were_named(shared: Stanch, live: dict[str, str], tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("extends: shipped\naccounts: {prod: {ids: ['111122223333', '444455556666']}, unlisted: prod}\n")
    every = shared.json("doctor", "--playbooks", policy, **live)
    reached = {row["subject"].split()[0] for row in every.rows if row["area"] == "reach"}
    assert reached >= {"123456789012", "111122223333", "444455556666"}
    one = shared.json("doctor", "--playbooks", policy, "--account", "444455556666", **live)
    reached = {row["subject"].split()[0] for row in one.rows if row["area"] == "reach"}
    assert reached == {"AWS", "444455556666"}
