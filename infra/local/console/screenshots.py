"""The pictures of docs/console.md, of the same incidents as the tests'."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from infra.local.console.browser import View, visiting
from infra.local.console.given import Stack
from infra.local.console.seed import World
from infra.local.paths import PROJECT

DOCS = PROJECT / "docs"
# The colours that fit into a small file.
COLOURS = "64"
KEPT_SECONDS = 3
DESK: View = {"width": 1440, "language": "en-GB", "scheme": "light"}
PHONE: View = {"width": 360, "language": "en-GB", "scheme": "dark"}
CHINESE: View = {"width": 360, "language": "zh-TW", "scheme": "dark"}


@dataclass(frozen=True)
class Picture:
    name: str
    path: str
    view: View
    # How much of the page, from its top, in pixels of the page; all of it if that is less.
    height: int


def pictures(stack: Stack, world: World) -> list[Picture]:
    incident = f"console/incidents/{world['disk']}"
    plan = f"console/incidents/{world['approved']}"
    return [
        Picture("console-board", "console", DESK, 900),
        Picture("console-incident", incident, DESK, 1_900),
        Picture("console-plan", plan, DESK, 1_465),
        Picture("console-history", f"console/history?service={stack.service}", DESK, 620),
        Picture("console-wall", "console/wall", DESK | {"scheme": "dark"}, 900),
        Picture("console-board-phone", "console", PHONE, 1_100),
        Picture("console-incident-phone", plan, CHINESE, 1_100),
    ]


def take(stack: Stack, world: World, browser: Browser) -> int:
    # What the console has read is kept for a moment, and so is what it had read before the last change.
    time.sleep(KEPT_SECONDS)
    for picture in pictures(stack, world):
        with visiting(browser, stack, picture.view) as visit:
            page = visit.signs_in(path=picture.path)
            for chart in page.locator("img.chart").all():
                chart.scroll_into_view_if_needed()
                chart.evaluate("(image) => image.decode()")
            page.evaluate("() => scrollTo(0, 0)")
            width = picture.view["width"]
            height = min(picture.height, int(page.evaluate("() => document.documentElement.scrollHeight")))
            page.set_viewport_size({"width": width, "height": height})
            target = DOCS / f"{picture.name}.png"
            page.screenshot(path=target)
            _shrink(target)
            sys.stdout.write(f"{target.relative_to(PROJECT)}: {target.stat().st_size // 1024} KB\n")
    return 0


def _shrink(target: Path) -> None:
    """Fewer colours, where pngquant is installed."""
    if quant := shutil.which("pngquant"):
        subprocess.run([quant, "--force", "--strip", "--output", str(target), COLOURS, str(target)], check=True, timeout=60)
