"""Approval links of reports: made when a report is sent, so that they are fresh and stand in no journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from stanch.approval.keys import Keys
from stanch.approval.token import issue
from stanch.errors import InvalidInput

SETTING = "STANCH_APPROVAL_URL"
PARAMETER = "t"
"""The name of the token in the link's query."""

_LOCAL = ("127.0.0.1", "localhost")


class Links(Struct, frozen=True):
    """Makes links to the approval page at `base_url`. `secret` fetches the signing keys when they are needed, so that new ones are seen at once."""

    base_url: str
    secret: Callable[[], str]

    @classmethod
    def from_environment(cls, env: Mapping[str, str], secret: Callable[[str], str]) -> Links | None:
        """Links as the settings describe them; None where no signing secret is named. `secret` fetches one by its name.

        Without STANCH_APPROVAL_URL the page works, but no report carries a link to it. Raises InvalidInput for a URL that is not allowed.
        """
        name, url = env.get("STANCH_SIGNING_SECRET", ""), env.get(SETTING, "").strip()
        if not name:
            return None
        return cls(checked(url) if url else "", lambda: secret(name))

    def keys(self) -> Keys:
        """Raises InvalidInput for a secret that holds no keys, and whatever fetching it raises."""
        return Keys.parse(self.secret())

    def to(self, action_id: str, plan_digest: str, channel: str) -> str | None:
        """The link to one request, for the channel of that name; None where no page is configured."""
        if not self.base_url:
            return None
        return link(self.base_url, issue(self.keys(), action_id, plan_digest, channel))


def checked(url: str) -> str:
    """The page's URL if a link to it may be sent: https (http on this machine only), without user, query or fragment. Raises InvalidInput."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidInput(SETTING, "is no URL") from None
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url or not host or "@" in parts.netloc:
        raise InvalidInput(SETTING, "has characters that do not belong into the URL of a page, or no host")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOCAL):
        raise InvalidInput(SETTING, "must be an https URL")
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        raise InvalidInput(SETTING, "must end with the path: no query, no fragment")
    return url


def link(base_url: str, token: str) -> str:
    """The URL that opens the page with this token. Raises InvalidInput as `checked` does."""
    return f"{checked(base_url)}?{urlencode({PARAMETER: token})}"


def card_action(url: str) -> dict[str, Any]:
    """The button of an Adaptive Card. `url` comes from `Links.to`, never from an event
    (https://adaptivecards.io/explorer/Action.OpenUrl.html)."""
    return {"type": "Action.OpenUrl", "title": "Review and decide", "url": url}


def text_line(url: str) -> str:
    """The line of a mail. It says what opening does, because mail programs open links by themselves."""
    return f"Approve or deny (opening only shows the plan): {url}"
