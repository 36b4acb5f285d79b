"""`python tools/generate.py [--check]`: everything that is made from the classes and the registry, written, or with --check compared."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from handlers.aws import config as config_handler  # noqa: E402
from remediations import aws, azure  # noqa: E402
from stanch import state_event  # noqa: E402
from stanch.clouds import aws_related, azure_place, azure_related  # noqa: E402
from stanch.doctor import aws as aws_doctor  # noqa: E402
from stanch.doctor import azure as azure_doctor  # noqa: E402
from stanch.playbooks.load import load as load_policy  # noqa: E402
from stanch.playbooks.schema import schema  # noqa: E402
from stanch.remediation import Remediation, load  # noqa: E402
from stanch.upstream import config as config_upstream  # noqa: E402
from stanch.upstream import config_survey  # noqa: E402
from stanch.upstream import sentinel as sentinel_upstream  # noqa: E402

MADE = "made by `make docs`"
Class = type[Remediation[Any]]


def classes(registry: dict[str, str]) -> list[Class]:
    return [load(entry) for _, entry in sorted(registry.items())]


def catalog() -> str:
    """The catalogue of remediations for people."""
    policy = load_policy(ROOT / "playbooks.yaml")
    reached: dict[str, list[str]] = {}
    for playbook in policy.playbooks:
        for step in playbook.remediations:
            reached.setdefault(step.remediation, []).append(f"`{playbook.id}` ({playbook.mode})")
    parts = [f"# Remediations\n\n<!-- {MADE} -->\n"]
    for found in (*classes(aws.REGISTRY), *classes(azure.REGISTRY)):
        parts.append("\n".join(_entry(found, reached.get(found.id, []))))
    return "\n\n".join(parts) + "\n"


def _entry(found: Class, playbooks: list[str]) -> Iterator[str]:
    yield f"## `{found.id}`\n"
    yield f"{found.title}. {(found.__doc__ or '').strip().splitlines()[0]}\n"
    yield f"- **Resource**: `{found.resource_type}`"
    yield f"- **What is likely to break**: {found.disruption}"
    yield f"- **Undo**: {found.irreversible or 'restores the exact state before'}{_delay(found)}"
    yield f"- **D3FEND**: {found.countermeasure}"
    yield f"- **Playbooks**: {', '.join(playbooks) or 'none; on call only'}"
    for parameter in found.parameters:
        yield f"- **Parameter `{parameter.name}`** ({parameter.type}, default `{json.dumps(parameter.default)}`): {parameter.help}"
    for name, meaning in found.facts.items():
        yield f"- **Fact `live.{name}`**: {meaning}"
    for purpose in ("plan", "apply", "undo"):
        names = ", ".join(f"`{name}`" for name in sorted(getattr(found.permissions, purpose)))
        yield f"- **Permissions to {purpose}**: {names or 'none'}"
    for name, reason in found.permissions.dependent.items():
        yield f"- **Dependent permission** `{name}`: {reason}"


def _delay(found: Class) -> str:
    return f"; refused for {found.undo_delay_hours} hours without `--force`" if found.undo_delay_hours else ""


def granted(registry: dict[str, str], purpose: str) -> list[str]:
    """Every permission that the remediations of one cloud declare for a purpose."""
    names: set[str] = set()
    for found in classes(registry):
        declared = found.permissions
        if purpose == "read":
            names |= declared.plan
        else:
            names |= (declared.apply if purpose == "act" else declared.undo) | set(declared.dependent)
    if purpose == "read":
        asked = (
            aws_related.PERMISSIONS | config_upstream.PERMISSIONS | config_survey.PERMISSIONS | aws_doctor.PERMISSIONS
        )
        names |= asked if registry is aws.REGISTRY else set()
        looked = azure_related.PERMISSIONS | azure_place.PERMISSIONS | sentinel_upstream.PERMISSIONS
        names |= looked if registry is azure.REGISTRY else set()
    if purpose == "act" and registry is aws.REGISTRY:
        names |= config_handler.PERMISSIONS
    names |= azure_doctor.PERMISSIONS if registry is azure.REGISTRY else set()
    return sorted(names)


def member_role() -> str:
    """The roles of every account to be protected: one a purpose, each with exactly what the remediations declare."""
    lines = [
        'AWSTemplateFormatVersion: "2010-09-09"',
        f"# {MADE}",
        "Description: The roles that Stanch assumes in an account, one for reading, one for acting, one for undoing.",
        "Parameters:",
        "  RoleName:",
        "    Type: String",
        "    Default: stanch",
        '    AllowedPattern: "[A-Za-z0-9_+=.@-]{1,50}"',
        "    Description: First part of the roles' names, as in the responder's stack.",
        "  ExternalId:",
        "    Type: String",
        "    NoEcho: true",
        "    MinLength: 8",
        "    Description: Parameter ExternalId of the responder's stack.",
        "  ResponderRoles:",
        "    Type: CommaDelimitedList",
        "    Description: Output ResponderRoles of the responder's stack, and the roles of people who use the command on live clouds.",
        "Resources:",
    ]
    for purpose in ("read", "act", "undo"):
        lines += _role(purpose, granted(aws.REGISTRY, purpose))
    return "\n".join(lines) + "\n"


def _role(purpose: str, actions: list[str]) -> list[str]:
    return [
        f"  {purpose.capitalize()}Role:",
        "    Type: AWS::IAM::Role",
        "    Properties:",
        f"      RoleName: !Sub ${{RoleName}}-{purpose}",
        "      MaxSessionDuration: 3600",
        "      AssumeRolePolicyDocument:",
        '        Version: "2012-10-17"',
        "        Statement:",
        "          - Effect: Allow",
        "            Principal: { AWS: !Ref ResponderRoles }",
        "            Action: sts:AssumeRole",
        "            Condition: { StringEquals: { sts:ExternalId: !Ref ExternalId } }",
        "          - Effect: Allow",
        "            Principal: { AWS: !Ref ResponderRoles }",
        "            Action: sts:SetSourceIdentity",
        "      Policies:",
        f"        - PolicyName: {purpose}",
        "          PolicyDocument:",
        '            Version: "2012-10-17"',
        "            Statement:",
        "              - Effect: Allow",
        "                Action:",
        *(f"                  - {action}" for action in actions),
        '                Resource: "*"',
    ]


def azure_roles() -> str:
    """The custom roles of every subscription to be protected, and the Graph permissions of each identity."""
    roles = []
    for purpose in ("read", "act", "undo"):
        names = granted(azure.REGISTRY, purpose)
        roles.append(
            {
                "Name": f"Stanch {purpose}",
                "Description": f"What Stanch's remediations declare to {purpose}; {MADE}.",
                "Actions": [name for name in names if "/" in name],
                "GraphPermissions": [name for name in names if "/" not in name],
            }
        )
    return json.dumps(roles, indent=2) + "\n"


EVENTS = """# Events for other programs

