"""Queries of a global secondary index see what was written a moment ago as it was before.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html: an index is updated asynchronously, and its reads are eventually
consistent; consistent ones are refused, which the emulator does. AWS says "within a fraction of a second". Reads of the table itself see
every write.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ministack.services import dynamodb

# How long an index does not know of a write.
LAG = 0.3
# Where the changes of a table lie, beside the emulator's own fields of it.
CHANGES = "_quell_changes"

Record = dict[str, Any]
Key = tuple[str, str]
# When it was written, in which index it shows, which item, and what it was before.
Change = tuple[float, str, Key, Record | None]


def install() -> None:
    stored, removed = dynamodb._set_item, dynamodb._remove_item
    queried, scanned = dynamodb._query, dynamodb._scan

    def set_item(table: Record, pk: str, sk: str, item: Record) -> Any:
        old = stored(table, pk, sk, item)
        if table.get("GlobalSecondaryIndexes"):
            _note(table, (pk, sk), old, item)
        return old

    def remove_item(table: Record, pk: str, sk: str) -> Any:
        old = removed(table, pk, sk)
        if table.get("GlobalSecondaryIndexes"):
            _note(table, (pk, sk), old, None)
        return old

    def put(table: Record, key: Key, item: Record | None) -> None:
        if item is None:
            removed(table, *key)
        else:
            stored(table, *key, item)

    def lagging(read: Callable[[Record], Any]) -> Callable[[Record], Any]:
        def read_index(data: Record) -> Any:
            before = _before(data) if data.get("IndexName") else None
            if not before:
                return read(data)
            # One thread answers requests, so that none sees the table meanwhile.
            table = dynamodb._tables[dynamodb._normalize_table_name(data["TableName"])]
            now = {(pk, sk): table["items"].get(pk, {}).get(sk) for pk, sk in before}
            try:
                for key, item in before.items():
                    put(table, key, item)
                return read(data)
            finally:
                for key, item in now.items():
                    put(table, key, item)

        return read_index

    dynamodb._set_item, dynamodb._remove_item = set_item, remove_item
    dynamodb._query, dynamodb._scan = lagging(queried), lagging(scanned)


def _note(table: Record, key: Key, old: Record | None, new: Record | None) -> None:
    """Notes a write for each index that shows the difference."""
    for index in table["GlobalSecondaryIndexes"]:
        if _shown(index, old) != _shown(index, new):
            changes = _recent(table.setdefault(CHANGES, deque()))
            changes.append((time.monotonic(), index["IndexName"], key, old))


def _recent(changes: deque[Change]) -> deque[Change]:
    oldest = time.monotonic() - LAG
    while changes and changes[0][0] < oldest:
        changes.popleft()
    return changes


def _shown(index: Record, item: Record | None) -> Any:
    """What an index has of an item; nothing if it has no key in it."""
    names = [key["AttributeName"] for key in index["KeySchema"]]
    if item is None or any(name not in item for name in names):
        return None
    # An index of keys alone shows no other difference.
    return [item[name] for name in names] if index.get("Projection", {}).get("ProjectionType") == "KEYS_ONLY" else item


def _before(data: Record) -> dict[Key, Record | None]:
    """The items that the index of a request does not know as they are now, as it knows them."""
    table = dynamodb._tables.get(dynamodb._normalize_table_name(data.get("TableName")))
    changes: deque[Change] | None = table.get(CHANGES) if table else None
    if not changes:
        return {}
    before: dict[Key, Record | None] = {}
    for _, index, key, old in _recent(changes):
        if index == data["IndexName"]:
            before.setdefault(key, old)
    return before
