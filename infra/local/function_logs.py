"""Copies what the functions printed out of the emulator, because it is gone when the emulator stops."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from infra.local.emulator import Emulator
from infra.local.paths import Run

# The last is what Lambda says of an invocation that ended badly, where its lines are JSON.
TROUBLE = re.compile(r'\b(ERROR|WARN|panicked|AccessDenied|Runtime exited|Task timed out)\b|^{.*"type":"platform\.\w+".*"status":"(error|failure|timeout)"')


def save(emulator: Emulator, run: Run) -> list[str]:
    """Writes one file per function into the logs directory. Returns the lines that look like trouble."""
    client = emulator.client("logs")
    trouble = []
    for group in client.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]:
        name = PurePosixPath(group["logGroupName"]).name
        pages = client.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        lines = [event["message"].rstrip() for page in pages for event in page["events"]]
        run.log(name).write_text("".join(f"{line}\n" for line in lines))
        trouble += [f"{name}: {line}" for line in lines if TROUBLE.search(line)]
    return trouble
