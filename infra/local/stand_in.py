"""The HTTP side that the stand-ins of the chats have in common: parameters of a call, and its answer."""

from __future__ import annotations

import base64
import email
import email.policy
import json
import urllib.parse
from email.message import EmailMessage
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
        """The parameters in the address and in the body: JSON, a form or a form of parts. A `ValueError` if it is none, or too large."""
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

    def raw(self) -> bytes:
        """The body as it came. A `ValueError` if it is too large."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            self.close_connection = True
            raise ValueError("body too large")
        return self.rfile.read(length)

    def _body(self) -> dict[str, Any]:
        data = self.raw()
        if not data:
            return {}
        if self.headers.get_content_type() == "multipart/form-data":
            return parts(str(self.headers["Content-Type"]), data)
        raw = data.decode()
        if self.headers.get_content_type() == "application/json":
            parsed = json.loads(raw)
            if not isinstance(parsed, dict):
                raise ValueError("an object is expected")
            return parsed
        return dict(urllib.parse.parse_qsl(raw, keep_blank_values=True))


def parts(content_type: str, data: bytes) -> dict[str, Any]:
    """The fields of a form of parts (https://www.rfc-editor.org/rfc/rfc7578). A file is an object that JSON can hold."""
    message = email.message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + data, policy=email.policy.HTTP)
    if not message.is_multipart() or message.defects:
        raise ValueError("a form of parts is expected")
    fields: dict[str, Any] = {}
    for part in message.iter_parts():
        assert isinstance(part, EmailMessage)
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            raise ValueError("a part without a name")
        file = part.get_filename()
        fields[name] = content.decode() if file is None else as_file(file, part.get_content_type(), content)
    return fields


def as_file(name: str, content_type: str, content: bytes) -> dict[str, Any]:
    """A file as an object that JSON can hold."""
    return {"file_name": name, "content_type": content_type, "size": len(content), "base64": base64.b64encode(content).decode()}


def png_size(file: dict[str, Any]) -> tuple[int, int] | None:
    """Width and height of a PNG in pixels (https://www.w3.org/TR/png-3/#11IHDR); nothing if it is none."""
    content = base64.b64decode(file["base64"])
    if content[:8] != b"\x89PNG\r\n\x1a\n" or content[12:16] != b"IHDR" or len(content) < 33:
        return None
    return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")


def bound(handler: type[StandIn], service: Any, bind: str, port: int) -> ThreadingHTTPServer:
    """A server whose handlers know the service."""
    return ThreadingHTTPServer((bind, port), type("BoundHandler", (handler,), {"service": service}))


def serve(server: ThreadingHTTPServer) -> None:
    """Runs until the process ends. The first line on stdout is `{"port": …}`."""
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    server.serve_forever()
