"""Pictures of real cards for the documentation: what the templates make of the samples, in a page like a chat, seen by a browser."""

from __future__ import annotations

import html
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from infra.local.paths import PROJECT, TARGET

DOCS = PROJECT / "docs"
# Name of the picture, language, cards, height in pixels of the page.
PICTURES = [
    (f"card-{name}{'' if language == 'en' else '-' + language}", language, cards, height)
    for language in ("en", "zh-TW")
    for name, cards, height in [
        ("waiting", ["waiting"], 1060),
        ("decided", ["half_approved"], 1110),
        ("repairing", ["repairing"], 1000),
        ("failed", ["failed"], 1130),
        ("details", ["details"], 1250),
        ("storm", ["storm", "pipeline"], 800),
    ]
]
WIDTH = 520
# The colours that fit into a small file.
COLOURS = "48"
STYLE = """
body { margin: 0; padding: 16px; background: #d6e2ee; font: 15px/1.42 'Noto Sans', 'DejaVu Sans', 'Noto Sans CJK TC', sans-serif; }
.card { background: #fff; border-radius: 12px 12px 4px 4px; padding: 10px 13px; white-space: pre-wrap; overflow-wrap: anywhere; }
.card code { font: 13px 'DejaVu Sans Mono', monospace; color: #1f4f8a; } .card a { color: #1a73c7; }
.row { display: flex; gap: 4px; margin-top: 4px; }
.row span { flex: 1; text-align: center; padding: 7px; border-radius: 8px; background: #5c7f9f; color: #fff; }
.message { margin-bottom: 14px; }
"""


def page(cards: list[dict[str, Any]]) -> str:
    """The page of a chat. The texts are Telegram's HTML, which a browser understands too."""
    messages = []
    for card in cards:
        rows = "".join(f'<div class="row">{"".join(f"<span>{html.escape(label)}</span>" for label in row)}</div>' for row in card["buttons"])
        messages.append(f'<div class="message"><div class="card">{card["html"]}</div>{rows}</div>')
    return f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style>{"".join(messages)}'


def take(browser: str, directory: Path, name: str, source: str, height: int) -> None:
    """One picture, with few colours where pngquant is installed."""
    path = directory / f"{name}.html"
    path.write_text(source)
    target = DOCS / f"{name}.png"
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={directory / 'profile'}"]
    subprocess.run(
        [*command, f"--window-size={WIDTH},{height}", f"--screenshot={target}", path.as_uri()], check=True, capture_output=True, timeout=120
    )
    if quant := shutil.which("pngquant"):
        subprocess.run([quant, "--force", "--strip", "--output", str(target), COLOURS, str(target)], check=True, timeout=60)
    sys.stdout.write(f"{target.relative_to(PROJECT)}: {target.stat().st_size // 1024} KB\n")


def main() -> int:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.stderr.write("a browser is needed: apt-get install chromium fonts-noto-cjk fonts-noto-color-emoji pngquant\n")
        return 1
    # With the features of every other build, which compiles nothing anew.
    build = ["cargo", "build", "--quiet", "--workspace", "--all-features", "--example", "cards", "--example", "chart"]
    subprocess.run(build, cwd=PROJECT, check=True)
    printed = subprocess.run([TARGET / "debug/examples/cards"], check=True, stdout=subprocess.PIPE).stdout
    chart = DOCS / "chart.png"
    subprocess.run([TARGET / "debug/examples/chart", chart], check=True)
    sys.stdout.write(f"{chart.relative_to(PROJECT)}: {chart.stat().st_size // 1024} KB\n")
    shown: dict[str, dict[str, dict[str, Any]]] = json.loads(printed)
    with tempfile.TemporaryDirectory() as directory:
        for name, language, cards, height in PICTURES:
            take(browser, Path(directory), name, page([shown[language][card] for card in cards]), height)
    return 0


if __name__ == "__main__":
    sys.exit(main())
