"""Connections that were silent for too long are cut, as a NAT gateway does it. Switched on by `control`.

https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html#nat-gateway-troubleshooting-timeout: after 350 seconds of
silence a NAT gateway drops a connection. It sends no FIN; whoever sends on the connection afterwards gets a reset. A Network Load Balancer does
the same (https://docs.aws.amazon.com/elasticloadbalancing/latest/network/network-load-balancers.html#connection-idle-timeout).

So a client keeps such a connection in its pool, and its next request on it fails. A connection on which an answer is waited for is not cut: TCP's
keep-alive, which the functions have on, is no silence, and it cannot be told on a scaled clock.
"""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from infra.local.aws_rules.state import STATE

# Closes with a reset in the place of a FIN.
RESET = struct.pack("ii", 1, 0)


def install() -> None:
    connection: Any = HttpToolsProtocol
    made, received, completed = connection.connection_made, connection.data_received, connection.on_response_complete

    def connection_made(protocol: Any, transport: Any) -> None:
        made(protocol, transport)
        protocol.last_active = time.monotonic()

    def data_received(protocol: Any, data: bytes) -> None:
        if _is_dropped(protocol):
            _reset(protocol)
            return
        protocol.last_active = time.monotonic()
        received(protocol, data)

    def on_response_complete(protocol: Any) -> None:
        completed(protocol)
        protocol.last_active = time.monotonic()

    connection.connection_made, connection.data_received, connection.on_response_complete = connection_made, data_received, on_response_complete


def _is_dropped(protocol: Any) -> bool:
    limit = STATE.rules.idle_seconds
    return limit is not None and time.monotonic() - protocol.last_active > limit * STATE.rules.scale


def _reset(protocol: Any) -> None:
    STATE.seen["idle"] += 1
    protocol.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    protocol.transport.abort()
