"""Lambda's own lines in a function's log group, in JSON where the function's logging configuration asks for it.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html: with the log format JSON, system logs are objects with
`time`, `type` and `record`. With the format Text they are the lines START, END and REPORT, which the emulator writes.
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html: each event has a level, and those below the function's
`SystemLogLevel` (INFO, if it names none) are not written.
https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html has their fields.

A function that prints lines of JSON, as Rust functions do, has them in the log as they are.
"""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import cloudwatch_logs, lambda_svc

LEVELS = ("DEBUG", "INFO", "WARN")
DEFAULT_LEVEL = "INFO"

Record = dict[str, Any]


def install() -> None:
    emitted = lambda_svc._emit_lambda_logs

    def emit(function: Record, request_id: str, text: str, error: bool, duration_ms: int, *, log_source: str | None = None) -> None:
        config = function.get("config") or function
        logging = config.get("LoggingConfig") or {}
        if logging.get("LogFormat") != "JSON":
            emitted(function, request_id, text, error, duration_ms, log_source=log_source)
            return
        before, after = platform_lines(config, request_id, _status(config, error, duration_ms), duration_ms, lambda_svc._probe_peak_memory_mb(function))
        _append(config, [*before, *(text or "").splitlines(), *after])

    lambda_svc._emit_lambda_logs = emit


def platform_lines(config: Record, request_id: str, status: str, duration_ms: int, memory_mb: int) -> tuple[list[str], list[str]]:
    """What Lambda writes before and after the lines of one invocation."""
    level = (config.get("LoggingConfig") or {}).get("SystemLogLevel") or DEFAULT_LEVEL
    ended, well = time.time(), status == "success"
    begun = ended - duration_ms / 1000
    metrics = {"durationMs": duration_ms, "billedDurationMs": duration_ms, "memorySizeMB": config.get("MemorySize", 128), "maxMemoryUsedMB": memory_mb}
    start = {"requestId": request_id, "functionArn": config.get("FunctionArn", ""), "version": config.get("Version", "$LATEST")}
    done = {"requestId": request_id, "status": status, "metrics": {"durationMs": duration_ms}}
    report = {"requestId": request_id, "metrics": metrics, "status": status}
    before = [("INFO", "platform.start", begun, start)]
    after = [
        ("DEBUG" if well else "WARN", "platform.runtimeDone", ended, done),
        ("INFO" if well else "WARN", "platform.report", ended, report),
    ]
    return _written(before, level), _written(after, level)


def _written(events: list[tuple[str, str, float, Record]], lowest: str) -> list[str]:
    return [
        json.dumps({"time": _time(at), "type": kind, "record": record}, separators=(",", ":"))
        for level, kind, at, record in events
        if LEVELS.index(level) >= LEVELS.index(lowest)
    ]


def _status(config: Record, error: bool, duration_ms: int) -> str:
    if not error:
        return "success"
    return "timeout" if duration_ms >= 1000 * int(config.get("Timeout", 3)) else "error"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _append(config: Record, lines: list[str]) -> None:
    """Appends lines to a new stream of the function's log group, as the emulator does for each invocation."""
    now = datetime.now(timezone.utc)
    at = int(now.timestamp() * 1000)
    name = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config.get('FunctionName', 'unknown')}"
    group = cloudwatch_logs._log_groups.get(name)
    if group is None:
        group = {"arn": cloudwatch_logs._make_group_arn(name), "creationTime": at, "retentionInDays": None, "tags": {}}
        group |= {"subscriptionFilters": {}, "streams": {}}
        cloudwatch_logs._log_groups[name] = group
    stream_name = f"{now:%Y/%m/%d}/[{config.get('Version', '$LATEST')}]{new_uuid().replace('-', '')}"
    stream = {"events": [], "uploadSequenceToken": "1", "creationTime": at, "firstEventTimestamp": None, "lastEventTimestamp": None}
    group["streams"][stream_name] = stream | {"lastIngestionTime": None}
    events = [{"timestamp": at, "message": line} for line in lines]
    cloudwatch_logs._append_log_events(group["streams"][stream_name], [event | {"ingestionTime": at} for event in events])
    cloudwatch_logs._fanout_to_subscription_filters(name, stream_name, events)
