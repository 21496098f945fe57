"""Runs the AWS emulator with Nagle's algorithm off, which otherwise adds 40 ms to each function call, and with what `iam` and `ssm_document` add."""

import socketserver
from functools import lru_cache

import ministack.app
from ministack.services import dynamodb

from infra.local import iam, ssm_document

socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def read_expressions_once() -> None:
    """The emulator reads a condition anew for each item that it looks at: a query over a thousand items took a second."""
    tokens = lru_cache(maxsize=4096)(dynamodb._tokenize)
    dynamodb._tokenize = lambda expression: list(tokens(expression))
    dynamodb._condition_syntax_error = lru_cache(maxsize=4096)(dynamodb._condition_syntax_error)


if __name__ == "__main__":
    read_expressions_once()
    iam.install()
    ssm_document.install()
    ministack.app.main()
