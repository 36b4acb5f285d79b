"""The runbook's HTTP body, the same on both clouds: what is asked for, and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stanch import expiry
from stanch.deployment import Deployment
from stanch.errors import InvalidInput, Refused, Retryable, StanchError
from stanch.naming import of_text
from stanch.runbook import Request, Runbook


def answer(
    deployment: Deployment, body: Any, requester: str | None, account: str, region: str | None
) -> tuple[int, dict[str, Any]]:
    """HTTP status and body for `{remediation, resource, params, apply, reason, expires}`; `expires` is a lease such as `4h`.

    `requester` is the verified identity, never taken from the body; without one nothing is even planned. 400 names what is wrong, 409 what
    forbids it, 503 what to try again.
    """
    if not requester:
        return 403, {"error": "no verified identity: call with IAM, OIDC or Entra authentication"}
    try:
        runbook = Runbook(deployment, _request(deployment, body, requester, account, region))
        if body.get("apply") is True:
            return 200, {"action": runbook.apply().as_json()}
        result, plan, verdicts = runbook.preview()
        return 200, {
            "action": result.as_json(),
            "plan": plan.as_json(),
            "guards": [
                {"guard": verdict.guard, "effect": verdict.effect, "reason": verdict.reason} for verdict in verdicts
            ],
        }
    except InvalidInput as error:
        return 400, {"error": str(error)}
    except Refused as error:
        return 409, {"error": str(error)}
    except Retryable as error:
        return 503, {"error": str(error)}
    except StanchError as error:
        return 502, {"error": str(error)}


def _request(deployment: Deployment, body: Any, requester: str, account: str, region: str | None) -> Request:
    if not isinstance(body, Mapping):
        raise InvalidInput("body", "must be a JSON object")
    for name, kind in (("remediation", str), ("resource", str)):
        if not isinstance(body.get(name), kind):
            raise InvalidInput(name, "is missing or no text")
    params = {} if body.get("params") is None else body["params"]
    if not isinstance(params, Mapping):
        raise InvalidInput("params", "must be an object")
    declared = deployment.remediation(body["remediation"])
    where = _text(body, "region")
    resource = of_text(body["resource"], declared.resource_type, _text(body, "account") or account, where or region)
    expires = None if body.get("expires") is None else expiry.duration(body["expires"], "expires")
    return Request(declared.id, resource, requester, _text(body, "reason"), params, expires)


def _text(body: Mapping[str, Any], name: str) -> str:
    """The optional text there. Raises InvalidInput for what is none."""
    found = body.get(name)
    if not isinstance(found, str | None):
        raise InvalidInput(name, "must be text")
    return found or ""
