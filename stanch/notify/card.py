"""A report as an Adaptive Card 1.4 in the envelope that a Teams workflow takes.

Every text is a TextRun: it shows what it is given, where TextBlock and FactSet render Markdown with its links
(https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features). There are no actions, hence no link to follow.
"""

from __future__ import annotations

import json
import re
from typing import Any

from stanch.approval.links import card_action
from stanch.notify.message import Message, Section, compose
from stanch.report import Report

VERSION = "1.4"
"""The highest that the workflow's 'post card' step takes."""

LIMIT = 20_000
"""Bytes. Teams refuses messages of about 28 KB, everything included (https://learn.microsoft.com/connectors/teams/#known-issues-and-limitations-with-actions)."""

_SHORTER = ((5, 240), (3, 120), (1, 60))
"""Lines a list and code points a line, tried one after the other until the card fits."""

_KEPT = ("Where", "To act", "Undo", "No undo", "Ids")
"""What even the smallest card says."""

_STYLES = {
    "acted": "good", "no_op": "good", "planned": "accent", "undone": "accent", "awaiting_approval": "warning", "held": "warning",
    "expired": "warning", "partial": "attention", "unverified": "attention", "failed": "attention", "rejected": "warning",
}  # fmt: skip
"""The colour behind the state; it only repeats what the state says in words."""


def card(report: Report, limit: int = LIMIT) -> dict[str, Any]:
    """The message to post, at most `limit` bytes as `encoded` writes it. Evidence is cut first; state, place, undo and ids always stay."""
    for items, width in _SHORTER:
        posted = _envelope(report, compose(report, items, width))
        if len(encoded(posted)) <= limit:
            return posted
    return smallest(report)


def smallest(report: Report) -> dict[str, Any]:
    """The card without evidence."""
    message = compose(report, 1, 60)
    kept = tuple(section for section in message.sections if section.label in _KEPT)
    cut = Section("Cut", ("the evidence was too long for a card",))
    return _envelope(report, Message(**{**_fields(message), "sections": (*kept, cut)}))


def encoded(posted: dict[str, Any]) -> bytes:
    """The bytes that are posted."""
    return json.dumps(posted, ensure_ascii=False, separators=(",", ":")).encode()


def _fields(message: Message) -> dict[str, Any]:
    return {name: getattr(message, name) for name in Message.__struct_fields__}


def _envelope(report: Report, message: Message) -> dict[str, Any]:
    # The workflow loops over `attachments`: without that list it fails after it has answered 202.
    content: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": VERSION,
        "lang": "en",
        "msteams": {"width": "Full"},
        "fallbackText": _fallback(report, message),
        "body": [_head(report, message), *(block for section in message.sections for block in _section(section))],
    }
    if report.approval:
        content["actions"] = [card_action(report.approval)]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


def _fallback(report: Report, message: Message) -> str:
    """Shown and read out where cards are not; it may be rendered as Markdown, so it holds nothing from the event."""
    ids = re.sub(r"[^A-Za-z0-9:.-]", "-", f"{report.action_id or report.key}")[:128]
    return f"Stanch: {re.sub('[^A-Za-z ]', '', message.state)}, {ids}"


def _head(report: Report, message: Message) -> dict[str, Any]:
    blocks = [
        _block(_run(message.state, weight="bolder", size="large")),
        _block(_run(message.title, weight="bolder"), spacing="none"),
        _block(_run(message.sentence), spacing="none"),
    ]
    if message.reason:
        blocks.append(_block(_run("Reason: ", weight="bolder"), _run(message.reason), spacing="none"))
    style = _STYLES.get(report.outcome, "default")
    return {"type": "Container", "style": style, "bleed": True, "items": blocks}


def _section(section: Section) -> list[dict[str, Any]]:
    label = _block(_run(section.label, weight="bolder"), spacing="small")
    return [label, *(_block(_run(line, fontType="monospace"), spacing="none") for line in section.lines)]


def _block(*inlines: dict[str, Any], spacing: str = "default") -> dict[str, Any]:
    return {"type": "RichTextBlock", "spacing": spacing, "inlines": list(inlines)}


def _run(text: str, **style: str) -> dict[str, Any]:
    # Cards expand {{DATE(…)}} and {{TIME(…)}} wherever they show text.
    return {"type": "TextRun", "text": text.replace("{{", "{ {").replace("{{", "{ {"), **style}
