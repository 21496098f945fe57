"""Puts a release together: a directory with everything that a deployment needs, and that directory as one archive."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from infra.dist import archive, checksums, template
from infra.dist.binaries import COMMAND
from infra.local.build import FUNCTIONS
from infra.local.paths import PROJECT

# What stands beside the template, by its name there.
BESIDE = {"samconfig.toml": "samconfig.toml", "LICENSE": "LICENSE", "run-step.json": "infra/ssm/run-step.json"}


def version() -> str:
    """The version of the workspace."""
    found = re.search(r'^version = "([^"]+)"$', (PROJECT / "Cargo.toml").read_text(), re.MULTILINE)
    if not found:
        raise ValueError("Cargo.toml names no version")
    return found[1]


def name(architecture: str) -> str:
    return f"quell-{version()}-{architecture}"


def write(out: Path, architecture: str, programs: Mapping[str, Path], level: int = 9) -> list[Path]:
    """Writes the directory of a processor, its archive, and the command. Returns the files that are published; `level` is zlib's effort."""
    directory = out / name(architecture)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for function in FUNCTIONS:
        bootstrap = archive.Entry(programs[function].read_bytes(), executable=True)
        archive.write(directory / "functions" / f"{function}.zip", {"bootstrap": bootstrap}, level)
    source = (PROJECT / "template.yaml").read_text()
    (directory / "template.yaml").write_text(template.released(source, architecture, FUNCTIONS))
    for target, origin in BESIDE.items():
        (directory / target).write_bytes((PROJECT / origin).read_bytes())
    # It stays a directory, which whoever deploys edits: the SAM CLI makes the layer of it.
    for path, entry in archive.from_directory(PROJECT / "config", "config/").items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(entry.content)
    files = [path for path in directory.rglob("*") if path.is_file()]
    (directory / checksums.NAME).write_text(checksums.text(directory, files))
    published = [out / f"{directory.name}.zip"]
    archive.write(published[0], archive.from_directory(directory, f"{directory.name}/"))
    if COMMAND in programs:
        published.append(out / f"quell-command-{version()}-{architecture}")
        shutil.copyfile(programs[COMMAND], published[1])
        published[1].chmod(0o755)
    return published
