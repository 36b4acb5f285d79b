"""The shape of `when` and `unless`: fields with their patterns."""

from __future__ import annotations

import re
from typing import Any

from stanch.playbooks.fields import FIELDS, OPEN, Field, Of, find, names
from stanch.playbooks.impossible import FITS, TYPE, named, never, suggestion
from stanch.playbooks.numeric import COMPARISONS
from stanch.playbooks.patterns import OPERATORS, wrong
from stanch.playbooks.shapes import Problems, Shape, complain
from stanch.playbooks.tree import Node


class Conditions(Shape):
    """Field names with lists of patterns. `allowed` says whose fields may stand here."""

    def __init__(self, allowed: frozenset[Of], *, least: int = 0, about: str = "") -> None:
        self.allowed, self.least, self.about = allowed, least, about

    def read(self, node: Node, name: str, problems: Problems) -> Any:
        if not isinstance(node.value, dict):
            complain(problems, node, f"{name} must be a mapping of fields to lists of patterns")
            return None
        if len(node.value) < self.least:
            complain(problems, node, f"{name} is empty: it would match every finding")
        found = {}
        for key, patterns in node.items():
            field = find(key)
            if field is None or field.of not in self.allowed:
                complain(problems, patterns, self._unknown(key, field))
            else:
                found[key] = self._patterns(field, patterns, problems)
        return found

    def _unknown(self, key: str, field: Field | None) -> str:
        if field is not None and field.of == "live":
            return f"{key!r} is read by the plan, after matching: only 'unless' may ask for it"
        if field is not None and field.of in ("account", "report"):
            return f"{key!r} may be asked for in 'notify' only"
        known = names(self.allowed)
        return f"unknown field {key!r}{suggestion(key, known) or '; there is ' + ', '.join(known)}"

    def _patterns(self, field: Field, node: Node, problems: Problems) -> Any:
        if not isinstance(node.value, list):
            if isinstance(node.value, dict) and next(iter(node.value), "") not in OPERATORS:
                inner = next(iter(node.value), "…")
                complain(
                    problems,
                    node,
                    f"{field.name} needs a list of patterns; a field inside it is '{field.name}.{inner}'",
                )
            else:
                complain(problems, node, f"{field.name} needs a list of patterns: put it in [ ]")
            return None
        if not node.value:
            complain(problems, node, f"{field.name}: an empty list can never match")
        return [self._pattern(field, item, problems) for item in node]

    def _pattern(self, field: Field, node: Node, problems: Problems) -> Any:
        pattern = named(field, node.plain())
        reason = wrong(pattern)
        if reason:
            operator = next(iter(node.value), "") if isinstance(node.value, dict) else ""
            hint = suggestion(str(operator), OPERATORS) if operator and operator not in OPERATORS else ""
            complain(problems, node, f"{field.name}: {f'{operator}: ' if operator in OPERATORS else ''}{reason}{hint}")
        elif reason := never(field, pattern):
            complain(problems, node, f"this can never match: {reason}")
        return pattern

    def schema(self) -> dict[str, Any]:
        fixed = {name: field for name, field in FIELDS.items() if field.of in self.allowed}
        found: dict[str, Any] = {
            "type": "object",
            "properties": {name: _patterns_schema(field) for name, field in fixed.items()},
            "patternProperties": {
                f"^{re.escape(prefix)}.": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/any"}}
                for prefix, (of, _) in OPEN.items()
                if of in self.allowed
            },
            "additionalProperties": False,
        }
        return (
            found
            | ({"minProperties": self.least} if self.least else {})
            | ({"description": self.about} if self.about else {})
        )


def _patterns_schema(field: Field) -> dict[str, Any]:
    plain = not field.choices and not field.names and field.kind != "number" and field.name != "resource.type"
    items = {"$ref": f"#/$defs/{field.kind}"} if plain and not field.optional else value_schema(field)
    return {"type": "array", "minItems": 1, "items": items, "description": field.help}


def definitions() -> dict[str, Any]:
    """`$defs`: the patterns of a field of each kind that nothing narrows."""
    return {
        kind: value_schema(Field(kind, kind, "finding", lambda _: None, "", optional=kind == "any"))
        for kind in ("text", "ip", "any")
    }


def value_schema(field: Field) -> dict[str, Any]:
    """One pattern of the field."""
    exact: list[dict[str, Any]] = []
    if field.choices and field.kind != "flag":
        exact.append({"enum": [*field.names, *field.choices]})
    elif field.kind in ("text", "ip"):
        form = {"pattern": f"^({TYPE.pattern})$"} if field.name == "resource.type" else {"minLength": 1}
        exact.append({"type": "string", **form})
    elif field.kind == "number":
        bounds = {"minimum": field.low} | ({} if field.high == float("inf") else {"maximum": field.high})
        exact.append({"type": "integer" if field.whole else "number", **bounds})
    else:
        exact.append({"type": "boolean"} if field.kind == "flag" else {"type": ["string", "number", "boolean"]})
    if field.optional:
        exact.append({"type": "null"})
    return {"anyOf": [*exact, *(_operator_schema(field, name) for name in FITS[field.kind])]}


def _operator_schema(field: Field, name: str) -> dict[str, Any]:
    operand = dict(OPERATORS[name].schema)
    if name == "numeric" and field.names:
        signs = [*COMPARISONS, *field.names]
        operand["items"] = {"anyOf": [{"enum": signs}, {"type": "number"}]}
    if name == "exists" and not field.optional:
        operand = {"const": True}
    return {"type": "object", "properties": {name: operand}, "required": [name], "additionalProperties": False}
