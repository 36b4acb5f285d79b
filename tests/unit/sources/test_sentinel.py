from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from stanch.finding import Finding, Observable, Severity
from stanch.sources import sentinel
from tests.unit.sources import events
from tests.unit.sources.events import (
    ALERT,
    INCIDENT,
    SUBSCRIPTION,
    TENANT,
    USER,
    VM,
    WORKSPACE,
    alert_record,
    arm_alert,
    incident,
)
from tests.unit.sources.sentinel_read import ACCOUNT, HOST, IP, named, parsed, refusal


class TestIncidents:
    def test_an_incident_with_one_alert_gives_the_alerts_finding(self) -> None:
        event = incident([arm_alert()], [HOST, ACCOUNT, IP])
        found = parsed(event)
        assert found == Finding(
            source="sentinel", id=ALERT, version="2026-03-01T09:52:00.000+00:00#open", type="VM_SuspiciousProcess", title="Suspicious process",
            severity=Severity.HIGH, account=SUBSCRIPTION, region=None, resources=found.resources, observables=(Observable("ip", "198.51.100.7"),),
            first_seen=datetime(2026, 3, 1, 9, 40, tzinfo=UTC), last_seen=datetime(2026, 3, 1, 9, 50, tzinfo=UTC),
            updated_at=datetime(2026, 3, 1, 9, 52, tzinfo=UTC),
            upstream={
                "incident_id": INCIDENT, "incident_name": INCIDENT.rpartition("/")[2], "workspace_id": WORKSPACE.lower(),
                "workspace_customer_id": "00000000-0000-0000-0000-0000000000d1", "alert_ids": [], "alert_id": ALERT, "analytic_rule_id": None,
                "unresolved": [],
            },
            raw=event,
        )  # fmt: skip
        machine, user = found.resources
        assert (machine.type, machine.id, machine.account, machine.region) == (
            "Microsoft.Compute/virtualMachines",
            VM,
            SUBSCRIPTION,
            None,
        )
        assert (user.type, user.id, user.account) == ("Microsoft.Graph/users", USER, TENANT)
        assert user.details == {"user_principal_name": "alex@corp.example", "display_name": "Alex"}

    def test_an_incident_without_alerts_is_itself_a_finding(self) -> None:
        found = parsed(incident(related=[HOST]))
        assert (found.id, found.type, found.title, found.severity) == (
            INCIDENT.lower(),
            "Incident",
            "Compromised web server",
            Severity.MEDIUM,
        )
        assert (found.version, found.last_seen) == (
            "2026-03-01T10:00:00.000+00:00",
            datetime(2026, 3, 1, 9, 55, tzinfo=UTC),
        )
        assert named(found) == [("Microsoft.Compute/virtualMachines", VM, SUBSCRIPTION)]
        assert (found.archived, found.sample) == (False, False)

    def test_several_alerts_keep_their_own_entities_and_share_the_others(self) -> None:
        own = arm_alert(
            "00000000-0000-0000-0000-00000000a1e8", entities=[ACCOUNT], severity="Low", alertDisplayName="Odd sign-in"
        )
        found = sentinel.parse(incident([arm_alert(), own], [HOST, IP]))
        assert [(item.title, item.severity, [resource.id for resource in item.resources]) for item in found] == [
            ("Suspicious process", Severity.HIGH, [VM]),
            ("Odd sign-in", Severity.LOW, [USER]),
        ]
        assert [len(item.observables) for item in found] == [1, 0]

    @pytest.mark.parametrize("field", ["azureResourceId", "resourceId"])
    def test_an_alerts_own_resource(self, field: str) -> None:
        identifiers = [
            {"type": "AzureResource", field: VM},
            {"type": "LogAnalytics", "workspaceId": "w", "resourceId": WORKSPACE},
        ]
        assert named(parsed(incident([arm_alert(resourceIdentifiers=identifiers)], [IP])))[0][1] == VM
        assert named(parsed(incident([arm_alert(compromisedEntity=VM)])))[0][1] == VM
        assert parsed(incident([arm_alert(compromisedEntity="vm-web")])).resources == ()

    @pytest.mark.parametrize("event", [
        {"body": incident([arm_alert()], [HOST])}, {"body": json.dumps(incident([arm_alert()], [HOST])), "headers": {}},
        [incident([arm_alert()], [HOST])], json.dumps(incident([arm_alert()], [HOST])), events.pascal(incident([arm_alert()], [HOST])),
    ])  # fmt: skip
    def test_wrappers_and_letter_case_change_nothing(self, event: Any) -> None:
        assert replace(parsed(event), raw={}) == replace(parsed(incident([arm_alert()], [HOST])), raw={})

    def test_the_sdks_dict_is_flat_and_in_snake_case(self) -> None:
        found = parsed({
            "additional_properties": {}, "id": INCIDENT, "type": "Microsoft.SecurityInsights/Incidents", "system_data": None, "etag": '"1"', "title": "T",
            "severity": "Low", "status": "Closed", "last_modified_time_utc": "2026-03-01T10:00:00.757960+00:00", "additional_data": {"alert_product_names": []},
        })  # fmt: skip
        assert (found.id, found.title, found.severity, found.archived) == (INCIDENT.lower(), "T", Severity.LOW, True)
        assert found.version == "2026-03-01T10:00:00.757+00:00"

    @pytest.mark.parametrize(
        "event",
        [
            {"incidentArmId": INCIDENT},
            {"IncidentArmID": INCIDENT},
            {"id": INCIDENT},
            {"objectSchemaType": "Incident", "object": {"id": INCIDENT}},
        ],
    )
    def test_the_id_alone_is_enough(self, event: Any) -> None:
        found = parsed(event)
        assert (found.id, found.upstream["incident_id"], found.account) == (INCIDENT.lower(), INCIDENT, SUBSCRIPTION)
        assert (found.severity, found.resources, found.title) == (
            Severity.UNKNOWN,
            (),
            f"Sentinel incident {INCIDENT.rpartition('/')[2]}",
        )

    def test_a_closed_incident_and_a_resolved_alert_are_archived(self) -> None:
        assert parsed(incident(status="Closed")).archived
        assert parsed(incident([arm_alert()], status="Closed")).archived
        assert parsed(incident([arm_alert(status="Resolved")])).archived
        assert parsed(incident([arm_alert(status="Dismissed")])).version.endswith("#done")
        assert not parsed(incident([arm_alert(status="InProgress")], status="Active")).archived

    @pytest.mark.parametrize(
        ("event", "place"),
        [
            (incident() | {"object": None}, "object.id"),
            (incident() | {"object": {"id": INCIDENT.replace(SUBSCRIPTION, "<REDACTED>")}}, "object.id"),
            ({"body": incident() | {"object": {"id": VM}}}, "body.object.id"),
            (incident() | {"object": {"id": INCIDENT.replace("/Incidents/", "/../Incidents/")}}, "object.id"),
            ({"incidentArmId": INCIDENT.replace("OperationalInsights/workspaces", "Compute/disks")}, "incidentArmId"),
            ({"incidentArmId": "7"}, "incidentArmId"),
            (incident() | {"objectSchemaType": "Entity"}, "objectSchemaType"),
            (
                incident([{"kind": "SecurityAlert", "properties": {}}]),
                "object.properties.alerts[0].properties.systemAlertId",
            ),
            (incident(["alert"]), "object.properties.alerts[0]"),
            (incident(lastModifiedTimeUtc="soon"), "object.properties.lastModifiedTimeUtc"),
            ({}, "event"),
            ([], "event"),
            (None, "event"),
            ({"id": VM}, "event"),
        ],
    )
    def test_what_is_no_incident_is_refused_with_its_place(self, event: Any, place: str) -> None:
        assert refusal(event)[0] == place


