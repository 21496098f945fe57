"""A stand-in for Slack's Web API and its interactivity: the documented contract over HTTP, and `/_control/` for what people do."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
import time
import urllib.parse
from dataclasses import dataclass, field

from infra.local import net, stand_in
from infra.local.slack_app import App, Channel, Parameters, Refused
from infra.local.stand_in import StandIn

# Slack waits three seconds; functions that a busy machine starts for the first time take longer.
PATIENCE = 60


@dataclass
class Fault:
    """An error for the next calls of a method (every method when empty). `status` other than 200 is an answer that is none of Slack's."""

    method: str
    error: Refused
    count: int
    # The call takes effect and only its answer is lost: what a timeout looks like from outside.
    apply: bool
    delay_seconds: float
    # Only calls for this channel, if one is named.
    channel: str | None


@dataclass
class Service:
    app: App
    signing_secret: str = field(repr=False)
    lock: threading.RLock = field(default_factory=threading.RLock)
    faults: list[Fault] = field(default_factory=list)
    responses: list[Parameters] = field(default_factory=list)
    request_url: str = ""
    base_url: str = ""

    def api(self, token: str, method: str, given: Parameters) -> tuple[int, Parameters, int | None]:
        retry_after = None
        try:
            if not token:
                raise Refused("not_authed")
            if not hmac.compare_digest(token, self.app.token):
                raise Refused("invalid_auth")
            fault = self._fault(method, given)
            if fault:
                time.sleep(fault.delay_seconds)
            with self.lock:
                result = {} if fault and not fault.apply else self.app.call(method, given)
            if fault:
                raise fault.error
            status, body = 200, result
        except Refused as refused:
            status, body, retry_after = refused.status, refused.body(), refused.retry_after
        except (TypeError, ValueError):
            status, body = 200, Refused("invalid_arguments").body()
        with self.lock:
            said = body.get("error")
            self.app.calls.append({"method": method, "parameters": given, "status": status, "error": said, "at": time.time()})
        return status, json.loads(json.dumps(body)), retry_after

    def _fault(self, method: str, given: Parameters) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.channel not in (None, given.get("channel"), given.get("channel_id")):
                    continue
                if fault.count > 0 and fault.method in ("", method):
                    fault.count -= 1
                    return fault
        return None

    def control(self, action: str, given: Parameters) -> tuple[int, Parameters]:
        handlers = {
            "messages": self._messages,
            "whispers": lambda given: {"whispers": self._channel(given).whispers},
            "calls": lambda _: {"calls": self.app.calls},
            "responses": lambda _: {"responses": self.responses},
            "press": self._press,
            "request_url": self._set_request_url,
            "delete": self._delete,
            "join": self._join,
            "fail": self._fail,
            "scopes": self._scopes,
        }
        if action not in handlers:
            return 404, {"error": f"no such control; there are {sorted(handlers)}"}
        try:
            return 200, handlers[action](given)
        except Refused as refused:
            return 400, {"error": refused.error}
        except (KeyError, TypeError, ValueError, OSError) as problem:
            return 400, {"error": f"{type(problem).__name__}: {problem}"}

    def _channel(self, given: Parameters) -> Channel:
        return self.app.channels[str(given.get("channel", next(iter(self.app.channels))))]

    def _messages(self, given: Parameters) -> Parameters:
        with self.lock:
            return {"messages": json.loads(json.dumps(self._channel(given).messages))}

    def _set_request_url(self, given: Parameters) -> Parameters:
        self.request_url = str(given["url"])
        return {"request_url": self.request_url}

    def _delete(self, given: Parameters) -> Parameters:
        """Somebody deletes a message."""
        channel = self._channel(given)
        with self.lock:
            message = self.app.find(channel, given["ts"])
            if message is None:
                raise Refused("there is no such message")
            channel.messages.remove(message)
        return {"deleted": given["ts"]}

    def _join(self, given: Parameters) -> Parameters:
        """Somebody invites the app to a channel."""
        with self.lock:
            self.app.channels.setdefault(str(given["channel"]), Channel())
            return {"channels": sorted(self.app.channels)}

    def _scopes(self, given: Parameters) -> Parameters:
        """Somebody changes the scopes of the app and installs it again."""
        with self.lock:
            self.app.scopes = {str(scope) for scope in given["scopes"]}
        return {"scopes": sorted(self.app.scopes)}

    def upload(self, file: str, content_type: str, content: bytes) -> tuple[int, str]:
        """What comes to the address of an upload, which needs no token."""
        with self.lock:
            status = self.app.upload(file, content_type, content)
            self.app.calls.append({"method": "upload", "parameters": {"file": file}, "status": status, "error": None, "at": time.time()})
        return status, f"OK - {len(content)}" if status == 200 else "no such upload"

    def _press(self, given: Parameters) -> Parameters:
        """A member presses a button: what the app's request URL answered.

        `signing_secret` and `age_seconds` make presses that Slack did not sign, or signed long ago.
        """
        name = str(given.get("channel", next(iter(self.app.channels))))
        with self.lock:
            response_url = f"{self.base_url}/_response/{len(self.app.calls)}"
            pressed, user, stale = str(given["value"]), str(given["user"]), bool(given.get("stale"))
            payload = self.app.press(name, str(given["ts"]), pressed, user, response_url, stale)
        body = urllib.parse.urlencode({"payload": json.dumps(payload)}).encode()
        timestamp = str(int(time.time()) - int(given.get("age_seconds", 0)))
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(str(given.get("signing_secret", self.signing_secret)), timestamp, body),
        }
        answer = net.call(str(given.get("url", self.request_url)), body, headers, timeout=PATIENCE)
        return {"status": answer.status, "body": answer.body, "payload": payload}

    def _fail(self, given: Parameters) -> Parameters:
        status = int(given.get("status", 200))
        retry_after = int(given.get("retry_after", 1)) if status == 429 else None
        error = Refused(str(given.get("error", "ratelimited" if status == 429 else "internal_error")), None, status, retry_after)
        channel = None if given.get("channel") is None else str(given["channel"])
        count, delay = int(given.get("count", 1)), float(given.get("delay_seconds", 0))
        fault = Fault(str(given.get("method", "")), error, count, bool(given.get("apply")), delay, channel)
        with self.lock:
            self.faults.append(fault)
        return {"faults": len(self.faults)}


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """As https://docs.slack.dev/authentication/verifying-requests-from-slack says."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()


class Handler(StandIn):
    service: Service  # Set on the subclass that `bound` makes.

    def route(self, address: urllib.parse.SplitResult) -> None:
        if upload := re.fullmatch(r"/upload/v1/([A-Z0-9]+)", address.path):
            if self.headers.get("Authorization"):
                return self.answer(400, "a token was sent to the address of an upload")
            return self.answer(*self.service.upload(upload.group(1), self.headers.get_content_type(), self.raw()))
        try:
            given = self.given(address)
        except ValueError:
            return self.answer(200, Refused("invalid_json").body())
        if control := re.fullmatch(r"/_control/([a-z_]+)", address.path):
            return self.answer(*self.service.control(control.group(1), given))
        if re.fullmatch(r"/_response/[0-9]+", address.path):
            self.service.responses.append(given)
            return self.answer(200, {"ok": True})
        if call := re.fullmatch(r"/api/([A-Za-z.]+)", address.path):
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            status, body, retry_after = self.service.api(token, call.group(1), given)
            return self.answer(status, body, {} if retry_after is None else {"Retry-After": str(retry_after)})
        return self.answer(404, {"ok": False, "error": "not_found"})


def serve(token: str, signing_secret: str, channels: list[str], users: set[str], bind: str, port: int) -> None:
    service = Service(App(token, {name: Channel() for name in channels}, users), signing_secret)
    server = stand_in.bound(Handler, service, bind, port)
    service.base_url = service.app.base_url = f"http://{bind}:{server.server_address[1]}"
    stand_in.serve(server)
