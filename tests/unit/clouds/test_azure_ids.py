"""ARM ids from findings: taken apart, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.clouds.azure_ids import ArmId, segment
from stanch.errors import InvalidInput

SUB = "00000000-0000-0000-0000-0000000000a1"
GROUP = f"/subscriptions/{SUB}/resourceGroups/rg-app"


def test_a_resource() -> None:
    found = ArmId.parse(f"{GROUP}/providers/Microsoft.Compute/virtualMachines/web-1")
    assert (found.subscription, found.group, found.name, found.type) == (
        SUB, "rg-app", "web-1", "Microsoft.Compute/virtualMachines",
    )  # fmt: skip
    assert found.scope == GROUP
    assert str(found) == f"{GROUP}/providers/Microsoft.Compute/virtualMachines/web-1"


def test_a_part_and_its_parent() -> None:
    rule = ArmId.parse(f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/g/securityRules/r")
    assert rule.type == "Microsoft.Network/networkSecurityGroups/securityRules"
    assert str(rule.parent) == f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/g"


def test_case_is_kept_and_ignored() -> None:
    given_id = f"/SUBSCRIPTIONS/{SUB}/RESOURCEGROUPS/RG/PROVIDERS/microsoft.compute/VIRTUALMACHINES/VM"
    found = ArmId.parse(given_id)
    assert (found.group, found.name) == ("RG", "VM")
    assert found.is_a("Microsoft.Compute/virtualMachines")
    assert not found.is_a("Microsoft.Compute/disks")


@pytest.mark.parametrize(
    "text",
    [
        "", "/", "nonsense", "web-1", f"/subscriptions/{SUB}", GROUP, f"{GROUP}/providers/Microsoft.Compute/virtualMachines",
        f"{GROUP}/providers/Microsoft.Compute/virtualMachines/..", "/subscriptions/../resourceGroups/rg/providers/N/t/n",
        f"{GROUP}/providers/Microsoft.Compute/virtualMachines/%2e%2e", f"{GROUP}/providers/Microsoft.Compute/virtualMachines/a?b",
        f"{GROUP}/providers/Microsoft.Compute/virtualMachines/a#b", f"{GROUP}/providers/Microsoft.Compute/virtualMachines/ ",
        f"{GROUP}/providers/Microsoft.Compute//web-1", f"x{GROUP}/providers/Microsoft.Compute/virtualMachines/web-1",
        f"{GROUP}/providers/Microsoft.Compute/virtualMachines/a\nb",
    ],
)  # fmt: skip
def test_whatever_is_no_resource_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        ArmId.parse(text)


@given(st.text(max_size=80))
def test_foreign_text_never_reaches_another_path(text: str) -> None:
    try:
        encoded = segment(text)
    except InvalidInput:
        assert text.strip(".") == ""
        return
    assert encoded
    assert not set("/?#\\ ") & set(encoded)
    assert encoded.strip(".") != ""


def test_guests_are_encoded() -> None:
    assert segment("bob_other.example#EXT#@corp.example") == "bob_other.example%23EXT%23@corp.example"
