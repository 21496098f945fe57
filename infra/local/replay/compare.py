"""Comparison of two answers to one request.

Texts of errors are not compared: no code may depend on them. What order DynamoDB promises is compared, and no other: that of a query's sort keys.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.local.replay.recording import Answer, Record, Request, Tables

# Items in an order that DynamoDB does not promise.
UNORDERED_LISTS = ("SS", "NS", "BS")
# An error's texts, in both spellings that AWS has.
WORDS = ("__type", "message", "Message", "CancellationReasons", "Item")


@dataclass(frozen=True)
class Difference:
    """One part of an answer in which the second implementation differs."""

    field: str
    recorded: Any
    other: Any


class Compare:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def differences(self, request: Request, recorded: Answer, other: Answer) -> list[Difference]:
        one, two = dict(self._parts(request, recorded)), dict(self._parts(request, other))
        # A scan has no order: what a page of it has differs, and where it ends.
        paged = request.operation == "Scan" and ("LastEvaluatedKey" in {*one, *two} or "ExclusiveStartKey" in request.body)
        fields = ["outcome"] if paged or one["outcome"] != two["outcome"] else dict.fromkeys([*one, *two])
        found = (Difference(field, one.get(field), two.get(field)) for field in fields)
        return [difference for difference in found if difference.recorded != difference.other]

    def _parts(self, request: Request, answer: Answer) -> Iterator[tuple[str, Any]]:
        """The parts of an answer that have to be equal. One that is empty is as one that is not there."""
        yield "outcome", outcome(answer)
        if answer.status != 200:
            yield "item", plain(answer.body.get("Item"))
            yield "items", [plain(reason.get("Item")) for reason in answer.body.get("CancellationReasons") or []]
            yield "more", sorted(answer.body.keys() - set(WORDS))
            return
        for field, value in answer.body.items():
            if field == "Items":
                yield from self._items(request, value)
            elif field == "Responses" and isinstance(value, dict):
                yield field, {table: _as_set(items) for table, items in value.items()}
            else:
                yield field, plain(value) or (0 if value == 0 else None)

    def _items(self, request: Request, items: list[Record]) -> Iterator[tuple[str, Any]]:
        yield "Items", _as_set(items)
        if request.operation == "Query" and (name := self._tables.sort_key(request.body)):
            yield "order", [item.get(name) for item in items]


def outcome(answer: Answer) -> str:
    """Status, code of the error, and the code of each reason of a transaction that was cancelled."""
    if answer.status == 200:
        return "200"
    code = str(answer.body.get("__type", "")).rpartition("#")[2]
    reasons = [reason.get("Code") for reason in answer.body.get("CancellationReasons") or []]
    return f"{answer.status} {code} {json.dumps(reasons)}" if reasons else f"{answer.status} {code}"


def plain(value: Any) -> Any:
    """A value with its sets in one order."""
    if isinstance(value, dict):
        return {name: sorted(part) if name in UNORDERED_LISTS and isinstance(part, list) else plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


def _as_set(items: list[Record]) -> list[Any]:
    return sorted((plain(item) for item in items), key=lambda item: json.dumps(item, sort_keys=True))
