"""`price`: what each part of an incident's life asks AWS for, and what that costs by bench/prices.json (`bill`).

The flows are those of the demo, on the local stack; requests and item sizes are real, and so are DynamoDB's units (`meter`).
"""

from __future__ import annotations

import json
import os
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local import alertmanager, bill, build, signals, stack, story, target_host
from infra.local.bill import Counts, Flow, Note
from infra.local.errors import StageFailed
from infra.local.paths import Run
from infra.local.processes import Children
from infra.local.show import Screen
from infra.local.story import ANNOTATIONS, LABELS

# No request came for so long: a flow is over.
QUIET_SECONDS = 2.0
# An approval waits 14,400 s, and is looked at every 900 s, the longest delay of a message.
LOOKS = 16
# The page asks for news every 3 s while somebody looks and something moves (functions/console/assets/poll.js).
LOOKS_OF_AN_HOUR = 1_200


def run(bootstraps: Path | None) -> int:
    with metered("price", bootstraps) as (children, local, screen, meter):
        flows, lines = _flows(children, local, screen, meter)
    listed = bill.prices()
    print(bill.table(flows, listed))
    print(bill.metrics(bill.metrics_in(lines), listed))
    print(bill.months(listed))
    return 0


@contextmanager
def metered(name: str, bootstraps: Path | None, without: frozenset[str] = frozenset()) -> Iterator[tuple[Children, stack.Local, Screen, Path]]:
    """A stack of its own, whose functions write what they ask for into a file, which comes last. It is gone in the end."""
    signals.raise_stop()
    here, children, screen = Run.create(f"{name}-{os.getpid()}"), Children(), Screen.start()
    meter = here.directory / "meter.jsonl"
    os.environ["QUELL_METER"] = str(meter)
    try:
        built = bootstraps or build.with_cargo(build.FUNCTIONS, here, screen.progress)
        ssh_host = None if target_host.find_sshd() else build.with_cargo(["ssh-host"], here, screen.progress) / "ssh-host"
        wanted = stack.Wanted(built, without=without, own_ssh_host=ssh_host)
        yield children, stack.start(children, here, wanted, screen.progress), screen, meter
    finally:
        signals.ignore_endings()
        children.stop_all()
        shutil.rmtree(here.directory, ignore_errors=True)


@dataclass
class Meter:
    """What the functions asked for and logged so far."""

    file: Path
    local: stack.Local
    seen: list[Flow] = field(default_factory=list)

    def settled(self) -> tuple[list[Note], list[str]]:
        """All of it, once nothing more comes."""
        size, since = -1, time.monotonic()
        while time.monotonic() - since < QUIET_SECONDS:
            now = self.file.stat().st_size if self.file.exists() else 0
            if now != size:
                size, since = now, time.monotonic()
            time.sleep(0.1)
        notes = [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []
        return notes, list(_lines(self.local))

    @contextmanager
    def flow(self, name: str) -> Iterator[None]:
        notes, lines = self.settled()
        yield
        notes_after, lines_after = self.settled()
        counts = bill.counted(notes_after[len(notes) :])
        counts["log_bytes"] += bill.log_bytes(lines_after) - bill.log_bytes(lines)
        self.seen.append((name, counts))


def _lines(local: stack.Local) -> Iterator[str]:
    """What the functions have logged, with the lines of Lambda itself."""
    client = local.deployed.emulator.client("logs")
    for group in client.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]:
        for page in client.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            yield from (event["message"].rstrip() for event in page["events"])


def _flows(children: Children, local: stack.Local, screen: Screen, file: Path) -> tuple[list[Flow], list[str]]:
    if local.target is None or local.telegram is None:
        raise StageFailed("a stack with a target and with Telegram", "one without")
    chapter = story.Chapter(local, local.target, local.telegram, screen, story.records_of(local))
    url = f"{local.deployed.api_url}/api/v1/webhooks/alertmanager"
    sender = alertmanager.start(children, local.run, url, local.secrets["alertmanager"])
    look = looker(local)
    meter = Meter(file, local)
    # Secrets are read once in five minutes: what comes first is not what an alert costs.
    sender.fire(LABELS | {"component": "warm-up"}, ANNOTATIONS)
    look()
    chapter.break_the_service()
    with meter.flow("an alert opens an incident, to the card"):
        sender.fire(LABELS, ANNOTATIONS)
        incident = chapter.incident_of(LABELS["component"])
        card = chapter.see_the_card(incident)
    with meter.flow("an alert joins it, which changes the card the first time"):
        sender.fire(LABELS | {"replica": "b"}, ANNOTATIONS)
    with meter.flow("an alert joins it again"):
        sender.fire(LABELS | {"replica": "c"}, ANNOTATIONS)
    with meter.flow("a look at the console's board, with two open incidents"):
        look()
    with meter.flow("a look at an approval that waits"):
        _look_at_the_approval(local, chapter.records.incident(incident)["approval"]["id"])
    with meter.flow("it is approved, repaired and verified"):
        chapter.approve(incident, card)
        chapter.see_the_repair(incident)
        chapter.see_the_result(incident, card)
    return _with_sums(meter.seen), list(_lines(local))


def _look_at_the_approval(local: stack.Local, approval: str) -> None:
    message = json.dumps({"v": 1, "type": "decision_due", "approval_id": approval})
    queue = local.deployed.outputs["NotificationsQueueUrl"]
    local.deployed.emulator.client("sqs").send_message(QueueUrl=queue, MessageBody=message)


def _with_sums(flows: list[Flow]) -> list[Flow]:
    of: dict[str, Counts] = dict(flows)
    opened, board, approval, repaired = (of[next(name for name in of if part in name)] for part in ("opens", "board", "waits", "repaired"))
    return [
        *flows,
        (f"{LOOKS} looks: an approval that nobody answers, for four hours", bill.times(approval, LOOKS)),
        (f"{LOOKS_OF_AN_HOUR:,} looks: a board that is looked at for an hour", bill.times(board, LOOKS_OF_AN_HOUR)),
        ("**from alert to verified repair**", bill.together([opened, repaired])),
    ]


class _Stays(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the answer to a sign-in is one, with the cookie, and so is that to who has none."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def looker(local: stack.Local) -> Callable[[], bytes]:
    """Signs a person in, and returns what asks for the console's board in their name and gives the page."""
    url = local.deployed.api_url
    address = urllib.parse.urlsplit(url)
    form = urllib.parse.urlencode({"token": next(iter(local.tokens.values())), "next": "console"}).encode()
    signed_in = _answer(f"{url}/api/v1/sessions", form, {"origin": f"{address.scheme}://{address.netloc}"})
    cookie = (signed_in.headers.get("set-cookie") or "").partition(";")[0]

    def look() -> bytes:
        answer = _answer(f"{url}/console", None, {"cookie": cookie})
        if answer.code != 200:
            raise StageFailed("the board of the console", f"an answer {answer.code}, signed in with an answer {signed_in.code}")
        return bytes(answer.read())

    return look


def _answer(url: str, form: bytes | None, headers: dict[str, str]) -> Any:
    """An answer with its code and its headers. A form is sent as one, which is what urllib does by itself."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stays())
    try:
        return opener.open(urllib.request.Request(url, form, headers), timeout=10)
    except urllib.error.HTTPError as answer:
        return answer
