"""Reports as the engine makes them, and what attackers write into the names that they carry."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from stanch.report import Report

ACTION = "0a1b2c3d4e5f-0192f5c1a2b"
FINDING = "arn:aws:guardduty:us-east-1:111122223333:detector/12abc34d567e8fa901bc2d34e56789f0/finding/7ab54b1e0b2a4a0b8f5d0a4a8b8f0a11"
KEY = "AKIAIOSFODNN7EXAMPLE"
OUTCOMES = ("acted", "no_op", "planned", "awaiting_approval", "held", "partial", "unverified", "failed", "rejected", "unmatched",
            "undone", "expired")  # fmt: skip


def report(outcome: str = "acted", **changed: Any) -> Report:
    """A key that a playbook deactivated, in the given outcome."""
    given: dict[str, Any] = {
        "key": f"{ACTION}:{outcome}:1",
        "title": "Deactivate IAM access key",
        "account": "111122223333",
        "severity": 4,
        "resource": {"type": "AWS::IAM::AccessKey", "id": KEY},
        "finding": {"id": FINDING, "type": "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
                    "title": "API GetCallerIdentity was invoked from a known malicious IP address.",
                    "severity": 4, "account": "111122223333", "region": "us-east-1"},
        "source": "guardduty",
        "playbook": "key-leak",
        "remediation": "aws.iam.deactivate_access_key",
        "action_id": ACTION,
        "mode": "auto",
        "at": "2026-11-23T15:40:38.123Z",
        "why": "GuardDuty in 111122223333 (us-east-1) has the finding",
        "changes": [{"target": f"status of access key {KEY} of user alice.smith", "before": "Active", "after": "Inactive"}],
        "breaks": ["Whatever still signs requests with this key fails at once.",
                   "the key was last used on 2026-11-23 15:31 UTC for sts in us-east-1"],
        "not_done": ["sessions that this key already minted live on until they expire or are revoked"],
        "undo": f"stanch undo {ACTION} --apply --reason 'why'" if outcome in ("acted", "partial", "unverified") else None,
    }  # fmt: skip
    return Report(outcome=outcome, **{**given, **changed})


def refusal(outcome: str = "rejected", **changed: Any) -> Report:
    """An event that led to no action."""
    given: dict[str, Any] = {
        "key": f"{outcome}:0123456789abcdef0123456789abcdef",
        "title": "event without a finding",
        "account": "",
        "source": "config",
        "at": "2026-11-23T15:40:38.123Z",
        "reason": "detail.newEvaluationResult: is missing",
    }
    return Report(outcome=outcome, **{**given, **changed})


def everywhere(text: str, outcome: str = "acted") -> Report:
    """The text in every field that an event can fill."""
    return report(
        outcome,
        title=text,
        account=text,
        region=text,
        resource={"type": text, "id": text},
        finding={"id": text, "type": text, "title": text, "severity": 4, "account": text, "region": text},
        source=text,
        reason=text,
        why=text,
        changes=[{"target": text, "before": {"name": text, "kept": 1}, "after": {"name": None, "kept": 1}},
                 {"target": text, "before": text, "after": [text]}],
        breaks=[text],
        not_done=[text],
        failures=[text],
        requester=text,
        account_tags={"Team": text},
    )  # fmt: skip


HOSTILE = {
    "markdown link": "[log in again](https://evil.example/login?x=1)",
    "markdown image": "![x](http://evil.example/pixel.png)",
    "bare url": "see HTTPS://evil.example/x and www.evil.example",
    "bare host": "resolve evil.com now",
    "ideographic stop": "http://evil\u3002com/x",
    "hidden in url": "ht\u200btps://evil.example/x",
    "other scheme": "smb://evil.example/share",
    "share": "open \\\\evil.example\\share\\run.exe",
    "html": '<a href="https://evil.example/x">ok</a><img src=//evil.com/x onerror=alert(1)>',
    "card function": "{{DATE(2026-11-23T00:00:00Z,SHORT)}} {{{TIME(2026-11-23T00:00:00Z)}}}",
    "mention": "<at>everyone</at> @channel",
    "line breaks": "ok\r\nSubject: ACTED\n\nUndo          rm -rf /\u2028x\u2029y\u0085z\x0bw",
    "ansi": "\x1b[2J\x1b[31mACTED\x1b[0m \x1b]8;;https://evil.example\x07link\x1b]8;;\x07 \x9b1A",
    "bidi": "user\u202etxt.exe\u2066x\u2069\u200f\u061c",
    "zero width": "ad\u200bm\u200ci\u200dn\ufeff\u2060\u00ad\u3164",
    "backspace": "deny\x08\x08\x08\x08allow",
    "astral": "\U0001f512\U000e0041 key",
}  # fmt: skip
"""Each in the name of a user, a bucket, a tag or a finding's title."""

anything = st.text(st.characters(exclude_categories=()), max_size=60)
"""Any code points, lone surrogates too."""

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
    max_leaves=6,
)
_lines = st.lists(anything, max_size=8)

reports = st.builds(
    Report,
    key=st.just(f"{ACTION}:acted:1"),
    outcome=st.sampled_from(OUTCOMES),
    title=anything,
    account=anything,
    severity=st.integers(-1, 9),
    cloud=st.sampled_from(["aws", "azure"]),
    region=st.none() | anything,
    resource=st.none() | st.fixed_dictionaries({"type": anything, "id": anything}),
    finding=st.none() | st.fixed_dictionaries({"id": anything, "type": anything, "title": anything}),
    source=st.none() | anything,
    action_id=st.none() | st.just(ACTION),
    reason=st.none() | anything,
    why=st.none() | anything,
    changes=st.lists(st.fixed_dictionaries({"target": anything, "before": _values, "after": _values}), max_size=8),
    breaks=_lines,
    not_done=_lines,
    failures=_lines,
    requester=anything,
)


def enormous() -> Report:
    """More of everything than fits anywhere, in the widest characters."""
    wide = "\U0001f512\U0001f511" * 2_000
    big = {f"{wide[:200]}{at}": wide for at in range(20)}
    return report(
        title=wide,
        account=wide,
        region=wide,
        resource={"type": wide, "id": wide},
        finding={"id": wide, "type": wide, "title": wide, "severity": 4},
        reason=wide,
        why=wide,
        changes=[{"target": wide, "before": big, "after": {}}, {"target": wide, "before": [wide] * 20, "after": wide}]
        * 20,
        breaks=[wide] * 50,
        not_done=[wide] * 50,
        failures=[wide + "x"] * 50,
        requester=wide,
    )
