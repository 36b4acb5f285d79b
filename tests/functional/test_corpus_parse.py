"""Real events from public repositories, where a collection of them lies beside the repository or at STANCH_CORPUS."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from stanch.errors import MalformedEvent
from stanch.finding import Finding
from stanch.sources import config, guardduty, recognise, sentinel
from stanch.sources.loading import load_many

CORPUS = Path(os.environ.get("STANCH_CORPUS") or Path(__file__).resolve().parents[2].parent / "shared" / "corpus")
PARSERS: dict[str, Callable[[object], list[Finding]]] = {
    "guardduty": guardduty.parse,
    "config": config.parse,
    "sentinel": sentinel.parse,
}
FILES = [path for source in PARSERS for path in sorted((CORPUS / source).glob("*.json"))]

pytestmark = pytest.mark.skipif(not FILES, reason="no collection of real events here")


def parsed(path: Path, event: object) -> list[Finding] | MalformedEvent:
    try:
        return PARSERS[path.parent.name](event)
    except MalformedEvent as error:
        return error


def recased(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {change(key[:1]) + key[1:]: recased(item, change) for key, item in value.items()}
    return [recased(item, change) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_event_is_recognised_and_is_findings_or_malformed(path: Path) -> None:
    events = load_many(path.read_bytes(), path.name)
    assert events
    for _, event in events:
        assert recognise(event) == path.parent.name
        found = parsed(path, event)
        if isinstance(found, MalformedEvent):
            assert found.place
            assert found.reason
        else:
            assert found
            assert all(finding.source == path.parent.name and finding.id and finding.type for finding in found)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_letter_case_changes_nothing(path: Path) -> None:
    for _, event in load_many(path.read_bytes(), path.name):
        results = [parsed(path, recased(event, change)) for change in (str, str.upper, str.lower)]
        if isinstance(results[0], MalformedEvent):
            assert [str(result) for result in results[1:]] == [str(results[0])] * 2
            continue
        plain = [[replace(finding, raw={}) for finding in result] for result in results if isinstance(result, list)]
        assert len(plain) == 3
        assert [list(map(normal, findings)) for findings in plain[1:]] == [list(map(normal, plain[0]))] * 2


def normal(finding: Finding) -> Finding:
    """A rule's own parameters are the customer's, and the place of an entity leads through its own keys: both keep their letters."""
    notes = [{**note, "place": note["place"].lower()} for note in finding.upstream.get("unresolved", [])]
    return replace(finding, upstream={**finding.upstream, "rule_parameters": None, "unresolved": notes})


def test_most_of_the_corpus_is_findings() -> None:
    results = [parsed(path, event) for path in FILES for _, event in load_many(path.read_bytes(), path.name)]
    assert sum(isinstance(result, list) for result in results) > 0.85 * len(results)
