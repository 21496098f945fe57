"""What Slack takes as blocks: the kinds that Quell sends, with the limits of their reference.

Source: https://docs.slack.dev/reference/block-kit/blocks/ and the block elements and composition objects below it.
"""

from __future__ import annotations

import re
from typing import Any

MOST_BLOCKS = 50
# Not documented as one number; found by others (https://github.com/slackapi/bolt-js/issues/2509).
MOST_CHARACTERS = 13_000


def fault(blocks: Any) -> tuple[str, str] | None:
    """The error that Slack answers, and where: None if it takes them."""
    if not isinstance(blocks, list):
        return "invalid_blocks_format", "blocks must be an array"
    if len(blocks) > MOST_BLOCKS:
        return "invalid_blocks", f"no more than {MOST_BLOCKS} items allowed [json-pointer:/blocks]"
    seen: set[str] = set()
    for place, block in enumerate(blocks):
        if problem := _block(block, seen):
            return "invalid_blocks", f"{problem} [json-pointer:/blocks/{place}]"
    if sum(_length(block.get("text", {}).get("text", "")) for block in blocks) > MOST_CHARACTERS:
        return "msg_blocks_too_long", "too many characters in all blocks together"
    return None


def buttons(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [element for block in blocks if block["type"] == "actions" for element in block["elements"]]


def mentions(blocks: list[dict[str, Any]]) -> list[str]:
    """The ids of the users whom the blocks mention, in mrkdwn only."""
    texts = [block["text"] for block in blocks if block["type"] == "section"]
    return [user for text in texts if text["type"] == "mrkdwn" for user in re.findall(r"<@([UW][A-Z0-9]+)>", text["text"])]


def _block(block: Any, seen: set[str]) -> str | None:
    if not isinstance(block, dict):
        return "must be an object"
    if block.get("type") == "divider":
        return None
    if block.get("type") == "section":
        return _text(block.get("text"), 3000, ("mrkdwn", "plain_text"))
    if block.get("type") == "context":
        return _context(block.get("elements"))
    if block.get("type") != "actions":
        return f"unsupported type: {block.get('type')!r}"
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= 25:
        return "must have 1 to 25 elements"
    return next(filter(None, (_button(element, seen) for element in elements)), None)


def _context(elements: Any) -> str | None:
    """Of the elements that a context takes, Quell sends texts (https://docs.slack.dev/reference/block-kit/blocks/context-block/)."""
    if not isinstance(elements, list) or not 1 <= len(elements) <= 10:
        return "must have 1 to 10 elements"
    return next(filter(None, (_text(element, 3000, ("mrkdwn", "plain_text")) for element in elements)), None)


def _button(element: Any, seen: set[str]) -> str | None:
    if not isinstance(element, dict) or element.get("type") != "button":
        return "unsupported element"
    if problem := _text(element.get("text"), 75, ("plain_text",)):
        return problem
    action = element.get("action_id")
    if not isinstance(action, str) or not 1 <= len(action) <= 255 or action in seen:
        return f"an action_id has 1 to 255 characters and stands once: {action!r}"
    seen.add(action)
    if not isinstance(element.get("value", ""), str) or len(element.get("value", "")) > 2000:
        return "a value has at most 2000 characters"
    if element.get("style") not in (None, "primary", "danger"):
        return f"unknown style {element['style']!r}"
    return None


def _text(text: Any, most: int, kinds: tuple[str, ...]) -> str | None:
    if not isinstance(text, dict) or text.get("type") not in kinds or not isinstance(text.get("text"), str):
        return f"must have a text of {' or '.join(kinds)}"
    if text["type"] == "mrkdwn" and "emoji" in text or text["type"] == "plain_text" and "verbatim" in text:
        return "a field of the other kind of text"
    return None if 1 <= _length(text["text"]) <= most else f"must have 1 to {most} characters"


def _length(text: str) -> int:
    """In UTF-16 units, as JavaScript counts: never fewer than characters."""
    return len(text.encode("utf-16-le")) // 2
