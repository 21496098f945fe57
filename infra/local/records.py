"""Reads incidents, episodes and operation logs straight from the table, and checks the chain of a log by itself.

The check repeats the rule of `shared/domain/src/incident/entry_hash.rs` in a second language, so that a mistake in one of
the two is seen.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

Item = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Records:
    client: Any
    table: str

    def incidents(self) -> list[Item]:
        """The incident documents, oldest first. A scan is fine for a local table with a handful of items."""
        found = {(item["pk"], item["sk"]): item for item in self._all()}
        documents = [_document(item, found.get((pk, "DETAILS"))) for (pk, sk), item in found.items() if sk == "INCIDENT"]
        return sorted(documents, key=lambda document: str(document["id"]))

    def incident(self, incident_id: str) -> Item:
        partition = f"INC#{incident_id}"
        while True:
            item, details = self._get(partition, "INCIDENT"), self._get(partition, "DETAILS")
            # Written in one transaction, and read one after the other.
            if item.get("details") == details.get("details"):
                return _document(item, details)

    def _get(self, pk: str, sk: str) -> Item:
        found = self.client.get_item(TableName=self.table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True)
        return _plain(found.get("Item") or {})

    def episodes(self) -> list[Item]:
        return [item for item in self._all() if item["sk"] == "EPISODE"]

    def log(self, incident_id: str) -> list[Item]:
        answer = self.client.query(
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :log)",
            ExpressionAttributeValues={":pk": {"S": f"INC#{incident_id}"}, ":log": {"S": "LOG#"}},
            ConsistentRead=True,
        )
        return [_plain(item) for item in answer["Items"]]

    def _all(self) -> list[Item]:
        pages = self.client.get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        return [_plain(item) for page in pages for item in page["Items"]]


def _document(item: Item, details: Item | None) -> Item:
    """An incident's document, with what seldom changes of it, once that is an item of its own."""
    return dict(json.loads(item["doc"])) | dict(json.loads(details["doc"]) if details else {})


def _plain(item: Item) -> Item:
    reader = TypeDeserializer()
    return {key: reader.deserialize(value) for key, value in item.items()}


def broken_link(incident_id: str, entries: list[Item]) -> str | None:
    """The first entry that does not follow from the one before it, in words; `None` if the chain is whole."""
    previous = _digest([incident_id.encode()])
    for number, entry in enumerate(entries, start=1):
        if int(entry["seq"]) != number:
            return f"entry {number} carries the sequence number {entry['seq']}"
        if entry["prev"] != previous:
            return f"entry {number} does not name the hash of the entry before it"
        if entry["hash"] != entry_hash(incident_id, entry):
            return f"entry {number} does not have the hash that it carries"
        previous = entry["hash"]
    return None


def entry_hash(incident_id: str, entry: Item) -> str:
    """Over a digest of each text, as entries are written now. None is erased in a demo."""
    error = entry.get("error")
    context = json.loads(entry["context"], parse_int=Number, parse_float=Number)
    digest = _digest(
        [
            incident_id.encode(),
            int(entry["seq"]).to_bytes(8, "big"),
            microseconds(entry["at"]).to_bytes(8, "big"),
            str(entry["event"]).encode(),
            _text(entry["actor"]),
            _text(entry["detail"]),
            bytes([bool(entry["success"])]),
            bytes([error is not None]),
            b"" if error is None else _text(error),
            _value(context),
            str(entry["prev"]).encode(),
        ]
    )
    return f"v2:{digest}"


class Number(str):
    """A number as it is written."""


def _text(text: Any) -> bytes:
    return _digest([str(text).encode()]).encode()


def _value(value: Any) -> bytes:
    match value:
        case None:
            fields = [b"null"]
        case bool():
            fields = [b"flag", bytes([value])]
        case Number():
            fields = [b"number", value.encode()]
        case str():
            fields = [b"text", _text(value)]
        case list():
            fields = [b"list", *map(_value, value)]
        case _:
            fields = [b"object"]
            for name in sorted(value):
                fields += [name.encode(), _value(value[name])]
    return _digest(fields).encode()


def _digest(fields: list[bytes]) -> str:
    """Each field with its length before it, 8 bytes, big endian."""
    return hashlib.sha256(b"".join(len(field).to_bytes(8, "big") + field for field in fields)).hexdigest()


def microseconds(at: Any) -> int:
    """Since 1970, of an RFC 3339 time with up to six digits, or of a number that is it already."""
    if not isinstance(at, str):
        return int(at)
    return (moment(at) - EPOCH) // timedelta(microseconds=1)


def moment(at: str) -> datetime:
    whole, fraction = re.fullmatch(r"([^.Z]+)(?:\.(\d{1,6})\d*)?Z", at).groups()  # type: ignore[union-attr]
    return datetime.fromisoformat(whole).replace(tzinfo=timezone.utc, microsecond=int((fraction or "0").ljust(6, "0")))
