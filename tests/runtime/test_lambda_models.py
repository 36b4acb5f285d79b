"""The SDK's models in the artefact are cut; nothing that is called was cut off, and what was cannot be called unnoticed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.loaders import Loader, create_loader
from botocore.model import OperationModel, ServiceModel, Shape

from remediations import aws
from stanch.action import Outcome
from stanch.clouds import aws as clouds
from stanch.clouds import aws_clients
from stanch.errors import CloudError
from stanch.local.aws.server import AwsCloud
from stanch.remediation import load
from tests.contract.harness import all_scenarios, aws_bench
from tests.contract.recording import AWS_ACTIONS
from tests.contract.scenario import Scenario
from tests.runtime.called import called, paged, waited

REGIONS = ("eu-west-1", "us-east-1", "us-west-2", "cn-north-1", "us-gov-west-1")
SCENARIOS = {each.remediation: each for each in reversed(all_scenarios()) if each.remediation in aws.REGISTRY}

Client = Callable[..., Any]


def _loader(data: Path) -> Loader:
    return Loader(extra_search_paths=[str(data)], include_default_search_paths=False)


def _clients(loader: Loader | None) -> Client:
    session = botocore.session.get_session()
    if loader is not None:
        session.register_component("data_loader", loader)
    made: dict[tuple[str, str], Any] = {}

    def client(service: str, region: str = "eu-west-1") -> Any:
        if (service, region) not in made:
            made[service, region] = session.create_client(
                service, region, aws_access_key_id="test", aws_secret_access_key="test"
            )
        return made[service, region]

    return client


@pytest.fixture(scope="module")
def models(aws_artefact: Path) -> Loader:
    return _loader(aws_artefact / "botocore" / "data")


@pytest.fixture(scope="module")
def cut(models: Loader) -> Client:
    """Clients from the artefact's models."""
    return _clients(models)


@pytest.fixture(scope="module")
def whole() -> Client:
    """Clients from the models as they are published."""
    return _clients(None)


@pytest.fixture(scope="module")
def calls(aws_artefact: Path, whole: Client) -> set[tuple[str, str]]:
    return called(aws_artefact, lambda service: set(whole(service).meta.method_to_api_mapping))


def _kept(client: Any) -> dict[str, str]:
    """Python name → name in the API."""
    mapping: dict[str, str] = client.meta.method_to_api_mapping
    return mapping


def test_every_operation_that_is_called_is_kept(calls: set[tuple[str, str]], cut: Client) -> None:
    assert len(calls) > 55
    assert {("iam", "update_access_key"), ("config", "put_evaluations"), ("dynamodb", "transact_write_items"),
            ("sns", "publish"), ("events", "put_events"), ("sqs", "receive_message"), ("sts", "assume_role"),
            ("s3", "list_object_versions"), ("s3control", "put_public_access_block")} <= calls  # fmt: skip
    assert [f"{service}:{name}" for service, name in sorted(calls) if name not in _kept(cut(service))] == []


@pytest.mark.parametrize("name", sorted(aws.REGISTRY))
def test_every_permission_that_a_remediation_declares_has_its_operation(name: str, cut: Client) -> None:
    """The contract holds the declared permissions against the calls, both ways."""
    declared = load(aws.REGISTRY[name]).permissions
    wanted = {*declared.plan, *declared.apply, *declared.undo}
    services = {action.partition(":")[0] for action in wanted} | {
        call.partition(":")[0] for call, action in AWS_ACTIONS.items() if action in wanted
    }
    operations = {f"{service}:{each}" for service in services for each in _kept(cut(service)).values()}
    assert wanted <= {AWS_ACTIONS.get(operation, operation) for operation in operations}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))
def test_every_remediation_contains_and_undoes_on_the_cut_models(
    scenario: Scenario, models: Loader, aws_cloud: AwsCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_cloud.url)
    monkeypatch.setattr(aws_clients, "_models", lambda: models)
    bench = aws_bench(aws_cloud.url, tmp_path)
    resource = scenario.expose(bench.world)
    before = scenario.snapshot(bench.world, resource)
    result = bench.act(scenario, resource)
    assert (result.outcome, result.reason) == (Outcome.ACTED, None)
    assert scenario.contained(bench.world, resource)
    assert bench.undo(result.action_id or "").run().outcome is Outcome.UNDONE
    assert scenario.snapshot(bench.world, resource) == before


