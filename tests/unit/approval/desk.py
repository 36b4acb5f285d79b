"""A deployment in which a door waits for somebody to approve that it is shut: the real engine and journal over the toy cloud."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from msgspec.structs import replace

from handlers import approval
from stanch.action import Action, Outcome
from stanch.approval.form import TYPE
from stanch.approval.keys import Keys
from stanch.approval.links import Links
from stanch.approval.token import issue, issue_form
from stanch.decision import Identity
from stanch.deployment import Deployment
from stanch.playbooks.limits import Approval
from stanch.playbooks.model import Playbook, Policy
from tests.unit.engine.bench import Bench, finding, of_type, playbook
from tests.unit.engine.toy_remediations import BurnLetter, CloseDoor

SECRET = json.dumps({"current": "2026-11", "keys": {"2026-10": "o" * 40, "2026-11": "n" * 40}})
KEYS = Keys.parse(SECRET)
LINKS = Links("https://stanch.example/approval", lambda: SECRET)

ALICE = Identity("alice@corp.example", "00000000-0000-0000-0000-0000000000a1", ("sec-oncall",))
BOB = Identity("bob@corp.example", "00000000-0000-0000-0000-0000000000b2", ("sec-oncall",))
CAROL = Identity("carol@corp.example", "00000000-0000-0000-0000-0000000000c3", ("finance",))

ASKS = (playbook("doors", CloseDoor.id, when=of_type(CloseDoor), mode="approve"),
        playbook("letters", BurnLetter.id, when=of_type(BurnLetter), mode="approve"))  # fmt: skip


@dataclass
class Desk(Bench):
    """Whose playbooks ask first; members of sec-oncall may answer."""

    playbooks: tuple[Playbook, ...] = ASKS
    by: Approval = field(default_factory=lambda: Approval({"group": "sec-oncall"}))

    @property
    def deployment(self) -> Deployment:
        policy = Policy(tuple(self.playbooks), protect=self.protect, approval=self.by)
        return replace(super().deployment, policy=policy)

    def ask(self, **attributes: Any) -> Action:
        """The action that waits for a person after a finding about a door."""
        self.door(**attributes)
        return self._waiting(finding())

    def ask_to_burn(self) -> Action:
        """One that cannot be undone."""
        door = self.door("letter-1")
        return self._waiting(finding(replace(door, type=BurnLetter.resource_type)))

    def _waiting(self, given: Any) -> Action:
        result = self.deliver(given)
        assert result.outcome is Outcome.AWAITING_APPROVAL, result
        return self.action(result)

    def now(self, action: Action) -> Action:
        """The action as the journal has it now."""
        found: Action | None = self.journal.get(action.id)
        assert found is not None
        return found

    def visit(
        self, method: str, action: Action, by: Identity | None, form: bytes = b"", **changed: Any
    ) -> approval.Reply:
        """What the page answers to a request that came by the link."""
        given = {"token": link(action), "content_type": TYPE if form else "", **changed}
        return approval.answer(self.deployment, LINKS, approval.Visit(method, identity=by, form=form, **given))

    def show(self, action: Action, by: Identity | None = ALICE, **changed: Any) -> approval.Reply:
        return self.visit("GET", action, by, **changed)

    def decide(
        self, action: Action, by: Identity, decision: str = "approve", reason: str = "seen live"
    ) -> approval.Reply:
        """The form as it is shown to this person, filled in and sent."""
        return self.visit("POST", action, by, filled(self.show(action, by), decision, reason))


def link(action: Action, **changed: Any) -> str:
    """The token of a link to the action as it stands."""
    given = {"action_id": action.id, "plan_digest": action.plan["digest"], "channel": "soc:teams", **changed}
    return issue(KEYS, **given)


def hidden(page: approval.Reply) -> dict[str, str]:
    """The hidden fields of the form on a page; none where there is no form."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)">', page.body))


def filled(page: approval.Reply, decision: str = "approve", reason: str = "seen live", **changed: str) -> bytes:
    return urlencode({**hidden(page), "decision": decision, "reason": reason, **changed}).encode()


def words(page: approval.Reply) -> str:
    """What a reader sees, one line a block."""
    body = page.body.partition("</style></head>")[2]
    text = re.sub(r"<[^>]+>", "\n", body.replace("</span>", "").replace('<span class="mark">', ""))
    return "\n".join(line for line in html.unescape(text).splitlines() if line.strip())


def untouched(desk: Desk, action: Action) -> bool:
    """Nothing was written, to the door or to the action."""
    return desk.cloud.writes() == [] and desk.now(action).as_json() == action.as_json()


def sealed(action: Action, by: Identity, **changed: str) -> bytes:
    """A form as it would have been shown to this person, whatever the action's state is by now."""
    plan = str(action.plan["digest"])
    given = {
        "form": issue_form(KEYS, by.subject, action.id, plan),
        "plan": plan,
        "decision": "approve",
        "reason": "seen live",
    }
    return urlencode({**given, **changed}).encode()
