"""Instances and security groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.instances import Instance, Reservation
from moto.ec2.utils import random_reservation_id

from stanch.finding import Resource
from stanch.local.aws.ec2 import ec2_backends
from stanch.local.aws.seeding import exposure, iam
from stanch.local.aws.seeding.network import beside, check_id, ensure_group, ensure_subnet
from stanch.local.aws.seeding.scene import Scene

_IMAGE, _TYPE = "ami-0123456789abcdef0", "t3.micro"


def security_group(scene: Scene, resource: Resource) -> Iterator[str]:
    """The group with the rules that offend and one that does not."""
    backend = ec2_backends[scene.account(resource)][scene.region(resource)]
    group_id = resource.id.rpartition("/")[2]
    configuration = scene.item.get("configuration")
    seen = configuration if isinstance(configuration, Mapping) and scene.item.get("resourceId") == group_id else {}
    name = str(resource.details.get("name") or seen.get("groupName") or group_id)
    vpc_id = str(resource.details.get("vpc_id") or seen.get("vpcId") or beside(check_id(group_id), "vpc"))
    if ensure_group(backend, group_id, name, vpc_id, exposure.of_group(scene, group_id)):
        yield f"{_place(backend)} has the security group {group_id} in {vpc_id}, open as the finding says."


def instance(scene: Scene, resource: Resource) -> Iterator[str]:
    """The instance, running, with a volume, its interfaces and groups, and its profile where the finding names one."""
    backend = ec2_backends[scene.account(resource)][scene.region(resource)]
    instance_id = check_id(str(resource.details.get("instance_id") or resource.id.rpartition("/")[2]))
    if backend.get_instance_by_id(instance_id) is not None:
        return
    described = scene.guardduty.get("Resource", {}).get("InstanceDetails", {})
    if described.get("InstanceId") != instance_id:
        described = {}
    interfaces: list[NetworkInterface] = []
    specs = resource.details.get("interfaces") or [{}]
    for number, spec in enumerate(specs):
        made, sentences = _interface(scene, backend, instance_id, number, spec, described)
        interfaces.append(made)
        yield from sentences
    running = _run(backend, instance_id, interfaces, described)
    yield f"{_place(backend)} has the instance {instance_id}, running, with {len(interfaces)} interface(s) and a volume."
    yield from _profile(scene, resource, backend, running, described)


def _place(backend: EC2Backend) -> str:
    return f"Account {backend.account_id} ({backend.region_name})"


def _interface(
    scene: Scene,
    backend: EC2Backend,
    instance_id: str,
    number: int,
    spec: Mapping[str, Any],
    described: Mapping[str, Any],
) -> tuple[NetworkInterface, list[str]]:
    vpc_id = str(spec.get("vpc_id") or beside(instance_id, "vpc"))
    subnet_id = str(spec.get("subnet_id") or beside(instance_id, "subnet"))
    subnet = ensure_subnet(backend, subnet_id, vpc_id, described.get("AvailabilityZone"))
    said, groups = [], []
    for group in spec.get("groups") or [{"id": beside(instance_id, "sg")}]:
        group_id = str(group.get("id"))
        if ensure_group(
            backend, group_id, str(group.get("name") or group_id), subnet.vpc_id, exposure.of_instance(scene)
        ):
            said.append(f"{_place(backend)} has the security group {group_id} in {subnet.vpc_id}.")
        groups.append(group_id)
    wanted = str(spec.get("eni_id") or "")
    known = backend.enis.get(wanted)
    if known is not None and known.instance is None:
        return known, said
    seen: Mapping[str, Any] = next(
        (one for one in described.get("NetworkInterfaces", []) if one.get("NetworkInterfaceId") == wanted), {}
    )
    made = backend.create_network_interface(
        subnet, seen.get("PrivateIpAddress") or "", device_index=number, group_ids=groups, delete_on_termination=True
    )
    if wanted and known is None:
        del backend.enis[made.id]
        made.id = check_id(wanted)
        backend.enis[wanted] = made
    made.public_ip = seen.get("PublicIp") or None
    return made, said


def _run(
    backend: EC2Backend, instance_id: str, interfaces: list[NetworkInterface], described: Mapping[str, Any]
) -> Instance:
    made = Instance(  # type: ignore[abstract]
        backend, described.get("ImageId") or _IMAGE, None, list(interfaces[0].group_set), region_name=backend.region_name,
        instance_type=described.get("InstanceType") or _TYPE, subnet_id=interfaces[0].subnet.id,
        nics=[{"NetworkInterfaceId": one.id, "DeviceIndex": number} for number, one in enumerate(interfaces)],
    )  # fmt: skip
    made.id = instance_id
    reservation = Reservation(random_reservation_id(), backend.account_id)
    reservation.instances.append(made)
    backend.reservations[reservation.id] = reservation
    made.add_tags({one["Key"]: one.get("Value", "") for one in described.get("Tags", []) if one.get("Key")})
    made.setup_defaults()
    return made


def _profile(
    scene: Scene, resource: Resource, backend: EC2Backend, made: Instance, described: Mapping[str, Any]
) -> Iterator[str]:
    arn = str(described.get("IamInstanceProfile", {}).get("Arn") or resource.details.get("instance_profile_arn") or "")
    if not arn:
        return
    role = next((one for one in scene.finding.resources if one.type == "AWS::IAM::Role"), None)
    name = role.id.rpartition("/")[2] if role else arn.rpartition("/")[2]
    yield from iam.ensure_profile(scene, resource, arn, name)
    backend.associate_iam_instance_profile(made.id, iam_instance_profile_name=arn.rpartition("/")[2])
    yield f"{made.id} has the instance profile {arn.rpartition('/')[2]} with the role {name}."
