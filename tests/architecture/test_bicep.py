"""The Azure deployment fits the code that it deploys. That Azure accepts it, only Azure can say."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from azure.core.credentials import AccessToken

import function_app
from handlers.azure import wiring
from stanch.clouds import azure
from stanch.clouds.azure_settings import AzureSettings
from stanch.sources import sentinel
from stanch.upstream.sentinel_write_back import PERMISSIONS
from tests.architecture.bicep import FILES, FOLDER, parse, rendered, resources, text, unresolved

ROOT = FOLDER.parent.parent
ROLES = json.loads((FOLDER / "roles.json").read_text())
HOST = json.loads((ROOT / "host.json").read_text())
DOC = (ROOT / "docs/deploy-azure.md").read_text()
INCIDENT = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/siem/providers/Microsoft.OperationalInsights/workspaces/siem/providers/Microsoft.SecurityInsights/Incidents/00000000-0000-0000-0000-0000000000cc"

# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
BUILT_IN = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "c6a89b2d-59bc-44d0-9896-0b6e12d7b80a": "Storage Queue Data Message Sender",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "d5a91429-5739-47e2-a06b-3470a27159e7": "EventGrid Data Sender",
    "516239f1-63e1-4d78-a4de-a74fb236a071": "App Configuration Data Reader",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "8d289c81-5878-46d4-8554-54e1e3d8b5cb": "Microsoft Sentinel Reader",
    "f4c81013-99ee-4d62-a7ee-b3f1f648599a": "Microsoft Sentinel Automation Contributor",
}
PROGRAMS = {
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46": "Microsoft Azure CLI",
    "98785600-1bb7-4fb9-b9fa-19afe2c8a360": "Azure Security Insights",
}
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

KNOWN = {
    "mode": "observe",
    "teamsSecret": "stanch-teams",
    "sentinelWorkspaceId": INCIDENT.partition("/providers/Microsoft.SecurityInsights")[0],
    "storage.outputs.accountName": "account",
    "storage.outputs.tableName": "journal",
    "storage.outputs.poisonQueueUrl": "https://account.queue.core.windows.net/stanch-sentinel-poison",
    "vault.properties.vaultUri": "https://stanch.vault.azure.net/",
    "configuration.properties.endpoint": "https://stanch.azconfig.io",
    "states.properties.endpoint": "https://stanch-states.westeurope-1.eventgrid.azure.net/api/events",
    "insights.properties.ConnectionString": "InstrumentationKey=00000000-0000-0000-0000-000000000000",
    **{f"{name}.properties.{kind}": f"{name}-{kind}" for name in ("host", "read", "act", "undo") for kind in ("clientId", "principalId")},
}  # fmt: skip


def settings() -> dict[str, str]:
    """The app's settings as the Function app sees them."""
    [found] = resources("Microsoft.Web/sites/config", "appsettings")
    return {name: rendered(value, KNOWN) for name, value in found["properties"].items()}


def parameters(name: str) -> tuple[set[str], set[str]]:
    """A file's parameters: those that must be given, and all."""
    declared = parse(name).get("parameters", {})
    return {one for one, what in declared.items() if what.get("default") is None}, set(declared)


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_bicep_and_every_name_in_it_is_declared(name: str) -> None:
    assert parse(name)["resources"]
    assert unresolved(text(name)) == set()


def test_a_name_that_nothing_declares_is_found() -> None:
    source = "param a string\nvar b = [for (x, i) in lost: { key: x, n: i }] // c\noutput d string = a == '${toLower(gone.id)}' ? b : astray\n"
    assert unresolved(source) == {"lost", "gone", "astray"}


def test_modules_are_there_and_are_given_what_they_declare() -> None:
    used = {}
    for name in FILES:
        for symbol, module in parse(name).get("modules", {}).items():
            path = module["detail"]["path"]
            used[path] = symbol
            required, declared = parameters(path)
            assert required <= set(module["config"]["params"]) <= declared, f"{name}: {symbol}"
            wanted = set(re.findall(rf"\b{symbol}\.outputs\.(\w+)", text(name)))
            assert wanted <= set(parse(path).get("outputs", {})), f"{name}: {symbol}"
    assert set(used) == set(FILES) - {"main.bicep", "member.bicep"}


