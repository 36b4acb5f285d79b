"""`python tools/mutants.py [PART[.MODULE]…]`: mutation testing of what must not be wrong, by mutmut; writes docs/mutants.md.

A mutant is the code with one small change (`<` for `<=`, `and` for `or`, None for an argument). One that no test notices is a survivor, and each survivor has an
explanation in tests/mutants/explained.toml, or this ends with status 1. What is run together, and by which tests, says
parts.toml beside it. Without a name all parts are run; `--report` runs none and reads what the last run left behind. What was killed stays so until its function changes; `rm -r build/mutants` forgets it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

ROOT = Path(__file__).parent.parent
MADE = ROOT / "build" / "mutants"
PARTS = ROOT / "tests" / "mutants" / "parts.toml"
EXPLAINED = ROOT / "tests" / "mutants" / "explained.toml"
RESULTS = ROOT / "tests" / "mutants" / "results.json"
PAGE = ROOT / "docs" / "mutants.md"

SEED, LEFT_OUT = 1, 34
"""What the sample of a part with a `share` follows from; the code by which mutmut knows what was skipped."""

MAKE = "from mutmut.__main__ import copy_src_dir, create_mutants; copy_src_dir(); create_mutants(1)"
"""Makes the mutants and runs none, so that a share can be drawn of them."""

CAUGHT = ("killed", "caught by type check", "timeout")
COUNTS = ("mutants", "left out", "killed", "refused", "timed out")
WORDING = "only words of a sentence that people read change"
_TEXT = re.compile(r'"[^"]*"')
_STATEMENT = re.compile(r"\"[^\"]*(\b(SELECT|INSERT|UPDATE|DELETE|PRAGMA|BEGIN|COMMIT|TRUE)\b|\?)[^\"]*\"")
SQL = "SQLite knows no case in keywords, tables and columns"

HEAD = """# Mutants

<!-- made by `make mutants` from tests/mutants/ -->

