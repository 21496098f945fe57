"""Implementations of DynamoDB that a recording is replayed against: moto, dynalite, and the emulator itself inside this process."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from infra.local.errors import StageFailed
from infra.local.net import LOOPBACK, free_port, listens
from infra.local.paths import PROJECT, Run
from infra.local.processes import Children, wait_until
from infra.local.replay.record import TARGET
from infra.local.replay.recording import Answer, Record, Server
from infra.local.replay.single_writes import SingleWrites

# `make contract` installs both.
MOTO = PROJECT / ".local" / "checks" / "bin" / "moto_server"
DYNALITE = PROJECT / "infra" / "local" / "replay" / "dynalite" / "node_modules" / "dynalite" / "cli.js"
# Both want a signature of the right form, and check none.
SIGNED = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Date": "20260101T000000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
}


class Http:
    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection(LOOPBACK, port, timeout=60)

    def call(self, operation: str, body: Record) -> Answer:
        try:
            return self._call(operation, body)
        except (ConnectionError, HTTPException):
            # A server closes a connection that it keeps no longer.
            self._connection.close()
            return self._call(operation, body)

    def _call(self, operation: str, body: Record) -> Answer:
        self._connection.request("POST", "/", json.dumps(body), SIGNED | {"X-Amz-Target": TARGET + operation})
        response = self._connection.getresponse()
        text = response.read().decode(errors="replace")
        try:
            return Answer(response.status, json.loads(text or "{}"))
        except ValueError:
            return Answer(response.status, {"__type": "NotJson", "message": text})


class Emulator:
    """The emulator's own DynamoDB, in this process: it has the state that each recorded answer came from."""

    def __init__(self) -> None:
        from ministack.services import dynamodb

        self._dynamodb, self._loop = dynamodb, asyncio.new_event_loop()

    def call(self, operation: str, body: Record) -> Answer:
        request = self._dynamodb.handle_request("POST", "/", {"x-amz-target": TARGET + operation}, json.dumps(body).encode(), {})
        status, _, answer = self._loop.run_until_complete(request)
        return Answer(status, json.loads(answer or b"{}"))

    def clear(self) -> None:
        """Forgets everything, the tokens of transactions among it."""
        self._dynamodb.reset()

    def empty(self, definitions: list[Record]) -> None:
        """Leaves these tables, and nothing in them."""
        self.clear()
        for definition in definitions:
            self.call("CreateTable", definition)


def moto(children: Children, run: Run) -> Server:
    return _started(children, run, "moto", MOTO, lambda port: [str(MOTO), "-H", LOOPBACK, "-p", str(port)])


def dynalite(children: Children, run: Run) -> Server:
    # A table is there at once, and gone at once.
    options = ["--createTableMs", "0", "--deleteTableMs", "0", "--host", LOOPBACK]
    return SingleWrites(_started(children, run, "dynalite", DYNALITE, lambda port: ["node", str(DYNALITE), *options, "--port", str(port)]))


SECOND: dict[str, Callable[[Children, Run], Server]] = {"moto": moto, "dynalite": dynalite}


def _started(children: Children, run: Run, name: str, program: Path, command: Callable[[int], list[str]]) -> Server:
    if not program.exists():
        raise StageFailed(f"{name} is installed", f"no {program.relative_to(PROJECT)}: make contract installs it")
    port = free_port()
    env: dict[str, Any] = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "MOTO_"))}
    child = children.start(name, command(port), run.log(name), env, PROJECT)
    wait_until(f"{name} answers", lambda: listens(port), child, 30)
    return Http(port)
