"""The approval page, the same on both clouds: GET shows and never acts, because mail scanners open links; POST acts, in the name of the verified caller."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from urllib.parse import urlencode

from msgspec import Struct
from msgspec.structs import replace

from stanch.action import Action, Outcome
from stanch.approval import form, page, parts, token
from stanch.approval.layout import HEADERS
from stanch.approval.links import PARAMETER, Links
from stanch.decision import Decision, Identity, Request
from stanch.deployment import Deployment
from stanch.errors import InvalidInput, Refused, Retryable, StanchError
from stanch.result import Result

METHODS = ("GET", "HEAD", "POST")

logger = logging.getLogger("stanch")


class Visit(Struct, frozen=True):
    """One request, as a cloud's handler read it. `identity` is who the cloud verified: nothing in link or form says who decides."""

    method: str
    token: str
    identity: Identity | None = None
    form: bytes = b""
    content_type: str = ""

    def __repr__(self) -> str:
        """Without the token and what was filled in."""
        return f"Visit({self.method!r}, identity={self.identity!r}, content_type={self.content_type!r})"


class Reply(Struct, frozen=True):
    """Status, headers and page."""

    status: int
    headers: Mapping[str, str]
    body: str


def answer(deployment: Deployment, links: Links | None, visit: Visit) -> Reply:
    """The page for a visit.

    200 shows or has done it; 400, 413 and 415 name what is wrong with the form, 403 what is wrong with link, form or identity, 409 what forbids it; 503 is
    to be tried again. Nothing was done on any of them but 503, after which the page says how the action stands.
    """
    if visit.method not in METHODS:
        return replace(
            wrong(405, "only GET and POST are answered here"), headers={**HEADERS, "Allow": ", ".join(METHODS)}
        )
    if links is None:
        return wrong(503, "approvals by link are not set up: STANCH_SIGNING_SECRET names no secret")
    if len(visit.form) > form.LARGEST:
        return wrong(413, f"the form is longer than {form.LARGEST // 1024} KB")
    if visit.method == "POST" and visit.content_type.partition(";")[0].strip().lower() != form.TYPE:
        return wrong(415, f"the form must be sent as {form.TYPE}")
    reply = _Desk(deployment, links, visit).answer()
    return replace(reply, body="") if visit.method == "HEAD" else reply


def wrong(status: int, reason: str) -> Reply:
    """The page for a request that did nothing."""
    return Reply(status, HEADERS, page.refusal("Refused", _NOTHING, reason))


