"""Builds the functions: with cargo, by the build that the tests share, or with the SAM CLI, as for a deployment."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from infra.dist import checksums
from infra.local.errors import StageFailed
from infra.local.paths import PROJECT, TARGET, Run, path_with_tools, tool
from infra.local.processes import die_with_parent
from infra.local.progress import heartbeat

FUNCTIONS = sorted(manifest.parent.name for manifest in (PROJECT / "functions").glob("*/Cargo.toml"))
# As the Makefile has it: with other flags, crates have other features, and cargo compiles them again.
CARGO_BUILD = ["cargo", "build", "--workspace", "--all-features"]
SAM_TEMPLATE = PROJECT / ".aws-sam" / "build" / "template.yaml"
INTERESTING = re.compile(r"^(Finished|Building codeuri|Build Succeeded|Build Failed|error)", re.IGNORECASE)
# The functions run on this host, so its own linker serves; a deployment takes zig's, for the C library of Amazon Linux. Nor is
# anything optimised, which takes minutes for each function: `make budget` and `make bench` build as a deployment does.
SAM_SETTINGS = {
    "CARGO_LAMBDA_COMPILER": "cargo",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
    "AWS_DEFAULT_REGION": "us-east-1",
}
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def host_architecture() -> str:
    return "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


def with_cargo(binaries: Sequence[str], run: Run, show: Callable[[str], None]) -> Path:
    """Builds binaries of the workspace for development. Returns their directory."""
    _run([*CARGO_BUILD, *(word for name in binaries for word in ("--bin", name))], {}, run, show)
    return TARGET / "debug"


def with_sam(run: Run, show: Callable[[str], None]) -> Path:
    """Builds what `sam build` builds for a user, for this host's processor. Returns the built template."""
    command = [tool("sam"), "build", "--beta-features", "--parameter-overrides", f"Architecture={host_architecture()}"]
    _run(command, SAM_SETTINGS, run, show)
    return SAM_TEMPLATE


def missing(directory: Path) -> str | None:
    """The functions that a directory lacks, in a line for the user."""
    absent = [name for name in FUNCTIONS if not (directory / name).is_file()]
    if not absent:
        return None
    found = f"it has no {', '.join(absent)}" if directory.is_dir() else "there is no such directory"
    return f"--bootstraps {directory}: {found}. Build the functions with `{' '.join(CARGO_BUILD)}`, then name target/debug."


def unusable(release: Path) -> str | None:
    """Why an unpacked release cannot be deployed here, in a line for the user."""
    if faults := checksums.wrong(release):
        return f"--dist {release}: {'; '.join(faults[:3])}. Unpack the release anew."
    if f"    Default: {host_architecture()}\n    AllowedValues: [{host_architecture()}]\n" not in (release / "template.yaml").read_text():
        return f"--dist {release}: it is for another processor. This machine needs the release for {host_architecture()}."
    return None


def _run(command: list[str], settings: dict[str, str], run: Run, show: Callable[[str], None]) -> None:
    log = run.log("build")
    env = dict(os.environ) | {"PATH": path_with_tools(), "SAM_CLI_TELEMETRY": "0", "CARGO_TERM_COLOR": "never"} | settings
    with log.open("a") as output:
        process = subprocess.Popen(
            command, cwd=PROJECT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True, preexec_fn=die_with_parent,
        )  # fmt: skip
        try:
            with heartbeat(TARGET, show):
                _follow(process, output, show)
                process.wait()
        finally:
            # sam runs cargo, and cargo runs rustc: all of them are in this group.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait()
    if process.returncode != 0:
        tail = " | ".join(log.read_text().splitlines()[-4:])
        raise StageFailed(f"`{' '.join(command[:2])}` succeeds", f"status {process.returncode}: {tail}", str(log))


def _follow(process: subprocess.Popen[str], output: TextIO, show: Callable[[str], None]) -> None:
    """Copies everything to the log and shows the lines that say where the build is."""
    assert process.stdout is not None
    for raw in process.stdout:
        output.write(raw)
        output.flush()
        line = ANSI.sub("", raw).strip()
        if INTERESTING.match(line):
            show(_short(line))


def _short(line: str) -> str:
    match = re.match(r"Building codeuri: (\S+)", line)
    return f"building {Path(match.group(1)).name}" if match else line[:100]
