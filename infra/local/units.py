"""DynamoDB's units: what AWS bills for a request, by the sizes of the items that it reads or writes.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html has these rules; where one is on another page, it names
that page. `python -m unittest infra.local.units_test` has an example of each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

WRITE_BYTES, READ_BYTES = 1024, 4096
TRANSACTIONAL = 2


class Consistency(Enum):
    """How much of a unit a read of up to 4 KB takes."""

    EVENTUAL = 0.5
    STRONG = 1.0
    TRANSACTIONAL = 2.0


def read_apart(sizes: Iterable[int], consistency: Consistency) -> float:
    """GetItem, BatchGetItem and TransactGetItems: each item is rounded up to 4 KB by itself. One that is not there, of size 0, costs the least."""
    return sum(_started(size, READ_BYTES) * consistency.value for size in sizes)


def read_together(sizes: Iterable[int], consistency: Consistency) -> float:
    """Query and Scan: the sum of all items that were read is rounded up, those among them that a filter left out, and whatever of them is answered."""
    return _started(sum(sizes), READ_BYTES) * consistency.value


def write(before: int, after: int) -> float:
    """PutItem, UpdateItem, DeleteItem: the larger of the item before and after it, even where one attribute changed. 0: there is none."""
    return float(_started(max(before, after), WRITE_BYTES))


def refused(existing: int, attempted: int = 0) -> float:
    """A write whose condition does not hold, by the larger of what is there and of what would have been written.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html#WorkingWithItems.ConditionalUpdate
    """
    return write(existing, attempted)


def write_transaction(items: Iterable[tuple[int, int]]) -> float:
    """TransactWriteItems: each item twice, to prepare the transaction and to commit it. Of one that is cancelled AWS documents no other price.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-capacity-handling
    """
    return sum(TRANSACTIONAL * write(before, after) for before, after in items)


@dataclass(frozen=True)
class IndexEntry:
    """What an index has of an item: its key there, all that is projected, and how many bytes that is."""

    key: str
    projected: str
    size: int


def write_index(before: IndexEntry | None, after: IndexEntry | None) -> float:
    """What one write of an item costs in a global secondary index, by its entry there before and after; None: it has none.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes: an entry that comes, goes or
    changes what it projects is one write, one whose key changes is two, and one that stays as it is, none.
    """
    if before == after:
        return 0.0
    if before is not None and after is not None and before.key != after.key:
        return write(before.size, 0) + write(0, after.size)
    return write(before.size if before else 0, after.size if after else 0)


def _started(size: int, unit: int) -> int:
    return max(1, math.ceil(size / unit))
