"""What Entra says of a caller in the caller's own token
(https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference). Whoever the token is sent to verifies it; here it is only read.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError

from stanch.clouds.azure_errors import translate
from stanch.identity import Identity


def claims(credential: TokenCredential, scope: str) -> dict[str, Any]:
    """The claims of a token for `scope`; {} for a token that cannot be read. Raises the error tree's kinds where none is given."""
    try:
        token = credential.get_token(scope).token
    except AzureError as error:
        raise translate(f"token for {scope.removesuffix('/.default')}", error) from error
    parts = token.split(".")
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, binascii.Error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def identity(found: dict[str, Any]) -> Identity | None:
    """Who the claims are of, named as the runbook's and the approval page's callers are; None where they say nobody.

    An application's own token has no user in it: its `idtyp` is app, or its subject is the application's own object. It is no person.
    """
    subject = str(found.get("oid") or "")
    if not subject:
        return None
    application = found.get("idtyp") == "app" or found.get("sub") == subject
    name = found.get("appid") or found.get("azp") if application else found.get("upn") or found.get("preferred_username") or found.get("unique_name")  # fmt: skip
    groups = tuple(str(one) for kind in ("groups", "roles") for one in found.get(kind) or () if isinstance(one, str))
    return Identity(f"{name} ({subject})" if name else subject, subject, groups, person=not application)
