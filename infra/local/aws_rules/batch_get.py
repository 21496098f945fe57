"""The size of one BatchGetItem: a hundred items over all tables, 16 MB, and 1 MB of one partition.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
What does not fit is answered as `UnprocessedKeys`. AWS does not document which items share a partition: here it is
those of one partition key, which always do. The other limits of DynamoDB (docs/aws-conformance.md) are the emulator's own.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import dynamodb

MOST_KEYS = 100
# The page's example, 52 items of 300 KB, fits these and no binary megabytes.
ANSWER_BYTES = 16_000_000
PARTITION_BYTES = 1024 * 1024

Record = dict[str, Any]


def install() -> None:
    answered = dynamodb._batch_get_item

    def batch_get_item(data: Record) -> Any:
        asked = data.get("RequestItems")
        if isinstance(asked, dict) and sum(map(_keys, asked.values())) > MOST_KEYS and len(asked) > 1:
            return error_response_json("ValidationException", "Too many items requested for the BatchGetItem call.", 400)
        status, headers, body = answered(data)
        # The JSON of items is longer than the items.
        if status != 200 or len(body) <= PARTITION_BYTES:
            return status, headers, body
        fitting, left = _divided(data["RequestItems"])
        answer = json.loads(answered(data | {"RequestItems": fitting})[2])
        return json_response(answer | {"UnprocessedKeys": left})

    dynamodb._batch_get_item = batch_get_item


def _keys(of_table: Any) -> int:
    return len(of_table.get("Keys") or []) if isinstance(of_table, dict) else 0


def _divided(asked: dict[str, Record]) -> tuple[dict[str, Record], dict[str, Record]]:
    """What one answer has room for, and the rest."""
    fitting: dict[str, Record] = {}
    left: dict[str, Record] = {}
    whole, partitions = 0, Counter[tuple[str, str]]()
    for name, of_table in asked.items():
        table = dynamodb._tables[dynamodb._normalize_table_name(name)]
        for key in of_table["Keys"]:
            size = dynamodb._item_size_bytes(dynamodb._get_item_by_key(table, key) or {})
            partition = (name, dynamodb._extract_key_val(key.get(table["pk_name"])))
            fits = whole + size <= ANSWER_BYTES and partitions[partition] + size <= PARTITION_BYTES
            (fitting if fits else left).setdefault(name, of_table | {"Keys": []})["Keys"].append(key)
            if fits:
                whole += size
                partitions[partition] += size
    return fitting, left
