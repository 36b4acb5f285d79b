"""`make demo`: every sample event through the real handlers on local clouds, then undo of everything that was done.

Works on a state folder of its own, so that nobody's local clouds are touched. Exit 1 if an event has another outcome than an unlucky reader would
expect, or if an undo does not restore.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
os.chdir(ROOT)
os.environ["STANCH_LOCAL_STATE"] = str(ROOT / ".stanch" / "demo")
os.environ.pop("STANCH_PLAYBOOKS", None)

from stanch.action import Outcome  # noqa: E402
from stanch.cli import output  # noqa: E402
from stanch.cli.context import Context, enter  # noqa: E402
from stanch.cli.replaying import Replay, read  # noqa: E402
from stanch.cli.runbook import cloud_of  # noqa: E402
from stanch.errors import Refused  # noqa: E402
from stanch.local.process import LocalProcess  # noqa: E402
from stanch.undo import Request, Undo  # noqa: E402

MAY_FAIL = frozenset({"rejected"})


def main() -> int:
    began = time.monotonic()
    process = LocalProcess()
    try:
        context = enter("local", "auto", None)
        output.headline(context, "text")
        replay = Replay(context, seed=True)
        rows = [row for event in read(["events"]) for row in replay.rows(event)]
        output.table(rows)
        output.tally(rows)
        output.console().print()
        restored, kept = _undo(context, [row for row in rows if row["outcome"] == "acted"])
        output.say(f"{restored} restored, {len(kept)} left as they are, {time.monotonic() - began:.0f} s")
        bad = [row for row in rows if row["outcome"] in output.FAILURES - MAY_FAIL]
        return 1 if bad or not restored or any(reason is None for reason in kept.values()) else 0
    finally:
        process.stop()
        shutil.rmtree(process.folder, ignore_errors=True)


def _undo(context: Context, rows: list[dict[str, Any]]) -> tuple[int, dict[str, str | None]]:
    """Undo each action, newest first; what cannot be undone yet is named with the reason (None: it should have been)."""
    restored, kept = 0, {}
    for row in reversed(rows):
        deployment = context.deployment(cloud_of(row["remediation"]))
        target = f"{row['remediation']} on {row['resource']['id']}"
        try:
            result = Undo(deployment, Request(row["action_id"], "demo", "the demo is over")).run()
        except Refused as error:
            kept[row["action_id"]] = str(error)
            output.console().print(f"not undone  {target}\n            {error}")
            continue
        if result.outcome is Outcome.UNDONE:
            restored += 1
            output.console().print(f"undone      {target}")
            for change in result.changes[:3]:
                output.console().print(
                    f"            {change['target']}: {output.value(change['after'])} → {output.value(change['before'])}"
                )
        else:
            kept[row["action_id"]] = None
            output.console().print(f"{result.outcome:<11} {target}: {result.reason}")
    return restored, kept


if __name__ == "__main__":
    sys.exit(main())
