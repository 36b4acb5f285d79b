"""Policy files that are wrong: refused, at which line and with which hint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stanch.errors import PolicyError
from stanch.playbooks import tree
from stanch.playbooks.load import check, load
from tests.unit.playbooks.fakes import CATALOG, errors, write
from tests.unit.playbooks.refused import REFUSED, with_when


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, tmp_path: Path) -> None:
    text, complaints = REFUSED[name]
    path = write(tmp_path, text)
    expected = [item.replace("{file}", str(path)) for item in complaints]
    assert errors(check(path, CATALOG)) == expected
    with pytest.raises(PolicyError) as caught:
        load(path, CATALOG)
    line, _, message = expected[0].partition(": ")
    assert caught.value.place == f"{path}:{line}"
    assert caught.value.reason.startswith(message)


def test_all_errors_are_found_at_once_and_counted(tmp_path: Path) -> None:
    text = """\
ceilling: {}
playbooks:
  - id: one
    when: {severity: [9], typ: [x]}
    remediations: [aws.iam.nothing]
    mode: maybe
"""
    path = write(tmp_path, text)
    assert [item.partition(":")[0] for item in errors(check(path, CATALOG))] == ["1", "4", "4", "5", "6"]
    with pytest.raises(PolicyError) as caught:
        load(path, CATALOG)
    assert str(caught.value) == f"{path}:1: unknown key 'ceilling'; did you mean 'ceiling'? (and 4 more errors)"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("playbooks:\n  - id: [one\n", "is no valid YAML"),
        ("a: b: c\n", "is no valid YAML"),
        ("a: *nowhere\n", "undefined alias"),
        ("a: 1\n---\nb: 2\n", "expected a single document"),
        ("a: \x07\n", "is no valid YAML"),
        ("a: &a [*a]\n", "is nested too deeply"),
        ("a: " + "[" * 40 + "]" * 40 + "\n", "is nested too deeply"),
    ],
)
def test_broken_yaml_is_named_by_its_line(text: str, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    [problem] = check(path)
    assert reason in problem.message
    assert problem.place.startswith(f"{path}:")
    with pytest.raises(PolicyError):
        load(path)


def test_aliases_cannot_blow_a_small_file_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "LARGEST", 20_000)
    levels = "\n".join(f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]" for at in range(1, 10))
    [problem] = check(write(tmp_path, f"a0: &a0 [x, x]\n{levels}\n"))
    assert "do its aliases multiply?" in problem.message


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    [problem] = check(tmp_path / "none.yaml")
    assert (problem.level, problem.message) == ("error", "cannot be read: No such file or directory")
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    assert check(binary)[0].message == "is not UTF-8"
    with pytest.raises(PolicyError, match="is not UTF-8"):
        load(binary)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("2026-12-18", "2026-12-18"),
        ("12:30", "12:30"),
        ("0777", "0777"),
        ("1_000", "1_000"),
        ("'4'", "4"),
    ],
)
def test_plain_words_stay_words(value: str, expected: Any, tmp_path: Path) -> None:
    policy = load(write(tmp_path, with_when(f"{{title: [{value}]}}")))
    assert policy.playbooks[0].when == {"title": (expected,)}


@pytest.mark.parametrize(("value", "expected"), [("4", 4), ("4.5", 4.5), ("true", True), ("~", None), ("null", None)])
def test_json_s_scalars_are_what_they_look_like(value: str, expected: Any, tmp_path: Path) -> None:
    policy = load(write(tmp_path, with_when(f"{{resource.details.x: [{value}]}}")))
    assert policy.playbooks[0].when == {"resource.details.x": (expected,)}
    assert type(policy.playbooks[0].when["resource.details.x"][0]) is type(expected)
