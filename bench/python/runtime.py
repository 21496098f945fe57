"""Lambda's runtime API in a few lines: polls for an event, hands it to the function, posts the answer."""

import http.client
import json
import os
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Context:
    """What Lambda says about an invocation, as far as Powertools asks for it."""

    aws_request_id: str
    invoked_function_arn: str
    function_name: str = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    memory_limit_in_mb: str = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]


def serve(handler: Callable[[dict, Context], dict]) -> None:
    """Answers events until the process is stopped."""
    runtime = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    base = "/2018-06-01/runtime/invocation"
    while True:
        runtime.request("GET", f"{base}/next")
        polled = runtime.getresponse()
        request_id = polled.headers["Lambda-Runtime-Aws-Request-Id"]
        context = Context(request_id, polled.headers["Lambda-Runtime-Invoked-Function-Arn"])
        answer = handler(json.loads(polled.read()), context)
        runtime.request("POST", f"{base}/{request_id}/response", json.dumps(answer))
        runtime.getresponse().read()