class _Desk:
    """One visit."""

    def __init__(self, deployment: Deployment, links: Links, visit: Visit) -> None:
        self._deployment, self._links, self._visit = deployment, links, visit
        self._ticket: token.Ticket | None = None

    def answer(self) -> Reply:
        try:
            self._keys = self._links.keys()
            self._ticket = ticket = token.read(self._keys, self._visit.token)
            return self._decide(ticket) if self._visit.method == "POST" else self._show(ticket)
        except Refused as error:
            ours = error.guard in ("link", "form", "identity")
            return self._refused(403, _sentence(error.reason)) if ours else self._refused(409, str(error))
        except Retryable as error:
            return self._refused(503, f"Open it again in a moment: {error}", "Not finished")
        except InvalidInput as error:
            if error.place == "form":
                return self._refused(400, str(error))
            return self._refused(503, f"Nothing can be decided here: {error}")
        except StanchError as error:
            return self._refused(502, str(error), "Failed")

    def _show(self, ticket: token.Ticket, status: int = 200, alerts: tuple[str, ...] = (), typed: str = "") -> Reply:
        """How the action stands; while it waits, its plan made anew. The form is there only for a verified caller and for the plan that the link is bound to."""
        action = self._action(ticket)
        declared = self._deployment.remediation(action.remediation)
        if action.outcome is not Outcome.AWAITING_APPROVAL:
            return Reply(status, HEADERS, page.record(action, declared))
        view, shown = self._decision(ticket, "", None).preview(), None
        if parts.lapsed(view):
            alerts = (*alerts, "The time to decide is over. Nothing was changed and nothing will be.")
        elif view.plan.contained:
            alerts = (*alerts, f"There is nothing left to do: {view.plan.reason or 'it is contained'}.")
        elif view.digest != ticket.plan_digest:
            alerts = (*alerts, _CHANGED)
        elif self._visit.identity is not None:
            shown = self._form(ticket, self._visit.identity, typed)
        return Reply(status, HEADERS, page.request(view, declared, shown, alerts))

    def _form(self, ticket: token.Ticket, by: Identity, typed: str) -> parts.Form:
        sealed = token.issue_form(self._keys, by.subject, ticket.action_id, ticket.plan_digest)
        return parts.Form(by.name, sealed, ticket.plan_digest, self._here(), typed)

    def _decide(self, ticket: token.Ticket) -> Reply:
        by = self._visit.identity
        if by is None:
            raise Refused(
                "identity",
                f"you are not signed in here; `stanch approve {ticket.action_id} --reason 'why'` decides elsewhere",
            )
        sent = form.fields(self._visit.form)
        token.check_form(self._keys, sent.get("form", ""), by.subject, ticket.action_id, sent.get("plan", ""))
        if sent["plan"] != ticket.plan_digest:
            raise Refused("form", "the form was shown for another plan than the link's; open the request again")
        agreed, reason = form.approves(sent), form.reason(sent)
        if not 0 < len(reason) <= form.LONGEST:
            return self._show(ticket, 400, (f"Say why, in at most {form.LONGEST} characters. {_NOTHING}.",), reason)
        decision = self._decision(ticket, reason, by)
        result = decision.approve() if agreed else decision.deny()
        return self._done(ticket, result, f"You {'approved' if agreed else 'denied'} it as {by.name}: {reason}")

    def _done(self, ticket: token.Ticket, result: Result, said: str) -> Reply:
        """What came of it, as the journal has it; it is done even if the journal cannot be read now."""
        try:
            action = self._action(ticket)
            body = page.record(action, self._deployment.remediation(action.remediation), said)
        except StanchError:
            body = page.refusal(str(result.outcome), said, result.reason or "It is journaled.", None, self._here())
        return Reply(200, HEADERS, body)

    def _decision(self, ticket: token.Ticket, reason: str, by: Identity | None) -> Decision:
        who = by or self._visit.identity or Identity("", "", person=False)
        return Decision(self._deployment, Request(ticket.action_id, who, reason, ticket.plan_digest))

    def _action(self, ticket: token.Ticket) -> Action:
        action = self._deployment.journal.get(ticket.action_id)
        if action is None:
            raise Refused("unknown action", f"the journal holds no action {ticket.action_id}")
        return action

    def _refused(self, status: int, reason: str, state: str = "Refused") -> Reply:
        """Why nothing was done, and how the action stands: it may be that the same person pressed twice."""
        self._log(status, reason)
        report, again = None, None
        unknown = "It is not known what was done" if self._visit.method == "POST" else "There is no plan to show"
        if self._ticket is not None:
            again = self._here()
            try:
                action = self._action(self._ticket)
                report = page.standing(action, self._deployment.remediation(action.remediation))
            except StanchError as error:
                reason = f"{reason} How the action stands could not be read: {error}"
        return Reply(
            status, HEADERS, page.refusal(state, _NOTHING if state == "Refused" else unknown, reason, report, again)
        )

    def _log(self, status: int, reason: str) -> None:
        ticket, by = self._ticket, self._visit.identity
        told = {"message": "approval refused", "status": status, "method": self._visit.method, "reason": reason}
        about = {"action": ticket.action_id, "link": ticket.id, "channel": ticket.channel} if ticket else {}
        logger.warning(json.dumps({**told, **about, "by": by.subject if by else None}))

    def _here(self) -> str:
        """This page, relative, so that nothing the caller sent but the verified token is in it."""
        return f"?{urlencode({PARAMETER: self._visit.token})}"


_NOTHING = "This request did nothing"
_CHANGED = (
    "The plan has changed since this link was sent, so the link approves nothing. What would be done now is below."
)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
