"""The state and the methods of the Slack stand-in, errors included, as the Web API documents them.

Source: https://docs.slack.dev/reference/methods/ and https://docs.slack.dev/apis/web-api/rate-limits.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from infra.local import slack_blocks
from infra.local.stand_in import as_file, png_size

Parameters = dict[str, Any]
# "Generally 1 message per second per channel", and short bursts.
BURST = 5
MOST_TEXT = 40_000
LONGEST_METADATA = 8_000
# Of an image's description (https://docs.slack.dev/reference/methods/files.getUploadURLExternal), in characters.
LONGEST_DESCRIPTION = 1_000
TEAM, BOT_USER, BOT, APP = "T0LOCAL0001", "U0QUELL0001", "B0QUELL0001", "A0QUELL0001"


class Refused(Exception):
    """An answer with `ok: false`, or with 429 and the header `Retry-After`."""

    def __init__(self, error: str, more: Parameters | None = None, status: int = 200, retry_after: int | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.more = more or {}
        self.status = status
        self.retry_after = retry_after

    def body(self) -> Parameters:
        return {"ok": False, "error": self.error, **self.more}


@dataclass
class Channel:
    """A channel that the app is in. A bucket of messages drips once a second."""

    messages: list[Parameters] = field(default_factory=list)
    whispers: list[Parameters] = field(default_factory=list)
    left: float = BURST
    counted_at: float = field(default_factory=time.monotonic)

    def take(self) -> None:
        now = time.monotonic()
        self.left = min(BURST, self.left + now - self.counted_at)
        self.counted_at = now
        if self.left < 1:
            raise Refused("ratelimited", status=429, retry_after=1)
        self.left -= 1


@dataclass
class App:
    """An app with a bot, in the given channels, and the people in them. Not thread-safe: the server holds a lock around it."""

    token: str
    channels: dict[str, Channel]
    users: set[str]
    calls: list[Parameters] = field(default_factory=list)
    last_ts: float = 0.0
    # The scopes of the token. Without `files:write` no picture is taken.
    scopes: set[str] = field(default_factory=lambda: {"chat:write", "files:write"})
    # Uploads by the ids of their files: what was announced, and the bytes once they came.
    uploads: dict[str, Parameters] = field(default_factory=dict)
    base_url: str = ""

    def call(self, method: str, given: Parameters) -> Parameters:
        handlers: dict[str, Callable[[Parameters], Parameters]] = {
            "api.test": lambda _: {},
            "auth.test": lambda _: {"team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT},
            "chat.postMessage": self.post_message,
            "chat.update": self.update,
            "chat.postEphemeral": self.post_ephemeral,
            "conversations.history": self.history,
            "files.getUploadURLExternal": self.upload_url,
            "files.completeUploadExternal": self.complete_upload,
        }
        handler = handlers.get(method)
        if handler is None:
            raise Refused("unknown_method", {"req_method": method})
        return {"ok": True, **handler(given)}

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────
    def post_message(self, given: Parameters) -> Parameters:
        name, channel = self._channel(given)
        content = _content(given)
        metadata = _metadata(given)
        thread = given.get("thread_ts")
        root = self.find(channel, thread) if thread is not None else None
        if thread is not None and root is None:
            raise Refused("thread_not_found")
        if root is not None and "thread_ts" in root:
            raise Refused("cannot_reply_to_message")
        channel.take()
        message: Parameters = {"type": "message", "user": BOT_USER, "bot_id": BOT, "app_id": APP, "ts": self._ts(), **content}
        message |= {"unfurl_links": given.get("unfurl_links", True)}
        message |= {"thread_ts": thread} if thread else {}
        # Shown in the channel as well (https://docs.slack.dev/reference/events/message/thread_broadcast); alone it means nothing.
        if thread and str(given.get("reply_broadcast", "")).lower() in ("1", "true"):
            message["subtype"] = "thread_broadcast"
        message["mentions"] = slack_blocks.mentions(content["blocks"])
        message |= {"metadata": metadata} if metadata else {}
        message["history"] = [{"at": time.time(), **content}]
        channel.messages.append(message)
        return {"channel": name, "ts": message["ts"], "message": public(message)}

    def update(self, given: Parameters) -> Parameters:
        name, channel = self._channel(given)
        message = self.find(channel, given.get("ts"))
        if message is None:
            raise Refused("message_not_found")
        if message["user"] != BOT_USER:
            raise Refused("cant_update_message")
        content = _content(given)
        if (metadata := _metadata(given)) is not None:
            message["metadata"] = metadata
        message.update(content)
        message["edited"] = {"user": BOT_USER, "ts": self._ts()}
        message["history"].append({"at": time.time(), **content})
        return {"channel": name, "ts": message["ts"], "text": message["text"], "message": public(message)}

    def post_ephemeral(self, given: Parameters) -> Parameters:
        _, channel = self._channel(given)
        if given.get("user") not in self.users:
            raise Refused("user_not_in_channel")
        ts = self._ts()
        channel.whispers.append({"user": given["user"], "message_ts": ts, "at": time.time(), **_content(given)})
        return {"message_ts": ts}

    def history(self, given: Parameters) -> Parameters:
        _, channel = self._channel(given)
        limit = int(given.get("limit", 100))
        if not 1 <= limit <= 999:
            raise Refused("invalid_limit")
        # Answers in threads are conversations.replies' to give.
        shown = [message for message in channel.messages if "thread_ts" not in message or message.get("subtype") == "thread_broadcast"]
        found = list(reversed(shown))
        with_metadata = str(given.get("include_all_metadata", "")).lower() in ("1", "true")
        return {"messages": [public(message, with_metadata) for message in found[:limit]], "has_more": len(found) > limit}

    # ── files (https://docs.slack.dev/messaging/working-with-files) ──────────────────────────────────────────────
    def upload_url(self, given: Parameters) -> Parameters:
        self._needs("files:write")
        if not given.get("filename") or not str(given.get("length", "")).isdigit() or int(given["length"]) < 1:
            raise Refused("invalid_arguments")
        if len(str(given.get("alt_txt", ""))) > LONGEST_DESCRIPTION:
            raise Refused("alt_txt_too_large")
        file = f"F0LOCAL{len(self.uploads):04d}"
        self.uploads[file] = {"name": str(given["filename"]), "length": int(given["length"]), "alt_txt": str(given.get("alt_txt", ""))}
        return {"upload_url": f"{self.base_url}/upload/v1/{file}", "file_id": file}

    def upload(self, file: str, content_type: str, content: bytes) -> int:
        """The bytes of a file, at the address that was given for it: the status of the answer."""
        announced = self.uploads.get(file)
        if announced is None or "base64" in announced or len(content) != announced["length"]:
            return 400
        announced |= as_file(announced["name"], content_type, content)
        return 200

    def complete_upload(self, given: Parameters) -> Parameters:
        """Shares files in a channel. It answers with the files: the message that shows them is posted by a job of Slack's."""
        self._needs("files:write")
        files = given.get("files")
        files = json.loads(files) if isinstance(files, str) else files
        if not isinstance(files, list) or not files or not all(isinstance(one, dict) and one.get("id") for one in files):
            raise Refused("invalid_arguments")
        name = str(given.get("channel_id") or "")
        if name and name not in self.channels:
            raise Refused("channel_not_found")
        # A file can be completed once.
        if any("base64" not in self.uploads.get(one["id"], {}) or "shared" in self.uploads[one["id"]] for one in files):
            raise Refused("file_not_found")
        shared = [self.uploads[one["id"]] for one in files]
        for file in shared:
            file["shared"] = name
        if name:
            self._share(self.channels[name], given, shared)
        return {"files": [{"id": one["id"], "title": one.get("title", "")} for one in files]}

    def _share(self, channel: Channel, given: Parameters, files: list[Parameters]) -> None:
        text, thread = str(given.get("initial_comment") or ""), given.get("thread_ts")
        message: Parameters = {"type": "message", "subtype": "file_share", "user": BOT_USER, "bot_id": BOT, "app_id": APP, "ts": self._ts()}
        message |= {"text": text, "blocks": [], "mentions": [], "history": [{"at": time.time(), "text": text, "blocks": []}]}
        # In the thread alone: a file that is shared there is not shown in the channel.
        message |= {"thread_ts": thread} if thread else {}
        sizes = [png_size(file) for file in files]
        message["files"] = [file | ({"width": size[0], "height": size[1]} if size else {}) for file, size in zip(files, sizes, strict=True)]
        channel.messages.append(message)

    def _needs(self, scope: str) -> None:
        if scope not in self.scopes:
            raise Refused("missing_scope", {"needed": scope, "provided": ",".join(sorted(self.scopes))})

    def find(self, channel: Channel, ts: Any) -> Parameters | None:
        return next((message for message in channel.messages if message["ts"] == ts), None)

    def _channel(self, given: Parameters) -> tuple[str, Channel]:
        name = str(given.get("channel", ""))
        if name not in self.channels:
            raise Refused("channel_not_found")
        return name, self.channels[name]

    def _ts(self) -> str:
        self.last_ts = max(time.time(), self.last_ts + 0.000_01)
        return f"{self.last_ts:.6f}"

    # ── buttons ──────────────────────────────────────────────────────────────────────────────────────────────────
    def press(self, name: str, ts: str, value: str, user: str, response_url: str, stale: bool = False) -> Parameters:
        """The payload of a press (https://docs.slack.dev/reference/interaction-payloads/block_actions-payload).

        `stale` allows a button of an earlier version of the message, as a client shows that has not seen the edit.
        """
        message = self.find(self.channels[name], ts)
        if message is None:
            raise Refused("there is no such message")
        shown = message["history"] if stale else [message]
        found = [element for version in shown for element in slack_blocks.buttons(version["blocks"])]
        button = next((element for element in found if element.get("value") == value), None)
        if button is None:
            raise Refused(f"the message has no button {value!r}; it has {[element.get('value') for element in found]}")
        action = {"type": "button", "block_id": "b1", "action_id": button["action_id"], "value": value, "text": button["text"]}
        return {
            "type": "block_actions",
            "team": {"id": TEAM, "domain": "local"},
            "user": {"id": user, "username": user.lower(), "name": user.lower(), "team_id": TEAM},
            "api_app_id": APP,
            "token": "deprecated",
            "container": {"type": "message", "message_ts": ts, "channel_id": name, "is_ephemeral": False},
            "trigger_id": f"{int(time.time() * 1000)}.1.local",
            "channel": {"id": name, "name": "on-call"},
            "message": public(message),
            "response_url": response_url,
            "actions": [action | {"action_ts": self._ts()}],
        }


