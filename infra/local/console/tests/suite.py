"""The order of the tests: those that change an incident come behind those that look at it."""

from __future__ import annotations

import unittest
from collections.abc import Iterable, Iterator

from infra.local.console.tests.acting import Responding
from infra.local.console.tests.board import Board
from infra.local.console.tests.case import ConsoleTest
from infra.local.console.tests.deciding import Deciding, DecidingByTwo
from infra.local.console.tests.forgery import Forgery
from infra.local.console.tests.hostile import Hostile
from infra.local.console.tests.incident import Incident
from infra.local.console.tests.looks import Looks
from infra.local.console.tests.sessions import Sessions
from infra.local.console.tests.signing_in import SigningIn
from infra.local.console.tests.states import Empty, States

# Those that need a stack to which no alert has come.
FIRST: tuple[type[ConsoleTest], ...] = (Empty,)
CASES: tuple[type[ConsoleTest], ...] = (
    SigningIn, Sessions, Looks, States, Board, Incident, Forgery, DecidingByTwo, Deciding, Responding, Hostile,
)  # fmt: skip


def before(only: str) -> unittest.TestSuite:
    """The tests of a stack without incidents, or those of them whose name has this in it."""
    return _of(FIRST, only)


def of(only: str) -> unittest.TestSuite:
    """All others, or those of them whose name has this in it."""
    return _of(CASES, only)


def _of(cases: Iterable[type[ConsoleTest]], only: str) -> unittest.TestSuite:
    loader = unittest.TestLoader()
    return unittest.TestSuite(test for case in cases for test in _tests(loader.loadTestsFromTestCase(case)) if any(part in test.id() for part in only.split(",")))


def _tests(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestCase):
            yield test
