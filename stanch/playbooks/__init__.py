"""Playbooks: which findings lead to which remediations, in which mode, within which limits.

`load` reads the policy file that people write, `compile` turns it into the JSON that is deployed, and `match` answers findings
from it. A function in a cloud imports `model`, `match`, `patterns` and `compile` only: no YAML, no JSON Schema.
"""
