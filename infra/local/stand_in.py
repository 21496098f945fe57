"""The HTTP side that the stand-ins of the chats have in common: parameters of a call, and its answer."""

from __future__ import annotations

import json
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LARGEST_BODY = 1_000_000


class StandIn(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.route(urllib.parse.urlsplit(self.path))

    do_POST = do_GET

    def route(self, address: urllib.parse.SplitResult) -> None:
        """Answers the request."""
        raise NotImplementedError

    def given(self, address: urllib.parse.SplitResult) -> dict[str, Any]:
        """The parameters in the address and in the body: JSON or a form. A `ValueError` if the body is neither, or too large."""
        return dict(urllib.parse.parse_qsl(address.query, keep_blank_values=True)) | self._body()

    def answer(self, status: int, body: dict[str, Any] | str, headers: dict[str, str] | None = None) -> None:
        page = isinstance(body, str)
        data = (body if page else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/html" if page else "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _body(self) -> dict[str, Any]:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            self.close_connection = True
            raise ValueError("body too large")
        raw = self.rfile.read(length).decode()
        if not raw:
            return {}
        if self.headers.get_content_type() == "application/json":
            parsed = json.loads(raw)
            if not isinstance(parsed, dict):
                raise ValueError("an object is expected")
            return parsed
        return dict(urllib.parse.parse_qsl(raw, keep_blank_values=True))


def bound(handler: type[StandIn], service: Any, bind: str, port: int) -> ThreadingHTTPServer:
    """A server whose handlers know the service."""
    return ThreadingHTTPServer((bind, port), type("BoundHandler", (handler,), {"service": service}))


def serve(server: ThreadingHTTPServer) -> None:
    """Runs until the process ends. The first line on stdout is `{"port": …}`."""
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    server.serve_forever()
