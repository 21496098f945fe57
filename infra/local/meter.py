"""Counts what the functions ask AWS for, as AWS would bill it: requests, and DynamoDB's units by the sizes of items.

A line of JSON for each request goes to the file that QUELL_METER names; without it nothing is changed. Units are the emulator's, which
follows AWS's rule: a write unit for each KB of the larger of an item before and after, two in a transaction; a read unit for each 4 KB, half
of one where the read need not be consistent.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

import json
import os
import re
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import dynamodb, lambda_svc, secretsmanager, sqs

ROLE = re.compile(r":assumed-role/quell-(\w+?)Role-")
READS = frozenset(["BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"])

# Whose request is being handled: the function's name in the template; empty for the operator and the tests.
_asks: ContextVar[str] = ContextVar("asks", default="")


def install() -> None:
    file = os.environ.get("QUELL_METER")
    if file:
        _Meter(Path(file)).install()


class _Meter:
    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def install(self) -> None:
        evaluated = iam_evaluator.evaluate

        def evaluate(context: Any, *rest: Any) -> Any:
            found = ROLE.search(context.principal_arn)
            _asks.set(found.group(1) if found else "")
            return evaluated(context, *rest)

        iam_evaluator.evaluate = evaluate
        self._count(dynamodb, "dynamodb")
        self._count(sqs, "sqs")
        self._count(secretsmanager, "secretsmanager")
        invoked = lambda_svc._invoke

        async def invoke(name: str, *rest: Any, **more: Any) -> Any:
            self._note("lambda", "Invoke", function=re.sub(r"^quell-|Function-.*$", "", name))
            return await invoked(name, *rest, **more)

        lambda_svc._invoke = invoke
        run = lambda_svc._run_sqs_batch

        def run_sqs_batch(mapping: dict[str, Any], *rest: Any) -> None:
            self._note("lambda", "Invoke", function=re.sub(r"^quell-|Function-.*$", "", mapping["FunctionName"]))
            run(mapping, *rest)

        lambda_svc._run_sqs_batch = run_sqs_batch

    def _count(self, service: Any, name: str) -> None:
        handled = service.handle_request

        async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
            operation = headers.get("x-amz-target", "").rpartition(".")[2]
            if not operation or not _asks.get():
                return await handled(method, path, headers, body, query)
            if name == "dynamodb":
                body = json.dumps(json.loads(body) | {"ReturnConsumedCapacity": "TOTAL"}).encode()
            status, answer_headers, answer = await handled(method, path, headers, body, query)
            units = _units(answer) if name == "dynamodb" else 0.0
            # A write that its condition refuses is billed all the same.
            if name == "dynamodb" and status != 200:
                units = 1.0
            self._note(name, operation, function=_asks.get(), **({_kind(operation): units} if units else {}))
            return status, answer_headers, answer

        service.handle_request = handle_request

    def _note(self, service: str, operation: str, **more: Any) -> None:
        os.write(self._file, (json.dumps({"service": service, "operation": operation} | more) + "\n").encode())


def _kind(operation: str) -> str:
    return "read_units" if operation in READS else "write_units"


def _units(answer: bytes | str) -> float:
    consumed = json.loads(answer or b"{}").get("ConsumedCapacity") or []
    return sum(float(one["CapacityUnits"]) for one in (consumed if isinstance(consumed, list) else [consumed]))
