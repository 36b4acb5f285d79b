"""How the cost of matching grows with the number of playbooks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from bench import events
from bench.goals import Results, Row, Spread, ratio
from stanch.finding import Finding
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
    """Rows for 10, 1,000 and 10,000 playbooks, and for a scan of a thousand."""
    finding = guardduty.parse(events.guardduty(1, datetime.now(UTC)))[0]
    rates = {}
    for count in (10, 1_000, 10_000):
        matcher = Matcher(policy(count))
        assert [match.playbook.id for match in matcher.match(finding)] == ["wanted"]
        rates[count] = [_rate(lambda found=finding, made=matcher: made.match(found), 0.2) for _ in range(rounds)]  # type: ignore[misc]
    results.rows.append(
        Row(
            "playbooks",
            "findings a second on one core with 10,000 playbooks",
            Spread.of(rates[10_000]),
            "/s",
            10_000,
            "above",
        )
    )
    results.rows.append(
        Row("playbooks", "rate with 10,000 playbooks, by the rate with 10", ratio(rates[10_000], rates[10]))
    )
    rules = [Rule(playbook) for playbook in policy(1_000).playbooks]
    scanned = [_rate(lambda: _scan(rules, finding), 0.3) for _ in range(rounds)]
    results.rows.append(
        Row(
            "playbooks",
            "rate with 1,000 playbooks, by a scan of all of them",
            ratio(rates[1_000], scanned),
            "×",
            200,
            "above",
        )
    )


def _scan(rules: Sequence[Rule], finding: Finding) -> list[str]:
    return [rule.playbook.id for rule in rules if rule.resources(finding) is not None]


def _rate(work: Callable[[], object], seconds: float) -> float:
    """Calls a second of this process's own CPU."""
    done, start = 0, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        work()
        done += 1
    return done / spent
