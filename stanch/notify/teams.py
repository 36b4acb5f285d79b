"""Reports to a Teams channel, through the webhook of a Power Automate workflow."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from urllib.parse import urlsplit

from stanch.errors import CloudError, Refused, Throttled, Unreachable
from stanch.notify.card import card, encoded, smallest
from stanch.notify.untrusted import plain
from stanch.report import Report

__all__ = ["DEFAULT_HOSTS", "TeamsChannel", "card"]

DEFAULT_HOSTS = (".logic.azure.com", ".azure-api.net", ".environment.api.powerplatform.com")
"""Where workflows live. Names that begin with a dot stand for every host below them, on port 443 only."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_HINTS = {
    400: "the workflow does not take the card",
    401: "the workflow asks for a sign-in",
    403: "the workflow refuses the signature of the URL",
    404: "there is no such workflow any more",
    413: "even the smallest card is too large for it",
}

_posting: ContextVar[bool] = ContextVar("stanch_teams_posting", default=False)


class _Silence(logging.Filter):
    """urllib3 logs the path and query of each request at level DEBUG; ours hold the webhook's signature."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _posting.get()


_SILENCE = _Silence()


class TeamsChannel:
    """Posts each report as a card. The URL is a secret: whoever has it may post; it stands in no message of ours.

    202 says only that the workflow was queued: that a card was shown nobody can tell from here
    (https://learn.microsoft.com/power-automate/triggers-introduction).
    """

    def __init__(
        self,
        name: str,
        webhook_url: Callable[[], str],
        *,
        allowed_hosts: Sequence[str] = DEFAULT_HOSTS,
        extra_hosts: Sequence[str] = (),
        verify: bool | str = True,
        timeout: tuple[float, float] = (3.0, 10.0),
    ) -> None:
        """`webhook_url` fetches the secret when it is needed. `extra_hosts` are allowed by their whole name, on any port: for a
        workflow that is played on this machine. `verify` is as in requests: a file of certificates, or whether to check at all.
        `timeout` is for connecting and for each read, in seconds.
        """
        self.name = name
        self._webhook_url = webhook_url
        self._hosts = (*allowed_hosts, *extra_hosts)
        self._verify = verify
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"TeamsChannel({self.name!r})"

    def send(self, report: Report) -> None:
        """Raises Refused for a URL that is not allowed, Throttled (429), Unreachable (no answer, 5xx: it may have been posted) or
        CloudError (any other answer than 200 and 202).
        """
        url = self._checked(self._webhook_url())
        status, wait = self._post(url, encoded(card(report)))
        if status == 413:
            status, wait = self._post(url, encoded(smallest(report)))
        self._judge(status, wait)

    def ready(self) -> str:
        """That the secret can be read and holds a URL that may be posted to; nothing is posted. Raises Refused, and what fetching the secret raises."""
        host = urlsplit(self._checked(self._webhook_url())).hostname
        return f"its secret holds a URL of {host}; whether the workflow posts shows only in Teams"

    def _checked(self, given: str) -> str:
        """The URL if it may be posted to: https, a host of the list, nobody's name or password in it."""
        url = (given or "").strip()
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise self._refused("is no URL") from None
        if parts.scheme != "https":
            raise self._refused("is no https URL")
        if (
            not url.isascii()
            or not url.isprintable()
            or re.search(r"[\\ ]", url)
            or "@" in parts.netloc
            or not _HOST.fullmatch(host)
        ):
            raise self._refused("has characters that do not belong into a webhook's URL")
        if host in self._hosts:
            return url
        if port in (None, 443) and any(pattern.startswith(".") and host.endswith(pattern) for pattern in self._hosts):
            return url
        raise self._refused(f"names a host or port that is not allowed; allowed are {', '.join(self._hosts)}")

    def _refused(self, reason: str) -> Refused:
        return Refused("webhook", f"what the secret of channel {self.name} holds {reason}")

    def _post(self, url: str, body: bytes) -> tuple[int, str]:
        """The status and how long to wait. Redirects are not followed and the answer's body is not read."""
        import requests  # some 80 ms that a function which has nothing to report need not spend

        logging.getLogger("urllib3.connectionpool").addFilter(_SILENCE)
        posting = _posting.set(True)
        try:
            with requests.post(
                url,
                data=body,
                headers={"Content-Type": "application/json; charset=utf-8"},
                timeout=self._timeout,
                allow_redirects=False,
                verify=self._verify,
                stream=True,
            ) as answer:
                return answer.status_code, plain(answer.headers.get("Retry-After", ""), 40)
        except OSError as error:  # every exception of requests is one, and so is a certificate file that is missing
            problem = type(error).__name__
        finally:
            _posting.reset(posting)
        # Outside of the handler: the text of the exceptions above holds the URL, and a cause would carry it along.
        raise Unreachable(f"channel {self.name}: no answer from the workflow ({problem})")

    def _judge(self, status: int, wait: str) -> None:
        if status in (200, 202):
            return
        if status == 429:
            raise Throttled(f"channel {self.name}: the workflow asks to wait {wait or 'an unsaid time'} (Retry-After)")
        if status >= 500:
            raise Unreachable(f"channel {self.name}: the workflow answers {status}")
        hint = "redirects are not followed" if 300 <= status < 400 else _HINTS.get(status, "it was not accepted")
        raise CloudError("teams:post", str(status), f"channel {self.name}: {hint}")
