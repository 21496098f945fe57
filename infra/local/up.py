"""`up`: the stack for the tests. One line of JSON on stdout, then it waits for its end, or runs a command beside it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from infra.local import build, function_logs, signals, stack
from infra.local.errors import StageFailed, explain
from infra.local.paths import Run
from infra.local.processes import Children

# The tests open hundreds of incidents a minute, each of which has to stay one of its own. A test of storms gives its own number.
PARAMETERS = {"StormIncidentsPerMinute": "0"}


def run(
    bootstraps: Path | None,
    without: set[str],
    parameters: list[str],
    bind: str,
    own_ssh_host: Path | None,
    chat_limits: bool,
    keep: bool,
    command: list[str],
) -> int:
    signals.raise_stop()
    if not command:
        signals.stop_when_stdin_closes()
    here, children, status = Run.create(f"up-{os.getpid()}"), Children(), 1
    try:
        built = build.BUILT_TEMPLATE if bootstraps else build.build_release(here, _say)
        given = PARAMETERS | dict(_pair(parameter) for parameter in parameters)
        wanted = stack.Wanted(bootstraps, built, frozenset(without), given, bind, own_ssh_host, chat_limits)
        local = stack.start(children, here, wanted, _say)
        try:
            if command:
                status = _beside(command, json.dumps(local.facts()), here)
            else:
                print(json.dumps(local.facts()), flush=True)
            while not command:
                signal.pause()
        finally:
            if keep or (command and status != 0):
                function_logs.save(local.deployed.emulator, here)
    except signals.Stop:
        status = 0
    except (StageFailed, OSError, BotoCoreError, ClientError) as failure:
        print(explain(failure), file=sys.stderr)
    finally:
        signals.ignore_endings()
        children.stop_all()
        if status == 0 and not keep:
            shutil.rmtree(here.directory, ignore_errors=True)
        else:
            print(f"the logs are kept in {here.logs}", file=sys.stderr)
    return status


def _beside(command: list[str], facts: str, here: Run) -> int:
    """Runs a command that finds the stack in the file that QUELL_STACK names, and gives its status."""
    file = here.directory / "stack.json"
    file.touch(mode=0o600)
    file.write_text(facts)
    return subprocess.run(command, env={**os.environ, "QUELL_STACK": str(file)}, stdin=subprocess.DEVNULL).returncode


def _pair(parameter: str) -> tuple[str, str]:
    key, found, value = parameter.partition("=")
    if not found:
        raise StageFailed("--param KEY=VALUE", parameter)
    return key, value


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
