"""Standard queues deliver a message more than once now and then, and not in order. FIFO queues do neither.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html

The rule holds for what event source mappings take for functions. One message in forty comes twice: half of these while the first delivery is
handled, the others soon after they were deleted. The message's id decides. A queue that tests read themselves delivers each message once, or
they could not count; the rule `repeats` of `control` makes one of these queues deliver every message twice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from ministack.core.concurrency import esm_wake
from ministack.services import sqs

from infra.local.aws_rules.state import STATE

# One message in so many is delivered twice.
ONE_IN = 40
# One receive in so many begins with the second message.
ONE_RECEIVE_IN = 4
# After how long a message is visible again that is still being handled, and one that was deleted.
WHILE_HANDLED, AFTER_DELETED = 0.05, 0.3

Record = dict[str, Any]
# Messages that come again when they are deleted, with their queues, by receipt handle.
_again: dict[str, tuple[Record, Record]] = {}


def install() -> None:
    taken, dropped = sqs._receive_messages_for_esm, sqs._delete_messages_for_esm
    handlers = sqs._HANDLERS
    received, deleted, deleted_batch = handlers["ReceiveMessage"], handlers["DeleteMessage"], handlers["DeleteMessageBatch"]

    def take(url: str, number: int) -> list[Record]:
        queue = sqs._get_q(url)
        if not queue["is_fifo"]:
            with sqs._queues_lock:
                _overtake(queue, ONE_RECEIVE_IN)
        batch: list[Record] = taken(url, number)
        if not queue["is_fifo"]:
            for message in batch:
                _choose(queue, message)
        return batch

    def drop(url: str, handles: set[str]) -> None:
        dropped(url, handles)
        _bring_back(handles)

    async def receive(data: Record, url: str) -> Any:
        queue = _repeating(data.get("QueueUrl", url))
        if queue is None:
            return await received(data, url)
        _overtake(queue, 1)
        answer = await received(data, url)
        handles = {message["ReceiptHandle"] for message in answer.get("Messages", [])}
        first = [message for message in queue["messages"] if message["receipt_handle"] in handles and not message.get("repeated")]
        _again.update({message["receipt_handle"]: (queue, message) for message in first})
        return answer

    sqs._receive_messages_for_esm, sqs._delete_messages_for_esm = take, drop
    handlers |= {"ReceiveMessage": receive, "DeleteMessage": _then(deleted), "DeleteMessageBatch": _then(deleted_batch)}


def _then(deleted: Callable[[Record, str], Any]) -> Callable[[Record, str], Any]:
    """A request that deletes, and after which what has to come again does."""

    def delete(data: Record, url: str) -> Any:
        answer = deleted(data, url)
        if _again:
            _bring_back({entry.get("ReceiptHandle", "") for entry in data.get("Entries", [data])})
        return answer

    return delete


def _repeating(url: str) -> Record | None:
    """The queue at a URL, if a test has asked for every message of it twice."""
    if STATE.rules.repeats is None:
        return None
    queue: Record = sqs._get_q(url)
    return queue if queue["name"] == STATE.rules.repeats and not queue["is_fifo"] else None


def _overtake(queue: Record, one_in: int) -> None:
    """Lets the second message that can be received go before the first, which is overtaken once at most."""
    messages, now, first = queue["messages"], time.time(), None
    for place, message in enumerate(messages):
        if message["visible_at"] > now or message.get("overtaken"):
            continue
        if first is None:
            if _number(message) % one_in:
                return
            first = place
        else:
            messages[first]["overtaken"] = True
            messages[first], messages[place] = message, messages[first]
            STATE.seen["reordered"] += 1
            return


def _choose(queue: Record, message: Record) -> None:
    """Whether a message that was received for the first time comes a second time, and when."""
    if message["receive_count"] != 1 or message.get("repeated"):
        return
    match _number(message) % (2 * ONE_IN):
        case 0:
            message["visible_at"] = time.time() + WHILE_HANDLED
            _wake_after(WHILE_HANDLED)
            STATE.seen["repeated"] += 1
        case 1:
            _again[message["receipt_handle"]] = (queue, message)


def _bring_back(handles: set[str]) -> None:
    for handle in handles & _again.keys():
        queue, message = _again.pop(handle)
        again = message | {"receipt_handle": None, "visible_at": time.time() + AFTER_DELETED, "repeated": True}
        with sqs._queues_lock:
            queue["messages"].append(again)
        _wake_after(AFTER_DELETED)
        STATE.seen["repeated"] += 1


def _wake_after(seconds: float) -> None:
    timer = threading.Timer(seconds, esm_wake.set)
    timer.daemon = True
    timer.start()


def _number(message: Record) -> int:
    return int(message["id"][:8], 16)
