"""EC2's state where moto differs from AWS: an interface's groups, and deleting a group that is used.

What AWS does is from its API reference: ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute and DeleteSecurityGroup
(https://docs.aws.amazon.com/AWSEC2/latest/APIReference/); the codes are those that its users report.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models import ec2_backends as ec2_backends
from moto.ec2.models import elastic_network_interfaces as moto_interfaces
from moto.ec2.models.instances import Instance
from moto.ec2.models.security_groups import SecurityGroup

from stanch.local.aws.api_error import ApiError

GROUPS_PER_INTERFACE = 5
"""AWS's default quota (https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html)."""


class NetworkInterface(moto_interfaces.NetworkInterface):
    """A network interface that has exactly the groups it was given; moto's adds those of its instance.

    The name is moto's too: its serialiser finds the id by the name of the class.
    """

    @property
    def group_set(self) -> list[SecurityGroup]:
        return list({group.id: group for group in self._group_set}.values())


class LocalEc2Backend(EC2Backend):
    """moto's EC2 of one account and region, with exact interface groups and guarded group deletion."""

    def create_network_interface(
        self,
        subnet: Any,
        private_ip_address: str | list[str],
        private_ip_addresses: list[dict[str, Any]] | None = None,
        group_ids: list[str] | None = None,
        description: str | None = None,
        tags: dict[str, str] | None = None,
        delete_on_termination: bool | None = False,
        **kwargs: Any,
    ) -> NetworkInterface:
        interface = NetworkInterface(  # type: ignore[abstract]
            self, subnet, private_ip_address, private_ip_addresses, group_ids=group_ids, description=description,
            tags=tags, delete_on_termination=delete_on_termination, **kwargs,
        )  # fmt: skip
        self.enis[interface.id] = interface
        return interface

    def set_groups(self, interface: moto_interfaces.NetworkInterface, group_ids: list[str]) -> None:
        """Replace the groups of an interface. Raises as AWS does for an unknown, foreign or repeated group and for too many."""
        groups = [self._group(group_id) for group_id in group_ids]
        if len(set(group_ids)) != len(group_ids):
            raise ApiError("InvalidParameterValue", "Duplicate security group ids are not allowed.")
        if any(group.vpc_id != interface.subnet.vpc_id for group in groups):
            raise ApiError(
                "InvalidGroup.NotFound", "You have specified two resources that belong to different networks."
            )
        if len(groups) > GROUPS_PER_INTERFACE:
            raise ApiError(
                "SecurityGroupsPerInterfaceLimitExceeded",
                "The maximum number of security groups per interface has been reached.",
            )
        interface._group_set = groups
        if interface.instance and interface.device_index == 0:
            interface.instance.security_groups = list(groups)

    def modify_network_interface_attribute(
        self,
        eni_id: str,
        group_ids: list[str],
        source_dest_check: bool | None = None,
        description: str | None = None,
    ) -> None:
        interface = self.get_network_interface(eni_id)
        if not group_ids and source_dest_check is None and description is None:
            raise _no_attributes()
        if group_ids:
            self.set_groups(interface, group_ids)
        super().modify_network_interface_attribute(eni_id, [], source_dest_check, description)

    def modify_instance_security_groups(self, instance_id: str, new_group_id_list: list[str]) -> Instance:
        instance = self.get_instance(instance_id)
        if not new_group_id_list:
            raise _no_attributes()
        if len(instance.nics) > 1:
            raise ApiError(
                "InvalidInstanceID",
                f"There are multiple interfaces attached to instance '{instance_id}'. "
                "Please specify an interface ID for the operation instead.",
            )
        self.set_groups(instance.nics[0], new_group_id_list)
        return instance

    def delete_security_group(self, name: str | None = None, group_id: str | None = None) -> None:
        group = self.get_security_group_by_name_or_id(group_id or name or "")
        if group is not None:
            self._refuse_to_delete(group)
        super().delete_security_group(name, group_id)

    def _refuse_to_delete(self, group: SecurityGroup) -> None:
        if group.is_default:
            message = f'the specified group: "{group.id}" name: "{group.name}" cannot be deleted by a user'
            raise ApiError("CannotDelete", message)
        attached = any(group in interface.group_set for interface in self.enis.values())
        referenced = any(
            rule.source_group.get("GroupId") == group.id
            for other in self.describe_security_groups()
            if other.id != group.id
            for rule in (*other.ingress_rules, *other.egress_rules)
        )
        if attached or referenced:
            raise ApiError("DependencyViolation", f"resource {group.id} has a dependent object")

    def _group(self, group_id: str) -> SecurityGroup:
        group = self.get_security_group_from_id(group_id)
        if group is None:
            raise ApiError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
        return group


def _no_attributes() -> ApiError:
    return ApiError("InvalidParameterCombination", "No attributes specified.")


# Every account and region of this process is made with our class from now on; what another service made before is forgotten.
ec2_backends.backend = LocalEc2Backend
ec2_backends.clear()
