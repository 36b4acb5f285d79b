"""`make demo`: every sample event through the real handlers on local clouds, then undo of everything that was done.

Works on clouds and a state folder of its own, so that nobody's are touched. Exit 1 if an action fails or nobody is told of it, if a cloud has no action,
or if an undo does not restore: afterwards each remediation must find the resource exposed again.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from stanch.action import Action, Outcome  # noqa: E402
from stanch.cli import output, showing  # noqa: E402
from stanch.cli.context import Context, enter  # noqa: E402
from stanch.cli.people import cloud_of, requester  # noqa: E402
from stanch.cli.replaying import Replay, read  # noqa: E402
from stanch.errors import Refused  # noqa: E402
from stanch.local.process import LocalProcess  # noqa: E402
from stanch.notify import values  # noqa: E402
from stanch.runbook import Request as RunbookRequest  # noqa: E402
from stanch.runbook import Runbook  # noqa: E402
from stanch.undo import Request, Undo  # noqa: E402

DECLARED = frozenset({"re-arms", "irreversible"})
"""Guards that refuse an undo because the remediation says so, not because something went wrong."""


def main() -> int:
    began = time.monotonic()
    os.chdir(ROOT)
    os.environ.pop("STANCH_PLAYBOOKS", None)
    with tempfile.TemporaryDirectory(prefix="stanch-demo-") as folder:
        os.environ["STANCH_LOCAL_STATE"] = folder
        try:
            wrong = _demo()
        finally:
            LocalProcess().stop()
    output.say(f"{time.monotonic() - began:.0f} s; the local clouds and their journal are gone again")
    for problem in wrong:
        output.say(f"WRONG: {problem}")
    return 1 if wrong else 0


def _demo() -> list[str]:
    context = enter("local", "auto")
    output.headline(context, "text", ceiling=True)
    replay = Replay(context, seed=True)
    rows = [row for event in read(["events"]) for row in replay.rows(event)]
    showing.table(rows)
    output.tally(rows)
    acted = [row for row in rows if row["outcome"] == "acted"]
    output.put("", "Undo, newest first:")
    results = [(row, *_undo(context, row)) for row in reversed(acted)]
    restored = sum(word == "restored" for _, word, _ in results)
    output.say(f"{len(acted)} acted: {restored} restored, {len(acted) - restored} kept for the reason given")
    return [*_wrong(rows), *(f"{row['action_id']} was not restored: {why}" for row, word, why in results if word == "NOT RESTORED")]  # fmt: skip


def _undo(context: Context, row: dict[str, Any]) -> tuple[str, str]:
    """Undo one action and tell of it; what became of it, and why if it was not restored."""
    deployment = context.deployment(cloud_of(row["remediation"]))
    undo = Undo(deployment, Request(row["action_id"], requester(context), "the demo is over"))
    try:
        result = undo.run()
    except Refused as error:
        word, told = "kept" if error.guard in DECLARED else "NOT RESTORED", [str(error)]
    else:
        exposed = result.outcome is Outcome.UNDONE and _exposed(context, undo.action)
        word = "restored" if exposed else "NOT RESTORED"
        told = (
            values.changes(showing.steps(undo.action), undone=True)
            if exposed
            else [f"{result.outcome}: {result.reason}"]
        )
    style = {"restored": "bold blue", "kept": "yellow"}.get(word, "bold red")
    what = f"{row['remediation']} on {values.short(row['resource']['id'])}"
    showing.columns([(showing.styled(word, style), "\n".join([what, *told]))], showing.LABEL)
    return word, "; ".join(told)


def _exposed(context: Context, action: Action) -> bool:
    """Whether the remediation would act again: a read of the clouds that owes nothing to the undo."""
    deployment = context.deployment(cloud_of(action.remediation))
    request = RunbookRequest(action.remediation, action.resource, requester(context), "", action.params)
    return Runbook(deployment, request).preview()[0].outcome is Outcome.PLANNED


def _wrong(rows: list[dict[str, Any]]) -> list[str]:
    found = [f"{row['event']}: {row['outcome']}: {row['reason']}" for row in rows if row["outcome"] in output.FAILURES]
    for row in rows:
        if row["outcome"] == "acted" and not row["notified"]:
            found.append(f"{row['event']}: nobody was told of action {row['action_id']}")
    clouds = {cloud_of(row["remediation"]) for row in rows if row["outcome"] == "acted"}
    return found + [f"nothing was contained on {cloud}" for cloud in ("aws", "azure") if cloud not in clouds]


if __name__ == "__main__":
    sys.exit(main())