def test_json_that_is_loaded_exists() -> None:
    loaded = [path for name in FILES for path in re.findall(r"loadJsonContent\('([^']+)'", text(name))]
    assert loaded == ["roles.json"]
    assert (FOLDER / loaded[0]).is_file()


def test_every_purpose_gets_exactly_its_own_custom_role() -> None:
    principals = parse("member.bicep")["variables"]["principals"]["value"]
    given = {name.strip("'"): principal for name, principal in principals.items()}
    assert given == {role["Name"]: f"{role['Name'].removeprefix('Stanch ')}PrincipalId" for role in ROLES}
    outputs = {name: rendered(one["value"], {**KNOWN, "app.name": "", "states.id": "", "vault.name": "", "configuration.name": "", "app.properties.defaultHostName": ""})
               for name, one in parse("main.bicep")["outputs"].items()}  # fmt: skip
    assert {outputs[f"{purpose}PrincipalId"] for purpose in ("read", "act", "undo")} == {
        "read-principalId",
        "act-principalId",
        "undo-principalId",
    }
    assert all("/" in action and "*" not in action for role in ROLES for action in role["Actions"])


def test_the_host_may_tell_sentinel_and_no_more() -> None:
    [role] = [
        one["config"]
        for one in parse("automation.bicep")["resources"].values()
        if one["type"] == "Microsoft.Authorization/roleDefinitions"
    ]
    [permission] = role["properties"]["permissions"]
    assert set(permission["actions"]) == PERMISSIONS
    assert permission["dataActions"] == []


def test_every_id_is_a_role_or_a_program_that_exists() -> None:
    ids = {found for name in FILES for found in GUID.findall(text(name))}
    assert ids == set(BUILT_IN) | set(PROGRAMS)
    for name in FILES:
        chosen = set(re.findall(r"\broles\.(?!json)(\w+)", text(name)))
        table = parse(name).get("variables", {}).get("roles", {}).get("value", {})
        assert chosen <= set(table), name
        for key, role in table.items() if "function" not in table else ():
            assert key.lower() == BUILT_IN[role].replace(" ", "").removeprefix("Microsoft").lower()


def test_functions_and_queues_are_what_the_code_registers() -> None:
    triggers: dict[str, Any] = {
        str(one.get_function_name()): one.get_trigger() for one in function_app.app.get_functions()
    }
    queues = {name: one for name, one in triggers.items() if one.type == "queueTrigger"}
    deployed = resources("Microsoft.Storage/storageAccounts/queueServices/queues")
    assert [one["name"] for one in deployed] == [one.queue_name for one in queues.values()]
    assert all(f"{one.connection}__accountName" in settings() for one in queues.values())
    assert set(re.findall(r"'function:(\w+)'", text("main.bicep"))) == set(queues)
    assert f"/api/{triggers['runbook'].route}" in parse("main.bicep")["outputs"]["runbookUrl"]["value"]
    assert HOST["extensions"]["queues"]["maxDequeueCount"] == int(settings()["STANCH_MAX_DELIVERIES"])


def test_the_playbook_sends_what_the_host_decodes_and_the_parser_reads() -> None:
    [playbook] = resources("Microsoft.Logic/workflows")
    message = playbook["properties"]["definition"]["actions"]["Message"]["inputs"].replace("\\'", "'")
    assert HOST["extensions"]["queues"]["messageEncoding"] == "base64"
    full, short = re.fullmatch(r"@if\(lessOrEquals\(length\((.+?)\), 65536\), \1, (.+)\)", message).groups()  # type: ignore[union-attr]
    assert full == "base64(string(triggerBody()))"
    before, after = re.fullmatch(
        r"base64\(concat\('(.*)', triggerBody\(\)\?\['object'\]\?\['id'\], '(.*)'\)\)", short
    ).groups()  # type: ignore[union-attr]
    [finding] = sentinel.parse(json.loads(f"{before}{INCIDENT}{after}"))
    assert finding.upstream["incident_id"] == INCIDENT


class Credential:
    """Stands for a managed identity."""

    def __init__(self, client_id: str | None) -> None:
        self.client_id = client_id

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        raise AssertionError("nothing is sent")


