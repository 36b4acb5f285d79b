"""HTML made of elements: whatever is text is escaped here and nowhere else."""

from __future__ import annotations

import html

EMPTY = frozenset({"input", "meta", "link", "br"})
"""Elements that have no content and no end tag (https://html.spec.whatwg.org/multipage/syntax.html#void-elements)."""


class Html(str):
    """Markup that `element` and `join` made, hence not to be escaped again."""

    __slots__ = ()


def element(name: str, /, *content: str | None, **attributes: str | bool | None) -> Html:
    """One element. Content that is no Html is text and escaped; None is left out. Attributes: True is a bare name, None and False are left out, an
    underscore at the end is dropped (`for_`, `class_`) and others become hyphens."""
    named = "".join(_attribute(key.rstrip("_").replace("_", "-"), given) for key, given in attributes.items())
    opened = f"<{name}{named}>"
    return Html(opened if name in EMPTY else f"{opened}{join(*content)}</{name}>")


def join(*content: str | None) -> Html:
    """The parts one after the other; those that are no Html are escaped."""
    return Html("".join(part if isinstance(part, Html) else html.escape(part) for part in content if part is not None))


def _attribute(name: str, given: str | bool | None) -> str:
    if given is None or given is False:
        return ""
    return f" {name}" if given is True else f' {name}="{html.escape(given, quote=True)}"'