class TestRecords:
    def test_an_incidents_record_tells_its_id_in_the_portal_link(self) -> None:
        url = f"https://portal.azure.com/#asset/Microsoft_Azure_Security_Insights/Incident{INCIDENT}"
        record = {
            "Type": "SecurityIncident", "TenantId": "00000000-0000-0000-0000-0000000000d1", "IncidentName": INCIDENT.rpartition("/")[2], "Title": "T", "Severity": "High",
            "Status": "New", "IncidentUrl": url, "AlertIds": f'["{ALERT}"]', "LastModifiedTime": "2026-03-01 10:00:00+00:00", "FirstModifiedTime": "None",
            "ClosedTime": "None", "AdditionalData": '{"alertProductNames": ["Azure Sentinel"]}', "TimeGenerated": "2026-03-01 10:00:05+00:00",
        }  # fmt: skip
        found = parsed(record)
        assert (found.id, found.type, found.severity, found.account) == (
            INCIDENT.lower(),
            "Incident",
            Severity.HIGH,
            SUBSCRIPTION,
        )
        assert (found.upstream["workspace_id"], found.upstream["alert_ids"]) == (WORKSPACE.lower(), [ALERT])
        elsewhere = parsed(record | {"IncidentUrl": "https://security.microsoft.com/incidents/7"})
        assert (elsewhere.id, elsewhere.upstream["incident_id"], elsewhere.account) == (
            record["IncidentName"],
            None,
            "",
        )
        assert refusal(record | {"IncidentUrl": url.replace(SUBSCRIPTION, "<REDACTED>")})[0] == "incidentUrl"

    def test_an_alerts_record_has_its_entities_as_text_with_references(self) -> None:
        machine = {"$id": "2", "HostName": "vm-web", "AzureID": VM.upper(), "Type": "host"}
        entities = [
            machine, {"$id": "3", "ProcessId": "0x1", "Host": {"$ref": "2"}, "Type": "process",
                      "ImageFile": {"$id": "4", "Name": "x", "FileHashes": [{"$id": "5", "Algorithm": "SHA1", "Value": "AB" * 20, "Type": "filehash"}], "Type": "file"}},
            {"$ref": "4"}, {"$ref": "5"}, {"$id": "6", "Address": "198.51.100.7", "Type": "ip"},
            {"$id": "7", "Name": "alex", "UPNSuffix": "corp.example", "AadUserId": USER, "AadTenantId": TENANT, "Type": "account"},
            {"$id": "8", "ResourceId": f"{VM}", "Type": "azure-resource"}, {"$id": "9", "Url": "https://bad.example:8443/x", "Type": "url"},
            {"$id": "10", "DomainName": "c2.example", "Type": "dns"},
        ]  # fmt: skip
        found = parsed(alert_record(entities))
        assert [(resource.type, resource.id) for resource in found.resources] == [
            ("Microsoft.Compute/virtualMachines", VM.upper()), ("Microsoft.Graph/users", USER),
        ]  # fmt: skip
        assert [item.value for item in found.observables] == ["198.51.100.7", "bad.example", "c2.example", "ab" * 20]
        assert (found.id, found.severity, found.account) == (ALERT, Severity.HIGH, SUBSCRIPTION)
        assert found.upstream["incident_id"] is None

    def test_the_alert_of_a_scheduled_rule_is_named_by_its_rule(self) -> None:
        kind, extended = f"{TENANT}_{USER}", '{"Analytic Rule Name": "Impossible travel", "Query": "x"}'
        found = parsed(alert_record(AlertType=kind, ExtendedProperties=extended))
        assert (found.type, found.upstream["analytic_rule_id"]) == ("Impossible travel", USER)
        assert parsed(alert_record(AlertType=kind)).type == "Suspicious process"
        inner = arm_alert(alertType=kind, additionalData={"Analytic Rule Name": "Impossible travel"})
        assert parsed(incident([inner])).type == "Impossible travel"

    def test_the_resource_and_subscription_of_a_record(self) -> None:
        assert named(parsed(alert_record(ResourceId=VM))) == [("Microsoft.Compute/virtualMachines", VM, SUBSCRIPTION)]
        assert parsed(alert_record(WorkspaceSubscriptionId="")).account == ""
        assert parsed(alert_record(ResourceId=VM, WorkspaceSubscriptionId="")).account == SUBSCRIPTION

    def test_a_record_without_an_id_is_refused(self) -> None:
        assert refusal(alert_record(SystemAlertId="")) == ("systemAlertId", "is missing")

    def test_entities_that_were_cut_off_do_not_hide_the_resource(self) -> None:
        found = parsed(alert_record('[{"$id": "2", "HostName": "vm', ResourceId=VM))
        assert [resource.id for resource in found.resources] == [VM]
        assert found.upstream["unresolved"][0]["place"] == "entities"
        assert found.upstream["unresolved"][0]["reason"].startswith("is not JSON")

    @pytest.mark.parametrize(
        ("word", "severity"),
        [("High", 4), ("MEDIUM", 3), ("low", 2), ("Informational", 1), ("100", 0), ("", 0), (None, 0)],
    )
    def test_severity(self, word: Any, severity: int) -> None:
        assert parsed(alert_record(AlertSeverity=word)).severity == severity
