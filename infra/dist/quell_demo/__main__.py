"""`quell-demo`: runs the demo with the functions that came with this package."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

# As much of the project as the local stack reads, and the release that it deploys.
PROJECT = Path(__file__).resolve().parent / "project"
RELEASE = PROJECT / "release"


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="quell-demo", description="One alert from Alertmanager to a verified repair, on this machine.")
    top.add_argument("--once", action="store_true", help="end after the story instead of leaving the stack up")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    top.add_argument("--runs", type=Path, metavar="DIR", default=cache / "quell-demo", help="where logs and keys of a run are (%(default)s)")
    return top


def main() -> int:
    given = parser().parse_args()
    # Nothing is written to where the package is installed.
    os.environ["QUELL_RUNS"] = str(given.runs.resolve())
    sys.path.insert(0, str(PROJECT))
    from infra.local import build, demo

    if fault := build.unusable(RELEASE):
        print(f"quell-demo: {fault}", file=sys.stderr)
        return 2
    return demo.run(demo.Functions(release=RELEASE), given.once)


if __name__ == "__main__":
    sys.exit(main())
