"""`price`: what each part of an incident's life asks AWS for, and what that costs by bench/prices.json.

The flows are those of the demo, on the local stack; requests and item sizes are real, and so are DynamoDB's units. Times are not: the
functions run unoptimised, on a machine that is none of AWS's. Where Lambda's time is priced, it is assumed (SECONDS), and the table says so.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.local import alertmanager, build, signals, stack, story, target_host
from infra.local.errors import StageFailed
from infra.local.paths import PROJECT, Run
from infra.local.processes import Children
from infra.local.show import Screen
from infra.local.story import ANNOTATIONS, LABELS

PRICES = PROJECT / "bench" / "prices.json"
# No request came for so long: a flow is over.
QUIET_SECONDS = 2.0
# How long an invocation takes on AWS, assumed: a few requests of 5 to 10 ms each. `make bench` measures the CPU time of ingress.
SECONDS = 0.05
MEMORY_GB = 0.25
# What each message on a queue takes: to send it, to receive it and to delete it.
REQUESTS_OF_A_MESSAGE = 3
# An approval waits 14,400 s, and is looked at every 900 s, the longest delay of a message.
LOOKS = 16
DAYS = 30

Counts = Counter[str]


def run(bootstraps: Path | None) -> int:
    signals.raise_stop()
    here, children, screen = Run.create(f"price-{os.getpid()}"), Children(), Screen.start()
    meter = here.directory / "meter.jsonl"
    os.environ["QUELL_METER"] = str(meter)
    try:
        built = bootstraps or build.with_cargo(build.FUNCTIONS, here, screen.progress)
        ssh_host = None if target_host.find_sshd() else build.with_cargo(["ssh-host"], here, screen.progress) / "ssh-host"
        local = stack.start(children, here, stack.Wanted(built, own_ssh_host=ssh_host), screen.progress)
        flows = _flows(children, local, screen, meter)
    finally:
        signals.ignore_endings()
        children.stop_all()
        shutil.rmtree(here.directory, ignore_errors=True)
    print(table(flows, prices()))
    print(months(prices()))
    return 0


def _flows(children: Children, local: stack.Local, screen: Screen, meter: Path) -> list[tuple[str, Counts]]:
    if local.target is None or local.telegram is None:
        raise StageFailed("a stack with a target and with Telegram", "one without")
    chapter = story.Chapter(local, local.target, local.telegram, screen, story.records_of(local))
    url = f"{local.deployed.api_url}/api/v1/webhooks/alertmanager"
    sender = alertmanager.start(children, local.run, url, local.secrets["alertmanager"])
    seen: list[tuple[str, Counts]] = []

    def flow(name: str, act: Callable[[], Any]) -> Any:
        before = _settled(meter)
        result = act()
        counts = _settled(meter)
        counts.subtract(before)
        seen.append((name, counts))
        return result

    # Secrets are read once in five minutes: what comes first is not what an alert costs.
    sender.fire(LABELS | {"component": "warm-up"}, ANNOTATIONS)
    _settled(meter)

    def open_one() -> Any:
        sender.fire(LABELS, ANNOTATIONS)
        incident = chapter.incident_of(LABELS["component"])
        return incident, chapter.see_the_card(incident)

    chapter.break_the_service()
    incident, card = flow("an alert opens an incident, to the card", open_one)
    flow("an alert joins it", lambda: sender.fire(LABELS | {"replica": "b"}, ANNOTATIONS))
    approval = chapter.records.incident(incident)["approval"]["id"]
    queue, url = local.deployed.emulator.client("sqs"), local.deployed.outputs["NotificationsQueueUrl"]
    look = json.dumps({"v": 1, "type": "decision_due", "approval_id": approval})
    flow("a look at an approval that waits", lambda: queue.send_message(QueueUrl=url, MessageBody=look))

    def repair() -> None:
        chapter.approve(incident, card)
        chapter.see_the_repair(incident)
        chapter.see_the_result(incident, card)

    flow("it is approved, repaired and verified", repair)
    return seen


def _settled(meter: Path) -> Counts:
    """What was counted so far, once nothing more comes."""
    size, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        now = meter.stat().st_size if meter.exists() else 0
        if now != size:
            size, since = now, time.monotonic()
        time.sleep(0.1)
    counts: Counts = Counter()
    for line in meter.read_text().splitlines() if meter.exists() else []:
        note = json.loads(line)
        counts[note["service"]] += 1
        counts[f"{note['service']} {note['operation']}"] += 1
        for kind in ("read_units", "write_units"):
            counts[kind] += note.get(kind, 0)  # type: ignore[assignment]
    return counts


def prices() -> dict[str, Any]:
    return dict(json.loads(PRICES.read_text()))


def dollars(counts: Counts, listed: dict[str, Any]) -> dict[str, float]:
    """What was counted costs, by service."""
    of = lambda name, units: units * listed["prices"][name]["dollars"] / listed["prices"][name]["per"]  # noqa: E731
    invocations = counts["lambda"]
    return {
        "DynamoDB": of("dynamodb_write_unit", counts["write_units"]) + of("dynamodb_read_unit", counts["read_units"]),
        "SQS": of("sqs_request", counts["sqs SendMessage"] * REQUESTS_OF_A_MESSAGE),
        "Lambda": of("lambda_request", invocations) + of("lambda_gb_second", invocations * SECONDS * MEMORY_GB),
        "Secrets Manager": of("secret_request", counts["secretsmanager"]),
    }


def table(flows: list[tuple[str, Counts]], listed: dict[str, Any]) -> str:
    head = "| | DynamoDB requests | write units | read units | messages | invocations | dollars for 1,000 |"
    lines = [head, "|---|---|---|---|---|---|---|"]
    for name, counts in flows:
        lines.append(_row(name, counts, listed))
        if name.startswith("a look"):
            waits: Counts = Counter({key: count * LOOKS for key, count in counts.items()})
            lines.append(_row(f"{LOOKS} of them: an approval that nobody answers, for four hours", waits, listed))
    whole: Counts = Counter()
    for name, counts in flows:
        if "look" not in name and "joins" not in name:
            whole.update(counts)
    lines.append(_row("**from alert to verified repair**", whole, listed))
    return "\n".join(lines)


def _row(name: str, counts: Counts, listed: dict[str, Any]) -> str:
    total = sum(dollars(counts, listed).values()) * 1_000
    units = f"{counts['write_units']:g} | {counts['read_units']:g}"
    return f"| {name} | {counts['dynamodb']} | {units} | {counts['sqs SendMessage']} | {counts['lambda']} | {total:.4f} |"


def months(listed: dict[str, Any]) -> str:
    """What a month costs in which nothing happens."""
    lines = ["", "| a month in which nothing happens | how many | dollars |", "|---|---|---|"]
    total = 0.0
    for one in listed["months"]:
        cost = one["count"] * one["dollars"] / one["per"]
        total += cost
        lines.append(f"| {one['what']} | {one['count']:,} | {cost:.2f} |")
    lines.append(f"| **together** | | **{total:.2f}** |")
    return "\n".join(lines)
