"""Everything that is known of one action as a zip file, for whoever investigates it: the same bytes for the same record, whenever it is made."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import Any

from msgspec.structs import replace

from stanch.action import Action
from stanch.notify.text import text
from stanch.report import Report, of_action
from stanch.sources._redact import redact

_README = """Evidence of action {id}: {remediation} on {resource}

event.json      the event as it was received; secrets in it are [redacted]; null for a person's runbook
finding.json    what it was understood as, and what confirmed it
plan.json       what was to be written, who asked for it and with which parameters
steps.json      each change: the state before, the state after, what became of it and when
approvals.json  who decided, and who undid it
history.jsonl   every state the action went through, one a line, oldest first
action.json     the whole record; what the hashes of the history cover
report.txt      the report as people were told it
SHA256SUMS      of the files above; check with: sha256sum --check SHA256SUMS

Each line of the history holds `hash`: SHA-256 of the JSON list of the hash before it (of the first: the action's id) and the line itself without `hash`. The
`state` of a line is the SHA-256 of the record as it stood then: action.json without `chain`, `schema` and whatever is null or empty. JSON is hashed in
ASCII, with sorted keys and without blanks. The last line's state must be that of action.json.
Policy {policy}, software {software}.
"""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time that a zip file can bear: what is packed is dated in itself."""


def bundle(action: Action, report: Report | None = None) -> bytes:
    """The zip file. `report` is the action's report, which knows the remediation's class; without one it is made of the record alone."""
    told = replace(report or of_action(action, None), at=action.updated_at)
    record = redact(action.as_json())
    files = {
        "action.json": _pretty(record),
        "approvals.json": _pretty({"approvals": record["approvals"], "undo": record["undo"]}),
        "event.json": _pretty(record["evidence"].get("event")),
        "finding.json": _pretty(_finding(record)),
        "history.jsonl": "".join(f"{_line(entry)}\n" for entry in record["chain"]),
        "plan.json": _pretty(_plan(record)),
        "README.txt": _readme(action),
        "report.txt": text(told),
        "steps.json": _pretty([_step(step) for step in record["steps"]]),
    }
    packed = {name: content.encode("utf-8", "backslashreplace") for name, content in sorted(files.items())}
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in packed.items())
    return _zipped({**packed, "SHA256SUMS": sums.encode()})


def _finding(record: dict[str, Any]) -> dict[str, Any]:
    evidence = record["evidence"]
    return {
        "source": record["source"],
        "finding": record["finding"],
        "confirmed": evidence.get("confirmed"),
        "upstream": evidence.get("upstream"),
    }


def _plan(record: dict[str, Any]) -> dict[str, Any]:
    asked = (
        "remediation",
        "resource",
        "params",
        "mode",
        "playbook",
        "requester",
        "justification",
        "policy",
        "software",
    )
    return {**{name: record[name] for name in asked}, "plan": record["plan"]}


def _step(step: dict[str, Any]) -> dict[str, Any]:
    change = step["change"]
    return {
        "id": change["id"], "target": change["target"], "before": change["before"], "after": change["after"],
        "status": step["status"], "at": step["at"], "error": step["error"],
    }  # fmt: skip


def _readme(action: Action) -> str:
    return _README.format(
        id=action.id, remediation=action.remediation, resource=ascii(action.resource.id)[1:-1],
        policy=action.policy or "unknown", software=action.software or "unknown",
    )  # fmt: skip


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def _line(entry: Any) -> str:
    return json.dumps(entry, sort_keys=True, separators=(",", ":"))


def _zipped(files: dict[str, bytes]) -> bytes:
    """Stored, not deflated: compressors differ from one release to the next."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, content)
    return target.getvalue()
