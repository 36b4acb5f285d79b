"""The Functions host, as far as the worker sees it: one worker process, indexed, called, killed and started again."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.runtime.interpreter import Interpreter

LIBRARY = ("azure_functions_runtime", "azurefunctions")
"""The worker library as it lies beside the app on the platform, not in it."""

WORKER = Path(__file__).with_name("functions_worker.py")


class FunctionFailed(Exception):
    """The function raised, or its worker died: the host gives the message back to its queue."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What an HTTP-triggered function answers."""

    status: int
    headers: dict[str, str]
    body: Any


class FunctionsHost:
    """Runs the app in `app` with the given app settings. `log` gets what the worker logs."""

    def __init__(
        self, interpreter: Interpreter, app: Path, beside: Path, settings: Mapping[str, str], log: Path
    ) -> None:
        self._command = interpreter.bare(str(WORKER), str(app))
        path = os.pathsep.join([str(app), str(interpreter.only(beside, *LIBRARY))])
        self._environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": path, **settings}
        self.log = log
        self.functions: dict[str, list[dict[str, Any]]] = {}
        self._worker: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the worker and index the app. Raises FunctionFailed with what it logged where it cannot."""
        with self.log.open("a") as output:
            self._worker = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
            )
        self.functions = self._line()

    def queue(self, function: str, text: str, message_id: str = "message", dequeued: int = 1) -> None:
        """Call a queue-triggered function with a message's text, delivered for the `dequeued`-th time. Raises FunctionFailed."""
        now = datetime.now(UTC)
        metadata = {
            "Id": message_id, "DequeueCount": str(dequeued), "PopReceipt": "receipt", "InsertionTime": now.isoformat(),
            "ExpirationTime": (now + timedelta(days=7)).isoformat(), "NextVisibleTime": (now + timedelta(minutes=1)).isoformat(),
        }  # fmt: skip
        self._call({"function": function, "data": text, "metadata": metadata})

    def timer(self, function: str) -> None:
        """Call a timer-triggered function. Raises FunctionFailed."""
        due = datetime.now(UTC).isoformat()
        status = {"Last": due, "Next": due, "LastUpdated": due}
        data = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": False}
        self._call({"function": function, "data": data, "metadata": {}})

    def http(self, function: str, body: bytes, headers: Mapping[str, str], method: str = "POST") -> Reply:
        """Call an HTTP-triggered function. Raises FunctionFailed."""
        asked = {
            "method": method, "url": f"https://stanch.azurewebsites.net/api/{function}", "headers": {"content-type": "application/json", **headers},
            "body": base64.b64encode(body).decode(),
        }  # fmt: skip
        answer = self._call({"function": function, "data": asked, "metadata": {}})["http"]
        return Reply(answer["status"], answer["headers"], json.loads(answer["body"]))

    def kill(self) -> None:
        """End the worker, if one runs, as the kernel would when memory runs out; the next call starts another."""
        worker = self._worker
        if worker is not None:
            worker.kill()

    @property
    def process(self) -> int | None:
        """The worker's id; None where none runs."""
        worker = self._worker
        return worker.pid if worker is not None and worker.poll() is None else None

    def stop(self) -> None:
        """End the worker once it has answered."""
        if self._worker is None:
            return
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        self._worker.stdin.close()
        try:
            self._worker.wait(10)
        except subprocess.TimeoutExpired:
            self._worker.kill()
            self._worker.wait()
        self._worker.stdout.close()
        self._worker = None

    def _call(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self._worker is None or self._worker.poll() is not None:
            self.stop()
            self.start()
        assert self._worker is not None
        assert self._worker.stdin is not None
        self._worker.stdin.write(json.dumps(asked) + "\n")
        self._worker.stdin.flush()
        answer = self._line()
        if "error" in answer:
            raise FunctionFailed(f"{answer['error']}\n{answer['trace']}")
        return answer

    def _line(self) -> dict[str, Any]:
        assert self._worker is not None
        assert self._worker.stdout is not None
        line = self._worker.stdout.readline()
        if not line:
            raise FunctionFailed(f"the worker ended with {self._worker.wait()}:\n{self.log.read_text()[-4000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer
