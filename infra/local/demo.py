"""`demo`: one alert from Alertmanager to a verified repair, shown stage by stage."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from infra.local import build, function_logs, next_steps, signals, stack, story, target_host
from infra.local.errors import StageFailed, explain
from infra.local.paths import Run
from infra.local.processes import Children
from infra.local.show import Screen


# A restart of the demo's service takes longer than a request to AWS may: steps do.
START_SECONDS = 8


@dataclass(frozen=True)
class Functions:
    """Where the functions come from; cargo builds them if nothing is said."""

    bootstraps: Path | None = None
    # An unpacked release.
    release: Path | None = None
    sam_build: bool = False


def run(functions: Functions, once: bool) -> int:
    signals.raise_stop()
    here, children, screen, status = Run.create(f"demo-{os.getpid()}"), Children(), Screen.start(), 1
    try:
        _demo(children, here, screen, functions, once)
        status = 0
    except signals.Stop:
        # Ctrl-C is the way to leave a stack that stays up, and a failure of `--once`.
        status = 130 if once or not screen.finished else 0
        screen.line("stopping …")
    except (StageFailed, OSError, BotoCoreError, ClientError) as failure:
        screen.failure(explain(failure), str(here.logs))
    finally:
        signals.ignore_endings()
        children.stop_all()
        if status != 1:
            shutil.rmtree(here.directory, ignore_errors=True)
    return status


def _demo(children: Children, here: Run, screen: Screen, functions: Functions, once: bool) -> None:
    if functions.bootstraps:
        screen.stage(f"using the functions that are built in {functions.bootstraps}")
        built = functions.bootstraps
    elif functions.release:
        screen.stage(f"using the release in {functions.release}")
        built = functions.release
        if not target_host.find_sshd():
            raise StageFailed("the machine has an sshd, because a release holds no host to repair", "there is none: install openssh-server")
    elif functions.sam_build:
        screen.stage("building the nine functions with `sam build` (minutes)")
        built = build.with_sam(here, screen.progress)
    else:
        screen.stage("building the nine functions (minutes the first time, seconds after that)")
        built = build.with_cargo(build.FUNCTIONS, here, screen.progress)
    ssh_host = None if target_host.find_sshd() else _own_ssh_host(here, screen)
    screen.stage("starting the local stack")
    local = stack.start(children, here, stack.Wanted(built, own_ssh_host=ssh_host, start_seconds=START_SECONDS), screen.progress)
    seconds = _tell(children, local, screen)
    screen.finish(f"demo: alert to verified repair in {seconds:.1f} s")
    if not once:
        screen.text(next_steps.describe(local))
        sys.stdout.flush()
        while True:
            signal.pause()


def _tell(children: Children, local: stack.Local, screen: Screen) -> float:
    try:
        return story.tell(children, local, screen)
    except (StageFailed, OSError, BotoCoreError, ClientError):
        for line in function_logs.save(local.deployed.emulator, local.run)[-8:]:
            screen.quote(line[:600])
        raise


def _own_ssh_host(here: Run, screen: Screen) -> Path:
    screen.stage("no sshd is installed: building the project's own SSH host")
    return build.with_cargo(["ssh-host"], here, screen.progress) / "ssh-host"
