"""The tables of docs/performance.md out of a report: python bench/tables.py target/bench/report.json"""

import json
import sys
from collections.abc import Iterable

RIVALS = [("python", "python-join"), ("powertools", "powertools-join"), ("node", "node-join")]


def row(cells: Iterable[str]) -> None:
    print(f"| {' | '.join(cells)} |")


def heading(title: str, *columns: str) -> None:
    print(f"\n{title}\n")
    row(columns)
    print("|---" * len(columns) + "|")


def number(value: float | None, digits: int) -> str:
    """A figure, or a dash where there is none (JSON has null for it)."""
    return "–" if value is None else f"{value:,.{digits}f}"


def dollars(value: float) -> str:
    """Cents, with halves rounded up; a dash for nothing."""
    return f"{value + 1e-9:.2f}" if value else "–"


def main(file: str) -> None:
    with open(file, encoding="utf-8") as text:
        report = json.load(text)
    ratios, variants = report["ratios"], report["variants"]
    print(f"{report['processor']}, {report['cores']} cores, load {report['load_before']} when it began; medians of "
          f"{report['cold_runs']} starts and {report['warm_requests']} warm requests")

    figures = [("size KiB", "binary_kib", 0), ("zip KiB", "zip_kib", 0), ("init ms", "init_ms", 2), ("fastest", "init_ms_fastest", 2),
               ("cold ms", "cold_ms", 2), ("fastest", "cold_ms_fastest", 2), ("cold CPU ms", "cold_cpu_ms", 2),
               ("warm p50 ms", "warm_p50_ms", 3), ("p99 ms", "warm_p99_ms", 3), ("warm CPU µs", "warm_cpu_us", 0),
               ("peak KiB", "peak_kib", 0), ("AWS cold", "aws_requests_cold", 0), ("AWS warm", "aws_requests_warm", 0)]
    heading("What came out", "", *(title for title, _, _ in figures))
    order = ["bare", "door", "join", "join-internal", "open", "analyse", *(variant for _, variant in RIVALS)]
    for name in filter(variants.__contains__, order):
        row([f"`{name}`", *(number(variants[name][figure], digits) for _, figure, digits in figures)])

    compared = ["cold", "fastest_cold", "cold_cpu", "warm", "warm_cpu", "peak"]
    heading("Ingress and its rivals", "", "cold", "fastest cold", "cold CPU", "warm p50", "warm CPU", "peak memory")
    for rival, variant in RIVALS:
        row([f"`{variant}`", *(number(ratios.get(f"{figure}_{rival}_to_join"), 1) for figure in compared)])

    heading("One delivery of many alerts", "alerts", "ms", "CPU µs for each", "AWS requests", "peak KiB")
    for one in report["one_delivery"]:
        each = one["cpu_ms"] * 1000 / one["alerts"]
        row([number(one["alerts"], 0), number(one["ms"], 0), number(each, 0), number(one["aws_requests"], 0), number(one["peak_kib"], 0)])

    heading("Open incidents", "open", "join p50 ms", "join CPU µs", "with none open", "ratio", "AWS requests to join", "opening CPU µs",
            "AWS requests to open", "peak KiB")
    for step in report["open_incidents"]:
        row([number(step["open_incidents"], 0), number(step["join_p50_ms"], 3), number(step["join_cpu_us"], 0),
             number(step["control_cpu_us"], 0), number(step["join_to_control"], 2), number(step["join_aws_requests"], 0),
             number(step["open_cpu_us"], 0), number(step["open_aws_requests"], 0), number(step["peak_kib"], 0)])

    steps = report["ssh_steps"]
    if "skipped" in steps:
        print(f"\nA step over SSH: skipped ({steps['skipped']})")
    else:
        exchange, of_ssh = steps["step_key_exchange"], steps["ssh_key_exchange"]
        heading(f"A step over SSH: key exchange {exchange}, of `ssh` {of_ssh}, of `ssh_alike` {exchange}",
                "", "runs", "p50 ms", "fastest ms", "CPU ms", "sshd CPU ms", "warm step to it", "cold step to it")
        for name, way in steps["ways"].items():
            compared_with = [number(ratios.get(f"step_{kind}_to_{name}"), 2) for kind in ("warm", "cold")]
            row([f"`{name}`", number(way["runs"], 0), *(number(way[figure], 1) for figure in ("p50_ms", "fastest_ms", "cpu_ms", "sshd_cpu_ms")),
                 *compared_with])

    heading("Dollars", "", "HTTP API", "Lambda requests", "Lambda time", "DynamoDB", "SQS", "logs", "total")
    for name in ["join", "open", *(variant for _, variant in RIVALS if variant in variants)]:
        spent, variant = report["dollars_per_million"][name], variants[name]
        row([f"`{name}`", dollars(spent["http_api"]), dollars(spent["lambda_requests"]),
             f"{dollars(spent['lambda_duration'])} ({spent['billed_ms']:.0f} ms)",
             f"{dollars(spent['dynamodb'])} (units: {variant['write_units_warm']:.0f})",
             dollars(spent["sqs"]), f"{dollars(spent['logs'])} ({variant['log_bytes_warm']:.0f} bytes)", f"**{dollars(spent['total'])}**"])

    heading("Goals", "ratio", "goal", "measured")
    for name, goal in report["goals"].items():
        (kind, limit), = goal.items()
        row([f"`{name}`", f"{'≤' if kind == 'at_most' else '≥'} {limit:g}", number(ratios[name], 2)])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("name the report: python bench/tables.py target/bench/report.json (make bench writes it)")
    main(sys.argv[1])
