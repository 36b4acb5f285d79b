"""The stub as a child process, and the talk with it."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import trustme

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Call:
    """One API call: its name and when the stub had received and answered it (seconds, monotonic clock)."""

    name: str
    received: float
    answered: float


@dataclass(frozen=True, slots=True)
class RunningStub:
    """`bundle` is a CA file with the usual roots and the stub's own: a small one would flatter whoever loads it often."""

    url: str
    bundle: Path
    folder: Path

    def begin(self, moment: datetime, delay: float = 0.0, account: str = "111122223333") -> None:
        """Forget everything; from now on answer each call `delay` seconds after it came."""
        self._ask("/stub/begin", {"moment": moment.isoformat(), "delay": delay, "account": account})

    def calls(self) -> list[Call]:
        """The calls since `begin`. Raises RuntimeError for one that the stub does not know."""
        found = [Call(*each) for each in self._ask("/stub/calls")]
        unknown = sorted({call.name for call in found if call.name.startswith("UNKNOWN")})
        if unknown:
            raise RuntimeError(f"the stub was asked what it does not know: {', '.join(unknown)}")
        return found

    def _ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data)
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=str(self.bundle))) as reply:
            return json.load(reply)


@contextmanager
def running(roots: Path) -> Iterator[RunningStub]:
    """Start the stub under a throw-away certificate; `roots` is the CA bundle that functions have anyway."""
    with tempfile.TemporaryDirectory(prefix="stanch-bench-") as name:
        folder = Path(name)
        authority = trustme.CA()
        issued = authority.issue_cert("localhost", "127.0.0.1")
        issued.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
        issued.private_key_pem.write_to_path(folder / "key.pem")
        bundle = folder / "bundle.pem"
        bundle.write_bytes(roots.read_bytes() + b"\n" + authority.cert_pem.bytes())
        command = [sys.executable, "-m", "bench.stub.server", str(folder / "certificate.pem"), str(folder / "key.pem")]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdin is not None
            yield RunningStub(f"https://127.0.0.1:{int(child.stdout.readline())}", bundle, folder)
            child.stdin.close()
