"""What all resource types have in common: read, list, put, patch and delete of one record, with tags, entity tags and long-running operations."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from stanch.local.azure import shapes
from stanch.local.azure.errors import ArmError, not_found, precondition_failed
from stanch.local.azure.paths import Target
from stanch.local.azure.state import Operation, Record, State

PAGE = 100
"""Items a page of a list."""


@dataclass
class Reply:
    """An answer: `body` None is an empty one."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    """One ARM request with all that a resource type may look at. `failure` is an arranged error of the operation that this request begins."""

    method: str
    target: Target
    version: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    state: State
    base: str
    seconds: float
    retry_after: int
    failure: dict[str, Any] | None = None


class Kind:
    """A resource type. Subclasses say how its body is completed when it is stored and when it is shown."""

    type: ClassVar[str]
    versions: ClassVar[tuple[str, ...]]
    model: ClassVar[str]
    patch_model: ClassVar[str]
    slow: ClassVar[frozenset[str]] = frozenset()
    """Methods that begin a long-running operation."""
    operations: ClassVar[str] = "operations"
    """The path segment under which the provider keeps its operations."""
    located: ClassVar[bool] = True
    shows_etag: ClassVar[bool] = False

    def stored(self, request: Request, body: dict[str, Any], current: Record | None) -> dict[str, Any]:
        """What is kept of a PUT body, completed with defaults; raises ArmError for what the provider refuses."""
        return body

    def shown(self, state: State, record: Record, version: str) -> dict[str, Any]:
        """The record as answered, without id, name, type and tags."""
        return copy.deepcopy({key: value for key, value in record.body.items() if key != "tags"})

    def saved(self, request: Request, record: Record) -> None:
        """After a write: whatever else changes with it."""

    def release(self, request: Request, record: Record) -> None:
        """Before a deletion; raises ArmError where the resource is in use."""

    def post(self, request: Request, record: Record, action: str) -> Reply:
        raise ArmError(405, "HttpMethodNotAllowed", f"The action '{action}' is not supported on '{self.type}'.")

    def view(self, request: Request, record: Record, tail: str) -> Reply | None:
        """A GET below the record that is no collection."""
        return None

    # One resource

    def find(self, request: Request) -> Record | None:
        return request.state.get(request.target.id)

    def need(self, request: Request) -> Record:
        record = self.find(request)
        if record is None:
            raise not_found(self.type, request.target.names, request.target.group or "")
        return record

    def answer(self, state: State, record: Record, version: str) -> dict[str, Any]:
        """The record as JSON, as every read and write answers it."""
        shown = self.shown(state, record, version)
        head: dict[str, Any] = {"name": record.name, "id": record.id, "type": self.type}
        if self.shows_etag:
            head["etag"] = f'W/"{record.etag}"'
        if "tags" in record.body:
            head["tags"] = dict(record.body["tags"])
        return head | shown

    def get(self, request: Request) -> Reply:
        return self.reply(200, request, self.need(request))

    def put(self, request: Request) -> Reply:
        current = self.find(request)
        matching(request, current)
        self.moved(request, current)
        body = checked(self.model, request.body, self.type, partial=False)
        if self.located and not body.get("location"):
            raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
        # What a resource is called is said by the path alone.
        body = {"properties": {}} | {
            key: value for key, value in body.items() if key not in ("id", "name", "type", "etag")
        }
        if "location" in body:
            body["location"] = str(body["location"]).replace(" ", "").lower()
        stored = self.stored(request, body, current)
        if request.failure is not None:
            return self.begun(201, request, current)
        record = current or Record(self.canonical(request.target), self.type, {})
        record.body = stored
        request.state.put(record)
        self.saved(request, record)
        return self.begun(200 if current else 201, request, record)

    def patch(self, request: Request) -> Reply:
        record = self.need(request)
        matching(request, record)
        body = checked(self.patch_model, request.body, self.type, partial=True)
        if request.failure is None:
            self.patched(request, record, body)
            request.state.put(record)
            self.saved(request, record)
        return self.begun(200, request, record)

    def patched(self, request: Request, record: Record, body: dict[str, Any]) -> None:
        """Tags are replaced as a whole, properties merged."""
        for key, value in body.items():
            merges = key == "properties" and isinstance(value, dict)
            record.body[key] = merged(record.body.get(key, {}), value) if merges else value

    def delete(self, request: Request) -> Reply:
        record = self.find(request)
        if record is None:
            return Reply(204)
        matching(request, record)
        self.release(request, record)
        if request.failure is None:
            request.state.drop(record.id)
        if "DELETE" not in self.slow:
            return Reply(200)
        operation = request.state.begin(request.seconds, None, request.failure)
        return Reply(202, None, self.polling(request, operation, record.location, both=True))

    def records(self, request: Request) -> Iterable[Record]:
        """Those that a list of this type shows, within the scope of the request."""
        parent = request.target.id if request.target.names else request.target.scope
        return request.state.of_type(self.type, parent)

    def moved(self, request: Request, current: Record | None) -> None:
        given = request.body.get("location") if isinstance(request.body, dict) else None
        if current and given and current.location and str(given).replace(" ", "").lower() != current.location.lower():
            raise ArmError(
                409, "InvalidResourceLocation",
                f"The resource '{current.name}' already exists in location '{current.location}' in resource group '{request.target.group}'. "
                f"A resource with the same name cannot be created in location '{given}'. Please select a new resource name.",
            )  # fmt: skip

    def canonical(self, target: Target) -> str:
        """The new resource's id: types as the provider writes them, names as given."""
        namespace, *types = self.type.split("/")
        return f"{target.scope}/providers/{namespace}" + "".join(
            f"/{kind}/{name}" for kind, name in zip(types, target.names, strict=True)
        )

    # Long-running operations

    def begun(self, status: int, request: Request, record: Record | None) -> Reply:
        """The answer to a write, with the operation's addresses where the provider takes its time."""
        if request.method not in self.slow:
            return self.reply(status, request, record)
        operation = request.state.begin(request.seconds, record, request.failure)
        location = record.location if record else str((request.body or {}).get("location", "westeurope"))
        reply = self.reply(status, request, record)
        reply.headers |= self.polling(request, operation, location, both=False)
        return reply

    def polling(self, request: Request, operation: Operation, location: str, both: bool) -> dict[str, str]:
        namespace = self.type.partition("/")[0]
        place = f"{request.base}/subscriptions/{request.target.subscription}/providers/{namespace}/locations/{location or 'global'}"
        headers = {
            "Azure-AsyncOperation": f"{place}/{self.operations}/{operation.id}?api-version={request.version}",
            "Retry-After": str(request.retry_after),
        }
        if both:
            headers["Location"] = f"{place}/{self.operations}/{operation.id}?monitor=true&api-version={request.version}"
        return headers

    def reply(self, status: int, request: Request, record: Record | None) -> Reply:
        if record is None:
            return Reply(status)
        headers = {"ETag": f'W/"{record.etag}"'} if self.shows_etag else {}
        return Reply(status, self.answer(request.state, record, request.version), headers)


