"""Turns the ways in which a run can be asked to end into one exception, so that cleaning up happens in one place."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(BaseException):
    """The user or the parent process wants the run to end."""


def raise_stop() -> None:
    def handler(number: int, frame: FrameType | None) -> None:
        # Once is enough: what follows is cleaning up, which must not be interrupted.
        ignore_endings()
        raise Stop

    for ending in ENDINGS:
        signal.signal(ending, handler)


def ignore_endings() -> None:
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_IGN)


def stop_when_stdin_closes() -> None:
    """A parent that dies, however it dies, closes its end of our standard input."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="stdin", daemon=True).start()
