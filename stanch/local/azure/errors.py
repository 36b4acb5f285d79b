"""The refusals of ARM and of Microsoft Graph, in their JSON shapes.

Codes and sentences: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors and
https://learn.microsoft.com/graph/errors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ArmError(Exception):
    """An answer that is not a success: `{"error": {"code", "message", "details"?, "target"?}}`."""

    def __init__(
        self, status: int, code: str, message: str, *,
        details: list[dict[str, Any]] | None = None, headers: Mapping[str, str] | None = None, **more: Any,
    ) -> None:  # fmt: skip
        super().__init__(f"{status} {code}: {message}")
        self.status, self.headers = status, dict(headers or {})
        self.body: dict[str, Any] = {"error": {"code": code, "message": message, **more}}
        if details is not None:
            self.body["error"]["details"] = details


def unauthenticated(code: str, message: str) -> ArmError:
    challenge = f'Bearer authorization_uri="https://login.windows.net/common", error="invalid_token", error_description="{message}"'
    return ArmError(401, code, message, headers={"WWW-Authenticate": challenge})


def not_found(kind: str, names: tuple[str, ...], group: str) -> ArmError:
    """A top-level resource that does not exist: Resource Manager answers before the provider is asked."""
    name = f"{kind}/{'/'.join(names)}"
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{name}' under resource group '{group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def part_not_found(resource_id: str) -> ArmError:
    """A part of a network resource that does not exist: the network provider answers."""
    return ArmError(404, "NotFound", f"Resource {resource_id} not found.", details=[])


def invalid_reference(target: str, source: str) -> ArmError:
    return ArmError(
        400,
        "InvalidResourceReference",
        f"Resource {target} referenced by resource {source} was not found. "
        "Please make sure that the referenced resource exists, and that both resources are in the same region.",
        details=[],
    )


def precondition_failed(given: str) -> ArmError:
    return ArmError(412, "PreconditionFailed", f"The condition '{given}' in the If-Match or If-None-Match header was not satisfied.")  # fmt: skip


class GraphError(Exception):
    """Microsoft Graph's shape: the same, with `innerError`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message
