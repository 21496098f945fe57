"""Tests of the bill: what is counted of notes, and how its figures are written."""

from __future__ import annotations

import json
import unittest
from typing import Any

from infra.local import bill


def note(service: str, operation: str, function: str, at: float = 0.0, **units: float) -> dict[str, Any]:
    return {"service": service, "operation": operation, "function": function, "at": at, **units}


class Counting(unittest.TestCase):
    def test_requests_are_counted_with_their_units(self) -> None:
        counts = bill.counted(
            [
                note("lambda", "Invoke", "Ingress"),
                note("lambda", "Invoke", "Notifier"),
                note("dynamodb", "UpdateItem", "Ingress", write_units=1.0),
                note("dynamodb", "GetItem", "Notifier", read_units=2.0),
                note("sqs", "SendMessage", "Ingress"),
            ]
        )
        names = ["lambda", "api", "dynamodb", "dynamodb GetItem", "sqs SendMessage", "write_units", "read_units"]
        self.assertEqual([counts[name] for name in names], [2, 1, 2, 1, 1, 1, 2])

    def test_the_witness_takes_ten_seconds_in_one_batch(self) -> None:
        runs = [(0.0, 1.0), (2.0, 1.0), (9.9, 1.0), (10.0, 1.0)]
        notes = [note("dynamodb", "GetItem", "Witness", at, read_units=units) for at, units in runs]
        notes += [note("dynamodb", "PutItem", "Witness", at, write_units=2.0) for at, _ in runs]
        counts = bill.counted(notes)
        self.assertEqual([counts["read_units"], counts["write_units"], counts["lambda"]], [2, 4, 2])
        self.assertEqual([bill.windows([], 10), bill.windows([5, 1, 3], 10), bill.windows([0, 25, 12], 10)], [0, 1, 3])

    def test_each_reader_of_the_stream_has_its_own_window(self) -> None:
        notes = [note("dynamodb", "GetItem", "Board", at, read_units=1.0) for at in (0.0, 4.0, 5.0, 6.0)]
        notes += [note("dynamodb", "PutItem", "Board", at, write_units=3.0) for at in (0.0, 4.0)]
        notes += [note("dynamodb", "GetItem", "Witness", 0.0, read_units=1.0)]
        counts = bill.counted(notes)
        self.assertEqual([counts["read_units"], counts["write_units"], counts["lambda"]], [3, 3, 3])

    def test_lines_are_billed_with_what_is_added_to_them(self) -> None:
        self.assertEqual(bill.log_bytes(["ü", "ab"]), 2 * bill.LINE_BYTES + 4)

    def test_each_value_of_a_dimension_is_a_metric(self) -> None:
        def line(route: str) -> str:
            directive = {"Namespace": "Quell/q", "Dimensions": [["route"]], "Metrics": [{"Name": "latency"}, {"Name": "joined"}]}
            return json.dumps({"_aws": {"CloudWatchMetrics": [directive]}, "route": route, "latency": 1, "joined": 1})

        found = bill.metrics_in([line("a"), line("b"), line("a"), '{"message": "no metric"}', "plain text"])
        self.assertEqual(len(found), 4)
        self.assertIn(("Quell/q", "joined", "route=b"), found)


class Prices(unittest.TestCase):
    def test_a_million_of_each_costs_its_price(self) -> None:
        million = bill.Counter(dict.fromkeys(["write_units", "read_units", "sqs SendMessage", "api", "lambda"], 1_000_000))
        million["log_bytes"] = bill.GB
        of_arm, of_x86 = (bill.dollars(million, bill.prices(), architecture) for architecture in ("arm64", "x86_64"))
        expected = {"DynamoDB": 0.75, "SQS": 1.2, "HTTP API": 1.0, "CloudWatch Logs": 0.5}
        self.assertEqual({name: round(of_arm[name], 4) for name in expected}, expected)
        # A quarter more for the time, and the same for the requests.
        self.assertEqual([round(of_arm["Lambda"], 4), round(of_x86["Lambda"], 4)], [0.3667, 0.4083])

    def test_figures_are_written_alike_in_every_row(self) -> None:
        counts = bill.Counter({"dynamodb": 1_256, "write_units": 1_064, "read_units": 192.5, "sqs SendMessage": 16, "lambda": 32, "log_bytes": 2_048})
        written = bill.row("name", counts, bill.prices())
        self.assertRegex(written, r"^\| name \| 1,256 \| 1,064 \| 192\.5 \| 16 \| 32 \| 2\.0 \| \d\.\d{4} \| \d\.\d{4} \|$")
        head, rule, first = bill.table([("name", counts)], bill.prices()).splitlines()
        self.assertEqual({line.count("|") for line in (head, rule, first)}, {10})

    def test_a_month_adds_up(self) -> None:
        secrets = {"what": "secrets", "count": 10, "dollars": 0.4, "per": 1}
        requests = {"what": "requests", "count": 1_944_000, "dollars": 0.4, "per": 1_000_000}
        written = bill.months({"months": [secrets, requests]}).splitlines()
        self.assertEqual(written[-2:], ["| requests | 1,944,000 | 0.78 |", "| **together** | | **4.78** |"])


if __name__ == "__main__":
    unittest.main()
