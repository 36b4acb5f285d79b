"""A part of the crash matrix, drawn by a fixed seed: every remediation of the registry, faults of any kind at calls of any layer. And its checks see what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from remediations import aws, azure
from tests.contract.harness import all_scenarios
from tests.proof.crash import SAMPLE
from tests.proof.figure import Figure, measured_by
from tests.proof.injector import Death, Fault, Injector
from tests.proof.lab import Lab, local
from tests.proof.outcome import check_closed, check_contained, check_one_effect, check_told, check_undo
from tests.proof.wall import Wall

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def figure(tmp_path_factory: pytest.TempPathFactory) -> Figure:
    return measured_by("crash")("bounded", tmp_path_factory.mktemp("crash"))


def test_no_fault_at_any_call_doubles_or_loses_anything(figure: Figure) -> None:
    assert figure.failures == []


def test_every_remediation_is_covered(figure: Figure) -> None:
    assert {row["remediation"]: row["cases"] for row in figure.table} == dict.fromkeys(
        {**aws.REGISTRY, **azure.REGISTRY}, SAMPLE
    )
    assert figure.cases == SAMPLE * len(figure.table)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A leaked key in the local AWS, of this process."""
    scenario = next(each for each in all_scenarios() if each.remediation == "aws.iam.deactivate_access_key")
    with Wall().shown() as wall, local("aws", tmp_path) as cloud:
        yield Lab(cloud, tmp_path, scenario, wall)


def dies_at(lab: Lab, name: str) -> None:
    """A run that ends after the last call by this name."""
    other = Lab(lab.local, lab.folder / "other", lab.scenario, lab.wall)
    other.attempt()
    k = max(at for at, call in enumerate(other.injector.calls) if call.name == name)
    lab.injector = Injector(Fault(k, "crash after"))
    with pytest.raises(Death):
        lab.attempt()


def test_the_checks_see_what_a_crash_leaves(lab: Lab) -> None:
    dies_at(lab, "iam:UpdateAccessKey")
    assert list(check_contained(lab)) == []
    assert [problem.partition(" ")[0] for problem in check_closed(lab)] == ["action", "a"]
    assert any("ended as None" in problem for problem in check_one_effect(lab, Counter({"iam:UpdateAccessKey": 1})))
    assert any("undone, it is not what it was" in problem for problem in check_undo(lab))


def test_the_checks_see_a_report_that_was_not_delivered(lab: Lab) -> None:
    dies_at(lab, "close")
    assert list(check_closed(lab)) == []
    assert next(problem.partition(":")[0] for problem in check_told(lab)) == "reports are pending"


def test_the_checks_see_an_effect_that_was_not_to_be(lab: Lab) -> None:
    result = lab.attempt()
    assert list(check_one_effect(lab, Counter({"iam:UpdateAccessKey": 1}))) == []
    assert list(check_one_effect(lab, Counter())) == [
        f"action {result.action_id} wrote more than a run without a fault: {{'iam:UpdateAccessKey': 1}}"
    ]
    lab.world.client("iam").update_access_key(
        UserName=lab.resource.details["user_name"], AccessKeyId=lab.resource.id, Status="Active"
    )
    assert list(check_contained(lab)) != []
