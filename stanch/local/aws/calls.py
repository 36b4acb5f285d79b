"""Which API call a request is: the record that tests count writes with."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from botocore.exceptions import UnknownServiceError
from moto.core.routing import get_service_router
from moto.iam.models import get_account_id_from
from moto.moto_server.werkzeug_app import BackendRequest
from werkzeug.exceptions import HTTPException

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/([^/,\s]+)/aws4_request")
_READS = (
    "Get", "List", "Describe", "Head", "BatchGet", "Lookup", "Search", "Select", "Scan", "Query", "TransactGet", "Simulate",
    "AssumeRole", "Receive", "Filter", "Test", "Validate", "Check",
)  # fmt: skip


@dataclass(slots=True)
class Call:
    """One request: `service` is botocore's name, `operation` the API's (None where it cannot be told), `time` RFC 3339 in UTC."""

    service: str
    operation: str | None
    account: str
    region: str
    access_key: str
    user_agent: str
    time: str
    status: int = 0

    @property
    def write(self) -> bool:
        """Whether the operation changes something; one that cannot be told counts as a write."""
        return self.operation is None or not self.operation.startswith(_READS)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "write": self.write}


def identify(environ: dict[str, Any], body: bytes) -> Call | None:
    """The signed call in a WSGI request whose body is `body`; None where it bears no version 4 signature."""
    query = parse_qs(environ.get("QUERY_STRING", ""))
    presigned = f"Credential={query['X-Amz-Credential'][0]}" if "X-Amz-Credential" in query else ""
    found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", "") or presigned)
    if found is None:
        return None
    key, region, service = found.groups()
    if service == "s3" and environ.get("PATH_INFO", "").startswith("/v20180820/"):
        service = "s3control"
    return Call(
        service=service, operation=_operation(service, environ, body, query), account=get_account_id_from(key), region=region,
        access_key=key, user_agent=environ.get("HTTP_USER_AGENT", ""), time=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )  # fmt: skip


def _operation(service: str, environ: dict[str, Any], body: bytes, query: dict[str, list[str]]) -> str | None:
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return str(target).rpartition(".")[2]
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        query = {**query, **parse_qs(body.decode("utf-8", "replace"))}
    if "Action" in query:
        return query["Action"][0]
    try:
        operation, _ = get_service_router(service).match(BackendRequest(environ))
    except (HTTPException, NotImplementedError, UnknownServiceError):
        return None
    return str(operation.name)
