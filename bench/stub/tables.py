"""Azure Table Storage's reads by key and entity group transactions, in memory."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

from bench.stub.wire import Reply, Request

Entity = dict[str, Any]

_KEYS = re.compile(r"\(PartitionKey='([^']*)',RowKey='([^']*)'\)")
_EQUAL = re.compile(r"(PartitionKey|RowKey) eq '([^']*)'")
_PART = re.compile(rb"(POST|PUT|PATCH|MERGE|DELETE) (\S+) HTTP/1\.1\r\n(.*?)\r\n\r\n(.*?)(?=\r\n--)", re.DOTALL)


class Tables:
    """Entities by partition and row; every write succeeds, for nobody else is there to meet it."""

    def __init__(self) -> None:
        self._entities: dict[tuple[str, str], Entity] = {}

    def clear(self) -> None:
        self._entities.clear()

    def answer(self, request: Request) -> Reply:
        path = unquote(request.path)
        if path.endswith("/$batch"):
            return self._batch(request)
        keys = _KEYS.search(path)
        if keys:
            found = self._entities.get((keys[1], keys[2]))
            if found is None:
                error = {"odata.error": {"code": "ResourceNotFound", "message": {"lang": "en-US", "value": "none"}}}
                return Reply.json("table:get", error, 404)
            return Reply.json("table:get", {"odata.etag": 'W/"1"', **found}, 200, ETag='W/"1"')
        wanted: dict[str, set[str]] = {}
        for name, value in _EQUAL.findall(request.query.get("$filter", "")):
            wanted.setdefault(name, set()).add(value)
        fits = [each for each in self._entities.values() if all(each[name] in given for name, given in wanted.items())]
        return Reply.json("table:query", {"value": [{"odata.etag": 'W/"1"', **each} for each in fits]})

    def _batch(self, request: Request) -> Reply:
        parts = _PART.findall(request.body)
        for verb, url, _, body in parts:
            keys = _KEYS.search(unquote(url.decode()))
            if verb == b"DELETE" and keys:
                self._entities.pop((keys[1], keys[2]), None)
            elif body.strip():
                entity = json.loads(body)
                self._entities[entity["PartitionKey"], entity["RowKey"]] = entity
        one = '--changeset\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nHTTP/1.1 204 No Content\r\nETag: W/"1"\r\nContent-Length: 0\r\n\r\n\r\n'
        text = f"--batch\r\nContent-Type: multipart/mixed; boundary=changeset\r\n\r\n{one * len(parts)}--changeset--\r\n--batch--\r\n"
        return Reply("table:transaction", 202, text.encode(), "multipart/mixed; boundary=batch")
