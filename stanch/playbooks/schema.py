"""The policy file's JSON Schema (draft 2020-12), for editors: made from the tables that the checker reads.

`python -m stanch.playbooks.schema` writes it to stdout. What a schema cannot say (that a group exists, that an id is unique, that a
network is written well) is left to `stanch playbooks check`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from stanch.playbooks.conditions import definitions
from stanch.playbooks.shapes import Record
from stanch.playbooks.vocabulary import COMPLETE, PLAYBOOK, POLICY


def schema(remediations: Iterable[str] = ()) -> dict[str, Any]:
    """The schema. With `remediations`, steps may name those only."""
    found: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stanch playbooks",
        **Record(POLICY).schema(),
        # A file that extends the shipped policy may change a playbook by its id alone; any other file has complete ones.
        "if": {"required": ["extends"]},
        "else": {
            "required": ["playbooks"],
            "properties": {"playbooks": {"items": {"required": list(COMPLETE)}}},
        },
        "$defs": definitions(),
    }
    found["properties"]["playbooks"]["items"] = Record(PLAYBOOK, ("id",)).schema()
    known = sorted(remediations)
    if known:
        found["$defs"]["remediation"] = {"enum": known}
        for step in found["properties"]["playbooks"]["items"]["properties"]["remediations"]["items"]["anyOf"]:
            if step["type"] == "string":
                step["$ref"] = "#/$defs/remediation"
            else:
                step["properties"]["id"]["$ref"] = "#/$defs/remediation"
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n")
