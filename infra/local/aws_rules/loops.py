"""Recursive loop detection: the seventeenth invocation of a function in one chain of requests does not happen.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
Lambda gives each invocation a trace header with the lineage of its chain. The SDK sends the header on with its requests, SQS keeps it with
the message (`AWSTraceHeader`), and the next invocation counts on from it. After 16 invocations the event source mapping gets a
`RecursiveInvocationException` in the place of the next: the message stays on the queue, its receive count rises with each try, and the
queue's `maxReceiveCount` moves it to the dead-letter queue. A direct invocation is answered with that exception. `RecursiveLoop: Allow`, a
property of the function or `PutFunctionRecursionConfig`, switches it off for one function.

What a message is sent with: https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html

- AWS lists the SDKs that take part (Node.js, Python, Java, .NET, Ruby, PHP, Go), and Rust is not among them. The Rust SDK sends the header
  all the same where Lambda has set `_X_AMZN_TRACE_ID` and `AWS_LAMBDA_FUNCTION_NAME` (`aws_runtime::recursion_detection`), and
  `lambda_runtime` sets the former for each invocation. So here functions in Rust take part; whether they do on a real account was never seen.
- `aws::signed` sends requests of its own without the header. None of them is to a service by which AWS detects loops.
- AWS does not document whose lineage a batch of several messages has. Here it is the longest, and a refusal is of the whole batch.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from ministack.services import lambda_svc, sqs
from ministack.services.cloudformation import provisioners

from infra.local.aws_rules import trace
from infra.local.aws_rules.state import STATE

HEADER = "x-amzn-trace-id"
ATTRIBUTE = "AWSTraceHeader"

Record = dict[str, Any]
# The header of the request that is being answered, and of the event for which a function is being invoked.
_request: ContextVar[str | None] = ContextVar("trace_of_request", default=None)
_event: ContextVar[str | None] = ContextVar("trace_of_event", default=None)


def install() -> None:
    _messages_keep_the_header()
    _invocations_count()
    _event_sources_pass_it_on()
    _templates_may_allow_loops()


def _messages_keep_the_header() -> None:
    handled, attributes_of = sqs.handle_request, sqs._build_send_sys_attrs

    async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        _request.set(headers.get(HEADER))
        return await handled(method, path, headers, body, query)

    def build_send_sys_attrs(now: float, given: Record) -> Record:
        attributes: Record = attributes_of(now, given)
        # What the sender sets itself goes before the header of its request.
        if ATTRIBUTE not in attributes and (header := _request.get()):
            attributes[ATTRIBUTE] = header
        return attributes

    sqs.handle_request, sqs._build_send_sys_attrs = handle_request, build_send_sys_attrs


def _invocations_count() -> None:
    invoked, dropped = lambda_svc._invoke, lambda_svc._recursive_loop_drop

    async def invoke(name: str, event: Any, headers: dict[str, str], *rest: Any) -> Any:
        _event.set(headers.get(HEADER))
        return await invoked(name, event, headers, *rest)

    def recursive_loop_drop(name: str, function: Record, _depth: int) -> Any:
        # The emulator counts a header of its own, which no function of ours sends on.
        return dropped(name, function, trace.earlier(_event.get(), name) + 1)

    def trace_id_for_invocation(config: Record, _inbound: str | None = None) -> str:
        return trace.invocation(_event.get(), config.get("FunctionName", ""))

    lambda_svc._invoke, lambda_svc._recursive_loop_drop = invoke, recursive_loop_drop
    lambda_svc._xray_trace_id_for_invocation = trace_id_for_invocation


def _event_sources_pass_it_on() -> None:
    run = lambda_svc._run_sqs_batch

    def run_sqs_batch(mapping: Record, function: Record, event: Record, batch: list[Record], *queue: str) -> None:
        name = mapping["FunctionName"]
        headers = [header for message in batch if (header := message.get("sys", {}).get(ATTRIBUTE))]
        longest = max(headers, key=lambda header: trace.earlier(header, name), default=None)
        _event.set(longest)
        if lambda_svc._recursive_loop_drop(name, function, 0) is None:
            run(mapping, function, event, batch, *queue)
        else:
            mapping["LastProcessingResult"] = "PROBLEM: Function call failed"
            STATE.seen["loop"] += 1

    lambda_svc._run_sqs_batch = run_sqs_batch


def _templates_may_allow_loops() -> None:
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    created, updated = handlers["create"], handlers["update"]

    def create(logical_id: str, properties: Record, stack: str) -> Any:
        return _with_setting(created(logical_id, properties, stack), properties)

    def update(physical_id: str, old: Record, new: Record, *rest: Any) -> Any:
        return _with_setting(updated(physical_id, old, new, *rest), new)

    handlers["create"], handlers["update"] = create, update


def _with_setting(made: Any, properties: Record) -> Any:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-lambda-function.html#cfn-lambda-function-recursiveloop
    lambda_svc._functions[made[0]]["recursive_loop"] = properties.get("RecursiveLoop") or "Terminate"
    return made
