"""The order of the tests: those that change an incident come behind those that look at it."""

from __future__ import annotations

import unittest
from collections.abc import Iterator

from infra.local.console.tests.acting import Deciding, Responding
from infra.local.console.tests.board import Board
from infra.local.console.tests.case import ConsoleTest
from infra.local.console.tests.forgery import Forgery
from infra.local.console.tests.hostile import Hostile
from infra.local.console.tests.incident import Incident
from infra.local.console.tests.looks import Looks
from infra.local.console.tests.signing_in import SigningIn

CASES: tuple[type[ConsoleTest], ...] = (SigningIn, Looks, Board, Incident, Forgery, Deciding, Responding, Hostile)


def of(only: str) -> unittest.TestSuite:
    """All tests, or those whose name has this in it."""
    loader = unittest.TestLoader()
    return unittest.TestSuite(test for case in CASES for test in _tests(loader.loadTestsFromTestCase(case)) if only in test.id())


def _tests(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestCase):
            yield test
