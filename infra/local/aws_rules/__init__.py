"""Rules of AWS that the emulator leaves out, as hooks inside its process.

Each module holds one kind of rule and names the AWS documents that it follows. Most rules are always on; the faults of AWS are switched on
by a request to `control`. The table of all of them is docs/aws-conformance.md.

Hooks run for every request of every story, in the one process whose CPU bounds the tests: they compare lengths first, and parse nothing that
the emulator parses anyway.
"""

from __future__ import annotations

from infra.local.aws_rules import (
    batch_get,
    control,
    deliveries,
    hot_keys,
    http_api,
    idle_connections,
    index_lag,
    invoke_faults,
    loops,
    payloads,
    platform_logs,
    queue_limits,
)


def install() -> None:
    """Puts every rule in the place of what the emulator does by itself. Of two that wrap one function, the later one is asked first."""
    for rules in (queue_limits, deliveries, batch_get, index_lag, hot_keys, loops, payloads, invoke_faults, http_api, platform_logs):
        rules.install()
    idle_connections.install()
    control.install()
