"""The trace header of AWS X-Ray, with the lineage by which Lambda finds loops.

`Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=0;Lineage=<hash>:<count>|…`, one hash for each function of a chain of requests.
https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
AWS does not document what the hash is of: here it is the function's name. Newer headers have a number before the first hash, which is passed over.
"""

from __future__ import annotations

import re
import secrets
import time
import zlib

ROOT = re.compile(r"(?:^|;)\s*Root=(1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24})")
LINEAGE = re.compile(r"(?:^|[;,])\s*Lineage=(?:\d+:)?([0-9a-f]{8}:\d+(?:\|[0-9a-f]{8}:\d+)*)", re.IGNORECASE)


def lineage(header: str | None) -> dict[str, int]:
    """How often each function of a chain was invoked again, by its hash."""
    found = LINEAGE.search(header) if header else None
    return {part[:8]: int(part[9:]) for part in found[1].split("|")} if found else {}


def earlier(header: str | None, function: str) -> int:
    """How often a function was invoked in the chain that a header comes from."""
    again = lineage(header).get(_hash(function))
    return 0 if again is None else again + 1


def invocation(header: str | None, function: str) -> str:
    """The header that an invocation of a function gets, where the event came with another."""
    found = ROOT.search(header) if header else None
    root = found[1] if found else f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    counts = lineage(header) | {_hash(function): earlier(header, function)}
    chain = "|".join(f"{name}:{count}" for name, count in counts.items())
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled=0;Lineage={chain}"


def _hash(function: str) -> str:
    return f"{zlib.crc32(function.encode()):08x}"
