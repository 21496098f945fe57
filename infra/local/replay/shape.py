"""Shape of a request: what two requests have in common that differ only in their values.

Operation, expressions, kinds of keys, attributes with their types, options, and what the answer is: its outcome and which parts it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from infra.local.replay.compare import outcome
from infra.local.replay.recording import Answer, Record, Request

EXPRESSIONS = ("UpdateExpression", "ConditionExpression", "KeyConditionExpression", "FilterExpression", "ProjectionExpression")
OPTIONS = ("IndexName", "ConsistentRead", "ScanIndexForward", "ReturnValues", "ReturnValuesOnConditionCheckFailure", "Select")
# A value of its own in each request, of which only its being there counts.
PRESENCE = ("Limit", "ExclusiveStartKey", "ClientRequestToken")
KEYS = ("pk", "sk")
# Attributes of a budget that are named after a reservation or a provider.
OWN_NAME = re.compile(r"^(open|calls|input|output|price)_.+")

# Sizes of transactions that are told apart: 25 writes were the most once, and some implementations still say so.
SIZES = (1, 2, 10, 25, 100)

Shape = tuple[Any, ...]


def shapes(request: Request) -> set[Shape]:
    """Each write of a transaction has a shape of its own: in how many others it takes part makes no difference to it."""
    if steps := request.body.get("TransactItems"):
        return set(_transaction(request, steps))
    return {(request.operation, *_asked(request.body), _answered(request))}


def _transaction(request: Request, steps: list[Record]) -> Iterator[Shape]:
    codes = [reason.get("Code") for reason in request.answer.body.get("CancellationReasons") or []]
    what = outcome(Answer(request.answer.status, {"__type": request.answer.body.get("__type", "")}))
    yield (request.operation, what, next((size for size in SIZES if len(steps) <= size), SIZES[-1] + 1), *sorted(set(codes)))
    for place, step in enumerate(steps):
        for kind, part in step.items():
            yield (request.operation, what, kind, *_one(part), codes[place] if codes else None)


def _asked(body: Record) -> Shape:
    if tables := body.get("RequestItems"):
        return tuple(sorted({_batched(part) for asked in tables.values() for part in (asked["Keys"] if isinstance(asked, dict) else asked)}))
    return _one(body)


def _batched(part: Record) -> Shape:
    if "PutRequest" in part:
        return ("Put", *_item(part["PutRequest"]["Item"]))
    return ("Delete", *_item(part["DeleteRequest"]["Key"])) if "DeleteRequest" in part else _item(part)


def _one(body: Record) -> Shape:
    expressions = tuple(body.get(name, "") for name in EXPRESSIONS)
    options = tuple((name, body[name]) for name in OPTIONS if name in body) + tuple(name for name in PRESENCE if name in body)
    return (expressions, options, _item(body.get("Item") or body.get("Key") or {}), _item(body.get("ExpressionAttributeValues") or {}))


def _item(item: Record) -> Shape:
    return tuple(sorted({(OWN_NAME.sub(r"\1_…", name), _kind(name, value)) for name, value in item.items()}))


def _kind(name: str, value: Record) -> str:
    ((kind, content),) = value.items()
    if name.lstrip(":") in KEYS and kind == "S":
        # What all items of a kind have in common.
        return re.split(r"(?<=#)", content, maxsplit=1)[0]
    return f"{kind} empty" if content in ("", [], {}) else kind


def _answered(request: Request) -> Shape:
    body = request.answer.body
    items = body.get("Items")
    parts = tuple(sorted(name for name, value in body.items() if value and name not in ("message", "Count", "ScannedCount")))
    item = _item(body.get("Item") or body.get("Attributes") or {})
    return (outcome(request.answer), parts, item, None if items is None else min(len(items), 2))
