"""`python -I child.py SPEC OUT`: the process under measurement. It imports nothing that the function itself would not, but the parts of the runtime.

SPEC (JSON): `path` (folders for sys.path), `first` (a module to import before, or ''), `handler` (`module:function`), `events` (a file with a list), `context` (whether
the handler takes Lambda's second argument). OUT: `started`, `ready` and per event `[start, end, cpu]` in seconds of the monotonic clock and of this process's CPU,
the CPU of the whole process, the peak of its memory in KiB, and the modules loaded.
"""

import sys
import time

STARTED = time.monotonic()

import json  # noqa: E402


class Context:
    """What Lambda hands to a handler beside the event."""

    function_name = "function"
    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:function"
    memory_limit_in_mb = 512
    aws_request_id = "00000000-0000-0000-0000-000000000001"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def peak_kib() -> int:
    """The peak of this program's memory. What getrusage says begins with that of the process that started it."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))


def main(spec_file: str, out: str) -> None:
    with open(spec_file) as file:
        spec = json.load(file)
    with open(spec["events"]) as file:
        events = json.load(file)
    sys.path[:0] = spec["path"]
    if spec["first"]:
        __import__(spec["first"])
    module, _, name = spec["handler"].partition(":")
    __import__(module)
    handler = getattr(sys.modules[module], name)
    more = (Context(),) if spec["context"] else ()
    ready = time.monotonic()
    marks = []
    for event in events:
        start, cpu = time.monotonic(), time.process_time()
        answer = handler(event, *more)
        marks.append((start, time.monotonic(), time.process_time() - cpu))
    spent = time.process_time()
    peak = peak_kib()
    found = {
        "started": STARTED,
        "ready": ready,
        "events": marks,
        "cpu": spent,
        "peak": peak,
        "modules": sorted(sys.modules),
    }
    with open(out, "w") as file:
        json.dump({**found, "answer": answer}, file, default=str)


main(*sys.argv[1:3])
