"""A history of many alerts for `quell backtest`: deliveries as Alertmanager makes them, the same for the same number.

    python -m infra.local history --alerts 1000000 > million.jsonl
"""

from __future__ import annotations

import datetime
import json
import random
import sys
from typing import Any, TextIO

BEGIN = datetime.datetime(2026, 9, 1, tzinfo=datetime.timezone.utc)
SPAN = 90 * 86_400
# So many things can fail, each under one of these rules, in groups that are delivered together.
THINGS = 20_000
GROUP = 5
RULES = ("KubePodCrashLooping", "KubePodNotReady", "NodeFilesystemAlmostOutOfSpace", "HighCPUUsage", "TargetDown", "QueueLag", "SentryDown", "PaymentErrors")
SEVERITIES = ("warning", "warning", "warning", "critical", "info")


def labels(thing: int) -> dict[str, str]:
    rule = RULES[thing % len(RULES)]
    found = {"alertname": rule, "namespace": f"team-{thing % 40}", "cluster": "prod", "severity": SEVERITIES[thing % len(SEVERITIES)]}
    if rule.startswith("KubePod"):
        return found | {"pod": f"service-{thing}-7d9c5b8f6d-x2x4z", "container": "app"}
    if rule == "SentryDown":
        return found | {"component": "sentry", "namespace": "tools", "replica": f"r{thing % 3}"}
    return found | {"instance": f"host-{thing}.example:9100", "mountpoint": "/srv", "job": "node"}


def body(group: int, status: str, at: datetime.datetime, starts_at: datetime.datetime) -> dict[str, Any]:
    alerts = [
        {
            "status": status,
            "labels": labels(group * GROUP + member),
            "annotations": {"summary": f"thing {group * GROUP + member} is not well", "description": "measured for ten minutes " * 4},
            "startsAt": starts_at.isoformat(),
            "generatorURL": "http://prometheus.example:9090/graph?g0.expr=up",
        }
        for member in range(GROUP)
    ]
    sent = {"version": "4", "status": status, "groupKey": f"g{group}", "groupLabels": {}, "externalURL": "http://alertmanager.example:9093", "alerts": alerts}
    return {"delivery": {"at": at.isoformat(), "path": "/api/v1/webhooks/alertmanager", "body": sent}}


def write(alerts: int, out: TextIO) -> None:
    """Writes deliveries of so many alerts, in the order of time: each group fires, goes on, and ends, again and again."""
    chance, deliveries = random.Random(7), alerts // GROUP
    # What a group does next, and since when it fires.
    state: dict[int, tuple[int, datetime.datetime]] = {}
    for number in range(deliveries):
        at = BEGIN + datetime.timedelta(seconds=SPAN * number / deliveries)
        group = chance.randrange(THINGS // GROUP)
        step, since = state.get(group, (0, at))
        since = at if step == 0 else since
        line = body(group, "resolved" if step == 3 else "firing", at, since)
        out.write(json.dumps(line, separators=(",", ":")) + "\n")
        state[group] = ((step + 1) % 4, since)


def run(alerts: int) -> int:
    write(alerts, sys.stdout)
    return 0
