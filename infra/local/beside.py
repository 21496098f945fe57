"""`up --run`: a command beside one or more stacks, each of which is an `up` of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from infra.local import signals
from infra.local.deploy import READERS
from infra.local.errors import StageFailed
from infra.local.paths import PROJECT, Run
from infra.local.processes import die_with_parent


def run(given: Namespace, built: Path, here: Run, show: Callable[[str], None]) -> int:
    """The command's status. It finds the stacks in the files that QUELL_STACK names, as PATH names directories."""
    show("starting the local stack" if given.stacks == 1 else f"starting {given.stacks} local stacks")
    started: list[subprocess.Popen[str]] = []
    directories: list[str] = []
    status = 1
    try:
        # All at once: most of a start is waiting.
        for number in range(given.stacks):
            started.append(_start(given, built, here.log(f"stack-{number}")))
        files = []
        for number, stack in enumerate(started):
            facts = _facts(stack, here.log(f"stack-{number}"))
            directories.append(json.loads(facts)["directory"])
            files.append(here.directory / f"stack-{number}.json")
            files[-1].touch(mode=0o600)
            files[-1].write_text(facts)
        env = {**os.environ, "QUELL_STACK": os.pathsep.join(map(str, files))}
        command = subprocess.Popen(given.run, env=env, stdin=subprocess.DEVNULL)
        try:
            status = command.wait()
        except signals.Stop:
            # Asked and not killed, so that it ends its own children. The logs of a run that was broken off are not kept.
            command.terminate()
            command.wait()
            status = 0
            raise
    finally:
        for stack in started:
            assert stack.stdin is not None
            stack.stdin.close()
        for stack in started:
            stack.wait()
        for directory in directories:
            if status == 0 and not given.keep:
                shutil.rmtree(directory, ignore_errors=True)
            else:
                show(f"the logs of a stack are kept in {directory}/logs")
    return status


def _start(given: Namespace, built: Path, log: Path) -> subprocess.Popen[str]:
    # Each keeps its files: whether they are wanted is known at the end alone. The emulator knows no batching window, so that who reads the
    # table's stream would run for every write of every story: few stories have stacks with them.
    without = ",".join(filter(None, [given.without, *sorted(READERS)]))
    command = [sys.executable, "-m", "infra.local", "up", "--keep", "--bootstraps", str(built), "--without", without, "--bind", given.bind]
    command += [word for parameter in given.param for word in ("--param", parameter)]
    command += ["--own-ssh-host", str(given.own_ssh_host)] if given.own_ssh_host else []
    command += ["--chat-limits"] if given.chat_limits else []
    with log.open("w") as output:
        # A session of its own keeps the terminal's Ctrl-C away, so that the command ends first.
        return subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, text=True,
            start_new_session=True, preexec_fn=die_with_parent,
        )  # fmt: skip


def _facts(stack: subprocess.Popen[str], log: Path) -> str:
    assert stack.stdout is not None
    line = stack.stdout.readline()
    if not line:
        raise StageFailed("the local stack starts", log.read_text().strip(), str(log))
    return line
