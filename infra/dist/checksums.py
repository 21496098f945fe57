"""`SHA256SUMS`, in the form that `sha256sum --check` reads."""

from __future__ import annotations

import hashlib
from pathlib import Path

NAME = "SHA256SUMS"


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def text(directory: Path, files: list[Path]) -> str:
    """A line for each of these files of a directory, sorted by name."""
    named = sorted((file.relative_to(directory).as_posix(), file) for file in files)
    return "".join(f"{digest(file)}  {name}\n" for name, file in named)


def wrong(directory: Path) -> list[str]:
    """What of a directory is not as its `SHA256SUMS` says, a line for each."""
    listed = directory / NAME
    if not listed.is_file():
        return [f"{directory} has no {NAME}"]
    faults = []
    for line in listed.read_text().splitlines():
        expected, _, name = line.partition("  ")
        file = directory / name
        if not file.is_file():
            faults.append(f"{name} is missing")
        elif digest(file) != expected:
            faults.append(f"{name} is not the file that was released")
    return faults