How good are the tests? [mutmut](https://mutmut.readthedocs.io) changes the code of the guardrails, the engine and the journal in one small place at a time (another comparison, a dropped argument, None for a value, a changed string)
and runs the tests that reach the place. A mutant is *killed* when a test fails, *refused* when `mypy --strict`, which every change must pass, rejects it, *timed out* when it makes the tests run on without end. Each *survivor* is explained below, by what it
changes; a survivor without an explanation makes the command fail. Not mutated: module constants, decorated functions (properties), f-strings.

`make mutants` runs all, `make mutants PART=guards` one part, `make mutants PART=guards.freeze` one module of it. Each part has its own quick tests (tests/mutants/parts.toml): whatever the slow ones would notice besides counts as survived.
Where mutants are *left out*, a share of them was run, drawn by a fixed seed (`share` in that file, in percent): raise it and run the part again for more.
The counts of a module are of its code on the day it was run on; a change of code or tests is answered by running its part again, which tries what changed and what survived.
"""


@dataclass(frozen=True)
class Survivor:
    """One mutant that no test noticed: where it is, and the lines that it takes away and puts there (stripped, joined by ` / `)."""

    module: str
    function: str
    was: str
    now: str

    @classmethod
    def of(cls, module: str, mutant: str) -> Survivor:
        lines = get_diff_for_mutant(mutant, path=Path(module)).splitlines()[3:]
        was, now = (" / ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
        function = mutant.rpartition(".")[2].partition("__mutmut_")[0]
        return cls(module, function.removeprefix("x").removeprefix("_").strip("ǁ").replace("ǁ", "."), was, now)


def main(arguments: Sequence[str]) -> int:
    """Run, judge, write the page; 1 if a survivor is unexplained."""
    parts = tomllib.loads(PARTS.read_text())
    wanted = [name for name in arguments if name != "--report"] or list(parts)
    for name in [] if "--report" in arguments else wanted:
        part, _, module = name.partition(".")
        _run(part, parts[part], module)
    results = _kept(parts)
    page, unexplained = _page(results, tomllib.loads(EXPLAINED.read_text())["survivor"])
    PAGE.write_text(page + _sampled(parts, results) + _missing(parts, results))
    for each in unexplained:
        print(f"{each.module} {each.function}\n  - {each.was}\n  + {each.now}")
    print(f"{len(unexplained)} survivors without an explanation")
    return 1 if unexplained else 0


def _kept(parts: dict[str, Any]) -> dict[str, Any]:
    """The results of every module, with those that were measured now; a date stays where nothing else differs."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for part in parts:
        for module, found in _measured(part):
            if results.get(module, {}) | {"when": ""} != found | {"when": ""}:
                results[module] = found
    results = {module: results[module] for module in sorted(results) if (ROOT / module).exists()}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    return results


def _sampled(parts: dict[str, Any], results: dict[str, Any]) -> str:
    """Which parts were not run whole: the share drawn by the last run, and what was run of all, earlier runs with a larger share included."""
    lines = []
    for name, part in parts.items():
        found = [each for each in results.values() if each["part"] == name]
        total, left = sum(each["mutants"] for each in found), sum(each["left out"] for each in found)
        if left:
            lines.append(
                f"- `{name}`: {part.get('share', 100)} % were drawn; {total - left} of {total} were run or refused"
            )
    return "\n## Sampled\n\n" + "\n".join(lines) + "\n" if lines else ""


def _missing(parts: dict[str, Any], results: dict[str, Any]) -> str:
    patterns = [f"stanch/{name}" for part in parts.values() for name in part["modules"]]
    chosen = {str(path.relative_to(ROOT)) for pattern in patterns for path in ROOT.glob(pattern)}
    missing = [f"`{module}`" for module in sorted(chosen - set(results))]
    return f"\n## Not run, or not to the end\n\nOf these there is no result: {', '.join(missing)}\n" if missing else ""


def _run(name: str, part: dict[str, Any], module: str) -> None:
    """Run what is new in a part since its last run, and its survivors again; of one module alone if it is named."""
    place = MADE / name
    place.mkdir(parents=True, exist_ok=True)
    for entry in ROOT.iterdir():
        link = place / entry.name
        if (
            entry.name not in ("build", "pyproject.toml", "mutants")
            and not entry.name.startswith(".")
            and not link.exists()
        ):
            link.symlink_to(entry)
    settings = {
        "source_paths": ["stanch"],
        "only_mutate": [f"stanch/{pattern}" for pattern in part["modules"]],
        "also_copy": sorted(entry.name for entry in place.iterdir() if entry.is_symlink() and entry.name != "stanch"),
        "pytest_add_cli_args_test_selection": sorted(
            str(path.relative_to(ROOT)) for name in part["tests"] for path in ROOT.glob(name)
        ),
        "pytest_add_cli_args": ["-p", "tests.mutants.frozen", *(["-k", part["only"]] if "only" in part else [])],
        "type_check_command": ["mypy", "stanch", "--output", "json", "--disable-error-code", "unused-ignore"],
        "timeout_constant": 4.0,
        "timeout_multiplier": 8.0,
        "track_dependencies": False,
        "use_git_change_detection": False,
    }
    _tidy(place / "mutants", settings["only_mutate"], settings["also_copy"])
    written = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    (place / "pyproject.toml").write_text(f"{(ROOT / 'pyproject.toml').read_text()}\n[tool.mutmut]\n{written}")
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MYPY_CACHE_DIR": str(MADE / "mypy"),
    }
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1"]
    if "share" in part:
        (place / "mutants").mkdir(exist_ok=True)
        subprocess.run([sys.executable, "-c", MAKE], cwd=place, env=environment, check=True, stdout=subprocess.DEVNULL)
    (place / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)  # which test reaches what is asked anew
    with contextlib.chdir(place):
        for path in Path("mutants").glob("stanch/**/*.meta"):
            _choose(path, part.get("share", 100))
    ended = subprocess.run([*command, *([f"stanch.{module}.*"] if module else [])], cwd=place, env=environment)
    if ended.returncode:
        sys.exit(
            f"mutmut ended with status {ended.returncode}: most often a test fails that has met no mutant yet, and is named above"
        )


def _tidy(made: Path, modules: Sequence[str], copied: Sequence[str]) -> None:
    """Take away what mutmut would not: copies of files that are gone, and plain copies of modules that are to be mutated now, which it takes for mutants that are made."""
    for name in copied:
        if (made / name).is_dir():
            shutil.rmtree(made / name)
    for path in made.glob("stanch/**/*.py"):
        source = ROOT / path.relative_to(made)
        unmade = not path.with_name(f"{path.name}.meta").exists() and any(path.match(pattern) for pattern in modules)
        if unmade or not source.exists():
            path.unlink()
            path.with_name(f"{path.name}.meta").unlink(missing_ok=True)


