"""The state and the methods of the Telegram stand-in, errors included, as the Bot API documents them.

Source: https://core.telegram.org/bots/api. The wording of the errors is that of the real service.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from infra.local.stand_in import png_size
from infra.local.telegram_html import CannotParse, mentioned, visible_text

BOT_USERNAME = "quell_local_bot"
Parameters = dict[str, Any]
# https://core.telegram.org/bots/api#sendphoto
LARGEST_PHOTO, MOST_PIXELS, MOST_RATIO, LONGEST_CAPTION = 10 * 1024 * 1024, 10_000, 20, 1_024
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)


class Refused(Exception):
    """An answer with `ok: false`."""

    def __init__(self, code: int, description: str, parameters: Parameters | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def body(self) -> Parameters:
        body: Parameters = {"ok": False, "error_code": self.code, "description": self.description}
        return body | ({"parameters": self.parameters} if self.parameters else {})


def bad_request(description: str) -> Refused:
    return Refused(400, f"Bad Request: {description}")


@dataclass
class Webhook:
    url: str = ""
    secret_token: str = ""
    # None: the bot never gave a list.
    allowed_updates: list[str] | None = None
    last_error_date: int | None = None
    last_error_message: str | None = None


@dataclass
class Bot:
    """One bot that is a member of the given chats. Not thread-safe: the server holds a lock around it."""

    token: str
    chats: set[int]
    messages: list[Parameters] = field(default_factory=list)
    callback_queries: dict[str, Parameters] = field(default_factory=dict)
    callback_answers: list[Parameters] = field(default_factory=list)
    webhook: Webhook = field(default_factory=Webhook)
    pending: list[Parameters] = field(default_factory=list)
    last_update_id: int = 1000
    last_message_id: int = 0
    # The topics of groups that have topics. https://core.telegram.org/bots/api#forumtopic
    topics: dict[int, set[int]] = field(default_factory=dict)
    closed_topics: set[tuple[int, int]] = field(default_factory=set)
    # Groups that have become supergroups, with their new ids.
    migrated: dict[int, int] = field(default_factory=dict)

    @property
    def user(self) -> Parameters:
        return {"id": int(self.token.split(":")[0]), "is_bot": True, "first_name": "Quell", "username": BOT_USERNAME}

    def call(self, method: str, parameters: Parameters) -> Any:
        handlers: dict[str, Callable[[Parameters], Any]] = {
            "getme": lambda _: self.user,
            "sendmessage": self.send_message,
            "sendphoto": self.send_photo,
            "editmessagetext": self.edit_message_text,
            "answercallbackquery": self.answer_callback_query,
            "setwebhook": self.set_webhook,
            "deletewebhook": lambda given: self.set_webhook(given | {"url": ""}),
            "getwebhookinfo": self.webhook_info,
            "getchat": self.chat_info,
        }
        # The real service compares method names without regard to case.
        handler = handlers.get(method.lower())
        if handler is None:
            raise Refused(404, "Not Found: method not found")
        return handler(parameters)

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────
    def send_message(self, given: Parameters) -> Parameters:
        chat = self.chat(given)
        return self._send(chat, given, _content(given))

    def send_photo(self, given: Parameters) -> Parameters:
        """A picture with a caption. Only its bytes can be given here, not a URL and not the id of a file that is known."""
        chat = self.chat(given)
        photo = _photo(given.get("photo"))
        caption = _content({**given, "text": given.get("caption") or ""}, LONGEST_CAPTION)
        return self._send(chat, given, caption | {"photo": photo})

    def _send(self, chat: int, given: Parameters, content: Parameters) -> Parameters:
        now = int(time.time())
        topic = self._topic(chat, given)
        replied_to = self._replied_to(chat, given)
        self.last_message_id += 1
        message = {
            "message_id": self.last_message_id,
            "chat_id": chat,
            "date": now,
            "reply_to_message_id": replied_to,
            "message_thread_id": topic,
            "mentions": mentioned(content["html"]),
            "disable_notification": _truth(given.get("disable_notification")),
            **content,
            "history": [{"at": time.time(), **content}],
        }
        self.messages.append(message)
        return self.public(message)

    def _topic(self, chat: int, given: Parameters) -> int | None:
        if given.get("message_thread_id") in (None, ""):
            return None
        topic = _integer(given["message_thread_id"])
        if topic is None or topic not in self.topics.get(chat, set()):
            raise bad_request("message thread not found")
        if (chat, topic) in self.closed_topics:
            raise bad_request("TOPIC_CLOSED")
        return topic

    def _replied_to(self, chat: int, given: Parameters) -> int | None:
        reply = _object(given.get("reply_parameters"), "can't parse reply parameters JSON object")
        if not reply:
            return None
        number = _integer(reply.get("message_id"))
        if self.find(chat, number) is not None:
            return number
        if _truth(reply.get("allow_sending_without_reply")):
            return None
        raise bad_request("message to be replied not found")

    def edit_message_text(self, given: Parameters) -> Parameters:
        chat = self.chat(given)
        message = self.find(chat, given.get("message_id"))
        if message is None:
            raise bad_request("message to edit not found")
        if message.get("photo"):
            raise bad_request("there is no text in the message to edit")
        content = _content(given)
        if all(content[key] == message[key] for key in ("text", "html", "reply_markup")):
            raise bad_request(NOT_MODIFIED)
        message.update(content)
        message["edit_date"] = int(time.time())
        message["history"].append({"at": time.time(), **content})
        return self.public(message)

    def find(self, chat: int, message_id: Any) -> Parameters | None:
        number = _integer(message_id)
        return next((m for m in self.messages if m["chat_id"] == chat and m["message_id"] == number), None)

    def public(self, message: Parameters) -> Parameters:
        shown = {"message_id": message["message_id"], "from": self.user, "date": message["date"]}
        if photo := message.get("photo"):
            size = {key: photo[key] for key in ("file_id", "file_unique_id", "width", "height", "file_size")}
            shown |= {"photo": [size]} | ({"caption": message["text"]} if message["text"] else {})
        else:
            shown["text"] = message["text"]
        shown["chat"] = {"id": message["chat_id"], "type": "supergroup" if message["chat_id"] < 0 else "private", "title": "on-call"}
        if message["message_thread_id"] is not None:
            shown |= {"message_thread_id": message["message_thread_id"], "is_topic_message": True}
            shown["chat"]["is_forum"] = True
        replied = self.find(message["chat_id"], message["reply_to_message_id"])
        if replied:
            shown["reply_to_message"] = {"message_id": replied["message_id"], "date": replied["date"], "text": replied["text"]}
        return shown | {key: message[key] for key in ("edit_date", "reply_markup") if message.get(key)}

    def chat(self, given: Parameters) -> int:
        """The chat of a call, if the bot is a member of it."""
        if given.get("chat_id") in (None, ""):
            raise bad_request("chat_id is empty")
        chat = _integer(given["chat_id"])
        if chat in self.migrated:
            description = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refused(400, description, {"migrate_to_chat_id": self.migrated[chat]})
        if chat is None or chat not in self.chats:
            raise bad_request("chat not found")
        return chat

    # ── what people do with chats and messages ───────────────────────────────────────────────────────────────────────
    def join(self, chat: int) -> Parameters:
        self.chats.add(chat)
        return {"chats": sorted(self.chats)}

    def topic(self, chat: int, topic: int, state: str) -> Parameters:
        """Somebody opens, closes or deletes a topic of a group."""
        topics = self.topics.setdefault(chat, set())
        if state == "deleted":
            topics.discard(topic)
            # What was written in a topic goes with it.
            self.messages = [m for m in self.messages if (m["chat_id"], m["message_thread_id"]) != (chat, topic)]
        else:
            topics.add(topic)
        changed = {(chat, topic)}
        self.closed_topics = self.closed_topics | changed if state == "closed" else self.closed_topics - changed
        return {"topics": sorted(topics)}

    def migrate(self, chat: int, to: int) -> Parameters:
        """A group becomes a supergroup. Its messages stay where they were: ids count anew in a supergroup."""
        if chat not in self.chats:
            raise bad_request("chat not found")
        self.migrated[chat] = to
        self.chats = self.chats - {chat} | {to}
        return {"chats": sorted(self.chats)}

    def delete(self, chat: int, message_id: Any) -> Parameters:
        message = self.find(chat, message_id)
        if message is None:
            raise bad_request("there is no such message")
        self.messages.remove(message)
        return {"deleted": message["message_id"]}

    # ── buttons ──────────────────────────────────────────────────────────────────────────────────────────────────
    def answer_callback_query(self, given: Parameters) -> bool:
        query = str(given.get("callback_query_id", ""))
        if query not in self.callback_queries:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        text = str(given.get("text", ""))
        if len(text) > 200:
            raise bad_request("MESSAGE_TOO_LONG")
        answer = {"callback_query_id": query, "text": text, "show_alert": bool(given.get("show_alert")), "at": time.time()}
        self.callback_answers.append(answer)
        return True

    def press(self, chat: int, message_id: Any, data: str, sender: Parameters, stale: bool = False) -> Parameters:
        """A user presses a button: the update that goes to the webhook.

        `stale` allows a button of an earlier version of the message, as a client shows that has not seen the edit.
        """
        message = self.find(chat, message_id)
        if message is None:
            raise bad_request("there is no such message")
        shown = message["history"] if stale else [message]
        rows = [row for version in shown for row in (version["reply_markup"] or {}).get("inline_keyboard", [])]
        buttons = [button.get("callback_data") for row in rows for button in row]
        if data not in buttons:
            raise bad_request(f"the message has no button {data!r}; it has {buttons}")
        self.last_update_id += 1
        query: Parameters = {
            "id": f"{self.last_update_id}0042",
            "from": {"is_bot": False, "first_name": "Person"} | sender,
            "message": self.public(message),
            "chat_instance": "1",
            "data": data,
        }
        self.callback_queries[query["id"]] = query
        update = {"update_id": self.last_update_id, "callback_query": query}
        self.pending.append(update)
        return update

    # ── webhook ──────────────────────────────────────────────────────────────────────────────────────────────────
    def set_webhook(self, given: Parameters) -> bool:
        url, secret = str(given.get("url", "")), str(given.get("secret_token", ""))
        # The real service wants https. The local API has no certificate, so http is taken here as well.
        if url and not re.match(r"https?://[^/\s]+", url):
            raise bad_request("bad webhook: Failed to resolve host: No address associated with hostname")
        if len(secret) > 256:
            raise bad_request("secret token is too long")
        if not re.fullmatch(r"[A-Za-z0-9_-]*", secret):
            raise bad_request("secret token contains unallowed characters")
        # "If not specified, the previous setting will be used." https://core.telegram.org/bots/api#setwebhook
        allowed = given.get("allowed_updates", self.webhook.allowed_updates)
        self.webhook = Webhook(url, secret, json.loads(allowed) if isinstance(allowed, str) else allowed)
        if _truth(given.get("drop_pending_updates")):
            self.pending.clear()
        return True

    def webhook_info(self, _: Parameters) -> Parameters:
        info = {"url": self.webhook.url, "has_custom_certificate": False, "pending_update_count": len(self.pending)}
        webhook = self.webhook
        optional = {"last_error_date": webhook.last_error_date, "last_error_message": webhook.last_error_message}
        optional |= {"allowed_updates": webhook.allowed_updates}
        return info | {key: value for key, value in optional.items() if value is not None}

    def chat_info(self, given: Parameters) -> Parameters:
        """https://core.telegram.org/bots/api#chatfullinfo"""
        chat = self.chat(given)
        kind = "private" if chat > 0 else "supergroup" if chat <= -1_000_000_000_000 else "group"
        info: Parameters = {"id": chat, "type": kind, "accent_color_id": 0, "max_reaction_count": 11}
        return info | ({"is_forum": True} if self.topics.get(chat) else {})


