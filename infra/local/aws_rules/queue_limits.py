"""Limits of SQS on messages, batches and time-outs.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
"""

from __future__ import annotations

import re
import time
from typing import Any

from ministack.services import sqs
from ministack.services.cloudformation import provisioners

# Body and attributes of one message, and of a batch together. AWS has raised it from 256 KiB to 1 MiB in August 2025
# (https://aws.amazon.com/blogs/compute/more-room-to-build-serverless-services-now-support-payloads-up-to-1-mb). Here a queue that does not ask
# for another MaximumMessageSize keeps the smaller one: what fits it fits every partition, and every queue that was made before.
MESSAGE_BYTES = 262_144
LONGEST_DELAY = 900
LONGEST_VISIBILITY = 43_200
# Letters, digits and punctuation, for the ids of groups and of deduplication.
IDENTIFIER = re.compile(r"[!-~]{1,128}")

Record = dict[str, Any]


def install() -> None:
    created, sent = sqs._act_create_queue, sqs._act_send_message
    sent_batch, received = sqs._act_send_message_batch, sqs._act_receive_message
    changed, changed_batch = sqs._act_change_visibility, sqs._act_change_visibility_batch

    def create(data: Record, url: str) -> Any:
        if sqs._queue_url(data.get("QueueName", "")) not in sqs._queues:
            data["Attributes"] = {"MaximumMessageSize": str(MESSAGE_BYTES)} | (data.get("Attributes") or {})
        return created(data, url)

    def send(data: Record, url: str) -> Any:
        _check_message(data, sqs._get_q(data.get("QueueUrl", url)))
        return sent(data, url)

    def send_batch(data: Record, url: str) -> Any:
        limit = _limit(sqs._get_q(data.get("QueueUrl", url)))
        size = sum(map(size_of, data.get("Entries", [])))
        # A batch of too many messages is refused for that.
        if size > limit and len(data["Entries"]) <= sqs._BATCH_MAX_ENTRIES:
            raise sqs._Err("BatchRequestTooLong", f"Batch requests cannot be longer than {limit} bytes. You have sent {size} bytes.")
        return sent_batch(data, url)

    async def receive(data: Record, url: str) -> Any:
        _check_number(data, "VisibilityTimeout", LONGEST_VISIBILITY)
        _check_number(data, "WaitTimeSeconds", 20)
        return await received(data, url)

    def change(data: Record, url: str) -> Any:
        _check_number(data, "VisibilityTimeout", LONGEST_VISIBILITY)
        _check_in_flight(data, sqs._get_q(data.get("QueueUrl", url)))
        return changed(data, url)

    def change_batch(data: Record, url: str) -> Any:
        for entry in data.get("Entries", []):
            _check_number(entry, "VisibilityTimeout", LONGEST_VISIBILITY)
        return changed_batch(data, url)

    provisioners._SQS_QUEUE_DEFAULTS["MaximumMessageSize"] = str(MESSAGE_BYTES)
    sqs._act_create_queue, sqs._act_send_message, sqs._act_send_message_batch = create, send, send_batch
    sqs._HANDLERS |= {
        "CreateQueue": create,
        "SendMessage": send,
        "SendMessageBatch": send_batch,
        "ReceiveMessage": receive,
        "ChangeMessageVisibility": change,
        "ChangeMessageVisibilityBatch": change_batch,
    }


def size_of(message: Record) -> int:
    """Body and attributes in UTF-8. What the system adds does not count."""
    size = len((message.get("MessageBody") or "").encode())
    for name, attribute in (message.get("MessageAttributes") or {}).items():
        value = attribute.get("StringValue") or attribute.get("BinaryValue") or ""
        size += len(name.encode()) + len(attribute.get("DataType") or "") + len(value.encode())
    return size


def _limit(queue: Record) -> int:
    return int(queue["attributes"].get("MaximumMessageSize", MESSAGE_BYTES))


def _check_message(message: Record, queue: Record) -> None:
    _check_number(message, "DelaySeconds", LONGEST_DELAY)
    # The emulator measures the body.
    if message.get("MessageAttributes") and size_of(message) > _limit(queue):
        raise _invalid(f"One or more parameters are invalid. Reason: Message must be shorter than {_limit(queue)} bytes.")
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        value = message.get(name)
        if value is not None and not IDENTIFIER.fullmatch(value):
            reason = f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length"
            raise _invalid(f"Value {value} for parameter {name} is invalid. Reason: {reason}.")
    # A group on a standard queue is a tenant of a fair queue; a deduplication id means nothing there.
    if message.get("MessageDeduplicationId") is not None and not queue["is_fifo"]:
        reason = "The request includes a parameter that is not valid for this queue type"
        raise _invalid(f"Value {message['MessageDeduplicationId']} for parameter MessageDeduplicationId is invalid. Reason: {reason}.")


def _check_number(data: Record, name: str, highest: int) -> None:
    value = data.get(name)
    if value is not None and not 0 <= int(value) <= highest:
        raise _invalid(f"Value {value} for parameter {name} is invalid. Reason: Must be between 0 and {highest}, if provided.")


def _check_in_flight(data: Record, queue: Record) -> None:
    handle, now = data.get("ReceiptHandle"), time.time()
    if any(message["receipt_handle"] == handle and message["visible_at"] <= now for message in queue["messages"]):
        raise sqs._Err("MessageNotInflight", "The specified message isn't in flight.")


def _invalid(message: str) -> Exception:
    refusal: Exception = sqs._Err("InvalidParameterValue", message)
    return refusal
