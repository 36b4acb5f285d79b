"""What attackers write into names: inert in the card, the mail, the log, the page and the terminal."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
from functools import partial
from pathlib import Path

from aws_lambda_powertools import Logger

from stanch.cli import showing
from stanch.notify.card import card
from stanch.notify.message import compose
from stanch.notify.text import subject, text
from tests.proof.attacks import Tried
from tests.proof.figure import Size
from tests.proof.mutation import NASTY
from tests.unit.approval.reader import Reader
from tests.unit.approval.test_approval_injection import HARMLESS, MORE, hostile
from tests.unit.notify.adaptive_cards import content, faults, texts
from tests.unit.notify.samples import HOSTILE, OUTCOMES, everywhere
from tests.unit.test_handler_logs import result

CORPUS = {
    **HOSTILE,
    **MORE,
    **{
        f"value {at}": f"a{each}"
        for at, each in enumerate(NASTY)
        if isinstance(each, str) and each.strip() and len(each) < 1_000
    },
}
ACTIVE = re.compile(r"(?i)https?:/|://|\bwww\.\w|evil\.com|\{\{DATE")
"""What a card would turn into a link or a function."""

LINK = re.compile(r"(?i)https?:/|://|\bwww\.\w|evil\.com")
"""What a mail program would turn into a link."""
UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\ud800-\udfff\x00-\x08\x0b-\x1f\x7f-\x9f]")


def attack(size: Size, folder: Path) -> Tried:
    tried = Tried("injection")
    for name, written in CORPUS.items():
        for outcome in OUTCOMES if size == "full" else ("acted", "rejected"):
            shown = content(card(everywhere(written, outcome)))
            said = "\n".join(texts(shown))
            tried.held(
                f"card, {outcome}, {name}",
                not faults(shown) and not ACTIVE.search(said) and not UNSEEN.search(said),
                said,
            )
            mail, head = text(everywhere(written, outcome)), subject(everywhere(written, outcome))
            sound = not LINK.search(mail + head) and not UNSEEN.search(mail) and head.isprintable() and len(head) <= 99
            tried.held(f"mail, {outcome}, {name}", sound, mail)
            tried.held(f"terminal, {outcome}, {name}", _on_terminal(written, outcome), name)
        tried.held(f"log, {name}", _logged(written), name)
        for at, page in enumerate(hostile(written)):
            found = Reader(page)
            sound = found.found == HARMLESS[at] and not found.open and not UNSEEN.search(page)
            tried.held(f"page {at}, {name}", sound, page[-300:])
    return tried


def _on_terminal(written: str, outcome: str) -> bool:
    """A report as the command shows it has no control character but the line's end."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        showing.report(everywhere(written, outcome))
    return not UNSEEN.search(out.getvalue()) and bool(compose(everywhere(written, outcome)).title)


def _logged(written: str) -> bool:
    """A line of the function's log is one line of ASCII JSON, which reads back as what was said."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    name = f"proof-{hash(written)}"
    logger = Logger(
        service=name, logger_handler=handler, json_serializer=partial(json.dumps, default=str), level=logging.INFO
    )
    logger.info("answered", extra={"result": json.loads(json.dumps(result(written).as_json(), default=str))})
    line = out.getvalue().removesuffix("\n")
    return line.isascii() and line.isprintable() and json.loads(line)["result"]["reason"] == written