def _photo(file: Any) -> Parameters:
    if not isinstance(file, dict):
        raise bad_request("there is no photo in the request")
    if not file["size"]:
        raise bad_request("file must be non-empty")
    if file["size"] > LARGEST_PHOTO:
        raise Refused(413, "Request Entity Too Large")
    size = png_size(file)
    if size is None:
        raise bad_request("IMAGE_PROCESS_FAILED")
    width, height = size
    if not width or not height or width + height > MOST_PIXELS or max(width, height) > MOST_RATIO * min(width, height):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    known = {"file_id": f"AgAC{width}x{height}", "file_unique_id": f"AQAD{width}x{height}", "file_size": file["size"]}
    return file | known | {"width": width, "height": height}


def _content(given: Parameters, longest: int = 4096) -> Parameters:
    """Text and keyboard of a message, checked. `html` is the source as it was sent. A caption is shorter, and may be empty."""
    is_caption = longest == LONGEST_CAPTION
    source, mode = str(given.get("text", "")), str(given.get("parse_mode") or "")
    if mode.lower() not in ("", "html"):
        raise bad_request("unsupported parse_mode")
    try:
        text = (visible_text(source) if mode else source).strip()
    except CannotParse as problem:
        raise bad_request(f"can't parse entities: {problem}") from problem
    if not text and not is_caption:
        raise bad_request("message text is empty")
    if len(text) > longest:
        raise bad_request("message caption is too long" if is_caption else "message is too long")
    return {"text": text, "html": source, "reply_markup": _keyboard(given.get("reply_markup"))}


