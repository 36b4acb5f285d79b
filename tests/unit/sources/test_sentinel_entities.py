"""What the entities of a Sentinel incident name, and the samples of Microsoft's own."""

from __future__ import annotations

from typing import Any

import pytest

from stanch.finding import Finding, Observable
from tests.unit.sources.events import (
    VM,
    alert_record,
    arm_alert,
    entity,
    incident,
)
from tests.unit.sources.sentinel_read import HOST, named, parsed


class TestEntities:
    def of(self, *entities: Any) -> Finding:
        return parsed(incident(related=list(entities)))

    def test_a_user_without_an_object_id_is_known_by_name(self) -> None:
        for entity_ in (
            entity("Account", accountName="alex", upnSuffix="corp.example"),
            {"Type": "account", "Name": "alex@corp.example"},
            entity("Account", userPrincipalName="alex@corp.example"),
        ):
            assert named(self.of(entity_)) == [("Microsoft.Graph/users", "alex@corp.example", "")]
        guest = "kim_partner.example#EXT#@corp.onmicrosoft.com"
        assert named(self.of(entity("Account", accountName=guest)))[0][1] == guest

    @pytest.mark.parametrize(
        ("properties", "name"),
        [
            ({"accountName": "sa"}, "sa"),
            ({"accountName": "admin", "ntDomain": "VM-WEB", "sid": "S-1-5-21-1"}, "VM-WEB\\admin"),
            ({"sid": "S-1-5-18"}, "S-1-5-18"),
            ({"accountName": "a/../b", "upnSuffix": "corp.example"}, "a/../b"),
            ({"accountName": "x", "aadUserId": "00000000-0000-0000-0000-000000000000"}, "x"),
            ({"accountName": "x", "aadUserId": "<REDACTED>"}, "x"),
        ],
    )
    def test_an_account_without_a_usable_id_is_observed(self, properties: dict[str, str], name: str) -> None:
        found = self.of(entity("Account", **properties))
        assert found.resources == ()
        assert found.observables == (Observable("principal", name),)
        (note,) = found.upstream["unresolved"]
        assert (note["kind"], note["name"], note["place"]) == (
            "account",
            name,
            "object.properties.relatedEntities[0].properties",
        )

    def test_a_host_that_azure_does_not_know_is_observed(self) -> None:
        found = self.of(entity("Host", hostName="laptop", dnsDomain="corp.example", mdatpDeviceId="d-1"))
        assert found.observables == (Observable("principal", "laptop.corp.example"),)
        assert found.upstream["unresolved"][0]["mdatp_device_id"] == "d-1"

    def test_a_malformed_id_is_noted_and_hides_no_other_entity(self) -> None:
        found = self.of(
            entity("Host", hostName="x", azureID=VM + "/../y"),
            entity("AzureResource", resourceId="<REDACTED>"),
            entity("AzureResource"),
            HOST,
        )
        assert [resource.id for resource in found.resources] == [VM]
        assert [note["place"].rpartition("relatedEntities")[2] for note in found.upstream["unresolved"]] == [
            "[0].properties.azureID", "[0].properties", "[1].properties.resourceId", "[2].properties.resourceId",
        ]  # fmt: skip

    def test_azure_spells_the_type(self) -> None:
        for spelt in (VM.lower(), VM.upper().replace("/SUBSCRIPTIONS/", "/subscriptions/")):
            (machine,) = self.of(entity("AzureResource", resourceId=spelt)).resources
            assert (machine.type, machine.id) == ("Microsoft.Compute/virtualMachines", spelt)
        hybrid = VM.replace("Microsoft.Compute/virtualMachines", "microsoft.hybridcompute/machines")
        assert self.of(entity("Host", azureID=hybrid)).resources[0].type == "Microsoft.HybridCompute/machines"

    def test_one_machine_named_twice_is_one_resource(self) -> None:
        assert (
            len(self.of(HOST, entity("AzureResource", resourceId=VM.lower()), entity("Host", azureID=VM)).resources)
            == 1
        )

    @pytest.mark.parametrize(
        ("given", "observable"),
        [
            (entity("Ip", address="2001:DB8::1"), Observable("ip", "2001:db8::1")),
            (entity("Ip", address="not an address"), None),
            (entity("FileHash", hashValue="AB" * 32, algorithm="SHA256"), Observable("hash", "ab" * 32)),
            (entity("FileHash", hashValue="Sample-SHA"), None),
            (entity("DnsResolution", domainName="C2.example"), Observable("domain", "c2.example")),
            (entity("Url", url="http://198.51.100.7/x"), Observable("ip", "198.51.100.7")),
            (entity("Url", url="http://[broken/"), None),
            (
                entity("Mailbox", mailboxPrimaryAddress="alex@corp.example"),
                Observable("principal", "alex@corp.example"),
            ),
            (entity("Ip", address=["198.51.100.7"]), None),
            (entity("Malware", malwareName="x"), None),
        ],
    )
    def test_observables(self, given: Any, observable: Observable | None) -> None:
        assert self.of(given).observables == ((observable,) if observable else ())


class TestSamples:
    def test_defender_marks_its_samples_in_type_and_title(self) -> None:
        assert parsed(alert_record(AlertType="SIMULATED_VM_SuspiciousProcess")).sample
        assert parsed(alert_record(DisplayName="[SAMPLE ALERT] Suspicious process")).sample
        assert parsed(incident([arm_alert(alertDisplayName="[SAMPLE ALERT] x")])).sample
        assert parsed(incident(title="[SAMPLE ALERT] x")).sample
        endpoint = {"ProviderName": "MDATP", "ProductName": "Microsoft Defender Advanced Threat Protection"}
        assert parsed(alert_record(DisplayName="[Test Alert] x", **endpoint)).sample

    @pytest.mark.parametrize("title", ["Suspicious process", "Process [SAMPLE ALERT]", "Sample-VM", "Test Alert: x"])
    def test_other_titles_are_real(self, title: str) -> None:
        assert not parsed(alert_record(DisplayName=title)).sample

    def test_a_title_that_a_rule_built_marks_nothing(self) -> None:
        analytics = {"ProviderName": "ASI Scheduled Alerts", "ProductName": "Azure Sentinel"}
        for title in ("[SAMPLE ALERT] from a user's name", "[Test Alert] from a user's name"):
            assert not parsed(alert_record(DisplayName=title, **analytics)).sample
            assert not parsed(incident(title=title, additionalData={"alertProductNames": ["Azure Sentinel"]})).sample
