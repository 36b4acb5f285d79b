"""What Adaptive Cards 1.4 allow, as far as Stanch uses them, and an envelope that a Teams workflow takes.

Written from https://adaptivecards.io/explorer/ (AdaptiveCard, Container, RichTextBlock, TextRun: every property that came with version 1.4 or before) and
https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format (`msteams`). What is not in these tables is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Check = Callable[[Any], bool]


def _one_of(*words: str) -> Check:
    return lambda value: value in words


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _list(value: Any) -> bool:
    return isinstance(value, list)


SPACING = _one_of("default", "none", "small", "medium", "large", "extraLarge", "padding")
ELEMENT: dict[str, Check] = {
    "id": _text,
    "spacing": SPACING,
    "separator": _flag,
    "isVisible": _flag,
    "height": _one_of("auto", "stretch"),
}

PROPERTIES: dict[str, dict[str, Check]] = {
    "AdaptiveCard": {
        "$schema": lambda value: value == "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": lambda value: value == "1.4",
        "lang": lambda value: value == "en",
        "fallbackText": _text,
        "speak": _text,
        "body": _list,
        "minHeight": _text,
        "verticalContentAlignment": _one_of("top", "center", "bottom"),
        "msteams": lambda value: value == {"width": "Full"},
    },
    "Container": {
        **ELEMENT,
        "items": _list,
        "style": _one_of("default", "emphasis", "good", "attention", "warning", "accent"),
        "bleed": _flag,
        "minHeight": _text,
        "verticalContentAlignment": _one_of("top", "center", "bottom"),
    },
    "RichTextBlock": {**ELEMENT, "inlines": _list, "horizontalAlignment": _one_of("left", "center", "right")},
    "TextRun": {
        "text": _text,
        "color": _one_of("default", "dark", "light", "accent", "good", "warning", "attention"),
        "fontType": _one_of("default", "monospace"),
        "size": _one_of("default", "small", "medium", "large", "extraLarge"),
        "weight": _one_of("default", "lighter", "bolder"),
        "isSubtle": _flag,
        "italic": _flag,
        "strikethrough": _flag,
        "underline": _flag,
        "highlight": _flag,
    },
}
"""No actions and no pictures: neither `selectAction`, `actions`, `backgroundImage` nor `Action.*` may appear at all."""

REQUIRED = {
    "AdaptiveCard": {"version", "body", "fallbackText"},
    "Container": {"items"},
    "RichTextBlock": {"inlines"},
    "TextRun": {"text"},
}
CHILDREN = {"AdaptiveCard": ("body", {"Container", "RichTextBlock"}), "Container": ("items", {"Container", "RichTextBlock"}),
            "RichTextBlock": ("inlines", {"TextRun"})}  # fmt: skip


def faults(element: Any, at: str = "card", kinds: frozenset[str] = frozenset({"AdaptiveCard"})) -> list[str]:
    """Where and how an element breaks the tables; empty if it does not."""
    if not isinstance(element, dict) or element.get("type") not in kinds:
        return [f"{at}: not one of {sorted(kinds)}"]
    kind = element["type"]
    found = [f"{at}.{name}: missing" for name in REQUIRED[kind] - set(element)]
    for name, value in element.items():
        if name != "type" and not PROPERTIES[kind].get(name, lambda _: False)(value):
            found.append(f"{at}.{name}: {value!r}")
    if kind in CHILDREN:
        name, allowed = CHILDREN[kind]
        for index, child in enumerate(element.get(name, [])):
            found += faults(child, f"{at}.{name}[{index}]", frozenset(allowed))
    return found


def content(posted: dict[str, Any]) -> dict[str, Any]:
    """The card inside the envelope, which must be exactly the one that the workflow's template reads
    (https://learn.microsoft.com/power-automate/create-flows-from-webhooks).
    """
    assert list(posted) == ["type", "attachments"]
    assert posted["type"] == "message"
    (attachment,) = posted["attachments"]
    assert sorted(attachment) == ["content", "contentType", "contentUrl"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["contentUrl"] is None
    inner: dict[str, Any] = attachment["content"]
    return inner


def texts(element: dict[str, Any]) -> list[str]:
    """Every text run, in reading order."""
    name, _ = CHILDREN.get(element["type"], ("", set()))
    own = [element["text"]] if element["type"] == "TextRun" else []
    return own + [text for child in element.get(name, []) for text in texts(child)]