def _object(value: Any, unreadable: str) -> Parameters | None:
    """An object, which a form carries as JSON."""
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except ValueError as problem:
            raise bad_request(unreadable) from problem
    if not value:
        return None
    if not isinstance(value, dict):
        raise bad_request(unreadable)
    return value


def _keyboard(given: Any) -> Parameters | None:
    markup = _object(given, "can't parse reply keyboard markup JSON object")
    if markup is None:
        return None
    rows = markup.get("inline_keyboard", [])
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    for button in (button for row in rows for button in row):
        _check_button(button)
    return {"inline_keyboard": rows} if any(rows) else None


def _check_button(button: Any) -> None:
    if not isinstance(button, dict) or not str(button.get("text", "")):
        raise bad_request('can\'t parse inline keyboard button: Can\'t find field "text"')
    if "callback_data" in button:
        if not 1 <= len(str(button["callback_data"]).encode()) <= 64:
            raise bad_request("BUTTON_DATA_INVALID")
    elif "url" in button:
        if not re.match(r"(https?|tg)://\S+", str(button["url"])):
            raise bad_request("inline keyboard button URL is invalid")
    else:
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")


def _integer(value: Any) -> int | None:
    try:
        return int(str(value))
    except ValueError:
        return None


def _truth(value: Any) -> bool:
    return str(value).lower() in ("true", "1")
