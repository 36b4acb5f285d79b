"""Who the caller of `stanch` on Azure is, by the token that Entra gave."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from azure.core.exceptions import ClientAuthenticationError

from stanch.clouds.azure_claims import claims, identity
from stanch.errors import StanchError
from stanch.identity import Identity

OID = "00000000-0000-0000-0000-0000000000a1"
PERSON = {"oid": OID, "sub": "pairwise", "upn": "alice@corp.example", "groups": ["g1"], "idtyp": "user"}


def credential(token: str) -> Any:
    return SimpleNamespace(get_token=lambda scope: SimpleNamespace(token=token))


def encoded(body: Any) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(body).encode()).decode().rstrip('=')}.x"


def test_a_person_is_named_as_the_approval_page_names_them() -> None:
    found = claims(credential(encoded(PERSON)), "scope")
    assert identity(found) == Identity(f"alice@corp.example ({OID})", OID, ("g1",))


@pytest.mark.parametrize("more", [{"idtyp": "app"}, {"sub": OID}])
def test_an_application_is_no_person(more: dict[str, str]) -> None:
    found = identity({"oid": OID, "appid": "app-1", **more})
    assert found == Identity(f"app-1 ({OID})", OID, (), person=False)


@pytest.mark.parametrize("token", ["opaque", "a.%%%.c", encoded([]), encoded({"upn": "alice"})])
def test_a_token_that_names_nobody(token: str) -> None:
    assert identity(claims(credential(token), "scope")) is None


def test_no_token_is_an_error_of_ours() -> None:
    def refuse(scope: str) -> Any:
        raise ClientAuthenticationError(message="not signed in")

    with pytest.raises(StanchError, match=r"token for https://x: .*not signed in"):
        claims(cast("Any", SimpleNamespace(get_token=refuse)), "https://x/.default")
