"""`/_quell/rules`: a POST switches faults of AWS on, a DELETE switches all of them off, a GET answers what they have done since.

The path is answered by the emulator's HTTP server before anything of AWS is. What is posted replaces what was switched on before; a story that
does it has its stack alone. `tests/src/aws_rules.rs` is the tests' side of it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

import ministack.app

from infra.local.aws_rules import hot_keys, invoke_faults
from infra.local.aws_rules.state import STATE, HotKeys, InvokeFault, Rules

PATH = "/_quell/rules"


class NotUnderstood(ValueError):
    """What was posted is no set of rules."""


def install() -> None:
    served = ministack.app.app

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == PATH:
            await _answer(scope["method"], receive, send)
        else:
            await served(scope, receive, send)

    ministack.app.app = app


async def _answer(method: str, receive: Any, send: Any) -> None:
    body = await _body(receive)
    status = 200
    try:
        if method == "POST":
            _switch(_rules(json.loads(body)))
        elif method == "DELETE":
            _switch(Rules())
        answer: dict[str, Any] = {"rules": asdict(STATE.rules), "seen": dict(STATE.seen)}
    except (NotUnderstood, TypeError, json.JSONDecodeError) as fault:
        status, answer = 400, {"message": str(fault)}
    content = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def _body(receive: Any) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


def _switch(rules: Rules) -> None:
    hot_keys.switch(rules.hot_keys)
    STATE.switch(rules)


def _rules(given: Any) -> Rules:
    values = _known(Rules, given)
    values["invoke"] = tuple(InvokeFault(**_known(InvokeFault, fault)) for fault in values.get("invoke", ()))
    if unknown := [fault.error for fault in values["invoke"] if fault.error and fault.error not in invoke_faults.errors()]:
        raise NotUnderstood(f"Invoke has no error {unknown[0]}: it has {sorted(invoke_faults.errors())}")
    if values.get("hot_keys") is not None:
        values["hot_keys"] = HotKeys(**_known(HotKeys, values["hot_keys"]))
    return Rules(**values)


def _known(kind: Any, given: Any) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    if not isinstance(given, dict) or not given.keys() <= names:
        raise NotUnderstood(f"{kind.__name__} is an object with fields of {sorted(names)}, not {given}")
    return dict(given)
