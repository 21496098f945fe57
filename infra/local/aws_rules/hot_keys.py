"""A partition key that takes more than its units in a second is throttled. Switched on by `control`.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html: a partition takes 1,000 write units and 3,000
read units a second, and one item lies in one partition.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/throttling-key-range-limit-exceeded-mitigation.html: how DynamoDB answers, in
on-demand tables too. A single request gets a `ThrottlingException` with the reason `KeyRangeThroughputExceeded`, a transaction is cancelled
with `ThrottlingError`, a batch answers with what it did not do.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html has the text.

As long as it is off, the emulator's functions are the emulator's own.
"""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import dynamodb

from infra.local.aws_rules.state import STATE, HotKeys

TOO_MUCH = (
    "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so please try "
    "again shortly. If exceptions persist, check if you have a hot key: "
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"
)
WRITE_BYTES, READ_BYTES = 1024, 4096

Record = dict[str, Any]
Answer = Any
Operation = Callable[[Record], Answer]
# A table and one of its partition keys.
Partition = tuple[str, str]
NAMES = ("_put_item", "_update_item", "_delete_item", "_get_item", "_query", "_transact_write_items", "_batch_write_item", "_batch_get_item")
# The functions as the rules that are always on have left them.
UNLIMITED: dict[str, Operation] = {}


def install() -> None:
    UNLIMITED.update({name: getattr(dynamodb, name) for name in NAMES})


def switch(limits: HotKeys | None) -> None:
    """Puts the rule before the emulator's functions, or takes it away."""
    for name, operation in UNLIMITED.items():
        setattr(dynamodb, name, operation)
    if limits:
        Throttle(limits).install()


class Throttle:
    """The units that each partition key has used in the present second."""

    def __init__(self, limits: HotKeys) -> None:
        self._limits = {"Write": limits.write_units, "Read": limits.read_units}
        self._second = 0
        self._used: dict[tuple[str, Partition], float] = defaultdict(float)

    def install(self) -> None:
        for name in ("_put_item", "_update_item", "_delete_item"):
            self._before(name, "Write")
        self._before("_get_item", "Read")
        self._query()
        self._transaction()
        self._batch("_batch_write_item", "Write", "UnprocessedItems", 1)
        self._batch("_batch_get_item", "Read", "UnprocessedKeys", 0.5)

    def _before(self, name: str, kind: str) -> None:
        done = UNLIMITED[name]

        def limited(data: Record) -> Answer:
            table, key = _table(data.get("TableName")), _key(data)
            if table is None:
                return done(data)
            if self._is_hot(kind, _partition(table, key)):
                return _throttled(table, kind)
            before = _size(table, key)
            answer = done(data)
            self._count(kind, _partition(table, key), max(before, _size(table, key)), 1 if kind == "Write" or data.get("ConsistentRead") else 0.5)
            return answer

        setattr(dynamodb, name, limited)

    def _query(self) -> None:
        done = UNLIMITED["_query"]

        def limited(data: Record) -> Answer:
            table = _table(data.get("TableName"))
            if table is None:
                return done(data)
            partition = _queried(table, data)
            if self._is_hot("Read", partition):
                return _throttled(table, "Read", data.get("IndexName"))
            answer = done(data)
            # What was read is about as long as what is answered.
            self._count("Read", partition, len(answer[2]), 1 if data.get("ConsistentRead") else 0.5)
            return answer

        dynamodb._query = limited

    def _transaction(self) -> None:
        done = UNLIMITED["_transact_write_items"]

        def limited(data: Record) -> Answer:
            actions = [part for action in data.get("TransactItems") or [] for part in action.values()]
            hot = [(table := _table(part.get("TableName"))) is not None and self._is_hot("Write", _partition(table, _key(part))) for part in actions]
            if any(hot):
                return _cancelled(hot)
            answer = done(data)
            for part in actions:
                if (table := _table(part.get("TableName"))) is not None:
                    self._count("Write", _partition(table, _key(part)), _size(table, _key(part)), 2)
            return answer

        dynamodb._transact_write_items = limited

    def _batch(self, name: str, kind: str, left: str, factor: float) -> None:
        done = UNLIMITED[name]

        def limited(data: Record) -> Answer:
            asked = data.get("RequestItems") or {}
            tables = {name: table for name in asked if (table := _table(name)) is not None}
            if len(tables) < len(asked):
                return done(data)
            parts = _parts(asked)
            hot = [part for part in parts if self._is_hot(kind, _partition(tables[part[0]], _key_of_part(part[1])))]
            if hot and len(hot) == len(parts):
                # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html: where none of it can be done.
                return _throttled(tables[hot[0][0]], kind)
            fitting = [part for part in parts if part not in hot]
            status, headers, body = done(data | {"RequestItems": _with_parts(asked, fitting)})
            for of_table, part in fitting:
                table, key = tables[of_table], _key_of_part(part)
                self._count(kind, _partition(table, key), _size(table, key), factor)
            if hot and status == 200:
                return json_response(json.loads(body) | {left: _with_parts(asked, hot)})
            return status, headers, body

        setattr(dynamodb, name, limited)

    def _is_hot(self, kind: str, partition: Partition) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second = second
            self._used.clear()
        hot = self._used[kind, partition] >= self._limits[kind]
        if hot:
            STATE.seen["hot_key"] += 1
        return hot

    def _count(self, kind: str, partition: Partition, size: int, factor: float) -> None:
        unit = WRITE_BYTES if kind == "Write" else READ_BYTES
        self._used[kind, partition] += factor * max(1, math.ceil(size / unit))