<!-- {made} -->

Each new state of an action is also an event, for tickets, chat and whatever else listens; what needs nothing (`no_op`, `unmatched`) is none, and neither is a refused event or a summary.
The outbox delivers it like a report to people: nothing is lost, and what was not accepted is offered again. A repeat bears the same `id`; drop what you have seen.

| where | how | setting |
|---|---|---|
| Amazon EventBridge | `source` `{source}`, `detail-type` `{detail_type}`, the event is the `detail` | `STANCH_EVENT_BUS`, a bus's name or ARN |
| Azure Event Grid | CloudEvents 1.0, `type` `{type}`, `subject` `actions/ID`, the event is the `data` | `STANCH_EVENT_GRID_TOPIC`, a custom topic's endpoint |

A rule for what was contained in one account, in EventBridge's pattern syntax:

```json
{{"source": ["{source}"], "detail-type": ["{detail_type}"], "detail": {{"outcome": ["acted"], "account": ["111122223333"]}}}}
```

An event has at most 256 KB. Every text in it is one line without control and direction characters, and its links are defanged; show it as text nevertheless. `event.schema.json` is the
JSON Schema of version {version}. A later release may add fields to this version; a change of any other kind gets a new number.

| field | type | |
|---|---|---|
{rows}
"""


def events() -> str:
    """The documentation of state-change events."""
    rows = "\n".join(f"| `{one.name}` | {_kind(one.schema)} | {one.about} |" for one in state_event.FIELDS)
    return EVENTS.format(
        made=MADE, source=state_event.SOURCE, detail_type=state_event.DETAIL_TYPE, type=state_event.CLOUD_EVENT_TYPE, version=state_event.VERSION, rows=rows
    )  # fmt: skip


def _kind(schema: Mapping[str, Any]) -> str:
    """A field's type in words."""
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema.get("enum", [schema.get("const")]))
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    inner = schema.get("items", schema)
    members = f" of `{', '.join(inner['properties'])}`" if "properties" in inner else ""
    return " or ".join(names) + members


def files() -> dict[str, str]:
    """Every generated file by its path."""
    return {
        "docs/catalog.md": catalog(),
        "docs/event.schema.json": json.dumps(state_event.schema(), indent=2) + "\n",
        "docs/events.md": events(),
        "docs/playbooks.schema.json": json.dumps(schema(), indent=2) + "\n",
        "deploy/aws/member-role.yaml": member_role(),
        "deploy/azure/roles.json": azure_roles(),
    }


def main() -> int:
    stale = []
    for name, text in files().items():
        path = ROOT / name
        if "--check" in sys.argv:
            if not path.exists() or path.read_text() != text:
                stale.append(name)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for name in stale:
        print(f"{name} is not what `make docs` writes")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
