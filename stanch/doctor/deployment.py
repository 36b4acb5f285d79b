"""What both clouds' deployments have in common: policy, journal, kill switch, reports, decisions, and whether the sweep runs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from stanch import clock
from stanch.approval.links import Links
from stanch.deployment import Deployment
from stanch.doctor import Check, surely, told
from stanch.errors import CloudError, Refused, StanchError
from stanch.journal import Query
from stanch.restraint import EXEMPT, PAUSE
from stanch.sweep.turn import SWEEP, THOROUGH, DeadLetters

LATE = 2 * THOROUGH
"""After which the sweep's hourly thorough round is missed."""

CRASHED = timedelta(minutes=30)
"""How long an action may be open: longer than any function runs and several sweeps apart."""

PROBE = "doctor"
"""The kind of standing fact that is written and dropped to see that the journal can be written."""


def deployment(one: Deployment, links: Links | None, queues: list[DeadLetters], live: bool) -> Iterator[Check]:
    """Every check that needs no cloud's own words. `queues` are those of what was given up."""
    yield from _policy(one)
    yield from surely("journal", "reading and writing", lambda: _journal(one))
    yield from surely("journal", "actions", lambda: _open(one))
    yield _switch(one)
    yield from surely("kill switch", "pauses", lambda: _standing(one))
    yield from surely("reports", "outbox", lambda: _reports(one, live))
    yield from _decisions(one, links)
    yield from _queues(queues)
    yield from surely("sweep", "schedule", lambda: _sweep(one, live))


def _policy(one: Deployment) -> Iterator[Check]:
    enabled = [playbook for playbook in one.policy.playbooks if playbook.enabled]
    yield Check("policy", "playbooks", "ok", f"{len(enabled)} playbooks are enabled, policy {one.policy.digest[:12]}")
    ceiling = one.settings.ceiling
    if ceiling == "observe":
        said = "observe: from here nothing is written, whatever the playbooks say"
        yield Check("policy", "STANCH_MODE", "note", said, "STANCH_MODE=approve or auto lets it act")
    else:
        yield Check("policy", "STANCH_MODE", "ok", f"{ceiling}, the most that any playbook may do")


def _journal(one: Deployment) -> Iterator[Check]:
    name = uuid.uuid4().hex
    one.journal.keep(PROBE, name, {"at": clock.iso(clock.now())}, clock.now().timestamp() + 60)
    found = name in one.journal.kept(PROBE)
    one.journal.drop(PROBE, name)
    if found:
        yield Check("journal", "reading and writing", "ok", "a fact was written, read again and removed")
    else:
        mend = "look at this machine's clock and at the store's permissions"
        yield Check("journal", "reading and writing", "wrong", "a fact that was just written is not there", mend)


def _open(one: Deployment) -> Iterator[Check]:
    before = clock.now() - CRASHED
    left = [action.id for action in one.journal.find(Query(open_only=True)) if clock.parse(action.opened_at) < before]
    if left:
        said = f"{len(left)} have been open for more than {CRASHED.seconds // 60} minutes: {', '.join(left[:3])}"
        yield Check("journal", "actions", "wrong", said, "`stanch sweep` resumes them and says what keeps it from that")
    else:
        yield Check("journal", "actions", "ok", "none is left open by a crash")


def _switch(one: Deployment) -> Check:
    if one.switch is None:
        said = "STANCH_KILL_SWITCH names none: only `stanch pause` stops everything"
        return Check("kill switch", "parameter", "note", said)
    try:
        why = one.switch()
    except StanchError as error:
        mend = "let the deployment read it; until then everything is held"
        return Check("kill switch", "parameter", "wrong", f"it cannot be read: {error}", mend)
    if why:
        return Check("kill switch", "parameter", "note", f"pulled, everything is held: {why}", "set it to off")
    return Check("kill switch", "parameter", "ok", "it can be read and is off")


def _standing(one: Deployment) -> Iterator[Check]:
    pauses, exemptions = one.journal.kept(PAUSE), one.journal.kept(EXEMPT)
    said = f"pauses that stand: {len(pauses)}; exemptions: {len(exemptions)}"
    state, mend = ("note", "`stanch standing` lists them") if pauses or exemptions else ("ok", None)
    yield Check("kill switch", "pauses", state, said, mend)  # type: ignore[arg-type]  # one of two states


