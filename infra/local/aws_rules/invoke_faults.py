"""Invocations that Lambda answers late or refuses. Switched on by `control`.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors: throttling (429), a function that is being changed or is pending
(409), networks and keys that are not ready (502). Status and text of each error are those of the service's model in botocore, from which AWS
makes that page.
https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html: what a function is while it cannot be invoked.
"""

from __future__ import annotations

import asyncio
import re
from functools import lru_cache
from typing import Any

import botocore.session
from ministack.core.responses import error_response_json
from ministack.services import lambda_svc

from infra.local.aws_rules.state import STATE

TAG = re.compile(r"<[^>]+>")
# https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html: the limit that was reached.
THROTTLE_REASON = "ConcurrentInvocationLimitExceeded"


def install() -> None:
    invoked = lambda_svc._invoke

    async def invoke(name: str, event: Any, *rest: Any) -> Any:
        fault = STATE.fault(name) if STATE.rules.invoke else None
        if fault is None:
            return await invoked(name, event, *rest)
        STATE.seen["invoke"] += 1
        answer = _refusal(fault.error) if fault.error else await invoked(name, event, *rest)
        await late(fault.late_seconds)
        return answer

    lambda_svc._invoke = invoke


async def late(seconds: float) -> None:
    """Waits for so many of AWS's seconds."""
    if seconds:
        await asyncio.sleep(seconds * STATE.rules.scale)


@lru_cache
def errors() -> dict[str, tuple[int, str, str]]:
    """The documented errors of Invoke: status, text, and the name of the field with the text."""
    model: Any = botocore.session.get_session().get_service_model("lambda")
    found = {}
    for shape in model.operation_model("Invoke").error_shapes:
        text = " ".join(TAG.sub("", shape.documentation).split())
        field = "message" if "message" in shape.members else "Message"
        found[shape.name] = (int(shape.metadata["error"]["httpStatusCode"]), text, field)
    return found


def _refusal(error: str) -> Any:
    status, text, field = errors()[error]
    more = {"Type": "User" if status < 500 else "Service"} | ({"Reason": THROTTLE_REASON} if status == 429 else {})
    answered, headers, body = error_response_json(error, text, status, more, message_key=field)
    return answered, headers | ({"Retry-After": "1"} if status == 429 else {}), body
