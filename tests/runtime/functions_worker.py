"""The Functions host's side of Microsoft's Python worker library (`azure_functions_runtime`), in a process of its own.

`functions_worker.py APP_FOLDER` indexes the app, prints what it found as one line of JSON, and then answers each line of JSON on its standard input.
The library takes its message classes from the host; these here are plain stand-ins for Microsoft's protobuf messages. Nothing of the project is
imported but through the library, and nothing of the tests at all.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import sys
import types
import uuid
from typing import Any, ClassVar

import azure_functions_runtime as worker


class Message:
    """A protobuf message: fields by keyword, unset ones None; `WhichOneof` names the field of a oneof that is set."""

    oneof: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        # The library probes for a nested class of this name.
        if name.startswith("__") or name == "TypedData":
            raise AttributeError(name)
        return None

    def WhichOneof(self, _: str) -> str | None:
        return next((name for name in self.oneof if name in self.__dict__), None)


PLAIN = (
    "WorkerInitResponse", "WorkerMetadata", "FunctionMetadataResponse", "FunctionLoadResponse", "InvocationResponse", "RpcFunctionMetadata",
    "RpcRetryOptions", "RpcException", "RpcHttp", "NullableString", "NullableBool", "NullableDouble", "NullableTimestamp",
)  # fmt: skip
DATA = ("string", "json", "bytes", "stream", "http", "int", "double", "collection_bytes", "collection_string", "collection_double",
        "collection_sint64", "model_binding_data")  # fmt: skip
"""https://github.com/Azure/azure-functions-language-worker-protobuf, FunctionRpc.proto"""


def _protos() -> types.SimpleNamespace:
    def message(name: str, **members: Any) -> type[Message]:
        return type(name, (Message,), members)

    same_site = types.SimpleNamespace(**{"None": 0, "Lax": 1, "Strict": 2, "ExplicitNone": 3})
    return types.SimpleNamespace(
        **{name: message(name) for name in PLAIN},
        StatusResult=message("StatusResult", Failure=0, Success=1, Cancelled=2),
        BindingInfo=message("BindingInfo", undefined=0, string=1, binary=2, stream=3, out=1, inout=2, **{"in": 0}),
        TypedData=message("TypedData", oneof=DATA),
        ParameterBinding=message("ParameterBinding", oneof=("data",)),
        RpcHttpCookie=message("RpcHttpCookie", SameSite=same_site),
    )


PROTOS = _protos()


def _request(**content: Any) -> types.SimpleNamespace:
    properties = {"host": "127.0.0.1", "protos": PROTOS}
    return types.SimpleNamespace(request=types.SimpleNamespace(**content), properties=properties)


async def index(folder: str) -> dict[str, Any]:
    """Every function of the app by its name. Raises RuntimeError where the library could not load it."""
    asked = Message(function_app_directory=folder, capabilities={})
    answer = await worker.worker_init_request(_request(worker_init_request=asked))
    if answer.result.status != PROTOS.StatusResult.Success:
        raise RuntimeError(f"{answer.result.exception.message}\n{answer.result.exception.stack_trace}")
    found = await worker.functions_metadata_request(_request(functions_metadata_request=asked))
    return {function.name: function for function in found.function_metadata_results}


def bindings(function: Any) -> list[dict[str, Any]]:
    """A function's bindings, trigger first."""
    listed = [json.loads(text) for text in function.raw_bindings]
    return sorted(listed, key=lambda binding: str(binding["direction"]).upper() != "IN")


async def invoke(function: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """One invocation: `data` is a queue's text, what a timer says of itself, or an HTTP request."""
    given = asked["data"]
    if isinstance(given, str):
        data = PROTOS.TypedData(string=given)
    elif "IsPastDue" in given:
        data = PROTOS.TypedData(json=json.dumps(given))
    else:
        body = PROTOS.TypedData(bytes=base64.b64decode(given.pop("body")))
        data = PROTOS.TypedData(http=PROTOS.RpcHttp(body=body, query={}, params={}, **given))
    metadata = {name: PROTOS.TypedData(string=value) for name, value in asked["metadata"].items()}
    nothing = Message(source="", stack_trace="", message="")
    answer = await worker.invocation_request(_request(invocation_request=Message(
        invocation_id=str(uuid.uuid4()), function_id=function.function_id, trigger_metadata=metadata,
        input_data=[PROTOS.ParameterBinding(name=bindings(function)[0]["name"], data=data)],
        trace_context=Message(trace_parent="", trace_state="", attributes={}),
        retry_context=Message(retry_count=0, max_retry_count=0, exception=nothing),
    )))  # fmt: skip
    if answer.result.status != PROTOS.StatusResult.Success:
        failed = answer.result.exception
        return {"error": failed.message, "trace": failed.stack_trace}
    http = answer.return_value.http if answer.return_value else None
    return {
        "http": {"status": int(http.status_code), "headers": dict(http.headers), "body": _text(http.body)}
        if http
        else None
    }


def _text(data: Any) -> str:
    found = getattr(data, data.WhichOneof("data") or "", "")
    return found.decode() if isinstance(found, bytes) else str(found)


async def main(folder: str) -> None:
    # The channel to the host is kept apart from what the functions print.
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(name)s %(levelname)s %(message)s")
    os.chdir(folder)
    sys.path.insert(0, folder)
    worker.start_threadpool_executor()
    functions = await index(folder)
    channel.write(json.dumps({name: bindings(function) for name, function in functions.items()}) + "\n")
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        asked = json.loads(line)
        channel.write(json.dumps(await invoke(functions[asked["function"]], asked)) + "\n")
    worker.stop_threadpool_executor()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
