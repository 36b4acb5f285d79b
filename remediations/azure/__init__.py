"""The Azure remediations: id → 'module:Class', imported on use."""

REGISTRY: dict[str, str] = {}
