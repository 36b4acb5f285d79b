"""What the shell offers after TAB. Nothing is started and nothing is asked of a cloud: only files are read, and trouble offers nothing."""

from __future__ import annotations

from collections.abc import Iterable

from stanch.errors import StanchError


def remediations(incomplete: str) -> list[str]:
    """Ids of remediations."""
    from remediations import aws, azure

    return _starting([*aws.REGISTRY, *azure.REGISTRY], incomplete)


def samples(incomplete: str) -> list[str]:
    """Names of the sample events."""
    from stanch.cli.replaying import samples as known

    return _starting(known(), incomplete)


def playbooks(incomplete: str) -> list[str]:
    """Ids of the effective policy's playbooks."""
    from handlers.settings import policy

    try:
        return _starting((playbook.id for playbook in policy().playbooks), incomplete)
    except StanchError:
        return []


def actions(incomplete: str) -> list[str]:
    """Ids in the local journal, newest first."""
    from stanch.journal import Query
    from stanch.journal.sqlite import SqliteJournal
    from stanch.local.process import LocalProcess

    journal = LocalProcess().journal
    try:
        found = list(SqliteJournal(str(journal)).find(Query())) if journal.exists() else []
    except StanchError:
        return []
    return _starting((action.id for action in found), incomplete)


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
