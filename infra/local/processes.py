"""Child processes that never outlive the run: each has its own process group and a signal for when we die."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.local.errors import StageFailed

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def die_with_parent() -> None:
    """Runs in the child before exec: the kernel sends SIGTERM when the parent is gone, even by SIGKILL (Linux)."""
    if hasattr(LIBC, "prctl"):
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(frozen=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self, lines: int = 5) -> str:
        text = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return " | ".join(text[-lines:]) or "(no output)"


@dataclass
class Children:
    """Everything that a run started. Stopped in reverse order, each with its whole process group."""

    started: list[Child] = field(default_factory=list)

    def start(
        self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Child:
        with log.open("ab") as output:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                # A group of its own keeps the terminal's Ctrl-C away from it, so that stopping stays in our order.
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        child = Child(name, process, log)
        self.started.append(child)
        return child

    def stop_all(self) -> None:
        while self.started:
            stop(self.started.pop())


def stop(child: Child, patience: float = 5.0) -> None:
    """Asks, waits, then insists. What the process left in its group is removed as well."""
    group = child.process.pid
    if child.process.poll() is None:
        _signal(os.kill, group, signal.SIGTERM)
        try:
            child.process.wait(patience)
        except subprocess.TimeoutExpired:
            pass
    _signal(os.killpg, group, signal.SIGKILL)
    child.process.wait()


def _signal(send: Callable[[int, int], None], target: int, number: signal.Signals) -> None:
    try:
        send(target, number)
    except ProcessLookupError:
        pass


def wait_until(what: str, ready: Callable[[], bool], child: Child, seconds: float) -> None:
    """Polls until `ready`. Fails at once when the child ends first."""
    deadline = time.monotonic() + seconds
    while not ready():
        if child.process.poll() is not None:
            seen = f"{child.name} ended with status {child.process.returncode}: {child.tail()}"
            raise StageFailed(what, seen, str(child.log))
        if time.monotonic() > deadline:
            raise StageFailed(f"{what} within {seconds:.0f} s", f"nothing; {child.name} printed: {child.tail()}", str(child.log))
        time.sleep(0.05)
