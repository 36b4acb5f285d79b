"""The Azure remediations: id → 'module:Class', imported on use."""

REGISTRY: dict[str, str] = {
    "azure.compute.deallocate_vm": "remediations.azure.deallocate_vm:DeallocateVm",
    "azure.compute.isolate_vm": "remediations.azure.isolate_vm:IsolateVm",
    "azure.entra.disable_user": "remediations.azure.disable_user:DisableUser",
    "azure.network.revoke_nsg_rule": "remediations.azure.revoke_nsg_rule:RevokeNsgRule",
    "azure.storage.block_public_access": "remediations.azure.block_public_access:BlockPublicAccess",
}
