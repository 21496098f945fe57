"""Sizes of what a function is invoked with and answers.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 6 MB for a synchronous invocation and its answer, 1 MB for an
asynchronous one, which was 256 KB until 2025
(https://aws.amazon.com/blogs/compute/more-room-to-build-serverless-services-now-support-payloads-up-to-1-mb).
https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html: `RequestTooLargeException` with status 413.
https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html: an answer that is too large is a function's error,
`Function.ResponseSizeTooLarge`.
"""

from __future__ import annotations

from typing import Any

from ministack.core.lambda_runtime import ProvidedWorker
from ministack.core.responses import error_response_json
from ministack.services import lambda_svc

from infra.local.aws_rules.state import STATE

SYNCHRONOUS_BYTES = 6_291_456
ASYNCHRONOUS_BYTES = 1_048_576
# Lambda's own envelope around an answer has a hundred bytes.
ANSWER_BYTES = SYNCHRONOUS_BYTES + 100


def install() -> None:
    _requests()
    _answers()


def _requests() -> None:
    handled = lambda_svc.handle_request

    async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        if len(body) > ASYNCHRONOUS_BYTES and path.endswith("/invocations") and (refusal := _refusal(len(body), headers)):
            STATE.seen["payload"] += 1
            return refusal
        return await handled(method, path, headers, body, query)

    lambda_svc.handle_request = handle_request


def _refusal(size: int, headers: dict[str, str]) -> Any:
    kind = headers.get("x-amz-invocation-type", "RequestResponse")
    if kind == "Event":
        message = f"{size} byte payload is too large for the Event invocation type (limit {ASYNCHRONOUS_BYTES} bytes)"
    elif size > SYNCHRONOUS_BYTES:
        message = f"Request must be smaller than {SYNCHRONOUS_BYTES} bytes for the InvokeFunction operation"
    else:
        return None
    return error_response_json("RequestTooLargeException", message, 413, {"Type": "User"})


def _answers() -> None:
    made = ProvidedWorker._build_handler_class

    def build_handler_class(worker: ProvidedWorker, generation: int, pending: Any) -> Any:
        emulated = made(worker, generation, pending)

        class Limited(emulated):  # type: ignore[misc, valid-type]
            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                if size <= ANSWER_BYTES or not self.path.endswith("/response"):
                    super().do_POST()
                    return
                self._read_body()
                message = f"Response payload size exceeded maximum allowed payload size ({ANSWER_BYTES} bytes)."
                error = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
                worker._record_result(generation, self.path.split("/")[-2], "error", error)
                self._respond(413, b'{"errorType":"RequestEntityTooLarge","errorMessage":"Exceeded maximum allowed payload size."}')

        return Limited

    ProvidedWorker._build_handler_class = build_handler_class
