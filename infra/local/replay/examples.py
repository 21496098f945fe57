"""`examples`: the part of a recording that is kept with the project, one example of each shape of request.

An example needs no others: with it stand all items that it can see. Where a shape occurs often, the smallest request is its example. For one that
reads many items some are enough, as long as its shape stays; it is answered anew, by the emulator, on exactly what is kept with it.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from infra.local.iam import NAMED
from infra.local.paths import PROJECT
from infra.local.replay.recording import Expired, Line, Place, Record, Request, Table, Tables, files, named, read
from infra.local.replay.servers import Emulator
from infra.local.replay.shape import Shape, shapes

# Of a read's items: those that it answers, and those that it passes over.
MOST_ANSWERED, MOST_OTHERS = 120, 20
FEW_ANSWERED, FEW_OTHERS = 3, 2
# What a read leaves out of the items that it looks at.
NARROWED_BY = ("Limit", "ExclusiveStartKey", "FilterExpression", "ProjectionExpression", "ScanIndexForward")
# The values of the stack's own secrets are found while it records. These are the forms of others: keys and tokens of AWS, GitHub, Slack,
# Telegram, PEM, JWT, and a person's token. A path of this machine is no secret, but it is no part of the project either.
UNFIT = re.compile(
    r"A[KS]IA[0-9A-Z]{16}|gh[pousr]_\w{36}|xox[a-z]-\w|\b\d{8,10}:[\w-]{30}|-----BEGIN|eyJ[\w-]{10,}\.eyJ|quell_[0-9A-Z]{26}_[0-9a-f]{64}|"
    + "|".join(re.escape(str(path)) for path in (PROJECT, Path.home(), f"{gettempdir()}/"))
)


@dataclass(frozen=True)
class Example:
    request: Request
    shapes: frozenset[Shape]
    # The items that it names, those that its answer has, and others that it looks at.
    named: list[Place]
    answered: list[Place]
    others: list[Place]

    def befores(self) -> Iterator[list[Place]]:
        """What may have been there before it, the least first."""
        yield self.named + self.answered[:FEW_ANSWERED] + self.others[:FEW_OTHERS]
        yield self.named + self.answered + self.others[:FEW_OTHERS]
        yield self.named + self.answered + self.others


def write(recording: Path, file: Path) -> int:
    reader = Reader()
    for one in files(recording):
        reader.begin()
        for line in read(one):
            reader.take(line)
    chosen = list(cover(reader.best))
    lines, lost = _answered_anew(reader.tables, chosen)
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    with file.open("wb") as output, gzip.GzipFile("", "wb", fileobj=output, mtime=0) as compressed:
        compressed.write(text.encode())
    size = file.stat().st_size
    print(f"{len(reader.best)} shapes in {reader.requests} requests: {len(chosen) - len(lost)} examples, {len(text):,} bytes, {size:,} compressed")
    for example in lost:
        print(f"no example of {example.request.place}: {example.request.operation} cannot be repeated by itself")
    return 1 if lost else 0


def cover(best: dict[Shape, Example]) -> Iterator[Example]:
    """Examples that have all shapes together, those of many shapes first."""
    seen: set[Shape] = set()
    for example in sorted(best.values(), key=lambda example: -len(example.shapes)):
        if not example.shapes <= seen:
            seen |= example.shapes
            yield example


class Reader:
    """Follows a recording with the emulator, and keeps the smallest example of each shape."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.best: dict[Shape, Example] = {}
        self.requests = 0
        self._sizes: dict[Shape, int] = {}
        self._emulator = Emulator()

    def begin(self) -> None:
        """Forgets the tables of the file before. What they are named and how they are made stays."""
        self._emulator.clear()

    def take(self, line: Line) -> None:
        if isinstance(line, Table):
            self.tables.add(line.definition)
            self._emulator.call("CreateTable", line.definition)
        elif isinstance(line, Expired):
            self._emulator.call("DeleteItem", {"TableName": line.table, "Key": line.key})
        else:
            self.requests += 1
            done = line.done()
            if done == line.body and not line.secret and not _full_page(line):
                self._weigh(line)
            if done:
                self._emulator.call(line.operation, done)

    def _weigh(self, request: Request) -> None:
        """Before it is done."""
        has = frozenset(shapes(request))
        text = json.dumps([request.body, request.answer.body])
        if not self._smaller(has, len(text)):
            return
        answered = self._items((request.body["TableName"], item) for item in request.answer.body.get("Items") or [])
        others = [place for place in self._looked_at(request) if place not in answered]
        example = Example(request, has, self._items(named(request.body)), answered[:MOST_ANSWERED], others[:MOST_OTHERS])
        text += json.dumps(next(example.befores()))
        if UNFIT.search(text):
            return
        for shape in self._smaller(has, len(text)):
            self.best[shape], self._sizes[shape] = example, len(text)

    def _smaller(self, has: Iterable[Shape], size: int) -> list[Shape]:
        return [shape for shape in has if size < self._sizes.get(shape, size + 1)]

    def _looked_at(self, request: Request) -> list[Place]:
        if request.operation not in ("Query", "Scan"):
            return []
        wide = {name: value for name, value in request.body.items() if name not in NARROWED_BY}
        answer = self._emulator.call(request.operation, _without_unused(wide))
        return self._items((request.body["TableName"], item) for item in (answer.body.get("Items") or [])[: MOST_ANSWERED + MOST_OTHERS])

    def _items(self, places: Iterable[Place]) -> list[Place]:
        """The whole items of these places that are there, each once."""
        found: dict[str, Place] = {}
        for place in places:
            if key := self.tables.key(place):
                item = self._emulator.call("GetItem", {"TableName": key[0], "Key": key[1], "ConsistentRead": True}).body.get("Item")
                if item:
                    found[json.dumps(key, sort_keys=True)] = (key[0], item)
        return list(found.values())


