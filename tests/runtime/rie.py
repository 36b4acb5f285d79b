"""One Lambda execution environment: Amazon's Runtime Interface Emulator with its Python runtime client (`awslambdaric`).

The emulator takes one call at a time; a second one while the first runs would crash it.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.runtime.interpreter import ROOT, Interpreter

CLIENT = ("awslambdaric", "simplejson", "snapshot_restore_py.py", "runtime_client.*.so")
"""The runtime client as it lies in /var/runtime: beside the function's own code, not in it."""

INVOKE = "/2015-03-31/functions/function/invocations"


class FunctionError(Exception):
    """What Lambda reports in place of an answer: the handler raised, ran out of time or died. `kind` is the error's type."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


def emulator() -> Path:
    """The emulator's program, which the SAM CLI brings. Raises RuntimeError where it is not installed."""
    machine = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
    found = list(ROOT.glob(f".tools/sam/lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine}"))
    if not found:
        raise RuntimeError("the Runtime Interface Emulator is missing: `make test` installs it into .tools/sam")
    return found[0]


class ExecutionEnvironment:
    """A function in an environment of its own. `path` is its PYTHONPATH, the first folder its task root; `timeout` in seconds."""

    def __init__(
        self, interpreter: Interpreter, handler: str, path: list[Path], settings: Mapping[str, str], log: Path,
        *, timeout: int = 60, memory: int = 512,
    ) -> None:  # fmt: skip
        self.log = log
        self._port, api = _free_ports(2)
        environment = {
            "PATH": os.environ["PATH"], "LANG": "en_US.UTF-8", "TZ": ":UTC", "PYTHONPATH": os.pathsep.join(map(str, path)),
            "LAMBDA_TASK_ROOT": str(path[0]), "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13", "AWS_LAMBDA_FUNCTION_NAME": handler.replace(".", "-"),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout), "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory), **settings,
        }  # fmt: skip
        addresses = ["--runtime-interface-emulator-address", f"127.0.0.1:{self._port}", "--runtime-api-address", f"127.0.0.1:{api}"]  # fmt: skip
        command = [
            str(emulator()),
            *addresses,
            "--log-level",
            "warn",
            *interpreter.bare("-m", "awslambdaric", handler),
        ]
        with log.open("w") as output:
            self._process = subprocess.Popen(
                command,
                cwd=path[0],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._await()

    def _await(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.01)
        self.stop()
        raise RuntimeError(f"the Runtime Interface Emulator did not start:\n{self.log.read_text()}")

    def invoke(self, event: Any) -> Any:
        """What the function returns. Raises FunctionError where Lambda would report one."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        try:
            connection.request("POST", INVOKE, json.dumps(event), {"Content-Type": "application/json"})
            answer = connection.getresponse().read().decode()
        finally:
            connection.close()
        try:
            payload = json.loads(answer)
        except ValueError:
            raise FunctionError("Sandbox.Timedout", answer) from None  # the emulator's plain sentence
        if isinstance(payload, dict) and {"errorType", "errorMessage"} <= payload.keys():
            raise FunctionError(payload["errorType"], f"{payload['errorMessage']}\n{self.log.read_text()[-4000:]}")
        return payload

    def processes(self) -> list[int]:
        """The function's own process, by its id; none before its first call or after its death."""
        tasks = Path(f"/proc/{self._process.pid}/task").glob("*/children")
        return [int(child) for children in tasks for child in children.read_text().split()]

    def kill(self) -> None:
        """End the function's process as the kernel would when memory runs out; the environment starts another for the next call."""
        for child in self.processes():
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def stop(self) -> None:
        """End the emulator and the function's process."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
