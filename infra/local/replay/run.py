"""`replay`: the requests of a recording against a second implementation of DynamoDB.

Beside it runs the emulator, in this process. It has the state that each recorded answer came from, and it has to answer as it did: else the
recording is not complete, or the emulator is another one by now. A difference is mended with its items, so that it is reported once.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from infra.local import signals
from infra.local.errors import StageFailed
from infra.local.paths import Run
from infra.local.processes import Children
from infra.local.replay import servers
from infra.local.replay.compare import Compare, Difference, outcome, plain
from infra.local.replay.differences import Known, listed
from infra.local.replay.recording import Answer, Expired, Line, Place, Record, Request, Server, Table, Tables, files, read

READS = frozenset(["BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"])
# More of them would say no more, and each has both answers.
SHOWN = 20
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
BATCH = 25


def run(recording: Path, against: str) -> int:
    """The status of the command: 1 if there is a difference that is not listed."""
    signals.raise_stop()
    here, children = Run.create(f"replay-{os.getpid()}"), Children()
    started = time.monotonic()
    try:
        second = servers.SECOND[against](children, here)
        replay = Replay(against, second, print)
        for file in files(recording):
            replay.begin()
            for line in read(file):
                replay.take(line)
    except signals.Stop:
        return 1
    finally:
        signals.ignore_endings()
        children.stop_all()
        shutil.rmtree(here.directory, ignore_errors=True)
    result = replay.result
    print("\n".join(result.summary(f"{recording} against {against}", time.monotonic() - started)))
    # Examples have one of each difference. A recording of a few stories need not.
    gone = [known for known in listed(against) if known not in result.listed] if result.examples else []
    for known in gone:
        print(f"  listed in differences.py, and not seen: it {known.reason}")
    return 1 if result.unlisted or gone else 0


@dataclass
class Result:
    requests: Counter[str] = field(default_factory=Counter)
    listed: Counter[Known] = field(default_factory=Counter)
    unlisted: int = 0
    partly: int = 0
    examples: int = 0

    def summary(self, what: str, seconds: float) -> Iterator[str]:
        operations = ", ".join(f"{count} {operation}" for operation, count in self.requests.most_common())
        yield f"replayed {what}: {self.requests.total()} requests ({operations}) in {seconds:.0f} s"
        if self.partly:
            yield f"  not compared: {self.partly}, which AWS's rules for load and size kept from being done whole"
        for known, count in self.listed.most_common():
            yield f"  listed: {count} times it {known.reason} (right: {known.right}; {known.document})"
        yield f"  not listed: {self.unlisted}"


class Replay:
    def __init__(self, name: str, second: Server, show: Callable[[str], None]) -> None:
        self._name, self._second, self._show = name, second, show
        self._emulator = servers.Emulator()
        self.result = Result()

    def begin(self) -> None:
        """Forgets the tables of the file before."""
        self._emulator.clear()
        for table in self._second.call("ListTables", {}).body["TableNames"]:
            self._second.call("DeleteTable", {"TableName": table})
            self._status(table, None)
        self._tables = Tables()
        self._compare = Compare(self._tables)

    def take(self, line: Line) -> None:
        if isinstance(line, Table):
            self._tables.add(line.definition)
            self._both("CreateTable", line.definition)
            self._status(line.definition["TableName"], "ACTIVE")
        elif isinstance(line, Expired):
            self._both("DeleteItem", {"TableName": line.table, "Key": line.key})
        else:
            self.result.requests[line.operation] += 1
            if line.before is not None:
                self.result.examples += 1
                self._set(line.before)
            if (done := line.done()) == line.body:
                self._request(line)
            else:
                self._partly(done, line)

    def _both(self, operation: str, body: Record) -> None:
        """For what is no request of the recording: it has to be done."""
        for server in (self._emulator, self._second):
            answer = server.call(operation, body)
            if answer.status != 200 or answer.body.get("UnprocessedItems"):
                raise StageFailed(f"{operation} is done", f"{outcome(answer)} {json.dumps(answer.body)}")

    def _status(self, table: str, wanted: str | None) -> None:
        """Waits until the second implementation has made a table, or has none of this name."""
        for _ in range(100):
            if self._second.call("DescribeTable", {"TableName": table}).body.get("Table", {}).get("TableStatus") == wanted:
                return
            time.sleep(0.05)
        raise StageFailed(f"{self._name} has the table {table} {wanted or 'no more'}", "another status after five seconds")

    def _set(self, before: list[Place]) -> None:
        """Leaves these items and no others, in both."""
        for table in self._tables:
            wanted = [item for name, item in before if name == table]
            there = self._emulator.call("Scan", {"TableName": table}).body["Items"]
            keys = [key for item in wanted if (key := self._tables.key((table, item)))]
            gone = [key[1] for item in there if (key := self._tables.key((table, item))) and key not in keys]
            writes = [{"DeleteRequest": {"Key": key}} for key in gone] + [{"PutRequest": {"Item": item}} for item in wanted]
            for start in range(0, len(writes), BATCH):
                self._both("BatchWriteItem", {"RequestItems": {table: writes[start : start + BATCH]}})

    def _partly(self, body: Record | None, request: Request) -> None:
        """Does what was done of a request that AWS left undone for its load or its size, which is no matter of the items."""
        self.result.partly += 1
        if body and request.operation not in READS:
            self._both(request.operation, body)

    def _request(self, request: Request) -> None:
        again = self._emulator.call(request.operation, request.body)
        if request.eventual():
            # It was recorded as it was a moment before; all that both have here is as it is now.
            request = replace(request, answer=again)
        if self._compare.differences(request, request.answer, again):
            self._report(request, "the emulator itself", [], again)
            raise StageFailed("the emulator answers as it did when it was recorded", f"{request.place}: another answer")
        answer = self._second.call(request.operation, request.body)
        found = self._compare.differences(request, request.answer, answer)
        if found or request.operation not in READS:
            after = self._mended(self._tables.touched(request, request.answer, answer))
            # What one refuses and the other does is one difference, not two.
            if after and not any(difference.field == "outcome" for difference in found):
                found.append(Difference("items afterwards", [here for here, _ in after], [there for _, there in after]))
        if found:
            self._judge(request, answer, found)

    def _mended(self, places: list[Place]) -> list[tuple[Record | None, Record | None]]:
        """The items that differ, as they were. Now the second has those of the emulator."""
        differing = []
        for table, key in places:
            asked = {"TableName": table, "Key": key, "ConsistentRead": True}
            here, there = (server.call("GetItem", asked).body.get("Item") for server in (self._emulator, self._second))
            if plain(here) != plain(there):
                differing.append((here, there))
                operation, body = ("PutItem", {"Item": here}) if here else ("DeleteItem", {"Key": key})
                mended = self._second.call(operation, {"TableName": table} | body)
                if mended.status != 200:
                    raise StageFailed(f"{self._name} takes the item {json.dumps(key)}", json.dumps(mended.body))
        return differing

    def _judge(self, request: Request, answer: Answer, found: list[Difference]) -> None:
        known = [next((known for known in listed(self._name) if known.is_about(request, difference)), None) for difference in found]
        self.result.listed.update({one for one in known if one})
        unlisted = [difference for difference, one in zip(found, known, strict=True) if not one]
        if unlisted:
            self.result.unlisted += 1
            if self.result.unlisted <= SHOWN:
                self._report(request, self._name, unlisted, answer)

    def _report(self, request: Request, who: str, unlisted: list[Difference], answer: Answer) -> None:
        self._show(f"{request.place}: {request.operation}: {who} differs")
        self._show(f"  request:  {json.dumps(request.body)}")
        self._show(f"  recorded: {outcome(request.answer)} {json.dumps(request.answer.body)}")
        self._show(f"  {who}: {outcome(answer)} {json.dumps(answer.body)}")
        for difference in unlisted:
            self._show(f"  {difference.field}: {json.dumps(difference.recorded)} is {json.dumps(difference.other)}")