def _reports(one: Deployment, live: bool) -> Iterator[Check]:
    people = {name: channel for name, channel in one.channels.items() if name not in one.programs}
    if not people:
        mend = "set STANCH_SNS_TOPIC_ARN or STANCH_TEAMS_SECRET, or name channels in the policy"
        yield Check("reports", "channels", "wrong", "there is no channel: nobody is told of anything", mend)
    for name, channel in one.channels.items():
        yield _channel(name, channel, live)
    before = clock.now() - CRASHED  # what is younger and met no error may be under way
    stuck = [item for item in one.journal.pending() if item.errors or clock.parse(item.created_at) < before]
    if stuck:
        why = sorted({f"{name}: {text}" for item in stuck for name, text in item.errors.items()})
        said = f"{len(stuck)} report{'s are' if len(stuck) > 1 else ' is'} not delivered yet{': ' if why else ''}{'; '.join(why[:3])}"
        yield Check("reports", "outbox", "wrong", said, "mend the channel; the sweep sends them")
    else:
        yield Check("reports", "outbox", "ok", "every report was delivered")


def _channel(name: str, channel: Any, live: bool) -> Check:
    ready = getattr(channel, "ready", None)
    if ready is None:
        return Check("reports", name, "note", "whether it takes reports shows only when one is sent")
    mend = "let the deployment read the channel's secret or topic, and put right what it holds"
    try:
        return told("reports", name, ready, mend)
    except Refused as error:
        return Check("reports", name, "wrong" if live else "note", str(error), mend if live else None)


def _decisions(one: Deployment, links: Links | None) -> Iterator[Check]:
    if links is None:
        said = "STANCH_SIGNING_SECRET names no secret: requests are decided with `stanch approve` alone"
        yield Check("decisions", "approval page", "note", said)
    else:
        yield told("decisions", "approval page", lambda: _page(links), "put the keys into the secret that STANCH_SIGNING_SECRET names", "wrong")  # fmt: skip
    group = one.policy.approval.by.get("group")
    said = f"only members of {group} decide" if group else "whoever may call the page or the journal may decide"
    yield Check("decisions", "group", "ok" if group else "note", said, None if group else "approval: {by: {group: NAME}} in the policy")  # fmt: skip


def _page(links: Links) -> str:
    links.keys()
    return f"links lead to {links.base_url}" if links.base_url else "no report carries a link: STANCH_APPROVAL_URL is not set"  # fmt: skip


def _queues(queues: list[DeadLetters]) -> Iterator[Check]:
    for queue in queues:
        try:
            count = queue.waiting().count
        except StanchError as error:
            yield Check("queues", queue.name, "unknown", str(error))
            continue
        if count:
            said = f"{count} messages were given up: their findings are not answered"
            yield Check("queues", queue.name, "wrong", said, "remove the cause, then `stanch redrive`")
        else:
            yield Check("queues", queue.name, "ok", "nothing was given up")


def _sweep(one: Deployment, live: bool) -> Iterator[Check]:
    if not live:
        yield Check("sweep", "schedule", "ok", "local clouds have no schedule: `stanch sweep` does it by hand")
        return
    last = one.journal.kept(SWEEP).get("thorough", {}).get("at")
    mend = "enable the schedule of the sweep function and look at its errors"
    if last is None:
        yield Check("sweep", "schedule", "wrong", "no sweep has got through yet: nothing is resumed, escalated or reminded of", mend)  # fmt: skip
        return
    late = clock.now() - clock.parse(last) > LATE
    said = f"the last thorough sweep got through at {last}"
    yield Check("sweep", "schedule", "wrong" if late else "ok", said, mend if late else None)


def groups(one: Deployment, account: str) -> Iterator[Check]:
    """Whether the account groups and tags that the policy asks for can be read, tried on an account."""
    asks = (("organisational units", one.units_of), ("account tags", one.tags_of))
    for name, ask in asks:
        if ask is None:
            continue
        try:
            ask(account)
        except CloudError as error:
            said = f"the policy needs them and they cannot be read: {error}"
            yield Check("policy", name, "wrong", said, "let the deployment ask Organizations, from a delegated administrator or the management account")  # fmt: skip
        except StanchError as error:
            yield Check("policy", name, "unknown", str(error))
        else:
            yield Check("policy", name, "ok", "they can be read")
