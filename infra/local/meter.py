"""Counts what the functions ask AWS for, as AWS would bill it: requests, and DynamoDB's units by the real sizes of items (`units`).

A line of JSON for each request goes to the file that QUELL_METER names; without it nothing is changed.
"""

from __future__ import annotations

import json
import os
import re
import time
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import dynamodb, lambda_svc, secretsmanager, sqs

from infra.local import units
from infra.local.units import Consistency, IndexEntry

ROLE = re.compile(r":assumed-role/quell-(\w+?)Role-")
READS = frozenset(["BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"])
# Only these say that a condition did not hold: what is malformed is billed nothing.
REFUSED = (b"ConditionalCheckFailedException", b"TransactionCanceledException")

Record = dict[str, Any]

# Whose request is being handled: the function's name in the template; empty for the operator and the tests.
_asks: ContextVar[str] = ContextVar("asks", default="")


def install() -> None:
    file = os.environ.get("QUELL_METER")
    if file:
        _Meter(Path(file)).install()


class _Meter:
    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        # Of the request that is being handled: its writes as table, item before and item after, and the sizes of the items that a query read.
        self._writes: list[tuple[str, Record | None, Record | None]] = []
        self._queried: list[int] = []

    def install(self) -> None:
        evaluated = iam_evaluator.evaluate

        def evaluate(context: Any, *rest: Any) -> Any:
            found = ROLE.search(context.principal_arn)
            _asks.set(found.group(1) if found else "")
            return evaluated(context, *rest)

        iam_evaluator.evaluate = evaluate
        self._see_writes()
        self._see_queries()
        self._count(dynamodb, "dynamodb")
        self._count(sqs, "sqs")
        self._count(secretsmanager, "secretsmanager")
        invoked = lambda_svc._invoke

        async def invoke(name: str, *rest: Any, **more: Any) -> Any:
            self._note("lambda", "Invoke", function=_function(name))
            return await invoked(name, *rest, **more)

        lambda_svc._invoke = invoke
        run = lambda_svc._run_sqs_batch

        # The queues have no batching window and one message a batch, but for the signals: each message is an invocation on AWS too.
        def run_sqs_batch(mapping: Record, *rest: Any) -> None:
            self._note("lambda", "Invoke", function=_function(mapping["FunctionName"]))
            run(mapping, *rest)

        lambda_svc._run_sqs_batch = run_sqs_batch

    def _see_writes(self) -> None:
        """Every write that is done passes its item before and after to the stream."""
        emitted = dynamodb._emit_stream_event

        def emit(table: str, event: str, before: Record | None, after: Record | None, *rest: Any, **more: Any) -> Any:
            self._writes.append((table, before, after))
            return emitted(table, event, before, after, *rest, **more)

        dynamodb._emit_stream_event = emit

    def _see_queries(self) -> None:
        paginated = dynamodb._paginate_evaluated_items

        def paginate(items: list[Record], limit: Any, table: Record, index_name: str | None = None) -> tuple[list[Record], bool]:
            page, more = paginated(items, limit, table, index_name)
            entries = [dynamodb._apply_index_projection(item, table, index_name) if index_name else item for item in page]
            self._queried = [dynamodb._item_size_bytes(entry) for entry in entries]
            return page, more

        dynamodb._paginate_evaluated_items = paginate

    def _count(self, service: Any, name: str) -> None:
        handled = service.handle_request

        async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
            operation = headers.get("x-amz-target", "").rpartition(".")[2]
            if not operation or not _asks.get():
                return await handled(method, path, headers, body, query)
            self._writes, self._queried = [], []
            status, answer_headers, answer = await handled(method, path, headers, body, query)
            billed = {}
            if name == "dynamodb":
                kind = "read_units" if operation in READS else "write_units"
                billed[kind] = self._units(operation, json.loads(body), status, answer)
            self._note(name, operation, function=_asks.get(), **billed)
            return status, answer_headers, answer

        service.handle_request = handle_request

    def _units(self, operation: str, request: Record, status: int, answer: bytes | str) -> float:
        if status != 200:
            text = answer if isinstance(answer, bytes) else answer.encode()
            return _refused(operation, request) if any(name in text for name in REFUSED) else 0.0
        consistency = Consistency.STRONG if request.get("ConsistentRead") else Consistency.EVENTUAL
        match operation:
            case "GetItem":
                return units.read_apart([_size(request["TableName"], request["Key"])], consistency)
            case "Query" | "Scan":
                return units.read_together(self._queried, consistency)
            case "BatchGetItem":
                left = json.loads(answer).get("UnprocessedKeys") or {}
                return sum(_batch(name, asked, left.get(name) or {}) for name, asked in request["RequestItems"].items())
            case "TransactGetItems":
                gets = [item["Get"] for item in request["TransactItems"]]
                return units.read_apart([_size(get["TableName"], get["Key"]) for get in gets], Consistency.TRANSACTIONAL)
        indexes = sum(_index_units(*write) for write in self._writes)
        items = [(_bytes(before), _bytes(after)) for _, before, after in self._writes]
        if operation == "TransactWriteItems":
            return units.write_transaction(items) + indexes
        # What deletes nothing passes nothing to the stream, and costs as much as the least item.
        return sum(units.write(*sizes) for sizes in items or [(0, 0)]) + indexes

    def _note(self, service: str, operation: str, **more: Any) -> None:
        note = {"service": service, "operation": operation, "at": time.monotonic()} | more
        os.write(self._file, (json.dumps(note) + "\n").encode())


def _refused(operation: str, request: Record) -> float:
    if operation == "TransactWriteItems":
        parts = [part for item in request["TransactItems"] for part in item.values()]
        return units.write_transaction((_existing(part), _bytes(part.get("Item"))) for part in parts)
    return units.refused(_existing(request), _bytes(request.get("Item")))


def _existing(request: Record) -> int:
    return _size(request["TableName"], request.get("Key") or request["Item"])


def _batch(table: str, asked: Record, left: Record) -> float:
    unread = left.get("Keys") or []
    sizes = [_size(table, key) for key in asked["Keys"] if key not in unread]
    return units.read_apart(sizes, Consistency.STRONG if asked.get("ConsistentRead") else Consistency.EVENTUAL)


def _index_units(name: str, before: Record | None, after: Record | None) -> float:
    table = dynamodb._tables.get(name) or {}
    indexes = table.get("GlobalSecondaryIndexes") or []
    return sum(units.write_index(_entry(table, index, before), _entry(table, index, after)) for index in indexes)


def _entry(table: Record, index: Record, item: Record | None) -> IndexEntry | None:
    found = dynamodb._index_write_view(table, index, item)
    if found is None:
        return None
    key, view = found
    return IndexEntry(key, json.dumps(view, sort_keys=True), dynamodb._item_size_bytes(view))


def _size(table: str, key: Record) -> int:
    found = dynamodb._tables[dynamodb._normalize_table_name(table)]
    return _bytes(dynamodb._get_item_by_key(found, key))


def _bytes(item: Record | None) -> int:
    return int(dynamodb._item_size_bytes(item)) if item else 0


def _function(name: str) -> str:
    """`quell-NotifierFunction-1A2B` is `Notifier`, and a function's own name stays."""
    return re.sub(r"^quell-|Function-.*$", "", name)
