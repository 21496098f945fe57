"""Telegram's HTML parse mode, as strict as the real one: returns the visible text or says what cannot be parsed.

Source of the rules: https://core.telegram.org/bots/api#html-style
"""

from __future__ import annotations

import html
import re

TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "span", "tg-spoiler", "a", "tg-emoji", "code", "pre", "blockquote"}
TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)((?:\s+[^<>]*)?)>")
ATTRIBUTE = re.compile(r"\s+([a-zA-Z-]+)(?:=(\"[^\"]*\"|'[^']*'|[^\s\"'<>]+))?")
# Only these named entities and the numeric ones exist; any other stays as it was written.
ENTITY = re.compile(r"&(?:lt|gt|amp|quot|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});")


MENTION = re.compile(r'<a\s+href="tg://user\?id=([0-9]{1,19})">')


class CannotParse(ValueError):
    """The text after `Bad Request: can't parse entities: `."""


def visible_text(source: str) -> str:
    """The text without its markup."""
    open_tags: list[str] = []
    text: list[str] = []
    position = 0
    while position < len(source):
        bracket = source.find("<", position)
        if bracket < 0:
            break
        text.append(_decode(source[position:bracket]))
        match = TAG.match(source, bracket)
        at = len(source[:bracket].encode())
        if match is None:
            raise CannotParse(_broken_tag(source, bracket, at))
        _step(match, at, open_tags)
        position = match.end()
    if open_tags:
        raise CannotParse(f'Can\'t find end tag corresponding to start tag "{open_tags[-1]}"')
    return "".join(text) + _decode(source[position:])


def mentioned(source: str) -> list[int]:
    """The ids of the users that a text mentions inline (`tg://user?id=…`)."""
    return [int(user) for user in MENTION.findall(source)]


def _step(match: re.Match[str], at: int, open_tags: list[str]) -> None:
    closing, name, attributes = match.group(1), match.group(2).lower(), match.group(3)
    if not closing:
        if name not in TAGS:
            raise CannotParse(f'Unsupported start tag "{name}" at byte offset {at}')
        _check_attributes(name, attributes, at)
        open_tags.append(name)
    elif not open_tags:
        raise CannotParse(f"Unexpected end tag at byte offset {at}")
    elif (expected := open_tags.pop()) != name:
        raise CannotParse(f'Unmatched end tag at byte offset {at}, expected "</{expected}>", found "</{name}>"')


def _check_attributes(name: str, attributes: str, at: int) -> None:
    found = {match.group(1).lower(): (match.group(2) or "").strip("\"'") for match in ATTRIBUTE.finditer(attributes)}
    if ATTRIBUTE.sub("", attributes).strip():
        raise CannotParse(f"Empty attribute name in the tag \"{name}\" at byte offset {at}")
    if name == "span" and found.get("class") != "tg-spoiler":
        raise CannotParse(f'Tag "span" must have class "tg-spoiler" at byte offset {at}')
    if name == "tg-emoji" and not found.get("emoji-id"):
        raise CannotParse(f'Tag "tg-emoji" must have attribute "emoji-id" at byte offset {at}')


def _broken_tag(source: str, bracket: int, at: int) -> str:
    name = re.match(r"</?([^\s>/]*)", source[bracket:])
    if ">" not in source[bracket:]:
        return f"Unclosed start tag at byte offset {at}"
    return f'Unsupported start tag "{name.group(1) if name else ""}" at byte offset {at}'


def _decode(text: str) -> str:
    return ENTITY.sub(lambda match: html.unescape(match.group()), text)