def test_the_wiring_takes_the_settings_and_keeps_the_identities_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str | None] = []

    def credential(settings: AzureSettings, client_id: str | None = None, transport: object = None) -> Credential:
        made.append(client_id)
        return Credential(client_id)

    monkeypatch.setattr(azure, "default_credential", credential)
    env = settings() | {"STANCH_APPROVAL_URL": "https://example.azurewebsites.net/api/approval"}
    deployment = wiring.build(env)
    assert made == [None], "the journal is reached as AZURE_CLIENT_ID, the host"
    assert env["AZURE_CLIENT_ID"] == "host-clientId"
    assert deployment.settings.ceiling == "observe"
    assert set(deployment.channels) == {"teams", "sentinel", "event_grid"}
    assert {f"{name}-principalId" for name in ("host", "read", "act", "undo")} <= set(deployment.cloud.own())
    for purpose in ("read", "act", "undo"):
        assert deployment.cloud.credential(purpose).client_id == f"{purpose}-clientId"  # type: ignore[attr-defined]


def test_secrets_are_named_and_never_set() -> None:
    for name in FILES:
        assert not re.findall(
            r"\blist(?!CallbackUrl)\w+\(|AccountKey|SharedAccess|lientSecret|Microsoft\.KeyVault\(|@secure", text(name)
        ), name
    assert settings()["STANCH_TEAMS_SECRET"] == "stanch-teams"
    assert resources("Microsoft.KeyVault/vaults/secrets") == []
    [account] = resources("Microsoft.Storage/storageAccounts")
    assert account["properties"]["allowSharedKeyAccess"] is False
    assert account["properties"]["allowBlobPublicAccess"] is False
    assert account["properties"]["minimumTlsVersion"] == "TLS1_2"


def test_the_kill_switch_is_read_with_tokens_and_no_deployment_releases_it() -> None:
    [store] = resources("Microsoft.AppConfiguration/configurationStores")
    assert store["properties"]["disableLocalAuth"] is True
    assert not [name for name in FILES if "configurationStores/keyValues" in text(name)]
    assert f"--key {settings()['STANCH_KILL_SWITCH']} --value off" in DOC


def test_authentication_is_required_and_its_sign_is_left_to_the_platform() -> None:
    [found] = resources("Microsoft.Web/sites/config", "authsettingsV2")
    assert found["properties"]["platform"]["enabled"] is True
    assert found["properties"]["globalValidation"] == {
        "requireAuthentication": True,
        "unauthenticatedClientAction": "Return401",
    }
    provider = found["properties"]["identityProviders"]["azureActiveDirectory"]
    assert provider["enabled"] is True
    assert provider["validation"]["defaultAuthorizationPolicy"] == {"allowedApplications": "callers"}
    assert not any(name.startswith("WEBSITE_") for name in settings())


def test_people_are_told_of_what_was_given_up() -> None:
    [rule] = resources("Microsoft.Insights/scheduledQueryRules")
    [criterion] = rule["properties"]["criteria"]["allOf"]
    assert '"/${queueName}-poison/"' in criterion["query"]
    assert rule["properties"]["actions"] == {
        "actionGroups": [
            {"operator": {"type": "property_accessor", "operands": {"operand_1": "people", "operand_2": "id"}}}
        ]
    }
    given = parse("main.bicep")["modules"]["alerts"]["config"]["params"]["queueName"]
    assert rendered(given, {"storage.outputs.queueName": "stanch-sentinel"}) == "stanch-sentinel"


def test_the_documented_commands_give_what_the_files_ask_for() -> None:
    for name in ("main.bicep", "member.bicep"):
        [command] = re.findall(rf"--template-file deploy/azure/{name} --parameters \\\n((?:.*\\\n)*.*)", DOC)
        required, declared = parameters(name)
        given = set(re.findall(r"(?:^|\s)(\w+)=", command))
        assert required <= given <= declared, name
    outputs = set(re.findall(r"\$\(output (\w+)\)", DOC))
    assert outputs == set(parse("main.bicep")["outputs"])


def test_the_documented_graph_permissions_are_the_declared_ones() -> None:
    granted = set(re.findall(r'^grant "\$\(output (\w+)PrincipalId\)" (\S+)$', DOC, re.MULTILINE))
    declared = {
        (role["Name"].removeprefix("Stanch "), permission) for role in ROLES for permission in role["GraphPermissions"]
    }
    assert granted == declared
