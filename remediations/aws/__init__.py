"""The AWS remediations: id → 'module:Class', imported on use."""

REGISTRY: dict[str, str] = {
    "aws.iam.deactivate_access_key": "remediations.aws.deactivate_access_key:DeactivateAccessKey",
}
