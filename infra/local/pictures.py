"""Pictures of real messages for the documentation: what the Telegram stand-in holds after a story, drawn like a chat by a browser."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from infra.local.paths import PROJECT, TARGET

DOCS = PROJECT / "docs"
# The story that has every kind of message sent, and the variable that names the file for what the chats hold.
STORY = "notifier::pictures::"
FILE = "QUELL_PICTURES"
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


def page(messages: list[dict[str, Any]]) -> str:
    """The page of a chat, with its height as the title. The texts are Telegram's HTML, which a browser understands too."""
    drawn = []
    for message in messages:
        rows = "".join(f'<div class="row">{"".join(f"<span>{html.escape(label)}</span>" for label in row)}</div>' for row in message["buttons"])
        drawn.append(f'<div class="message"><div class="card">{message["html"]}</div>{rows}</div>')
    measure = "<script>document.title = document.documentElement.getBoundingClientRect().height</script>"
    return f'<!doctype html><meta charset="utf-8"><title></title><style>{STYLE}</style>{"".join(drawn)}{measure}'


def take(browser: str, directory: Path, name: str, source: str) -> None:
    """One picture as high as its page, with few colours where pngquant is installed."""
    path = directory / f"{name}.html"
    path.write_text(source)
    target = DOCS / f"{name}.png"
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={directory / 'profile'}"]

    def run(*arguments: str) -> str:
        done = subprocess.run([*command, *arguments, path.as_uri()], check=True, capture_output=True, text=True, timeout=120)
        return done.stdout

    height = re.search(r"<title>(\d+)", run(f"--window-size={WIDTH},600", "--dump-dom"))
    if height is None:
        sys.exit(f"{browser} does not say how high the page of {name} is")
    run(f"--window-size={WIDTH},{height[1]}", f"--screenshot={target}")
    if quant := shutil.which("pngquant"):
        subprocess.run([quant, "--force", "--strip", "--output", str(target), COLOURS, str(target)], check=True, timeout=60)
    sys.stdout.write(f"{target.relative_to(PROJECT)}: {target.stat().st_size // 1024} KB\n")


def messages() -> dict[str, dict[str, list[dict[str, Any]]]]:
    """For each picture and language, what the chat of the story holds."""
    # With the features of every other build, which compiles nothing anew.
    cargo = ["cargo", "test", "--quiet", "--workspace", "--all-features", "--test", "stories", STORY]
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "pictures.json"
        stack = [sys.executable, "-m", "infra.local", "up", "--bootstraps", str(TARGET / "debug"), "--run", *cargo]
        subprocess.run(stack, cwd=PROJECT, env=os.environ | {FILE: str(file)}, check=True)
        held: dict[str, dict[str, list[dict[str, Any]]]] = json.loads(file.read_text())
    return held


def main() -> int:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.stderr.write("a browser is needed: apt-get install chromium fonts-noto-cjk fonts-noto-color-emoji pngquant\n")
        return 1
    subprocess.run(["cargo", "build", "--quiet", "--workspace", "--all-features", "--all-targets"], cwd=PROJECT, check=True)
    chart = DOCS / "chart.png"
    subprocess.run([TARGET / "debug/examples/chart", chart], check=True)
    sys.stdout.write(f"{chart.relative_to(PROJECT)}: {chart.stat().st_size // 1024} KB\n")
    held = messages()
    with tempfile.TemporaryDirectory() as directory:
        for name, languages in held.items():
            for language, shown in languages.items():
                take(browser, Path(directory), f"card-{name}{'' if language == 'en' else '-' + language}", page(shown))
    return 0


if __name__ == "__main__":
    sys.exit(main())
