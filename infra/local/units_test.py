"""Tests of DynamoDB's units: an example of each rule, with the figures that AWS's documents have where they have any."""

from __future__ import annotations

import unittest

from infra.local.units import Consistency, IndexEntry, read_apart, read_together, refused, write, write_index, write_transaction

KB = 1024
EVENTUAL, STRONG, TRANSACTIONAL = Consistency.EVENTUAL, Consistency.STRONG, Consistency.TRANSACTIONAL


class Reads(unittest.TestCase):
    def test_an_item_is_read_by_its_size_and_consistency(self) -> None:
        for size, eventual, strong, transactional in [
            (1, 0.5, 1.0, 2.0),
            (3_500, 0.5, 1.0, 2.0),
            (4 * KB, 0.5, 1.0, 2.0),
            (4 * KB + 1, 1.0, 2.0, 4.0),
            (8 * KB, 1.0, 2.0, 4.0),
        ]:
            found = [read_apart([size], consistency) for consistency in (EVENTUAL, STRONG, TRANSACTIONAL)]
            self.assertEqual(found, [eventual, strong, transactional], size)

    def test_an_item_that_is_not_there_costs_the_least(self) -> None:
        self.assertEqual([read_apart([0], EVENTUAL), read_apart([0], STRONG)], [0.5, 1.0])

    def test_a_batch_rounds_each_item(self) -> None:
        # The document's example: 1.5 and 6.5 KB are 4 and 8.
        self.assertEqual(read_apart([1_536, 6_656], STRONG), 3.0)
        self.assertEqual(read_apart([], STRONG), 0.0)

    def test_a_query_rounds_the_sum(self) -> None:
        # The document's example: ten items whose sizes come to 40.8 KB are 44.
        self.assertEqual(read_together([4_178] * 10, STRONG), 11.0)
        self.assertEqual(read_together([1_536, 6_656], EVENTUAL), 1.0)
        self.assertEqual(read_together([], EVENTUAL), 0.5)


class Writes(unittest.TestCase):
    def test_a_write_is_billed_by_the_larger_of_before_and_after(self) -> None:
        for before, after, units in [(0, 1, 1), (0, KB, 1), (0, KB + 1, 2), (5 * KB, 1, 5), (1, 5 * KB, 5), (0, 0, 1)]:
            self.assertEqual(write(before, after), units, (before, after))

    def test_a_refused_write_is_billed_by_size_too(self) -> None:
        self.assertEqual(refused(300 * KB, 310 * KB), 310)
        self.assertEqual([refused(5 * KB), refused(0, 1), refused(0)], [5, 1, 1])

    def test_a_transaction_writes_each_item_twice(self) -> None:
        self.assertEqual(write_transaction([(0, 500), (2 * KB, 2 * KB + 1)]), 2 + 6)

    def test_an_index_is_written_where_its_entry_changes(self) -> None:
        entry, changed, moved = IndexEntry("a", "x", 50), IndexEntry("a", "y", 50), IndexEntry("b", "x", 50)
        for before, after, units in [(None, None, 0), (None, entry, 1), (entry, None, 1), (entry, entry, 0), (entry, changed, 1), (entry, moved, 2)]:
            self.assertEqual(write_index(before, after), units, (before, after))
        self.assertEqual(write_index(None, IndexEntry("a", "x", 3 * KB)), 3)


if __name__ == "__main__":
    unittest.main()
