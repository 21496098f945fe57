"""`crowd`: a look at the console's board with thousands of open incidents: what it asks DynamoDB for, and how long it takes.

One alert goes the whole way to an incident whose plan waits. The others are copies of its items under ids of their own, as if as many alerts had
come. Then the board is looked at as its function keeps it, by a client that counts and by a real browser (`console.crowd`), and after that
item is deleted, as the console read it before.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local import alertmanager, price, stack, story
from infra.local.errors import StageFailed
from infra.local.paths import PROJECT
from infra.local.processes import Children
from infra.local.show import Screen
from infra.local.story import ANNOTATIONS, LABELS

# Crockford's base 32. The first ten characters of an id are its time.
DIGITS, TIME = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 10
SEVERITIES = ["P0", "P1", "P2", "P2", "P3", "P3", "P3", "P3"]
# SHARDS of shared/store/src/keys.rs.
SHARDS = 8
# BatchWriteItem takes no more.
AT_ONCE = 25
LOOKS = 7
# The console keeps what it has read for 2.5 s.
APART_SECONDS = 2.6
PATIENCE_SECONDS = 600.0
# Of `console.crowd`, in the order of the table.
FIGURES = {
    "first_paint": "first paint, ms",
    "all_rows": "whole page, ms",
    "rows": "rows",
    "elements": "elements",
    "answered": "answer, ms",
    "morphed": "parsed and morphed, ms",
    "shown": "and painted, ms",
    "units": "read units a page",
}

Item = dict[str, dict[str, str]]


def run(bootstraps: Path | None, incidents: int, browser: Path | None) -> int:
    with price.metered("crowd", bootstraps, without=frozenset(["witness"])) as (children, local, screen, meter):
        rows, seen = _measured(children, local, screen, meter, incidents, browser)
    print(f"| a look with {incidents:,} open incidents | DynamoDB requests | read units | KB of the page | first answer, ms | median of {LOOKS}, ms |")
    print("|---|---|---|---|---|---|")
    print("\n".join(rows))
    if seen:
        print(f"\n| in Chromium, with {incidents:,} open incidents | {' | '.join(FIGURES.values())} |")
        print(f"|---|{'---|' * len(FIGURES)}")
        print("\n".join(seen))
    return 0


def _measured(children: Children, local: stack.Local, screen: Screen, file: Path, incidents: int, browser: Path | None) -> tuple[list[str], list[str]]:
    if local.target is None or local.telegram is None:
        raise StageFailed("a stack with a target and with Telegram", "one without")
    chapter = story.Chapter(local, local.target, local.telegram, screen, story.records_of(local))
    url = f"{local.deployed.api_url}/api/v1/webhooks/alertmanager"
    sender = alertmanager.start(children, local.run, url, local.secrets["alertmanager"])
    chapter.break_the_service()
    sender.fire(LABELS, ANNOTATIONS)
    incident = chapter.incident_of(LABELS["component"])
    chapter.see_the_card(incident)
    table = _Table(local.deployed.emulator.client("dynamodb"), local.deployed.outputs["TableName"])
    screen.progress(f"opening {incidents:,} incidents")
    began = time.monotonic()
    table.fill(incident, incidents - 1)
    screen.progress("waiting for the board")
    table.wait_for_board(incidents)
    screen.progress(f"the board has all of them after {time.monotonic() - began:.0f} s")
    look, meter = price.looker(local), price.Meter(file, local)
    kept = _row("the board that is kept", look, meter)
    seen = list(_seen(browser, local, screen, meter)) if browser else []
    table.delete_board()
    time.sleep(APART_SECONDS)
    return [kept, _row("read from the index", look, meter)], seen


def _seen(python: Path, local: stack.Local, screen: Screen, meter: price.Meter) -> Iterator[str]:
    """What a browser shows, measured by a program of its own: its packages are not among ours."""
    facts = local.run.directory / "facts.json"
    facts.touch(mode=0o600)
    facts.write_text(json.dumps(local.facts()))
    screen.progress("looking with Chromium")
    command = [str(python.absolute()), "-m", "infra.local.console", "crowd"]
    env = os.environ | {"QUELL_STACK": str(facts)}
    done = subprocess.run(command, cwd=PROJECT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise StageFailed("the pages in Chromium", f"exit {done.returncode}", str(local.run.logs))
    reads = [note for note in meter.settled()[0] if note.get("function") == "Console" and note["service"] == "dynamodb"]
    for row in map(json.loads, done.stdout.splitlines()):
        units = sum(note.get("read_units", 0.0) for note in reads if row["began"] <= note["at"] <= row["ended"])
        measured = row["figures"] | {"units": units / row["asked"]}
        figures = {name: measured.get(name) for name in FIGURES}
        cells = ["–" if value is None else f"{value:,.1f}" if value < 20 else f"{value:,.0f}" for value in figures.values()]
        yield f"| {row['what']}, {row['view']} | {' | '.join(cells)} |"


def _row(name: str, look: Callable[[], bytes], meter: price.Meter) -> str:
    before, _ = meter.settled()
    first, page = _timed(look)
    notes = [note for note in meter.settled()[0][len(before) :] if note.get("function") == "Console" and note["service"] == "dynamodb"]
    times = [first]
    while len(times) < LOOKS:
        time.sleep(APART_SECONDS)
        times.append(_timed(look)[0])
    units = sum(note.get("read_units", 0.0) for note in notes)
    return f"| {name} | {len(notes)} | {units:,.1f} | {len(page) / 1024:,.0f} | {first * 1000:,.0f} | {statistics.median(times) * 1000:,.0f} |"


def _timed(look: Callable[[], bytes]) -> tuple[float, bytes]:
    began = time.monotonic()
    page = look()
    return time.monotonic() - began, page


@dataclass(frozen=True)
class _Table:
    client: Any
    name: str

    def fill(self, incident: str, count: int) -> None:
        """Copies of an incident, with the urgencies that incidents have."""
        own, details = (self._item(f"INC#{incident}", sort) for sort in ("INCIDENT", "DETAILS"))
        ids = list(_ids(incident, count))
        for start in range(0, count, AT_ONCE):
            some = ids[start : start + AT_ONCE]
            self._write([_copy(own, incident, *one) for one in some])
            if details:
                self._write([details | {"pk": {"S": f"INC#{id}"}} for id, _ in some])

    def wait_for_board(self, count: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        counted = -1
        while counted < count and time.monotonic() < deadline:
            time.sleep(0.5)
            board = self._item("BOARD", "BOARD")
            counted = json.loads(board["doc"]["S"])["content"]["board"]["counts"]["open"] if board else 0
        if counted < count:
            raise StageFailed(f"a board with {count:,} incidents", f"one with {counted:,}")

    def delete_board(self) -> None:
        self.client.delete_item(TableName=self.name, Key={"pk": {"S": "BOARD"}, "sk": {"S": "BOARD"}})

    def _item(self, partition: str, sort: str) -> Item:
        answer = self.client.get_item(TableName=self.name, Key={"pk": {"S": partition}, "sk": {"S": sort}}, ConsistentRead=True)
        return dict(answer.get("Item") or {})

    def _write(self, items: list[Item]) -> None:
        left = {self.name: [{"PutRequest": {"Item": item}} for item in items]}
        while left:
            left = self.client.batch_write_item(RequestItems=left).get("UnprocessedItems") or {}


def _ids(like: str, count: int) -> Iterator[tuple[str, str]]:
    """Ids of the same moment, each with a severity."""
    chosen = random.Random(count)
    for number in range(count):
        rest = "".join(chosen.choice(DIGITS) for _ in range(len(like) - TIME))
        yield like[:TIME] + rest, SEVERITIES[number % len(SEVERITIES)]


def _copy(item: Item, like: str, id: str, severity: str) -> Item:
    document = json.loads(item["doc"]["S"].replace(like, id)) | {"severity": severity}
    shard = ord(id[-1]) % SHARDS
    changed = {"pk": f"INC#{id}", "incident_id": id, "open_shard": f"OPEN#{shard}", "list_shard": f"ALL#{shard}", "doc": json.dumps(document)}
    return item | {name: {"S": value} for name, value in changed.items()}
