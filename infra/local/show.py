"""What the demo prints: each line with the time since the start."""

from __future__ import annotations

import sys
import textwrap
import time
from dataclasses import dataclass


@dataclass
class Screen:
    started: float
    finished: bool = False

    @staticmethod
    def start() -> Screen:
        return Screen(time.monotonic())

    def stage(self, text: str) -> None:
        self.line(f"● {text}")

    def progress(self, text: str) -> None:
        self.line(f"  {text}")

    def line(self, text: str) -> None:
        print(f"[{time.monotonic() - self.started:6.1f} s] {text}", flush=True)

    def quote(self, text: str) -> None:
        """A text from elsewhere, set off from our own lines. Control characters cannot reach the terminal."""
        clean = "".join(letter if letter == "\n" or letter.isprintable() else "�" for letter in text)
        print(textwrap.indent(clean, " " * 11 + "│ ", lambda _: True), flush=True)

    def text(self, text: str) -> None:
        print(text, flush=True)

    def failure(self, text: str, logs: str) -> None:
        self.line("✗ this stage failed")
        print(textwrap.indent(text, " " * 11), file=sys.stderr, flush=True)
        print(f"           all logs: {logs}", file=sys.stderr, flush=True)

    def finish(self, text: str) -> None:
        self.finished = True
        print(text, flush=True)
