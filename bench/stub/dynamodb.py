"""DynamoDB's writes and reads by key, in memory, with the conditions that a journal and an idempotency store set."""

from __future__ import annotations

import json
import re
from typing import Any

from bench.stub.wire import Reply, Request

Item = dict[str, Any]

_ABSENT = re.compile(r"attribute_not_exists\((\S+?)\)")
_EQUAL = re.compile(r"(\S+) = (:\w+)")


class DynamoDb:
    """Items by table and key. A key is `pk` and `sk`, or `id`."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, str], Item] = {}

    def clear(self) -> None:
        self._items.clear()

    def answer(self, request: Request) -> Reply:
        operation = request.headers["x-amz-target"].rpartition(".")[2]
        found = getattr(self, f"_{operation}", None)
        if found is None:
            return Reply.json(f"UNKNOWN dynamodb:{operation}", {"__type": "UnknownOperationException"}, 400)
        status, body = found(json.loads(request.body))
        reply = Reply.json(f"dynamodb:{operation}", body, status)
        reply.kind = "application/x-amz-json-1.0"
        return reply

    def _TransactGetItems(self, given: Item) -> tuple[int, Item]:
        found = [self._get(each["Get"]["TableName"], each["Get"]["Key"]) for each in given["TransactItems"]]
        return 200, {"Responses": [{"Item": item} if item else {} for item in found]}

    def _BatchGetItem(self, given: Item) -> tuple[int, Item]:
        found = {
            table: [item for key in wanted["Keys"] if (item := self._get(table, key))]
            for table, wanted in given["RequestItems"].items()
        }
        return 200, {"Responses": found, "UnprocessedKeys": {}}

    def _GetItem(self, given: Item) -> tuple[int, Item]:
        found = self._get(given["TableName"], given["Key"])
        return 200, {"Item": found} if found else {}

    def _TransactWriteItems(self, given: Item) -> tuple[int, Item]:
        writes = [(verb, what) for each in given["TransactItems"] for verb, what in each.items()]
        held = [self._holds(what) for _, what in writes]
        if not all(held):
            reasons = [{"Code": "None" if good else "ConditionalCheckFailed"} for good in held]
            kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
            return 400, {"__type": kind, "CancellationReasons": reasons, "Message": "cancelled"}
        for verb, what in writes:
            self._write(verb, what)
        return 200, {}

    def _PutItem(self, given: Item) -> tuple[int, Item]:
        self._write("Put", given)
        return 200, {}

    def _UpdateItem(self, given: Item) -> tuple[int, Item]:
        """An idempotency store's mark, or one more on a counter."""
        stored = self._get(given["TableName"], given["Key"]) or {}
        counted = str(int(stored.get("counted", {"N": "0"})["N"]) + 1)
        until = given.get("ExpressionAttributeValues", {}).get(":until", stored.get("until", {"N": "0"}))
        item = {**stored, **given["Key"], "counted": {"N": counted}, "until": until}
        self._write("Put", {"TableName": given["TableName"], "Item": item})
        return 200, {"Attributes": item} if given.get("ReturnValues") == "ALL_NEW" else {}

    def _Query(self, given: Item) -> tuple[int, Item]:
        """By partition, and by what the sort key begins with."""
        values = given["ExpressionAttributeValues"]
        partition = next(values[name] for name in re.findall(r"= (:\w+)", given["KeyConditionExpression"]))
        begins = re.search(r"begins_with\(sk, (:\w+)\)", given["KeyConditionExpression"])
        start = values[begins[1]]["S"] if begins else ""
        found = [
            item
            for (table, _), item in self._items.items()
            if table == given["TableName"] and item.get("pk") == partition and item["sk"]["S"].startswith(start)
        ]
        return 200, {"Items": found, "Count": len(found)}

    def _get(self, table: str, key: Item) -> Item | None:
        return self._items.get((table, _name(key)))

    def _write(self, verb: str, what: Item) -> None:
        if verb == "Put":
            self._items[what["TableName"], _name(what["Item"])] = what["Item"]
        elif verb == "Delete":
            self._items.pop((what["TableName"], _name(what["Key"])), None)

    def _holds(self, what: Item) -> bool:
        condition = what.get("ConditionExpression", "")
        names, values = what.get("ExpressionAttributeNames", {}), what.get("ExpressionAttributeValues", {})
        stored = self._get(what["TableName"], what.get("Item") or what["Key"])
        if _ABSENT.search(condition) and stored:
            return False
        wanted = _EQUAL.findall(condition)
        return all((stored or {}).get(names.get(name, name)) == values[value] for name, value in wanted)


def _name(item: Item) -> str:
    return json.dumps([item.get(part) for part in ("pk", "sk", "id")])
