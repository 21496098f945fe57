"""Lines of a recording, as `record` and `examples` write them."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

Record = dict[str, Any]
# A table and one item of it, or the key of one.
Place = tuple[str, Record]
THROTTLED = re.compile(r"Throttl|ThroughputExceeded|RequestLimitExceeded")


@dataclass(frozen=True)
class Answer:
    status: int
    body: Record


class Server(Protocol):
    """An implementation of DynamoDB."""

    def call(self, operation: str, body: Record) -> Answer: ...


@dataclass(frozen=True)
class Table:
    definition: Record


@dataclass(frozen=True)
class Expired:
    table: str
    key: Record


@dataclass(frozen=True)
class Request:
    # File and line.
    place: str
    operation: str
    body: Record
    answer: Answer
    # All that the tables hold before it, if the request is an example by itself. Else they hold what the requests before it have left.
    before: list[Place] | None = None
    # Name of the secret whose value is in it.
    secret: str | None = None


    def eventual(self) -> bool:
        """Whether it may be answered from before a write that was answered: an index always may.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html
        """
        return "IndexName" in self.body

    def done(self) -> Record | None:
        """What of it was done: all, nothing when it was throttled, or in a batch all that the answer does not give back.

        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
        """
        codes = [self.answer.body.get("__type"), *(reason.get("Code") for reason in self.answer.body.get("CancellationReasons") or [])]
        if any(THROTTLED.search(code or "") for code in codes):
            return None
        left = self.answer.body.get("UnprocessedItems") or self.answer.body.get("UnprocessedKeys")
        return _without(self.body["RequestItems"], left) if left else self.body


Line = Table | Expired | Request


def files(path: Path) -> list[Path]:
    """The files of a recording: a directory has one for each emulator."""
    return sorted(path.glob("*.jsonl")) if path.is_dir() else [path]


def read(file: Path) -> Iterator[Line]:
    """The lines of one file of a recording. One that ends in `.gz` is compressed."""
    opened = gzip.open(file, "rt") if file.suffix == ".gz" else file.open()
    with opened as lines:
        for number, text in enumerate(lines, start=1):
            line = _line(f"{file}:{number}", json.loads(text))
            if not (isinstance(line, Request) and _of_a_story(line.body)):
                yield line


def _of_a_story(body: Record) -> bool:
    """On a table that a story has made for itself (tests/src/own_table.rs), where it asks for what AWS refuses or delays. The rules that do so are put
    before the emulator (infra/local/aws_rules), and Quell asks for none of it."""
    return any(table.startswith("own-") for table in [body.get("TableName", ""), *(table for table, _ in named(body))])


def _without(asked: Record, left: Record) -> Record | None:
    kept: Record = {}
    for table, parts in asked.items():
        unread = left.get(table) or {}
        if isinstance(parts, dict):
            kept[table] = parts | {"Keys": [key for key in parts["Keys"] if key not in unread.get("Keys", [])]}
        else:
            kept[table] = [write for write in parts if write not in unread]
    kept = {table: parts for table, parts in kept.items() if (parts["Keys"] if isinstance(parts, dict) else parts)}
    return {"RequestItems": kept} if kept else None


def _line(place: str, line: Record) -> Line:
    if "table" in line:
        return Table(line["table"])
    if "expired" in line:
        return Expired(line["expired"]["TableName"], line["expired"]["Key"])
    before = [(item["TableName"], item["Item"]) for item in line["before"]] if "before" in line else None
    return Request(place, line["operation"], line["request"], Answer(line["status"], line["answer"]), before, line.get("secret"))


def named(body: Record) -> Iterator[Place]:
    """The tables and the keys, or whole items, that a request names one by one."""
    if table := body.get("TableName"):
        yield table, body.get("Key") or body.get("Item") or {}
    for table, asked in (body.get("RequestItems") or {}).items():
        for part in asked["Keys"] if isinstance(asked, dict) else asked:
            yield table, part.get("PutRequest", {}).get("Item") or part.get("DeleteRequest", {}).get("Key") or part
    for step in body.get("TransactItems") or []:
        for part in step.values():
            yield part.get("TableName", ""), part.get("Key") or part.get("Item") or {}


class Tables:
    """Definitions of the tables, by which a key is found in an item, and the order of a query is known."""

    def __init__(self) -> None:
        self._definitions: dict[str, Record] = {}

    def add(self, definition: Record) -> None:
        self._definitions[definition["TableName"]] = definition

    def __iter__(self) -> Iterator[str]:
        return iter(self._definitions)

    def definition(self, table: str) -> Record:
        return self._definitions[table]

    def key(self, place: Place) -> Place | None:
        """The table and the key of an item, if it has one."""
        table, item = place
        names = [part["AttributeName"] for part in self._definitions.get(table, {}).get("KeySchema", [])]
        return (table, {name: item[name] for name in names}) if names and all(name in item for name in names) else None

    def sort_key(self, query: Record) -> str | None:
        schema = self._definitions.get(query["TableName"], {})
        if index := query.get("IndexName"):
            schema = next((one for one in schema.get("GlobalSecondaryIndexes", []) if one["IndexName"] == index), {})
        return next((part["AttributeName"] for part in schema.get("KeySchema", []) if part["KeyType"] == "RANGE"), None)

    def touched(self, request: Request, *answers: Answer) -> list[Place]:
        """Keys of the items that a request names, or an answer to it has, each once."""
        table = request.body.get("TableName", "")
        answered = [(table, item) for answer in answers for item in answer.body.get("Items") or []]
        found = [key for place in (*named(request.body), *answered) if (key := self.key(place))]
        return list({json.dumps(key, sort_keys=True): key for key in found}.values())
