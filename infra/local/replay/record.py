"""Records the requests to the emulator's DynamoDB, with their answers, in the order in which it applied them.

Lines of JSON go to a file in the directory that QUELL_DYNAMODB_RECORD names; without it nothing is changed. Each emulator has a file of its own:
the tables of two stacks can have one name. There are three kinds of line:

- `{"table": …}`: the definition of a table, as CreateTable takes it, before the first request to it
- `{"operation": …, "request": …, "status": …, "answer": …}`: a request that IAM let through. If it or its answer carries the value of a secret,
  `secret` has its name, because no such line may leave this machine
- `{"expired": …}`: the table and the key of an item that the time to live has removed
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ministack.services import dynamodb, secretsmanager

TARGET = "DynamoDB_20120810."
# What reads and writes items. The others are about tables, which the template makes.
OPERATIONS = frozenset(
    ["BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "TransactGetItems", "TransactWriteItems", "UpdateItem"]
)
# Shorter values would be found by chance.
SHORTEST_SECRET = 12

Record = dict[str, Any]


def install() -> None:
    """Puts this around the emulator's own, and around what `aws_rules` puts into it."""
    directory = os.environ.get("QUELL_DYNAMODB_RECORD")
    if directory:
        Recorder(Path(directory) / f"{os.getpid()}.jsonl").install()


class Recorder:
    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._tables: set[str] = set()
        # The time to live has a thread of its own. A request holds this while it is applied and noted, so that both have one order.
        self._lock = threading.RLock()
        self._in_request = False

    def install(self) -> None:
        handle_request, remove_item = dynamodb.handle_request, dynamodb._remove_item

        async def recorded(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
            operation = headers.get("x-amz-target", "").removeprefix(TARGET)
            if operation not in OPERATIONS:
                return await handle_request(method, path, headers, body, query)
            with self._lock:
                # The emulator's coroutine does not wait for anything, so that no other request comes in between.
                self._in_request = True
                try:
                    status, answer_headers, answer = await handle_request(method, path, headers, body, query)
                finally:
                    self._in_request = False
                self._note(operation, body, status, answer)
            return status, answer_headers, answer

        def removed(table: Record, partition: str, sort: str) -> Any:
            with self._lock:
                if not self._in_request:
                    item = table["items"].get(partition, {}).get(sort) or {}
                    key = {part["AttributeName"]: item.get(part["AttributeName"]) for part in table["KeySchema"]}
                    self._write(json.dumps({"expired": {"TableName": table["TableName"], "Key": key}}))
                return remove_item(table, partition, sort)

        dynamodb.handle_request, dynamodb._remove_item = recorded, removed

    def _note(self, operation: str, body: bytes, status: int, answer: bytes | str) -> None:
        request = json.loads(body)
        for name in tables_of(request):
            if name not in self._tables and (table := dynamodb._tables.get(name)):
                self._tables.add(name)
                self._write(json.dumps({"table": definition(table)}))
        line = json.dumps({"operation": operation, "request": request, "status": status, "answer": json.loads(answer or b"{}")})
        secret = next((name for name, value in secrets() if value in line), None)
        self._write(f'{line[:-1]}, "secret": {json.dumps(secret)}}}' if secret else line)

    def _write(self, line: str) -> None:
        # At once: an emulator is stopped with a signal.
        os.write(self._file, line.encode() + b"\n")


def tables_of(request: Record) -> Iterator[str]:
    """The tables that a request names, each as often as it does."""
    if name := request.get("TableName"):
        yield name
    yield from request.get("RequestItems") or {}
    for step in request.get("TransactItems") or []:
        for part in step.values():
            yield part.get("TableName", "")


def definition(table: Record) -> Record:
    """What answers depend on: keys and indexes. On demand, so that no second implementation has to know a capacity."""
    kept = {name: table[name] for name in ("TableName", "KeySchema", "AttributeDefinitions")}
    indexes = [{name: index[name] for name in ("IndexName", "KeySchema", "Projection")} for index in table.get("GlobalSecondaryIndexes") or []]
    return kept | ({"GlobalSecondaryIndexes": indexes} if indexes else {}) | {"BillingMode": "PAY_PER_REQUEST"}


def secrets() -> Iterator[tuple[str, str]]:
    """The values in the emulator's Secrets Manager with their names, as they are inside a line of JSON."""
    for name, secret in secretsmanager._secrets.items():
        for version in secret["Versions"].values():
            value = version.get("SecretString") or ""
            if len(value) >= SHORTEST_SECRET:
                yield name, json.dumps(value)[1:-1]
