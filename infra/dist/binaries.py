"""The programs of a release: built by cargo-lambda as `sam build` does it, or given."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from infra.dist.errors import DistError
from infra.local.paths import PROJECT, path_with_tools, tool

# `e_machine` of an ELF header. https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
MACHINES = {62: "x86_64", 183: "arm64"}
SWITCHES = {"x86_64": "--x86-64", "arm64": "--arm64"}
# The command is linked statically, because nothing is known of the machine on which it runs.
STATIC = {"x86_64": "x86_64-unknown-linux-musl", "arm64": "aarch64-unknown-linux-musl"}
COMMAND = "quell"


def architecture(program: Path) -> str:
    """The processor that a program is for, as Lambda names it."""
    with program.open("rb") as file:
        header = file.read(20)
    if header[:4] != b"\x7fELF":
        raise DistError(f"{program} is no program for Linux")
    machine = int.from_bytes(header[18:20], "little")
    if machine not in MACHINES:
        raise DistError(f"{program} is for the ELF machine {machine}, and Lambda has x86_64 and arm64")
    return MACHINES[machine]


def given(directory: Path, names: list[str], wanted: str) -> dict[str, Path]:
    """Programs of a directory, as cargo (`<name>`) or cargo-lambda (`<name>/bootstrap`) leaves them. The command may be missing."""
    found = {}
    for name in [*names, COMMAND]:
        places = [place for place in (directory / name, directory / name / "bootstrap") if place.is_file()]
        if places:
            found[name] = places[0]
    if missing := sorted(set(names) - found.keys()):
        raise DistError(f"{directory} has no {', '.join(missing)}")
    for program in found.values():
        if (of := architecture(program)) != wanted:
            raise DistError(f"{program} is for {of}, and a release for {wanted} was asked for")
    return found


def build(names: list[str], wanted: str, directory: Path) -> dict[str, Path]:
    """Builds each function by itself, so that it has its own features, and the command."""
    for name in names:
        _cargo_lambda(PROJECT / "functions" / name, [SWITCHES[wanted]], directory)
    _cargo_lambda(PROJECT / "cli", ["--target", STATIC[wanted], "--bin", COMMAND], directory)
    return {name: directory / name / "bootstrap" for name in [*names, COMMAND]}


def _cargo_lambda(package: Path, switches: list[str], directory: Path) -> None:
    command = [tool("cargo-lambda"), "lambda", "build", "--release", "--locked", *switches, "--lambda-dir", str(directory.resolve())]
    env = dict(os.environ) | {"PATH": path_with_tools()}
    if subprocess.run(command, cwd=package, env=env, stdin=subprocess.DEVNULL).returncode:
        raise DistError(f"`{' '.join(command[1:6])} …` failed in {package.relative_to(PROJECT)}: the lines above say why")
