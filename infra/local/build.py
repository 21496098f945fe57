"""The release build of the functions through the SAM CLI, shown while it runs."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from infra.local.errors import StageFailed
from infra.local.paths import PROJECT, TARGET, Run, path_with_tools, tool
from infra.local.processes import die_with_parent
from infra.local.progress import heartbeat

BUILT_TEMPLATE = PROJECT / ".aws-sam" / "build" / "template.yaml"
INTERESTING = re.compile(r"^(Finished|Building codeuri|Build Succeeded|Build Failed|error)", re.IGNORECASE)
# The functions run on this very host, so its own linker serves and zig need not be asked. zig is what cargo-lambda uses
# for a real deployment, where the C library of Amazon Linux decides. Nor does a demo gain from link-time optimisation
# over the whole program, which takes two minutes per function on two cores. A user's own `sam build` has all of it.
HOST_SETTINGS = {
    "CARGO_LAMBDA_COMPILER": "cargo",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",
    "AWS_DEFAULT_REGION": "us-east-1",
}
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def host_architecture() -> str:
    return "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


def build_release(run: Run, show: Callable[[str], None]) -> Path:
    """Builds what `sam build` builds for a user, for this host's processor. Returns the built template."""
    command = [tool("sam"), "build", "--beta-features", "--parameter-overrides", f"Architecture={host_architecture()}"]
    _run(command, HOST_SETTINGS, run, show)
    return BUILT_TEMPLATE


def build_binary(package: str, binary: str, run: Run, show: Callable[[str], None]) -> None:
    _run(["cargo", "build", "-p", package, "--bin", binary], {}, run, show)


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
