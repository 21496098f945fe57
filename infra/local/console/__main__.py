"""`python -m infra.local.console <command>`, beside a stack of `python -m infra.local up --run`: see `--help`."""

from __future__ import annotations

import argparse
import os
import sys
import unittest

from infra.local.console import seed
from infra.local.console.given import Stack
from infra.local.errors import StageFailed, explain
from infra.local.net import LOOPBACK


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m infra.local.console", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    browser = commands.add_parser("browser", help="what people do and see, in a real Chromium")
    browser.add_argument("--only", default="", metavar="TEXT", help="only tests whose name has this in it, such as Looks; several with commas")
    commands.add_parser("screenshots", help="the pictures of docs/console.md")
    commands.add_parser("crowd", help="how long the pages take to show thousands of incidents (`python -m infra.local crowd` fills the stack)")
    commands.add_parser("api", help="the read API against its document, by schemathesis")
    return top


def main() -> int:
    given = parser().parse_args()
    # Everything talks to this machine; a proxy of the user's must not stand in between.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = f"{LOOPBACK},localhost"
    stack = Stack.beside()
    if given.command == "api":
        from infra.local.console import api

        with seed.seeded(stack) as world:
            return api.check(stack, world)
    from infra.local.console.browser import started

    if given.command == "crowd":
        from infra.local.console import crowd

        with started() as browser:
            return crowd.measure(stack, browser)
    if given.command == "screenshots":
        from infra.local.console import screenshots

        with started() as browser, seed.seeded(stack) as world:
            return screenshots.take(stack, world, browser)
    from infra.local.console.tests import case, suite

    with started() as browser, seed.prepared(stack) as server:
        # First what is seen while there is nothing.
        case.ConsoleTest.running = case.Running(stack, seed.World({}, ""), browser)
        done = [unittest.TextTestRunner(verbosity=2).run(suite.before(given.only))]
        chosen = suite.of(given.only)
        if chosen.countTestCases() > 0:
            case.ConsoleTest.running = case.Running(stack, seed.opened(stack, server), browser)
            done.append(unittest.TextTestRunner(verbosity=2).run(chosen))
    return 0 if all(one.wasSuccessful() for one in done) and any(one.testsRun > 0 for one in done) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (StageFailed, OSError) as failure:
        sys.exit(explain(failure))
