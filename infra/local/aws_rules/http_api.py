"""Limits of API Gateway's HTTP APIs.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html: 10 MB of body, 10,240 bytes of request line and header values,
30 seconds for an integration, or fewer where it says so itself. The page has no statuses. 413 and 431 are those of HTTP
(https://www.rfc-editor.org/rfc/rfc9110#status.413, https://www.rfc-editor.org/rfc/rfc6585#section-5), with the `{"message": …}` of the
gateway's other refusals; which of them a real gateway gives was never seen.
https://repost.aws/knowledge-center/api-gateway-504-errors: an integration that takes longer than it may is answered with 504, and the
function goes on.

An event that Lambda does not take, because it is larger than 6 MB, is answered with 413 too: never seen either.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import ministack.app
from ministack.services import apigateway

from infra.local.aws_rules.invoke_faults import late
from infra.local.aws_rules.payloads import SYNCHRONOUS_BYTES
from infra.local.aws_rules.state import STATE

BODY_BYTES = 10_485_760
HEAD_BYTES = 10_240
LONGEST_INTEGRATION = 30_000
# The emulator serves an API below `/_aws/execute-api/<id>/<stage>`, of which a real request has nothing.
PREFIX = "/_aws/execute-api/"

# Functions that go on after the gateway has given up.
_abandoned: set[asyncio.Task[Any]] = set()


def install() -> None:
    _sizes()
    _time()


def _sizes() -> None:
    handled = ministack.app._handle_execute_api_request

    async def handle(host: str, path: str, method: str, headers: dict[str, str], body: bytes, *query: Any, **raw: Any) -> Any:
        if path.startswith(PREFIX):
            if _head(method, raw.get("raw_path") or path, raw.get("raw_query_string") or "", headers) > HEAD_BYTES:
                return _refusal(431, "Request Header Fields Too Large")
            if len(body) > BODY_BYTES:
                return _refusal(413, "Request Entity Too Large")
        return await handled(host, path, method, headers, body, *query, **raw)

    ministack.app._handle_execute_api_request = handle


def _head(method: str, path: str, query: str, headers: dict[str, str]) -> int:
    own = path.removeprefix(PREFIX).split("/", 2)[-1]
    return len(f"{method} /{own}?{query} HTTP/1.1") + sum(map(len, headers.values()))


def _time() -> None:
    invoked = apigateway._invoke_lambda_proxy

    async def invoke(integration: dict[str, Any], *request: Any, **more: Any) -> Any:
        headers, body = request[4:6]
        # In an event, a control character is six bytes, a quotation mark two, and what is no text a third longer.
        if len(body) > SYNCHRONOUS_BYTES // 6 and _event_bytes(headers, body) > SYNCHRONOUS_BYTES:
            return _refusal(413, "Request Entity Too Large")
        task = asyncio.ensure_future(_invoked(invoked(integration, *request, **more), integration))
        limit = min(int(integration.get("timeoutInMillis") or LONGEST_INTEGRATION), LONGEST_INTEGRATION) / 1000
        done, _ = await asyncio.wait({task}, timeout=limit * STATE.rules.scale)
        if done:
            return task.result()
        _abandoned.add(task)
        task.add_done_callback(_abandoned.discard)
        return _refusal(504, "Endpoint request timed out")

    apigateway._invoke_lambda_proxy = invoke


async def _invoked(answer: Any, integration: dict[str, Any]) -> Any:
    result = await answer
    if STATE.rules.invoke:
        function = apigateway._extract_lambda_ref_from_integration_uri(integration.get("integrationUri", "")).rpartition(":")[2]
        # A gateway shows a caller none of Lambda's errors.
        for fault in STATE.rules.invoke:
            if fault.function == function and fault.error is None:
                await late(fault.late_seconds)
    return result


def _event_bytes(headers: Any, body: bytes) -> int:
    if apigateway._v2_request_body_is_text(headers.get("content-type")):
        return len(json.dumps(body.decode(errors="replace"), ensure_ascii=False).encode())
    return len(body) * 4 // 3


def _refusal(status: int, message: str) -> Any:
    STATE.seen["http_api"] += 1
    return status, {"Content-Type": "application/json"}, json.dumps({"message": message}).encode()
