"""Stand-in for Prometheus with a history of its own: the real one takes no samples of hours ago, and charts show six hours.

It answers range queries as https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries says.
"""

from __future__ import annotations

import operator
import re
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any

from infra.local.net import LOOPBACK
from infra.local.stand_in import StandIn

# A value by how many seconds ago it was.
History = Callable[[float], float]
Point = tuple[int, str]

# The alerts' own expressions.
DISK = 'node_filesystem_avail_bytes{instance="db-1:9100",mountpoint="/var"} / node_filesystem_size_bytes{instance="db-1:9100",mountpoint="/var"} * 100 < 10'
UP = 'up{job="web"} == 0'
LATENCY = 'job:request_latency_seconds:p99{job="checkout"} > 2'

# The condition of an alert's expression: only points where it holds are in the answer.
CONDITION = re.compile(r"(?P<value>.*) (?P<sign><|>|==) (?P<limit>[0-9.]+)")
HOLDS = {"<": operator.lt, ">": operator.gt, "==": operator.eq}


def _disk(ago: float) -> float:
    """Free space: it falls slowly for hours, and fast in the last one."""
    return 41.5 - (21_600 - ago) / 1_800 if ago > 3_600 else 7.4 + ago / 160


def _up(ago: float) -> float:
    return 0.0 if ago < 1_200 else 1.0


def _latency(ago: float) -> float:
    return 0.35 + (ago % 900) / 9_000 + (max(0.0, 2_400 - ago) / 600)


# Which history a query is about, the first that it names.
HISTORIES: list[tuple[str, History]] = [
    ("offset 1h", lambda ago: 21.4),
    ("offset 1d", lambda ago: 26.0),
    ("node_filesystem_free_bytes", lambda ago: 5.0),
    ("node_filesystem_files_free", lambda ago: 62.0),
    ("node_filesystem_avail_bytes", _disk),
    ('up{job="web"}', _up),
    ("request_latency", _latency),
]


def points(query: str, start: int, end: int, step: int) -> list[Point]:
    """The points of the one series that a query has, none if nothing is known of what it names."""
    history = next((known for name, known in HISTORIES if name in query), None)
    if history is None:
        return []
    condition = CONDITION.fullmatch(query)
    now = time.time()

    def is_there(value: float) -> bool:
        return condition is None or bool(HOLDS[condition["sign"]](value, float(condition["limit"])))

    values = ((at, history(max(0.0, now - at))) for at in range(start, end + 1, step))
    return [(at, f"{value:.4f}") for at, value in values if is_there(value)]


def answer(form: dict[str, Any]) -> dict[str, Any]:
    found = points(form["query"], int(form["start"]), int(form["end"]), int(form["step"]))
    series = [{"metric": {}, "values": found}] if found else []
    return {"status": "success", "data": {"resultType": "matrix", "result": series}}


class _Handler(StandIn):
    def route(self, address: urllib.parse.SplitResult) -> None:
        if address.path == "/api/v1/query_range":
            self.answer(200, answer(self.given(address)))
        else:
            self.answer(404, {"status": "error", "errorType": "not_found", "error": address.path})

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what it is asked is in the incidents."""


@contextmanager
def serving() -> Iterator[str]:
    """Its URL, for as long as it serves."""
    server = ThreadingHTTPServer((LOOPBACK, 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, name="prometheus", daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def page_of(server: str, expression: str) -> str:
    """What Prometheus writes as an alert's `generatorURL`."""
    return f"{server}/graph?{urllib.parse.urlencode({'g0.expr': expression, 'g0.tab': '1'})}"
