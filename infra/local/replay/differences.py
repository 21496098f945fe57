"""The list of known differences between DynamoDB's implementations: which, why, and who is right by AWS's documents.

What is not listed here fails a replay. An entry is as narrow as its difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from infra.local.replay.compare import Difference
from infra.local.replay.recording import Request

API = "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference"


@dataclass(frozen=True)
class Known:
    against: str
    reason: str
    # Whose answer is that of AWS, by its document: "recorded" or the other's.
    right: str
    document: str
    is_about: Callable[[Request, Difference], bool]


def listed(against: str) -> list[Known]:
    return [known for known in KNOWN if known.against == against]


def _unasked_capacity(request: Request, difference: Difference) -> bool:
    return difference.field == "ConsumedCapacity" and "ReturnConsumedCapacity" not in request.body and difference.recorded is None


def _end_seen_ahead(request: Request, difference: Difference) -> bool:
    full = request.body.get("Limit") == request.answer.body.get("ScannedCount")
    return difference.field == "LastEvaluatedKey" and full and difference.other is None


def _no_item_in_refusal(request: Request, difference: Difference) -> bool:
    writes = [part for step in request.body.get("TransactItems") or [{"": request.body}] for part in step.values()]
    asked = any("ReturnValuesOnConditionCheckFailure" in write for write in writes)
    return difference.field in ("item", "items") and asked and not any(difference.other or [])


KNOWN = [
    Known(
        "moto",
        "tells the consumed capacity to who has not asked for it",
        "recorded",
        f"{API}/API_UpdateItem.html#DDB-UpdateItem-request-ReturnConsumedCapacity",
        _unasked_capacity,
    ),
    Known(
        "moto",
        "leaves out LastEvaluatedKey where nothing follows the last item of a Limit, for which DynamoDB does not look",
        "recorded",
        f"{API}/API_Query.html#DDB-Query-request-Limit",
        _end_seen_ahead,
    ),
    Known(
        "dynalite",
        "knows no ReturnValuesOnConditionCheckFailure: a refusal is without the item",
        "recorded",
        f"{API}/API_UpdateItem.html#DDB-UpdateItem-request-ReturnValuesOnConditionCheckFailure",
        _no_item_in_refusal,
    ),
]
