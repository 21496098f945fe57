"""Runs the AWS emulator with Nagle's algorithm off, which otherwise adds 40 ms to each function call, and with what `iam`, `ssm_document` and `aws_rules` add."""

import os
import resource
import socketserver
from functools import lru_cache

import ministack.app
import uvicorn
from ministack.services import dynamodb

from infra.local import aws_rules, iam, meter, ssm_document
from infra.local.replay import record

socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def read_expressions_once() -> None:
    """The emulator reads a condition anew for each item that it looks at: a query over a thousand items took a second."""
    tokens = lru_cache(maxsize=4096)(dynamodb._tokenize)
    dynamodb._tokenize = lambda expression: list(tokens(expression))
    dynamodb._condition_syntax_error = lru_cache(maxsize=4096)(dynamodb._condition_syntax_error)


def serve() -> None:
    """In the place of the emulator's own server, hypercorn: two thirds of its time went into reading and writing HTTP in Python. This one
    reads it in C."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvicorn.run(
        ministack.app.app,
        host=os.environ["BIND_HOST"],
        port=int(os.environ["GATEWAY_PORT"]),
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="on",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        log_level="warning",
        access_log=False,
        # The emulator writes its own.
        date_header=False,
        server_header=False,
    )


if __name__ == "__main__":
    read_expressions_once()
    record.install()
    iam.install()
    ssm_document.install()
    aws_rules.install()
    meter.install()
    serve()
