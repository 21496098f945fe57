"""Progress of a long build. SAM does not show cargo's output, so the work is counted on disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

EVERY_SECONDS = 5.0


@contextmanager
def heartbeat(target: Path, show: Callable[[str], None]) -> Iterator[None]:
    """Shows every few seconds how many compilations are on disk in cargo's target directory."""
    done = threading.Event()
    started, before = time.monotonic(), _compilations(target)

    def beat() -> None:
        while not done.wait(EVERY_SECONDS):
            new = _compilations(target) - before
            show(f"  still building, {time.monotonic() - started:.0f} s, {new} libraries compiled")

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _compilations(target: Path) -> int:
    """The libraries that cargo has written. The two patterns cover builds without and with a target triple."""
    return sum(1 for pattern in ("*/deps/*.rlib", "*/*/deps/*.rlib") for _ in target.glob(pattern))
