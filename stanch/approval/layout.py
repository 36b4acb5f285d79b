"""The document around a page's content: head, style and the headers that every answer carries."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

from stanch.approval.markup import Html, element, join

STYLE = """
:root{color-scheme:light dark;--page:#fff;--text:#1b1b1b;--soft:#4a4a4a;--line:#c8c8c8;--panel:#f4f4f4;--link:#0a4ea3;
--good:#dff6dd;--accent:#e1effa;--warning:#fff1c2;--attention:#fde0e2;--yes:#0b6a0b;--yes-text:#fff;--no:#a80000}
@media (prefers-color-scheme:dark){:root{--page:#161616;--text:#f2f2f2;--soft:#c4c4c4;--line:#5c5c5c;--panel:#242424;--link:#8ec5ff;
--good:#12391a;--accent:#12304a;--warning:#4a3b05;--attention:#55151b;--yes:#8fdc8f;--yes-text:#0a200a;--no:#ff9c9c}}
*{box-sizing:border-box}
html{font:1.0625rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--text);overflow-wrap:anywhere}
main{max-width:44rem;margin:0 auto;padding:0 1rem 3rem}
header{margin:0 -1rem 1rem;padding:1rem;border-bottom:.1875rem solid currentColor}
header p{margin:.25rem 0 0}
header .state{margin:0;font-weight:700;letter-spacing:.03em}
h1{margin:.125rem 0 0;font-size:1.375rem;line-height:1.25}
h2{margin:1.25rem 0 .25rem;font-size:1rem}
ul{margin:0;padding:0;list-style:none}
li{margin:0 0 .375rem}
p{margin:0 0 .5rem}
code{font:.9375rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.good{background:var(--good)}.accent{background:var(--accent)}.warning{background:var(--warning)}.attention{background:var(--attention)}
.changes li,.command{padding:.5rem .75rem;background:var(--panel);border-radius:.375rem}
.command{display:block;user-select:all}
.note{padding:.75rem;border-radius:.375rem;margin:1rem 0}
.note p:last-child{margin:0}
.soft{color:var(--soft)}
.mark{font-weight:700}
form{margin:1.5rem 0 0;padding:1rem 0 0;border-top:.125rem solid var(--line)}
form h2{margin-top:0;font-size:1.125rem}
label{display:block;font-weight:700;margin:.5rem 0 .25rem}
textarea{display:block;width:100%;min-height:6rem;padding:.5rem;font:inherit;color:inherit;background:var(--page);
border:.125rem solid var(--soft);border-radius:.375rem}
button{display:block;width:100%;min-height:3.25rem;margin-top:1rem;padding:.5rem 1rem;font:inherit;font-weight:700;
border:.125rem solid var(--yes);border-radius:.375rem;background:var(--yes);color:var(--yes-text);cursor:pointer;touch-action:manipulation}
button.no{margin-top:1.25rem;border-color:var(--no);background:var(--page);color:var(--no)}
a{color:var(--link)}
a.again{display:inline-block;min-height:2.75rem;padding:.625rem 0}
:focus-visible{outline:.1875rem solid var(--link);outline-offset:.1875rem}
details{margin-top:1.5rem;border-top:.0625rem solid var(--line)}
summary{min-height:2.75rem;padding:.625rem 0;font-weight:700;cursor:pointer}
"""
"""No font, picture or script is fetched. Colours follow the reader's choice of light or dark; every text has a contrast of at least 4.5 to 1
(https://www.w3.org/TR/WCAG22/#contrast-minimum) and every control a height of at least 44 CSS pixels (…/#target-size-enhanced)."""

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}
"""Of every answer: nothing runs, nothing is fetched or kept, nobody may frame the page, and the link stays here."""


def document(title: str, *content: str | None) -> str:
    """The whole page."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{title} · Stanch"),
        element("style", Html(STYLE)),
    )
    return join(
        Html("<!doctype html>"), element("html", head, element("body", element("main", *content)), lang="en")
    ).strip()


def heading(style: str, state: str, title: str, *lines: str) -> Html:
    """What stands first: the state in a word or two, what it is about, and a sentence."""
    told = (element("p", line) for line in lines if line)
    return element("header", element("p", state, class_="state"), element("h1", title), *told, class_=style)


def section(label: str, content: str) -> Html:
    return element("section", element("h2", label), content)


def bullets(lines: Iterable[str], class_: str | None = None) -> Html:
    return element("ul", *(element("li", line) for line in lines), class_=class_)


def note(style: str, *content: str, alert: bool = False) -> Html:
    """A box that stands out; `alert` has it read out at once."""
    return element("div", *content, class_=f"note {style}", role="alert" if alert else None)


def command(text: str) -> Html:
    """A command to copy."""
    return element("code", text, class_="command")
