"""Text that an attacker may have written, made harmless to show: in mail, on a card, on a terminal.

Names, tags, titles and user agents in a finding are whatever somebody chose. Shown as they are they move the cursor (ANSI escapes), turn the reading
direction (bidi overrides), hide letters (zero-width characters), start new lines or become links.
"""

from __future__ import annotations

import re

ELLIPSIS = "…"

_DOT = "[.\u3002\uff0e\uff61]"
"""The full stop and those that browsers take for one in a host name (https://www.unicode.org/reports/tr46/#Notation)."""

_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that show nothing (Default_Ignorable_Code_Point, https://www.unicode.org/reports/tr44/, and the blank braille pattern)."""

_TLD = (
    "app|biz|bond|buzz|cfd|click|cloud|club|com|cyou|dev|fun|icu|info|link|live|lol|monster|net|online|org|page|pro|"
    "quest|rest|sbs|shop|site|space|store|support|tech|today|top|vip|website|work|world|xyz|zip|xn--[a-z0-9-]+|[a-z]{2}"
)
"""What follows the last dot of a host name that mail programs make a link of: enough not to take `alice.smith` for one."""

_HTTP = re.compile(r"(?i)(h)tt(ps?:)")
_SCHEME = re.compile(r":(?=[/\\]{2})")
_AUTHORITY = re.compile(r"(?:(?<=//)|(?<=\[:\]\\\\))[^\s/?#\\]+")
_WWW = re.compile(rf"(?i)(?<!\w)www{_DOT}(?=\w)")
_SHARE = re.compile(r"(?<![\w\\\]])\\\\(?=[\w.])")
_BARE = re.compile(
    rf"(?i)(?<![\w.@/\\-])(?<!:::)(?!microsoft\.[a-z]+/)(?:[^\W_][\w-]*+{_DOT})+(?:(?:{_TLD})(?![\w@-]|{_DOT}\w)|[^\W\d_]{{2,}}(?=/))"
)
_OPEN_DOT = re.compile(rf"(?<!\[){_DOT}(?!\])")


def plain(text: object, limit: int | None = None) -> str:
    """One line of visible characters: no controls, no format characters (bidi, zero-width), single blanks, at most `limit` code points."""
    visible = str(text)
    if not visible.isprintable():
        visible = "".join(char for char in visible if char.isprintable() or char.isspace())
    if not visible.isascii():
        visible = _IGNORABLE.sub("", visible)
    return cut(" ".join(visible.split()), limit)


def inert(text: object, limit: int | None = None) -> str:
    """`plain`, and nothing in it is a link: `https://evil.example/x` becomes `hxxps[:]//evil[.]example/x`.

    ARNs, ARM ids, addresses of people and networks stay as they are: they must be copied exactly.
    """
    shown = plain(text)
    folded = shown.lower()
    # What each pattern needs is looked for before it: most texts hold nothing of it.
    if "http" in folded:
        shown = _HTTP.sub(r"\1xx\2", shown)
    if "//" in shown or "\\" in shown:
        shown = _AUTHORITY.sub(_defanged, _SCHEME.sub("[:]", shown))
        shown = _SHARE.sub(r"[\\\\]", shown)
    if "www" in folded:
        shown = _WWW.sub("www[.]", shown)
    if "." in shown or not shown.isascii():
        shown = _BARE.sub(_defanged, shown)
    return cut(shown, limit)


def cut(text: str, limit: int | None, mark: str = ELLIPSIS) -> str:
    """At most `limit` code points; what was cut off is marked."""
    if limit is None or len(text) <= limit:
        return text
    return text[: max(limit - len(mark), 0)].rstrip() + mark


def _defanged(found: re.Match[str]) -> str:
    return _OPEN_DOT.sub("[.]", found.group())