def test_what_is_kept_is_serialised_and_parsed_as_published(calls: set[tuple[str, str]], aws_artefact: Path) -> None:
    # botocore rewrites its models in memory while clients are made and used, so these are read anew.
    loaders = _loader(aws_artefact / "botocore" / "data"), create_loader()
    for service in sorted({service for service, _ in calls}):
        ours, published = (ServiceModel(loader.load_service_model(service, "service-2"), service) for loader in loaders)
        assert ours.metadata == published.metadata
        assert ours.client_context_parameters == published.client_context_parameters
        for name in ours.operation_names:
            check_operation(ours.operation_model(name), published.operation_model(name))


def check_operation(ours: OperationModel, published: OperationModel) -> None:
    """The operations are the same on the wire."""
    for attribute in ("http", "endpoint", "auth", "auth_type", "static_context_parameters", "context_parameters"):
        found, wanted = getattr(ours, attribute, None), getattr(published, attribute, None)
        assert str(found) == str(wanted), (ours.name, attribute)
    check_shape(ours.input_shape, published.input_shape, set())
    check_shape(ours.output_shape, published.output_shape, set())
    assert [shape.name for shape in ours.error_shapes] == [shape.name for shape in published.error_shapes]
    for mine, other in zip(ours.error_shapes, published.error_shapes, strict=True):
        check_shape(mine, other, set())


def check_shape(ours: Shape | None, published: Shape | None, seen: set[str]) -> None:
    """The shapes are the same on the wire, all the way down."""
    if ours is None or published is None:
        assert ours is published
        return
    if ours.name in seen:
        return
    seen.add(ours.name)
    assert (ours.name, ours.type_name, ours.serialization) == (
        published.name,
        published.type_name,
        published.serialization,
    )
    found, wanted = dict(ours.metadata), dict(published.metadata)
    assert found == wanted, ours.name
    members: Any = (getattr(ours, "members", {}), getattr(published, "members", {}))
    assert list(members[0]) == list(members[1]), ours.name
    pairs = [(members[0][name], members[1][name]) for name in members[0]]
    pairs += [
        (getattr(ours, part), getattr(published, part)) for part in ("member", "key", "value") if hasattr(ours, part)
    ]
    for mine, other in pairs:
        check_shape(mine, other, seen)


def test_every_paginator_and_waiter_that_is_used_is_kept(aws_artefact: Path, cut: Client, whole: Client) -> None:
    pages = paged(aws_artefact)
    assert len(pages) > 10
    for service, name in sorted(pages):
        ours, published = cut(service).get_paginator(name), whole(service).get_paginator(name)
        assert ours._pagination_cfg == published._pagination_cfg, f"{service}:{name}"
    assert waited(aws_artefact) == {"table_exists"}
    assert cut("dynamodb").get_waiter("table_exists").config.operation in _kept(cut("dynamodb")).values()


@pytest.mark.parametrize("region", REGIONS)
def test_every_service_is_reached_and_signed_for_as_published(
    region: str, calls: set[tuple[str, str]], cut: Client, whole: Client
) -> None:
    for service in sorted({service for service, _ in calls}):
        ours, published = cut(service, region), whole(service, region)
        assert ours.meta.endpoint_url == published.meta.endpoint_url, service
        assert ours.meta.partition == published.meta.partition, service
        for attribute in ("region_name", "signing_name", "signature_version"):
            found, wanted = (getattr(client._request_signer, attribute) for client in (ours, published))
            assert found == wanted, (service, attribute)


def test_the_rules_of_endpoints_are_the_published_ones(models: Loader) -> None:
    published = botocore.session.get_session().get_component("data_loader")
    for service in models.list_available_services("service-2"):
        found, wanted = (each.load_service_model(service, "endpoint-rule-set-1") for each in (models, published))
        assert found == wanted, service


def test_what_was_cut_off_raises_on_its_first_use(
    cut: Client, whole: Client, models: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_clients, "_models", lambda: models)
    session = clouds.AwsCloud(clouds.AwsSettings("eu-west-1", "111122223333")).home
    assert "create_login_profile" in _kept(whole("iam"))
    with pytest.raises(AttributeError, match="create_login_profile"):
        session.call("iam", "create_login_profile", UserName="example")
    with pytest.raises(CloudError, match="redshift"):
        session.call("redshift", "describe_clusters")
    with pytest.raises(KeyError, match="list_virtual_mfa_devices"):
        session.pages("iam", "list_virtual_mfa_devices", "VirtualMFADevices")


def test_the_models_are_a_fraction_of_the_published_ones(aws_artefact: Path) -> None:
    data = aws_artefact / "botocore" / "data"
    assert sum(path.stat().st_size for path in data.rglob("*")) < 3_000_000
    assert xform_name("DescribeTable") in _kept(_clients(_loader(data))("dynamodb"))
