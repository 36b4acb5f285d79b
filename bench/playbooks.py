"""How the cost of matching grows with the number of playbooks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from bench import events
from bench.goals import Results, Row, Spread, ratio
from stanch.finding import Finding
from stanch.playbooks.compile import dump, parse_compiled
from stanch.playbooks.match import Matcher, Rule
from stanch.playbooks.model import Playbook, Policy, Step
from stanch.sources import guardduty

SERVICES = ("EC2", "S3", "IAMUser", "Kubernetes", "RDS", "Lambda", "Runtime")


def policy(count: int) -> Policy:
    """Playbooks as people write them: a finding type, its severity and the resource's type; the last is for our event."""
    made = [
        Playbook(
            f"playbook-{number}",
            {
                "type": (f"Example:{SERVICES[number % len(SERVICES)]}/Finding{number}",)
                if number % 3
                else ({"prefix": f"Example{number}:"},),
                "severity": (3, 4, 5),
                "resource.type": ("AWS::IAM::AccessKey",),
            },
            (Step("aws.iam.deactivate_access_key"),),
            "auto",
        )
        for number in range(count - 1)
    ]
    wanted = {
        "type": ({"prefix": "UnauthorizedAccess:IAMUser/"},),
        "severity": (3, 4),
        "resource.type": ("AWS::IAM::AccessKey",),
    }
    return Policy(playbooks=(*made, Playbook("wanted", wanted, (Step("aws.iam.deactivate_access_key"),), "auto")))


def measure(results: Results, rounds: int) -> None:
    """Rows for 10, 1,000 and 10,000 playbooks, for a scan of a thousand, and for loading ten thousand in a cold function."""
    finding = guardduty.parse(events.guardduty(1, datetime.now(UTC)))[0]
    works = {f"{count:,}": _matching(count, finding) for count in (10, 1_000, 10_000)}
    rules = [Rule(playbook) for playbook in policy(1_000).playbooks]
    works["scan"] = lambda: _scan(rules, finding)
    rates: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            rates[name].append(_rate(work, 0.2))
    add = results.rows.append
    group = "playbooks"
    many = "findings a second on one core with 10,000 playbooks"
    add(Row(group, many, Spread.of(rates["10,000"]), "/s", 10_000, "above"))
    add(Row(group, "rate with 10,000 playbooks, by the rate with 10", ratio(rates["10,000"], rates["10"])))
    scanned = ratio(rates["1,000"], rates["scan"])
    add(Row(group, "rate with 1,000 playbooks, by a scan of all of them", scanned, "×", 200, "above"))
    compiled = dump(policy(10_000))
    loads = [1e3 / _rate(lambda: Matcher(parse_compiled(compiled, "playbooks.json")), 0.2) for _ in range(rounds)]
    add(Row(group, "CPU to load 10,000 compiled playbooks and their index in a cold function", Spread.of(loads), "ms"))


def _matching(count: int, finding: Finding) -> Callable[[], object]:
    matcher = Matcher(policy(count))
    if [match.playbook.id for match in matcher.match(finding)] != ["wanted"]:
        raise RuntimeError("the finding must match the last playbook and no other")
    return lambda: matcher.match(finding)


def _scan(rules: Sequence[Rule], finding: Finding) -> list[str]:
    return [rule.playbook.id for rule in rules if rule.resources(finding) is not None]


def _rate(work: Callable[[], object], seconds: float) -> float:
    """Calls a second of this process's own CPU. The clock is read once for many calls: reading it takes a part of a match's time."""
    done, many, start = 0, 1, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        for _ in range(many):
            work()
        done += many
        many = max(1, int(done / max(spent, 1e-4) * seconds / 20))
    return done / spent
