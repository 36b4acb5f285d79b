"""Where the journal is: the `STANCH_JOURNAL` setting."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from stanch.errors import InvalidInput

Kind = Literal["dynamodb", "azuretable", "sqlite"]

PLACE = "STANCH_JOURNAL"
FORMS = "dynamodb://TABLE, azuretable://ACCOUNT/TABLE or sqlite://PATH"

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_DYNAMODB = re.compile(r"[A-Za-z0-9_.-]{3,255}")
# https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-name
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
# https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model#table-names
_TABLE = re.compile(r"[A-Za-z][A-Za-z0-9]{2,62}")


class Address(Struct, frozen=True):
    """A journal's place: `name` is the table or the file's path, `account` the storage account (Azure only, else '')."""

    kind: Kind
    name: str
    account: str = ""


def parse(url: str) -> Address:
    """The journal that `url` names. Raises InvalidInput saying which forms there are."""
    kind, separator, rest = url.partition("://")
    if not separator or not rest:
        raise InvalidInput(PLACE, f"{url!r} names no journal; write {FORMS}")
    if kind == "sqlite":
        return Address("sqlite", rest)
    if kind == "dynamodb":
        return Address("dynamodb", _named(_DYNAMODB, rest, "a DynamoDB table"))
    if kind == "azuretable":
        account, _, table = rest.partition("/")
        return Address(
            "azuretable", _named(_TABLE, table, "a storage table"), _named(_ACCOUNT, account, "a storage account")
        )
    raise InvalidInput(PLACE, f"there is no journal of the kind {kind!r}; write {FORMS}")


def _named(pattern: re.Pattern[str], name: str, what: str) -> str:
    if not pattern.fullmatch(name):
        raise InvalidInput(PLACE, f"{name!r} cannot be the name of {what}; write {FORMS}")
    return name