def _choose(path: Path, share: int) -> None:
    """Forget the unexplained survivors of a module, so that they are run again; leave out all but so many mutants of a hundred, the same ones every time."""
    module, reasons = (
        str(path.relative_to(Path("mutants"))).removesuffix(".meta"),
        tomllib.loads(EXPLAINED.read_text())["survivor"],
    )
    known = json.loads(path.read_text())
    codes = known["exit_code_by_key"]
    for mutant, code in codes.items():
        state = status_by_exit_code[code]
        if state not in CAUGHT[:2] and not (state == "survived" and _why(Survivor.of(module, mutant), reasons)):
            drawn = int(hashlib.sha256(f"{SEED} {mutant}".encode()).hexdigest(), 16) % 100 < share
            codes[mutant] = None if drawn else LEFT_OUT
    path.write_text(json.dumps(known))


def _measured(part: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every module of a part whose mutants were all run, with its counts and survivors."""
    made = MADE / part / "mutants"
    for path in sorted(made.glob("stanch/**/*.meta")):
        codes: dict[str, int | None] = json.loads(path.read_text())["exit_code_by_key"]
        states = {mutant: status_by_exit_code[code] for mutant, code in codes.items()}
        if "not checked" in states.values() or not set(states.values()) - {"skipped"}:
            continue
        module = str(path.relative_to(made)).removesuffix(".meta")
        counted = Counter(states.values())
        lived = [mutant for mutant, state in states.items() if state not in (*CAUGHT, "skipped")]
        with contextlib.chdir(MADE / part):
            survivors = [Survivor.of(module, mutant) for mutant in lived]
        yield (
            module,
            {
                "part": part,
                "mutants": len(states),
                "left out": counted["skipped"],
                "killed": counted["killed"],
                "refused": counted["caught by type check"],
                "timed out": counted["timeout"],
                "survived": [[each.function, each.was, each.now] for each in survivors],
                "when": time.strftime("%Y-%m-%d", time.gmtime(path.stat().st_mtime)),
            },
        )


def _page(results: dict[str, Any], reasons: list[dict[str, str]]) -> tuple[str, list[Survivor]]:
    rows, parts, unexplained = [], [], []
    total: Counter[str] = Counter()
    for module, found in results.items():
        lived = [(each, _why(each, reasons)) for each in (Survivor(module, *entry) for entry in found["survived"])]
        unexplained += [each for each, why in lived if why is None]
        counts = {name: found[name] for name in COUNTS}
        counts |= {"survived": len(lived), "wording": sum(why == WORDING for _, why in lived)}
        total.update(counts)
        rows.append([f"`{module}`", *map(str, counts.values()), found["when"]])
        told = [(each, why) for each, why in lived if why != WORDING]
        if told:
            parts.append(f"## `{module}`\n\n" + "\n".join(_told(told)))
    rows.append(
        [
            "**all**",
            *(f"**{total[name]}**" for name in (*COUNTS, "survived", "wording")),
            "",
        ]
    )
    table = [
        "| module | mutants | left out | killed | refused | timed out | survived | of these: wording | run on |",
        "|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    table += [f"| {' | '.join(row)} |" for row in rows]
    wording = f"*Wording*: {WORDING}, not what is said with it (who, what, when are parts that are tested)."
    return "\n\n".join([HEAD.strip(), "\n".join(table), wording, *parts]) + "\n", unexplained


def _told(lived: list[tuple[Survivor, str | None]]) -> Iterator[str]:
    """One item for each explanation, with the mutants that it covers."""
    by_reason: dict[str | None, list[Survivor]] = {}
    for each, why in lived:
        by_reason.setdefault(why, []).append(each)
    for why, covered in by_reason.items():
        yield f"- {why or '**to be killed by a test**'}"
        yield from (f"  - `{each.function}`: `` {each.was} `` → `` {each.now or '(dropped)'} ``" for each in covered)


def _why(survivor: Survivor, reasons: list[dict[str, str]]) -> str | None:
    """The explanation: that of its own entry (`now` may be left out for all changes of a line), or that it changes wording alone."""
    for reason in reasons:
        place = (reason["module"], reason["function"], reason["was"]) == (
            survivor.module,
            survivor.function,
            survivor.was,
        )
        if place and reason.get("now", survivor.now) == survivor.now:
            return " ".join(reason["why"].split())
    if (
        "/sqlite" in survivor.module
        and _STATEMENT.search(survivor.was)
        and survivor.was.lower() == survivor.now.lower()
    ):
        return SQL
    return WORDING if _reworded(survivor.was, survivor.now) else None


def _reworded(was: str, now: str) -> bool:
    """Whether the two lines differ in nothing but strings that hold a sentence."""
    plain = [_TEXT.sub(lambda found: '""' if " " in found[0] else found[0], line) for line in (was, now)]
    return was != now and plain[0] == plain[1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
