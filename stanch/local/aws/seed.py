"""Making what a finding names exist in the local cloud."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

from stanch.errors import InvalidInput, Unreachable
from stanch.finding import Finding
from stanch.local.aws.finding_json import finding_to_json


def seed(endpoint: str, finding: Finding, home_account: str) -> list[str]:
    """Create, where missing, what the finding names, in the exposed state that it describes, and the finding itself at its source.

    `endpoint` is the local cloud's URL, `home_account` the account that the responder runs in (the local cloud's default account, whose
    detector is asked for GuardDuty findings). Returns one sentence for each thing created and for each that cannot be; a second call
    returns none of the former and changes nothing. Raises InvalidInput if the cloud refuses the finding, Unreachable if it does not answer.
    """
    where = urlsplit(endpoint)
    body = json.dumps({"finding": finding_to_json(finding), "home_account": home_account})
    connection = http.client.HTTPConnection(where.hostname or "", where.port or 80, timeout=30)
    try:
        connection.request("POST", "/stanch/aws/seed", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"the local AWS at {endpoint} does not answer: {error}") from error
    finally:
        connection.close()
    if response.status == 400:
        raise InvalidInput("seed", str(json.loads(text).get("error")))
    if response.status != 200:
        raise Unreachable(f"the local AWS at {endpoint} answered {response.status}: {text[:500]}")
    created: list[str] = json.loads(text)["created"]
    return created