def _full_page(request: Request) -> bool:
    """A page that ends because it has a megabyte: no example should. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html"""
    return "LastEvaluatedKey" in request.answer.body and "Limit" not in request.body


def _without_unused(body: Record) -> Record:
    """Names and values that no expression has left are refused."""
    text = " ".join(value for name, value in body.items() if name.endswith("Expression"))
    used = {kind: {name: value for name, value in (body.get(kind) or {}).items() if re.search(re.escape(name) + r"\b", text)} for kind in
            ("ExpressionAttributeNames", "ExpressionAttributeValues")}  # fmt: skip
    return {name: value for name, value in body.items() if name not in used} | {kind: value for kind, value in used.items() if value}


def _answered_anew(tables: Tables, chosen: list[Example]) -> tuple[list[Record], list[Example]]:
    """The lines of the file, and the examples that no set of their items makes have their shape again."""
    short, emulator = Shortened(tables), Emulator()
    emulator.clear()
    lines: list[Record] = [{"table": definition} for definition in short.definitions]
    for definition in short.definitions:
        emulator.call("CreateTable", definition)
    lost = []
    for example in sorted(chosen, key=lambda example: json.dumps([example.request.operation, example.request.body])):
        body = short.of(example.request.body)
        for before in map(short.of, example.befores()):
            emulator.empty(short.definitions)
            for table, item in before:
                emulator.call("PutItem", {"TableName": table, "Item": item})
            answer = emulator.call(example.request.operation, body)
            again = Request("", example.request.operation, body, answer)
            if shapes(again) == example.shapes:
                items = [{"TableName": table, "Item": item} for table, item in before]
                lines.append({"before": items, "operation": again.operation, "request": body, "status": answer.status, "answer": answer.body})
                break
        else:
            lost.append(example)
    return lines, lost


class Shortened:
    """Names tables as the template does, so that those of all stacks are one."""

    def __init__(self, tables: Tables) -> None:
        self._names = {name: NAMED.sub(r"\1", name) for name in tables}
        self.definitions = list({self._names[name]: self.of(tables.definition(name)) for name in tables}.values())

    def of(self, value: Any) -> Any:
        text = json.dumps(value)
        for name, short in self._names.items():
            text = text.replace(name, short)
        return json.loads(text)
