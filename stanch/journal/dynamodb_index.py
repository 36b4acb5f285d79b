"""How the DynamoDB journal lists: through its two indexes, which know enough to leave out what does not fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from stanch.journal import Query
from stanch.journal.dynamodb_client import DynamoTable
from stanch.journal.dynamodb_table import BY_DAY, BY_PENDING, Item
from stanch.journal.stored import column, earliest, states

DAYS = 31
"""Listings that reach further back read the whole index instead of one day after the other."""

Clauses = dict[str, dict[str, str]]
"""Clause → the strings that it compares with, by placeholder. A name with # in front is one of DynamoDB's reserved words."""


def listed(table: DynamoTable, query: Query) -> Iterator[list[str]]:
    """Ids of the actions that may fit, newest first, in portions of which each is older than the one before."""
    if states(query) == []:
        return
    for rows in _portions(table, query):
        rows.sort(key=lambda row: (row["opened_at"]["S"], row["sk"]["S"]), reverse=True)
        yield [row["sk"]["S"].removeprefix("action#") for row in rows]


def undelivered(table: DynamoTable) -> list[Item]:
    """Keys of the reports that were undelivered a moment ago, oldest first."""
    key = {"pending = :pending": {":pending": "pending"}}
    rows = table.rows("query", IndexName=BY_PENDING, **_arguments(key, {}))
    return [{"pk": row["pk"], "sk": row["sk"]} for row in rows]


def _portions(table: DynamoTable, query: Query) -> Iterator[list[Item]]:
    wanted, since = _wanted(query), earliest(query)
    bound: Clauses = {} if since is None else {"opened_at >= :since": {":since": since}}
    day = datetime.now(UTC).date() + timedelta(days=1)  # another machine's clock may be ahead
    if since is None or date.fromisoformat(since[:10]) < day - timedelta(days=DAYS):
        yield table.rows("scan", IndexName=BY_DAY, **_arguments({}, bound | wanted))
        return
    while day.isoformat() >= since[:10]:
        key = {"#day = :day": {":day": day.isoformat()}} | bound
        yield table.rows("query", IndexName=BY_DAY, **_arguments(key, wanted))
        day -= timedelta(days=1)


def _wanted(query: Query) -> Clauses:
    clauses: Clauses = {}
    if query.account is not None:
        clauses["#account = :account"] = {":account": column(query.account)}
    if query.playbook is not None:
        clauses["playbook = :playbook"] = {":playbook": column(query.playbook)}
    among = states(query)
    if among is not None:
        values = {f":state{number}": name for number, name in enumerate(among)}
        clauses[f"#state IN ({', '.join(values)})"] = values
    return clauses


def _arguments(key: Clauses, only: Clauses) -> dict[str, Any]:
    """The expression arguments of a Query or Scan, without the empty ones, which DynamoDB refuses."""
    clauses = key | only
    arguments = {
        "KeyConditionExpression": " AND ".join(key),
        "FilterExpression": " AND ".join(only),
        "ExpressionAttributeNames": {f"#{name}": name for name in re.findall(r"#(\w+)", " ".join(clauses))},
        "ExpressionAttributeValues": {
            name: {"S": text} for values in clauses.values() for name, text in values.items()
        },
    }
    return {name: value for name, value in arguments.items() if value}
