"""Storage accounts through azure-mgmt-storage."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.storage import StorageManagementClient

from .conftest import GROUP


def make_account(storage: StorageManagementClient, **properties: Any) -> Any:
    body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": properties}
    return storage.storage_accounts.begin_create("rg-app", "stanchdata1", body).result()


def test_an_account(storage: StorageManagementClient) -> None:
    account = make_account(storage, allowBlobPublicAccess=True)
    assert account.id == f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stanchdata1"
    assert (account.provisioning_state, account.sku.tier, account.kind) == ("Succeeded", "Standard", "StorageV2")
    assert account.allow_blob_public_access is True
    assert (account.network_rule_set.default_action, account.network_rule_set.bypass) == ("Allow", "AzureServices")
    assert account.primary_endpoints.blob == "https://stanchdata1.blob.core.windows.net/"
    assert [found.name for found in storage.storage_accounts.list()] == ["stanchdata1"]


def test_what_was_never_set_is_not_answered(storage: StorageManagementClient) -> None:
    account = make_account(storage)
    assert account.allow_blob_public_access is None
    assert account.public_network_access is None
    assert "allowBlobPublicAccess" not in account.properties


def test_update_changes_only_what_it_names(storage: StorageManagementClient) -> None:
    make_account(storage, allowBlobPublicAccess=True, minimumTlsVersion="TLS1_2")
    storage.storage_accounts.update("rg-app", "stanchdata1", {"tags": {"a": "1"}})
    body = {"properties": {"allowBlobPublicAccess": False, "publicNetworkAccess": "disabled"}}
    assert storage.storage_accounts.update("rg-app", "stanchdata1", body).allow_blob_public_access is False
    live = storage.storage_accounts.get_properties("rg-app", "STANCHDATA1")
    assert (live.allow_blob_public_access, live.minimum_tls_version, live.tags) == (False, "TLS1_2", {"a": "1"})
    rules = {"defaultAction": "Deny", "ipRules": [{"value": "198.51.100.7"}]}
    acls = storage.storage_accounts.update("rg-app", "stanchdata1", {"properties": {"networkAcls": rules}}).network_rule_set  # fmt: skip
    assert (acls.default_action, acls.bypass, [(rule.ip_address_or_range, rule.action) for rule in acls.ip_rules]) == ("Deny", "AzureServices", [("198.51.100.7", "Allow")])  # fmt: skip


@pytest.mark.parametrize("properties", [{"allowBlobPublicAcces": False}, {"allowBlobPublicAccess": "false"}, {"publicNetworkAccess": "Off"}])  # fmt: skip
def test_updates_that_azure_refuses(storage: StorageManagementClient, properties: dict[str, Any]) -> None:
    make_account(storage, allowBlobPublicAccess=True)
    with pytest.raises(HttpResponseError) as caught:
        storage.storage_accounts.update("rg-app", "stanchdata1", {"properties": properties})
    assert (caught.value.status_code, caught.value.error.code) == (400, "InvalidRequestContent")
    assert storage.storage_accounts.get_properties("rg-app", "stanchdata1").allow_blob_public_access is True


def test_names_that_cannot_be(storage: StorageManagementClient) -> None:
    body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    with pytest.raises(HttpResponseError, match="AccountNameInvalid"):
        storage.storage_accounts.begin_create("rg-app", "Sample-Storage", body)


def test_containers_are_public_only_where_the_account_allows(storage: StorageManagementClient) -> None:
    make_account(storage, allowBlobPublicAccess=True)
    storage.blob_containers.create("rg-app", "stanchdata1", "site", {"properties": {"publicAccess": "Blob"}})
    assert [(found.name, found.public_access) for found in storage.blob_containers.list("rg-app", "stanchdata1")] == [("site", "Blob")]  # fmt: skip
    storage.storage_accounts.update("rg-app", "stanchdata1", {"properties": {"allowBlobPublicAccess": False}})
    with pytest.raises(HttpResponseError, match="PublicAccessNotPermitted"):
        storage.blob_containers.create("rg-app", "stanchdata1", "more", {"properties": {"publicAccess": "Container"}})
    with pytest.raises(HttpResponseError, match="PublicAccessNotPermitted"):
        storage.blob_containers.update("rg-app", "stanchdata1", "site", {"properties": {"publicAccess": "Container"}})
    assert storage.blob_containers.get("rg-app", "stanchdata1", "site").public_access == "Blob"


def test_a_deleted_account_is_gone(storage: StorageManagementClient) -> None:
    make_account(storage)
    storage.storage_accounts.delete("rg-app", "stanchdata1")
    with pytest.raises(ResourceNotFoundError, match="ResourceNotFound"):
        storage.storage_accounts.get_properties("rg-app", "stanchdata1")
    storage.storage_accounts.delete("rg-app", "stanchdata1")
