"""What requests cost by bench/prices.json: counts them as AWS bills them, and makes the tables. `price` makes the requests.

Lambda's time is assumed (SECONDS), because the functions of the local stack run unoptimised, on a machine that is none of AWS's. So is the
factor between the two architectures: x86_64 is priced by its price alone, as if it took as long as arm64.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from infra.local.paths import PROJECT

PRICES = PROJECT / "bench" / "prices.json"
# How long an invocation takes on AWS, assumed: a few requests of 5 to 10 ms each. `make bench` measures the CPU time of ingress.
SECONDS = 0.05
MEMORY_GB = 0.25
# What each message on a queue takes: to send it, to receive it and to delete it.
REQUESTS_OF_A_MESSAGE = 3
# MaximumBatchingWindowInSeconds of the functions that read the table's stream, as in template.yaml. The emulator does not wait for it: it
# reads each batch at once. https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
WINDOW_SECONDS = {"Witness": 10.0, "Board": 5.0}
# Each request of theirs came through the HTTP API.
BY_API = frozenset(["Ingress", "Console", "Signin"])
# What Amazon CloudWatch Logs adds to each line.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
LINE_BYTES = 26
GB = 1 << 30

Note = dict[str, Any]
Counts = Counter[str]
Flow = tuple[str, Counts]


def counted(notes: Iterable[Note]) -> Counts:
    """The requests of a flow, by service and by operation, and its units."""
    notes = list(notes)
    counts: Counts = Counter()
    shares: dict[str, Any] = {}
    for function, seconds in WINDOW_SECONDS.items():
        # Each run begins with the one item that it reads, and asks for nearly the same whatever is in its batch.
        runs = [note["at"] for note in notes if note.get("function") == function and note["operation"] == "GetItem"]
        batches = windows(runs, seconds)
        counts["lambda"] += batches
        if runs:
            shares[function] = batches / len(runs)
    for note in notes:
        share = shares.get(note.get("function", ""), 1)
        counts[note["service"]] += share
        counts[f"{note['service']} {note['operation']}"] += share
        for kind in ("read_units", "write_units"):
            counts[kind] += share * note.get(kind, 0)
        if note["service"] == "lambda" and note["function"] in BY_API:
            counts["api"] += 1
    return counts


def windows(times: Iterable[float], seconds: float) -> int:
    """How many batches take in what comes at these times, where each waits for so long from its first."""
    count, end = 0, float("-inf")
    for at in sorted(times):
        if at >= end:
            count, end = count + 1, at + seconds
    return count


def log_bytes(lines: Iterable[str]) -> int:
    return sum(len(line.encode()) + LINE_BYTES for line in lines)


def metrics_in(lines: Iterable[str]) -> set[tuple[str, ...]]:
    """The custom metrics that lines in the embedded metric format make: each name with each value of its dimensions is one.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    found: set[tuple[str, ...]] = set()
    for line in lines:
        if '"_aws"' not in line:
            continue
        document = json.loads(line)
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for dimensions in directive["Dimensions"]:
                values = [f"{name}={document[name]}" for name in dimensions]
                found |= {(directive["Namespace"], metric["Name"], *values) for metric in directive["Metrics"]}
    return found


def prices(file: Path = PRICES) -> dict[str, Any]:
    return dict(json.loads(file.read_text()))


def dollars(counts: Counts, listed: dict[str, Any], architecture: str = "arm64") -> dict[str, float]:
    """What was counted costs, by service."""

    def of(name: str, count: float) -> float:
        price = listed["prices"][name]
        return float(count * price["dollars"] / price["per"])

    time = {"arm64": "lambda_gb_second", "x86_64": "lambda_gb_second_x86_64"}[architecture]
    return {
        "DynamoDB": of("dynamodb_write_unit", counts["write_units"]) + of("dynamodb_read_unit", counts["read_units"]),
        "SQS": of("sqs_request", counts["sqs SendMessage"] * REQUESTS_OF_A_MESSAGE),
        "Lambda": of("lambda_request", counts["lambda"]) + of(time, counts["lambda"] * SECONDS * MEMORY_GB),
        "HTTP API": of("http_api_request", counts["api"]),
        "Secrets Manager": of("secret_request", counts["secretsmanager"]),
        "CloudWatch Logs": of("log_gb", counts["log_bytes"] / GB),
    }


HEAD = (
    "| | DynamoDB requests | write units | read units | messages | invocations | KB of logs | dollars for 1,000 | on x86_64 |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def table(flows: Sequence[Flow], listed: dict[str, Any]) -> str:
    return "\n".join([HEAD, *(row(name, counts, listed) for name, counts in flows)])


def row(name: str, counts: Counts, listed: dict[str, Any]) -> str:
    arm, x86 = (sum(dollars(counts, listed, of).values()) * 1_000 for of in ("arm64", "x86_64"))
    figures = [
        f"{counts['dynamodb']:,.0f}",
        _units(counts["write_units"]),
        _units(counts["read_units"]),
        f"{counts['sqs SendMessage']:,.0f}",
        f"{counts['lambda']:,.0f}",
        f"{counts['log_bytes'] / 1024:,.1f}",
        f"{arm:,.4f}",
        f"{x86:,.4f}",
    ]
    return f"| {name} | {' | '.join(figures)} |"


def _units(units: float) -> str:
    """Units come in halves at the least; of a batch of the stream only a part is a flow's."""
    return f"{units:,.1f}".removesuffix(".0")


def times(counts: Counts, count: int) -> Counts:
    return Counter({key: value * count for key, value in counts.items()})


def together(flows: Iterable[Counts]) -> Counts:
    whole: Counts = Counter()
    for counts in flows:
        whole.update(counts)
    return whole


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


def metrics(found: set[tuple[str, ...]], listed: dict[str, Any]) -> str:
    """What the metrics that occurred cost in a month, if each of them occurs in every hour of it."""
    price = listed["prices"]["metric_month"]
    cost = len(found) * price["dollars"] / price["per"]
    return f"\n{len(found)} custom metrics occurred: {cost:.2f} dollars in a month in which each of them occurs in every hour."