def _table(name: Any) -> Record | None:
    found: Record | None = dynamodb._tables.get(dynamodb._normalize_table_name(name)) if isinstance(name, str) else None
    return found


def _partition(table: Record, key: Record) -> Partition:
    return table["TableName"], dynamodb._extract_key_val(key.get(table["pk_name"]))


def _queried(table: Record, data: Record) -> Partition:
    """The partition of the table or of an index that a query reads."""
    index = data.get("IndexName")
    name = dynamodb._resolve_index_keys(table, index)[0]
    values, names = data.get("ExpressionAttributeValues") or {}, data.get("ExpressionAttributeNames") or {}
    value = dynamodb._extract_pk_from_condition(data.get("KeyConditionExpression") or "", values, names, name)
    return f"{table['TableName']}/{index}" if index else table["TableName"], str(value)


def _size(table: Record, key: Record) -> int:
    size: int = dynamodb._item_size_bytes(dynamodb._get_item_by_key(table, key) or {})
    return size


def _key(action: Record) -> Record:
    """The item of a request or of an action, or its key."""
    return action.get("Item") or action.get("Key") or {}


def _parts(asked: Record) -> list[tuple[str, Record]]:
    """The writes, or the keys to read, of a batch, each with the name of its table."""
    return [(name, part) for name, of_table in asked.items() for part in (of_table if isinstance(of_table, list) else of_table.get("Keys") or [])]


def _with_parts(asked: Record, parts: list[tuple[str, Record]]) -> Record:
    """The same batch with these parts alone."""
    chosen: Record = {}
    for name, part in parts:
        chosen.setdefault(name, []).append(part)
    return {name: of_table if isinstance(asked[name], list) else asked[name] | {"Keys": of_table} for name, of_table in chosen.items()}


def _key_of_part(part: Record) -> Record:
    write = part.get("PutRequest") or part.get("DeleteRequest")
    # A part that is no write is a key.
    return _key(write) if isinstance(write, dict) and write.keys() & {"Item", "Key"} else part


def _throttled(table: Record, kind: str, index: str | None = None) -> Answer:
    what, resource = ("Index", f"{table['TableArn']}/index/{index}") if index else ("Table", table["TableArn"])
    reason = {"reason": f"{what}{kind}KeyRangeThroughputExceeded", "resource": resource}
    return error_response_json("ThrottlingException", TOO_MUCH, 400, {"throttlingReasons": [reason]})


def _cancelled(hot: list[bool]) -> Answer:
    reasons = [{"Code": "ThrottlingError", "Message": TOO_MUCH} if is_hot else {"Code": "None"} for is_hot in hot]
    codes = ", ".join(reason["Code"] for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return error_response_json("TransactionCanceledException", message, 400, {"CancellationReasons": reasons})
