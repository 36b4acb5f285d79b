from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.sources import _arm
from tests.unit.sources.events import INCIDENT, SUBSCRIPTION, VM, WORKSPACE

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-app"


@pytest.mark.parametrize(
    ("text", "kind", "name", "scope"),
    [
        (VM, "Microsoft.Compute/virtualMachines", "vm-web", None),
        (VM + "/", "Microsoft.Compute/virtualMachines", "vm-web", None),
        (VM.upper().replace("SUBSCRIPTIONS/", "subscriptions/"), "Microsoft.Compute/virtualMachines", "VM-WEB", None),
        (
            f"{GROUP}/providers/microsoft.network/networksecuritygroups/nsg/securityrules/ssh",
            "Microsoft.Network/networkSecurityGroups/securityRules",
            "ssh",
            None,
        ),
        (f"{GROUP}/providers/Acme.Things/widgets/w", "Acme.Things/widgets", "w", None),
        (f"/subscriptions/{SUBSCRIPTION}", "Microsoft.Resources/subscriptions", SUBSCRIPTION, None),
        (GROUP, "Microsoft.Resources/resourceGroups", "rg-app", None),
        (
            f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Security/assessments/a",
            "Microsoft.Security/assessments",
            "a",
            None,
        ),
        (INCIDENT, "Microsoft.SecurityInsights/Incidents", INCIDENT.rpartition("/")[2], WORKSPACE),
        (f"{VM}/providers/Microsoft.Security/assessments/a", "Microsoft.Security/assessments", "a", VM),
    ],
)
def test_an_id_is_taken_apart(text: str, kind: str, name: str, scope: str | None) -> None:
    parsed = _arm.parse(text)
    assert (parsed.type, parsed.name, parsed.scope, parsed.subscription) == (kind, name, scope, SUBSCRIPTION)
    assert parsed.id == text.rstrip("/")


@pytest.mark.parametrize(
    "text",
    [
        "", "/", "vm-web", "subscriptions/x/y/z", VM[1:], "/providers/Microsoft.Management/managementGroups/g", "/subscriptions/", "/subscriptions/nobody",
        VM.replace("vm-web", ".."), VM.replace("rg-app", "."), VM.replace("vm-web", "vm%2fweb"), VM.replace("vm-web", "vm?x=1"), VM.replace("vm-web", "vm#x"),
        VM.replace("vm-web", "<REDACTED>"), VM.replace("vm-web", "{name}"), VM.replace("vm-web", "a\\b"), VM.replace("vm-web", ""), VM + "/extensions",
        VM.replace("vm-web", " vm"), VM.replace("vm-web", "vm\n"), VM.replace("vm-web", "v" * 261), VM.replace("/providers/", "/things/"),
        f"{GROUP}/providers/Microsoft.Compute", f"{GROUP}/providers/Microsoft.Compute/virtualMachines", f"{VM}/providers/Microsoft.Security",
        VM.replace(SUBSCRIPTION, "<REDACTED_SUBSCRIPTION_ID>"), VM.replace(SUBSCRIPTION, SUBSCRIPTION + "0"), "https://management.azure.com" + VM,
    ],
)  # fmt: skip
def test_whatever_would_mean_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an Azure resource id"):
        _arm.parse(text)


@given(st.text("/.a0%? \\<{-providers", max_size=60))
def test_no_text_breaks_it_and_none_escapes_the_subscription(tail: str) -> None:
    try:
        parsed = _arm.parse(f"{GROUP}/{tail}")
    except ValueError:
        return
    assert parsed.id.startswith(GROUP)
    assert not {".", "..", ""} & set(parsed.id.split("/")[1:])


def test_only_a_real_guid_is_one() -> None:
    assert _arm.guid(SUBSCRIPTION) == SUBSCRIPTION
    assert [
        _arm.guid(text) for text in (None, "", "x", "00000000-0000-0000-0000-000000000000", SUBSCRIPTION + "\n")
    ] == [None] * 5
