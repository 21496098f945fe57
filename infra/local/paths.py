"""Where the local stack keeps its files: everything of one run lives in one directory, under `.local/` in a clone."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
# Where cargo puts what it builds.
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or PROJECT / "target")
# Where the directories of runs are: an installed package writes nothing beside itself.
RUNS = Path(os.environ.get("QUELL_RUNS") or PROJECT / ".local")


@dataclass(frozen=True)
class Run:
    """The directory of one run of the stack."""

    directory: Path

    @staticmethod
    def create(name: str) -> Run:
        run = Run(RUNS / name)
        # A process id comes round again; what an earlier run left must not be read as this one's.
        shutil.rmtree(run.directory, ignore_errors=True)
        for directory in (run.logs, run.config):
            directory.mkdir(parents=True, exist_ok=True)
        run.directory.chmod(0o700)
        return run

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def config(self) -> Path:
        """The playbooks, the service registry and the alert tables that the local functions read."""
        return self.directory / "config"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


def tool(name: str) -> str:
    """A program of the virtual environment that runs this module."""
    return str(Path(sys.executable).parent / name)


def path_with_tools() -> str:
    """PATH with the virtual environment first, so that SAM finds cargo-lambda and cargo-lambda finds zig."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
