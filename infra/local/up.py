"""`up`: the stack for the tests. One line of JSON on stdout, then it waits for its end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from argparse import Namespace

from botocore.exceptions import BotoCoreError, ClientError

from infra.local import beside, build, function_logs, signals, stack
from infra.local.errors import StageFailed, explain
from infra.local.paths import Run
from infra.local.processes import Children

# The tests open hundreds of incidents a minute, each of which has to stay one of its own. A test of storms gives its own number.
PARAMETERS = {"StormIncidentsPerMinute": "0"}


def run(given: Namespace) -> int:
    signals.raise_stop()
    if not given.run:
        signals.stop_when_stdin_closes()
    here, children, status = Run.create(f"up-{os.getpid()}"), Children(), 1
    try:
        built = given.bootstraps or build.with_cargo(build.FUNCTIONS, here, _say)
        if given.run:
            status = beside.run(given, built, here, _say)
        else:
            without = frozenset(filter(None, given.without.split(",")))
            parameters = PARAMETERS | dict(_pair(parameter) for parameter in given.param)
            local = stack.start(children, here, stack.Wanted(built, without, parameters, given.bind, given.own_ssh_host, given.chat_limits), _say)
            try:
                print(json.dumps(local.facts()), flush=True)
                while True:
                    signal.pause()
            finally:
                if given.keep:
                    function_logs.save(local.deployed.emulator, here)
    except signals.Stop:
        status = 0
    except (StageFailed, OSError, BotoCoreError, ClientError) as failure:
        print(explain(failure), file=sys.stderr)
    finally:
        signals.ignore_endings()
        children.stop_all()
        if status == 0 and not given.keep:
            shutil.rmtree(here.directory, ignore_errors=True)
        else:
            print(f"the logs are kept in {here.logs}", file=sys.stderr)
    return status


def _pair(parameter: str) -> tuple[str, str]:
    key, found, value = parameter.partition("=")
    if not found:
        raise StageFailed("--param KEY=VALUE", parameter)
    return key, value


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
