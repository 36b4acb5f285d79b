"""Security groups, rules, interfaces and networks through azure-mgmt-network."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceModifiedError, ResourceNotFoundError
from azure.mgmt.network import NetworkManagementClient

from stanch.local.azure.server import AzureCloudServer

from .conftest import NETWORK, SSH, make_group, make_interface


def refused(code: str, call: Any, *args: Any, **more: Any) -> str:
    """The message of a refusal with this code."""
    with pytest.raises(HttpResponseError) as caught:
        call(*args, **more)
    assert caught.value.error is not None
    assert caught.value.error.code == code
    return str(caught.value.error.message)


def test_a_group_is_made_by_a_long_running_operation(network: NetworkManagementClient, azure: AzureCloudServer) -> None:
    group = make_group(network, ssh={})
    assert group.id == f"{NETWORK}/networkSecurityGroups/nsg1"
    assert (group.name, group.type, group.location) == ("nsg1", "Microsoft.Network/networkSecurityGroups", "westeurope")
    assert group.provisioning_state == "Succeeded"
    assert [(rule.name, rule.priority, rule.destination_port_range, rule.source_address_prefixes) for rule in group.security_rules] == [("ssh", 300, "22", [])]  # fmt: skip
    assert [(rule.name, rule.priority) for rule in group.default_security_rules] == [
        ("AllowVnetInBound", 65000), ("AllowAzureLoadBalancerInBound", 65001), ("DenyAllInBound", 65500),
        ("AllowVnetOutBound", 65000), ("AllowInternetOutBound", 65001), ("DenyAllOutBound", 65500),
    ]  # fmt: skip
    paths = [
        (call["method"], call["path"].rpartition("/")[0].rpartition("/")[2], call["status"]) for call in azure.calls
    ]
    assert paths[0] == ("PUT", "networkSecurityGroups", 201)
    assert ("GET", "operations", 200) in paths
    assert paths[-1] == ("GET", "networkSecurityGroups", 200)


def test_ids_have_no_case(network: NetworkManagementClient) -> None:
    made = make_group(network, "Nsg1")
    assert network.network_security_groups.get("RG-APP", "NSG1").id == made.id


def test_put_replaces_what_it_does_not_say(network: NetworkManagementClient) -> None:
    make_group(network, ssh={})
    network.network_security_groups.update_tags("rg-app", "nsg1", {"tags": {"a": "1"}})
    body = {"location": "westeurope", "properties": {"securityRules": []}}
    group = network.network_security_groups.begin_create_or_update("rg-app", "nsg1", body).result()
    assert group.security_rules == []
    assert group.tags is None


def test_read_only_fields_are_kept_whatever_is_sent(network: NetworkManagementClient) -> None:
    before = make_group(network).as_dict()
    sent = {**before, "etag": "W/\"forged\"", "properties": {**before["properties"], "resourceGuid": "forged", "provisioningState": "Failed", "networkInterfaces": [{"id": "forged"}]}}  # fmt: skip
    after = network.network_security_groups.begin_create_or_update("rg-app", "nsg1", sent).result()
    assert after.resource_guid == before["properties"]["resourceGuid"]
    assert after.provisioning_state == "Succeeded"
    assert after.network_interfaces is None
    assert after.etag not in (before["etag"], 'W/"forged"')


def test_rules_come_and_go_and_change_the_groups_etag(network: NetworkManagementClient) -> None:
    first = make_group(network, ssh={})
    rule = network.security_rules.begin_create_or_update("rg-app", "nsg1", "rdp", {"properties": SSH | {"priority": 310, "destinationPortRange": "3389"}}).result()  # fmt: skip
    assert (rule.name, rule.type) == ("rdp", "Microsoft.Network/networkSecurityGroups/securityRules")
    assert [found.name for found in network.security_rules.list("rg-app", "nsg1")] == ["ssh", "rdp"]
    network.security_rules.begin_delete("rg-app", "nsg1", "ssh").result()
    group = network.network_security_groups.get("rg-app", "nsg1")
    assert [found.name for found in group.security_rules] == ["rdp"]
    assert group.etag != first.etag
    assert group.security_rules[0].etag == group.etag
    network.security_rules.begin_delete("rg-app", "nsg1", "ssh").result()  # gone already: 204
    with pytest.raises(ResourceNotFoundError, match="NotFound"):
        network.security_rules.get("rg-app", "nsg1", "ssh")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"priority": 300}, "SecurityRuleConflict"),
        ({"priority": 99}, "SecurityRuleInvalidPriority"),
        ({"priority": 4097}, "SecurityRuleInvalidPriority"),
        ({"destinationPortRange": "70000"}, "SecurityRuleInvalidPortRange"),
        ({"destinationPortRange": "90-80"}, "SecurityRuleInvalidPortRange"),
        ({"sourceAddressPrefix": "10.0.0.0/33"}, "SecurityRuleInvalidAddressPrefix"),
        ({"access": "Perhaps"}, "InvalidRequestFormat"),
        ({"priority": "400"}, "InvalidRequestFormat"),
        ({"sourceAddresPrefix": "*"}, "InvalidRequestFormat"),
        ({"protocol": None}, "InvalidRequestFormat"),
        ({"destinationPortRange": None}, "InvalidRequestFormat"),
    ],
)
def test_rules_that_azure_refuses(network: NetworkManagementClient, change: dict[str, Any], code: str) -> None:
    make_group(network, ssh={})
    body = {"properties": SSH | {"priority": 400} | change}
    refused(code, network.security_rules.begin_create_or_update, "rg-app", "nsg1", "new", body)
    assert [rule.name for rule in network.security_rules.list("rg-app", "nsg1")] == ["ssh"]


def test_the_same_priority_is_free_in_the_other_direction(network: NetworkManagementClient) -> None:
    group = make_group(network, ssh={}, out={"direction": "Outbound"})
    assert [(rule.priority, rule.direction) for rule in group.security_rules] == [(300, "Inbound"), (300, "Outbound")]


def test_an_unknown_property_is_named(network: NetworkManagementClient) -> None:
    with pytest.raises(HttpResponseError) as caught:
        network.network_security_groups.begin_create_or_update("rg-app", "n", {"location": "westeurope", "properties": {"flushConnections": True}})  # fmt: skip
    assert (caught.value.status_code, caught.value.error.code) == (400, "InvalidRequestFormat")
    assert caught.value.error.details[0].code == "InvalidJson"
    assert "Could not find member 'flushConnections' on object of type 'NetworkSecurityGroupPropertiesFormat'" in caught.value.error.details[0].message  # fmt: skip
    message = refused("InvalidRequestContent", network.network_security_groups.begin_create_or_update, "rg-app", "n", {"location": "westeurope", "colour": "red"})  # fmt: skip
    assert "Could not find member 'colour' on object of type 'ResourceDefinition'" in message


def test_flush_connection_is_kept(network: NetworkManagementClient) -> None:
    body = {"location": "westeurope", "properties": {"flushConnection": True}}
    network.network_security_groups.begin_create_or_update("rg-app", "q", body).result()
    assert network.network_security_groups.get("rg-app", "q").flush_connection is True


def test_if_match_guards_a_write(network: NetworkManagementClient) -> None:
    group = make_group(network, ssh={})
    network.network_security_groups.update_tags("rg-app", "nsg1", {"tags": {"changed": "between"}})
    body = {"location": "westeurope", "properties": {}}
    for stale in (group.etag, '"nothing"'):
        with pytest.raises(ResourceModifiedError, match="PreconditionFailed"):
            network.network_security_groups.begin_create_or_update("rg-app", "nsg1", body, headers={"If-Match": stale}, error_map={412: ResourceModifiedError})  # fmt: skip
    fresh = network.network_security_groups.get("rg-app", "nsg1")
    assert [rule.name for rule in fresh.security_rules] == ["ssh"]
    written = network.network_security_groups.begin_create_or_update("rg-app", "nsg1", body, headers={"If-Match": fresh.etag}).result()  # fmt: skip
    assert written.security_rules == []


def test_if_none_match_protects_what_is_there(network: NetworkManagementClient) -> None:
    make_group(network, ssh={})
    body = {"location": "westeurope", "properties": {}}
    refused("PreconditionFailed", network.network_security_groups.begin_create_or_update, "rg-app", "nsg1", body, headers={"If-None-Match": "*"})  # fmt: skip
    assert len(network.network_security_groups.get("rg-app", "nsg1").security_rules) == 1


def test_an_interface_bears_its_group_and_the_group_its_interfaces(network: NetworkManagementClient) -> None:
    group = make_group(network)
    nic = make_interface(network, networkSecurityGroup={"id": group.id.upper()})
    assert nic.network_security_group.id == group.id
    assert [found.id for found in network.network_security_groups.get("rg-app", "nsg1").network_interfaces] == [nic.id]
    assert [(entry.name, entry.private_ip_address, entry.primary) for entry in nic.ip_configurations] == [("ipconfig1", "10.0.0.4", True)]  # fmt: skip
    assert make_interface(network, "nic2").ip_configurations[0].private_ip_address == "10.0.0.5"
    sent = nic.as_dict()
    del sent["properties"]["networkSecurityGroup"]
    without = network.network_interfaces.begin_create_or_update("rg-app", "nic1", sent).result()
    assert without.network_security_group is None
    assert without.ip_configurations[0].private_ip_address == "10.0.0.4"
    assert network.network_security_groups.get("rg-app", "nsg1").network_interfaces is None


def test_references_must_exist_in_the_same_place(network: NetworkManagementClient) -> None:
    elsewhere = network.network_security_groups.begin_create_or_update("rg-app", "far", {"location": "eastus"}).result()
    for target in (elsewhere.id, f"{NETWORK}/networkSecurityGroups/none"):
        with pytest.raises(HttpResponseError, match="InvalidResourceReference") as caught:
            make_interface(network, networkSecurityGroup={"id": target})
        assert caught.value.status_code == 400
        assert f"Resource {target} referenced by resource {NETWORK}/networkInterfaces/nic1 was not found" in caught.value.message  # fmt: skip


def test_what_is_in_use_is_not_deleted(network: NetworkManagementClient) -> None:
    group = make_group(network)
    make_interface(network, networkSecurityGroup={"id": group.id})
    refused("InUseNetworkSecurityGroupCannotBeDeleted", network.network_security_groups.begin_delete, "rg-app", "nsg1")
    refused("InUseSubnetCannotBeDeleted", network.subnets.begin_delete, "rg-app", "net1", "default")
    refused("InUseSubnetCannotBeDeleted", network.virtual_networks.begin_delete, "rg-app", "net1")
    network.network_interfaces.begin_delete("rg-app", "nic1").result()
    network.network_security_groups.begin_delete("rg-app", "nsg1").result()
    network.virtual_networks.begin_delete("rg-app", "net1").result()
    assert list(network.network_security_groups.list("rg-app")) == []


def test_a_subnet_bears_a_group_of_its_own(network: NetworkManagementClient) -> None:
    group = make_group(network)
    make_interface(network)
    subnet = {"properties": {"addressPrefix": "10.0.0.0/24", "networkSecurityGroup": {"id": group.id}}}
    made = network.subnets.begin_create_or_update("rg-app", "net1", "default", subnet).result()
    assert made.network_security_group.id == group.id
    assert [found.id for found in made.ip_configurations] == [f"{NETWORK}/networkInterfaces/nic1/ipConfigurations/ipconfig1"]  # fmt: skip
    assert [found.id for found in network.network_security_groups.get("rg-app", "nsg1").subnets] == [made.id]


def test_a_public_address_knows_its_user(network: NetworkManagementClient) -> None:
    body = {"location": "westeurope", "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}
    address = network.public_ip_addresses.begin_create_or_update("rg-app", "ip1", body).result()
    assert address.ip_address.startswith("203.0.113.")
    make_interface(network)
    entry = {"name": "ipconfig1", "properties": {"subnet": {"id": f"{NETWORK}/virtualNetworks/net1/subnets/default"}, "publicIPAddress": {"id": address.id}}}  # fmt: skip
    network.network_interfaces.begin_create_or_update("rg-app", "nic1", {"location": "westeurope", "properties": {"ipConfigurations": [entry]}}).result()  # fmt: skip
    assert network.public_ip_addresses.get("rg-app", "ip1").ip_configuration.id == f"{NETWORK}/networkInterfaces/nic1/ipConfigurations/ipconfig1"  # fmt: skip
    refused("PublicIPAddressCannotBeDeleted", network.public_ip_addresses.begin_delete, "rg-app", "ip1")


def test_lists_are_paged(network: NetworkManagementClient, azure: AzureCloudServer) -> None:
    names = [f"g{number:03}" for number in range(103)]
    for name in names:
        azure.arm.answer("PUT", f"{NETWORK}/networkSecurityGroups/{name}", {"api-version": "2024-05-01"}, {}, {"location": "westeurope"})  # fmt: skip
    azure.state.calls.clear()
    assert [group.name for group in network.network_security_groups.list_all()] == names
    assert len(azure.calls) == 2
    assert [group.name for group in network.network_security_groups.list("rg-app")] == names