def public(message: Parameters, metadata: bool = True) -> Parameters:
    return {key: value for key, value in message.items() if key not in ("history", "mentions") and (metadata or key != "metadata")}


def _content(given: Parameters) -> Parameters:
    blocks, text = given.get("blocks") or [], given.get("text", "")
    if isinstance(blocks, str):
        try:
            blocks = json.loads(blocks)
        except ValueError:
            raise Refused("invalid_blocks_format") from None
    if problem := slack_blocks.fault(blocks):
        raise Refused(problem[0], {"response_metadata": {"messages": [f"[ERROR] {problem[1]}"]}})
    if not isinstance(text, str) or not (text.strip() or blocks):
        raise Refused("no_text")
    if len(text) > MOST_TEXT:
        raise Refused("msg_too_long")
    return {"text": text, "blocks": blocks}


def _metadata(given: Parameters) -> Parameters | None:
    metadata = given.get("metadata")
    if metadata is None:
        return None
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata)
        except ValueError:
            raise Refused("invalid_metadata_format") from None
    if not isinstance(metadata, dict) or (metadata and set(metadata) != {"event_type", "event_payload"}):
        raise Refused("invalid_metadata_format")
    if metadata and not re.fullmatch(r"[A-Za-z0-9_.-]{1,255}", str(metadata["event_type"])):
        raise Refused("invalid_metadata_format")
    if metadata and not isinstance(metadata["event_payload"], dict):
        raise Refused("invalid_metadata_format")
    if len(json.dumps(metadata)) > LONGEST_METADATA:
        raise Refused("metadata_too_large")
    return metadata
