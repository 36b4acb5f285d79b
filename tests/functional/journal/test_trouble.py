"""Stores that are slow, gone or closed to us."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from stanch.errors import AccessDenied, Busy, CloudError, Fenced, StanchError, Throttled, Unreachable
from stanch.journal import Journal, Query
from stanch.journal.dynamodb import DynamoJournal
from stanch.journal.table_storage import TableJournal
from tests.functional.journal.records import EFFECT, MARKER, a_lease, a_report, an_action
from tests.functional.journal.stores import dynamodb_client, table_client
from tests.functional.journal.trouble import Answer, Forgetful, Request, serving
from tests.tools.azurite import Azurite

ACTION = an_action()
NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""

CALLS: dict[str, Callable[[Journal], object]] = {
    "look": lambda journal: journal.look(EFFECT, MARKER),
    "open": lambda journal: journal.open(ACTION, a_lease(ACTION), MARKER),
    "reopen": lambda journal: journal.reopen(ACTION, a_lease(ACTION)),
    "claim": lambda journal: journal.claim(a_lease(ACTION), a_lease(ACTION, 2)),
    "record": lambda journal: journal.record(ACTION, a_lease(ACTION)),
    "close": lambda journal: journal.close(ACTION, a_lease(ACTION), None),
    "note": lambda journal: journal.note(ACTION, None, None),
    "file": lambda journal: journal.file(a_report("key")),
    "get": lambda journal: journal.get(ACTION.id),
    "find": lambda journal: list(journal.find(Query())),
    "pending": lambda journal: list(journal.pending()),
    "sent": lambda journal: journal.sent(a_report("key")),
    "count": lambda journal: journal.count(["key"], 2e9),
    "counts": lambda journal: journal.counts(["key"]),
    "keep": lambda journal: journal.keep("kind", "key", {}, None),
    "keep new": lambda journal: journal.keep("kind", "key", {}, None, new=True),
    "kept": lambda journal: journal.kept("kind"),
    "drop": lambda journal: journal.drop("kind", "key"),
}


def dynamo_answer(status: int, code: str, *reasons: str) -> Answer:
    body: dict[str, object] = {
        "__type": f"com.amazonaws.dynamodb.v20120810#{code}",
        "message": "as the service words it",
    }
    if reasons:
        body["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return status, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(body).encode()


def table_answer(status: int, code: str) -> Answer:
    body = {"odata.error": {"code": code, "message": {"lang": "en-US", "value": "as the service words it"}}}
    return status, {"Content-Type": "application/json", "x-ms-error-code": code}, json.dumps(body).encode()


def outcomes(journal: Journal) -> dict[str, type[StanchError]]:
    """What each call of the protocol raises."""
    raised = {}
    for name, call in CALLS.items():
        with pytest.raises(StanchError) as error:
            call(journal)
        raised[name] = type(error.value)
    return raised


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (dynamo_answer(400, "ProvisionedThroughputExceededException"), Throttled),
        (dynamo_answer(400, "ThrottlingException"), Throttled),
        (dynamo_answer(400, "AccessDeniedException"), AccessDenied),
        (dynamo_answer(400, "UnrecognizedClientException"), AccessDenied),
        (dynamo_answer(500, "InternalServerError"), Unreachable),
        (dynamo_answer(400, "ResourceNotFoundException"), CloudError),
        (dynamo_answer(400, "ValidationException"), CloudError),
    ],
    ids=lambda value: json.loads(value[2])["__type"].split("#")[1] if isinstance(value, tuple) else "",
)
def test_dynamodb_in_trouble(answer: Answer, expected: type[StanchError]) -> None:
    with serving(lambda _: answer) as url, closing(dynamodb_client(url, retries={"total_max_attempts": 1})) as client:
        journal = DynamoJournal(client, "journal")
        assert outcomes(journal) == dict.fromkeys(CALLS, expected)
        with pytest.raises(expected, match="as the service words it"):
            journal.look(EFFECT, None)


def test_a_refusal_names_the_operation_that_was_refused() -> None:
    written = dict.fromkeys(("open", "reopen", "claim", "record", "close", "note", "file", "sent", "keep", "keep new", "drop"), "TransactWriteItems")  # fmt: skip
    read = {"look": "TransactGetItems", "get": "BatchGetItem", "counts": "BatchGetItem", "find": "scan", "pending": "query", "kept": "query"}  # fmt: skip
    refused = {}
    with (
        serving(lambda _: dynamo_answer(400, "AccessDeniedException")) as url,
        closing(dynamodb_client(url, retries={"total_max_attempts": 1})) as client,
    ):
        for name, call in CALLS.items():
            with pytest.raises(AccessDenied) as error:
                call(DynamoJournal(client, "journal"))
            refused[name] = error.value.operation
    assert refused == {
        name: f"journal:{operation}" for name, operation in (written | read | {"count": "UpdateItem"}).items()
    }


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        (("ConditionalCheckFailed", "None"), {"open": Busy, "reopen": Busy, "claim": Busy, "record": Fenced, "close": Fenced}),
        (("None", "TransactionConflict"), dict.fromkeys(("open", "reopen", "claim", "record", "close", "note", "look", "keep", "keep new", "drop"), Throttled)),
        (("ThrottlingError", "None"), dict.fromkeys(("open", "record", "close", "look"), Throttled)),
        (("ProvisionedThroughputExceeded", "None"), dict.fromkeys(("open", "file"), Throttled)),
        (("ValidationError", "None"), dict.fromkeys(("open", "record", "note"), CloudError)),
    ],
)  # fmt: skip
def test_a_cancelled_transaction_says_why(
    reasons: tuple[str, ...], expected: dict[str, type[StanchError]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stanch.journal.dynamodb_client.PAUSES", (0.001, 0.001))
    asked: list[str] = []

    def answer(request: tuple[str, str, dict[str, str], bytes]) -> Answer:
        asked.append(request[2]["X-Amz-Target"])
        return dynamo_answer(400, "TransactionCanceledException", *reasons)

    with serving(answer) as url, closing(dynamodb_client(url, retries={"total_max_attempts": 1})) as client:
        found = {}
        for call in expected:
            with pytest.raises(StanchError) as raised:
                CALLS[call](DynamoJournal(client, "journal"))
            found[call] = type(raised.value)
            if isinstance(raised.value, Throttled):
                assert str(raised.value).startswith("journal:Transact")
    retried = 3 if issubclass(next(iter(expected.values())), Throttled) else 1
    assert {call: Throttled if issubclass(kind, Throttled) else kind for call, kind in found.items()} == expected
    assert len(asked) == retried * len(expected)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (table_answer(503, "ServerBusy"), Throttled),
        (table_answer(500, "InternalError"), Unreachable),
        (table_answer(500, "OperationTimedOut"), Unreachable),
        (table_answer(403, "AuthorizationPermissionMismatch"), AccessDenied),
        (table_answer(403, "AuthenticationFailed"), AccessDenied),
        (table_answer(404, "TableNotFound"), CloudError),
        (table_answer(400, "InvalidInput"), CloudError),
        (table_answer(413, "RequestBodyTooLarge"), CloudError),
    ],
    ids=lambda value: value[1]["x-ms-error-code"] if isinstance(value, tuple) else "",
)
def test_table_storage_in_trouble(answer: Answer, expected: type[StanchError]) -> None:
    with serving(lambda _: answer) as url, table_client(f"{url}/stanchtest", "journal", retry_total=0) as client:
        journal = TableJournal(client)
        assert outcomes(journal) == dict.fromkeys(CALLS, expected)
        with pytest.raises(expected, match="as the service words it"):
            journal.look(EFFECT, None)


def test_a_store_that_nobody_answers_for_is_unreachable() -> None:
    with closing(dynamodb_client(NOWHERE, retries={"total_max_attempts": 1})) as dynamo:
        assert outcomes(DynamoJournal(dynamo, "journal")) == dict.fromkeys(CALLS, Unreachable)
    with table_client(f"{NOWHERE}/stanchtest", "journal", retry_total=0) as tables:
        assert outcomes(TableJournal(tables)) == dict.fromkeys(CALLS, Unreachable)


@pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning")  # in azure-data-tables
def test_a_wrong_key_is_denied(azurite: Azurite) -> None:
    with table_client(azurite.endpoint("table"), "journal", key="d3Jvbmc=") as client, pytest.raises(AccessDenied):
        TableJournal(client).look(EFFECT, None)


def test_a_missing_table_is_not_a_missing_action(azurite: Azurite, dynamodb_local: str) -> None:
    """Nor Busy, nor Gone, which would read as a missing resource."""
    with table_client(azurite.endpoint("table"), "nosuchjournal") as tables:
        assert outcomes(TableJournal(tables)) == dict.fromkeys(CALLS, CloudError)
    with closing(dynamodb_client(dynamodb_local)) as client:
        assert outcomes(DynamoJournal(client, "no-such-journal")) == dict.fromkeys(CALLS, CloudError)


def test_a_counter_that_changes_under_every_try_means_come_again(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stanch.journal.table_storage_facts.TRIES", 3)
    endpoint, name = urlsplit(azurite.endpoint("table")), f"journal{uuid.uuid4().hex[:8]}"
    passing = Forgetful(f"http://{endpoint.netloc}", lambda _: False)
    with table_client(azurite.endpoint("table"), name) as others_table:
        others_table.create_table()
        other = TableJournal(others_table)
        other.count(["key"], 2e9)
        other.keep("lease", "sweep", {"round": 0}, None)
        rounds: list[int] = []

        def overtaken(request: Request) -> Answer:
            if request[1].endswith("/$batch"):
                rounds.extend(other.count(["key"], 2e9))
                other.keep("lease", "sweep", {"round": rounds[-1]}, None)
            return passing(request)

        with serving(overtaken) as url, table_client(url + endpoint.path, name) as table:
            with pytest.raises(Throttled):
                TableJournal(table).count(["another", "key"], 2e9)
            assert rounds == [2, 3, 4]
            with pytest.raises(Throttled):
                TableJournal(table).drop("lease", "sweep")
        assert other.counts(["another", "key"]) == [0, 7]
        assert other.kept("lease") == {"sweep": {"round": 7}}


def test_a_counter_that_fits_no_way_to_count_means_come_again() -> None:
    asked: list[str] = []

    def answer(request: Request) -> Answer:
        asked.append(request[2]["X-Amz-Target"].split(".")[1])
        return dynamo_answer(400, "ConditionalCheckFailedException")

    with (
        serving(answer) as url,
        closing(dynamodb_client(url, retries={"total_max_attempts": 1})) as client,
        pytest.raises(Throttled, match="too many count at once"),
    ):
        DynamoJournal(client, "journal").count(["key"], 2e9)
    assert asked == ["UpdateItem"] * 15


def test_keys_that_were_not_processed_are_asked_for_again() -> None:
    """DynamoDB answers in part where an answer would be too large, or where it is busy; then even without our table."""
    asked: list[int] = []

    def answer(request: Request) -> Answer:
        body = json.loads(request[3])["RequestItems"]
        keys = body["journal"]["Keys"]
        asked.append(len(keys))
        items = [{**keys[0], "counted": {"N": "7"}, "until": {"N": "2e9"}}] if len(asked) > 1 else []
        left = {"journal": {"Keys": keys[len(items) :]}} if keys[len(items) :] else {}
        found = {"Responses": {"journal": items} if items else {}, "UnprocessedKeys": left}
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(found).encode()

    with serving(answer) as url, closing(dynamodb_client(url)) as client:
        assert DynamoJournal(client, "journal").counts(["account", "organisation"]) == [7, 7]
    assert asked == [2, 2, 1]
