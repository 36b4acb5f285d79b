"""The compiled policy: JSON, so that a function in a cloud parses no YAML, checks nothing again, and finds its index made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stanch.errors import PolicyError
from stanch.playbooks.index import Index
from stanch.playbooks.model import FORMAT, Policy
from stanch.remediation import digest


def dump(policy: Policy) -> str:
    """The compiled form as text."""
    looked, homeless = _made(policy)
    index = {"policy": policy.digest, "match": looked.as_json(), "expecting": homeless.as_json()}
    whole = {**policy.as_json(), "index": {**index, "digest": digest(index)}}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def indexes(policy: Policy) -> tuple[Index, Index]:
    """How its playbooks are looked up, and those of them that ask for a resource where a finding names none: as compiled, or made now."""
    index = policy.index
    if index is None or index["policy"] != policy.digest:  # another policy's: this one was changed in memory
        return _made(policy)
    return Index.from_json(index["match"]), Index.from_json(index["expecting"])


def _made(policy: Policy) -> tuple[Index, Index]:
    enabled = {at: playbook.when for at, playbook in enumerate(policy.playbooks) if playbook.enabled}
    asking = {
        at: {name: patterns for name, patterns in when.items() if not name.startswith("resource.")}
        for at, when in enabled.items()
        if {"type", "title"} & set(when) and any(name.startswith("resource.") for name in when)
    }
    return Index(enabled), Index(asking)


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
    if policy.index is not None and not _fits(policy.index, policy):
        raise PolicyError(place, "was changed after it was compiled: its index does not fit")
    return policy


def _fits(index: Any, policy: Policy) -> bool:
    if not isinstance(index, dict) or index.get("policy") != policy.digest:
        return False
    return index.get("digest") == digest({name: value for name, value in index.items() if name != "digest"})


def load_compiled(path: str | Path) -> Policy:
    """The compiled policy in a file. Raises PolicyError."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise PolicyError(str(path), "is not UTF-8") from None
    except OSError as error:
        raise PolicyError(str(path), f"cannot be read: {error.strerror}") from None
    return parse_compiled(text, str(path))
