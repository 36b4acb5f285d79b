"""The compiled policy: JSON, so that a function in a cloud parses no YAML and checks nothing again."""

from __future__ import annotations

import json
from pathlib import Path

from stanch.errors import PolicyError
from stanch.playbooks.model import FORMAT, Policy


def dump(policy: Policy) -> str:
    """The compiled form as text."""
    return json.dumps(policy.as_json(), ensure_ascii=False, indent=1) + "\n"


def parse_compiled(text: str, place: str) -> Policy:
    """The policy of a compiled form. Raises PolicyError if it is none, or if it was changed after it was compiled."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise PolicyError(f"{place}:{error.lineno}", f"is no compiled policy: {error.msg}") from None
    if not isinstance(data, dict) or not isinstance(data.get("format"), int):
        raise PolicyError(place, "is no compiled policy: compile the YAML file with `make build`")
    if data["format"] > FORMAT:
        raise PolicyError(place, f"was compiled by a later release (format {data['format']}, this one reads {FORMAT})")
    try:
        policy = Policy.from_json(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PolicyError(place, f"is no compiled policy: {error!r}") from None
    if policy.digest != data.get("digest"):
        raise PolicyError(place, "was changed after it was compiled: its digest does not fit")
    return policy


def load_compiled(path: str | Path) -> Policy:
    """The compiled policy in a file. Raises PolicyError."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise PolicyError(str(path), "is not UTF-8") from None
    except OSError as error:
        raise PolicyError(str(path), f"cannot be read: {error.strerror}") from None
    return parse_compiled(text, str(path))
