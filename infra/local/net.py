"""Small network helpers: free ports and plain HTTP without a library."""

from __future__ import annotations

import json
import random
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

LOOPBACK = "127.0.0.1"
PORTS = (20_000, 32_768)


@dataclass(frozen=True)
class Answer:
    status: int
    body: str

    def json(self) -> Any:
        return json.loads(self.body)


def free_port() -> int:
    """A port that was free a moment ago. Each program that gets one reports clearly when it was taken since.

    It is none of those that the system gives to connections of its own (from 32768 on), one of which could take it before the program does,
    and a random one, because several stacks start at once.
    """
    while True:
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, random.randrange(*PORTS)))
            except OSError:
                continue
            return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((LOOPBACK, port)) == 0


def call(url: str, body: Any = None, headers: dict[str, str] | None = None, method: str | None = None, timeout: float = 10) -> Answer:
    """One HTTP request. An error status is an answer; only a failed connection raises (`OSError`)."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    if data is not None and not request.has_header("Content-type"):
        request.add_header("Content-Type", "application/json")
    # No proxy: everything here talks to the loopback interface.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as response:
            return Answer(response.status, response.read().decode(errors="replace"))
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read().decode(errors="replace"))


def answers(url: str) -> bool:
    try:
        return call(url, timeout=1).status == 200
    except OSError:
        return False