def checked(model: str, body: Any, kind: str, *, partial: bool) -> dict[str, Any]:
    """The body as it is kept. Raises ArmError 400 for unknown properties, wrong types and missing ones."""
    if not isinstance(body, dict):
        raise ArmError(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized: 'a JSON object is expected'.")  # fmt: skip
    reading = shapes.read(model, body, partial=partial)
    found = list(shapes.problems(reading))
    if not found:
        kept: dict[str, Any] = reading.value
        return kept
    if any("." not in path for path, _ in reading.unknown):
        text = found[0].replace(
            "on object of type '" + model.partition(".")[2], "on object of type 'ResourceDefinition"
        )
        raise ArmError(
            400, "InvalidRequestContent", f"The request content was invalid and could not be deserialized: '{text}'."
        )
    if kind.startswith("Microsoft.Network/"):
        details = [{"code": "InvalidJson", "message": sentence} for sentence in found]
        raise ArmError(400, "InvalidRequestFormat", "Cannot parse the request.", details=details)
    target = [path for path, _ in reading.unknown + reading.wrong] + reading.missing
    code = "BadRequest" if kind.startswith("Microsoft.Compute/") else "InvalidRequestContent"
    raise ArmError(400, code, found[0], target=target[0])


def matching(request: Request, current: Record | None) -> None:
    """The If-Match and If-None-Match headers. Raises ArmError 412."""
    wanted, unwanted = request.headers.get("If-Match"), request.headers.get("If-None-Match")
    tags = {"*", current.etag} if current else set()
    if wanted is not None and bare(wanted) not in tags:
        raise precondition_failed(wanted)
    if unwanted is not None and bare(unwanted) in tags:
        raise precondition_failed(unwanted)


def bare(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')


def merged(old: Any, new: Any) -> Any:
    """Objects merged name by name, everything else replaced."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return old | {key: merged(old.get(key), value) for key, value in new.items()}
