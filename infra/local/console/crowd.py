"""What a person sees of thousands of open incidents, in a real Chromium: how long pages take to show, and looks at the board to be there.

Times are those of the browser's own clock, up to the frame that shows the result. `python -m infra.local crowd` fills the stack and runs this.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from playwright.sync_api import Browser, Page, Route, StorageState

from infra.local.console.browser import HEIGHT, LANGUAGES, View, visiting
from infra.local.console.given import Stack
from infra.local.errors import StageFailed

TIMES = 5
# The console keeps what it has read for 2.5 s: each look is one that reads.
APART_MILLISECONDS = 2_600
PATIENCE_SECONDS = 30.0
DESK: View = {"width": 1440, "language": LANGUAGES[0], "scheme": "light"}
PHONE: View = DESK | {"width": 360}
# Chrome's own presets for mid-tier phones slow a desk's processor by four (https://developer.chrome.com/docs/devtools/performance/reference).
PHONE_SLOWER = 4
# The frame that shows what was done is over when a task behind its callback runs.
FRAME = "const shown = (then) => requestAnimationFrame(() => { const { port1, port2 } = new MessageChannel(); port1.onmessage = () => then(performance.now()); port2.postMessage(0); });"
SCRIPT = f"""(() => {{
  {FRAME}
  window.quellTimes = {{ looks: [], page: null }};
  addEventListener("DOMContentLoaded", () => shown((at) => (window.quellTimes.page = at)));
  const parse = DOMParser.prototype.parseFromString;
  let began = 0;
  DOMParser.prototype.parseFromString = function (...given) {{ began = performance.now(); return parse.apply(this, given); }};
  document.addEventListener("quell:morphed", () => {{
    const morphed = performance.now();
    shown((at) => window.quellTimes.looks.push({{ began, morphed, shown: at }}));
  }});
}})()"""
ASKED = "() => performance.getEntriesByType('resource').filter(({ name }) => name === location.href).map(({ startTime, responseEnd }) => [startTime, responseEnd])"
LOOKS = "() => window.quellTimes.looks.length"
PAINTED = "() => ({ first: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null, page: window.quellTimes.page })"
# Does something to be seen with the next look, and says whether that brings news.
Change = Callable[[Stack, Page, int], bool]
ID = re.compile(r"\b(01[0-9A-Z]{7})([0-9A-Z])([0-9A-Z]{16})\b")


@dataclass(frozen=True)
class Row:
    """Medians of what was measured, in milliseconds. What was asked for in between is counted by whoever ran this."""

    what: str
    figures: dict[str, float]
    # How many pages were asked for, and when, by the clock that all programs of the machine share.
    asked: int
    began: float
    ended: float


def measure(stack: Stack, browser: Browser) -> int:
    """Prints a line of JSON for each row."""
    for name, view, slower in (("desk", DESK, 1), ("phone", PHONE, PHONE_SLOWER)):
        with _signed_in(browser, stack, view) as signed_in:
            for row in _rows(browser, stack, view | {"signed_in": signed_in}, slower):
                sys.stdout.write(json.dumps(asdict(row) | {"view": name}) + "\n")
                sys.stdout.flush()
    return 0


@contextmanager
def _signed_in(browser: Browser, stack: Stack, view: View) -> Iterator[StorageState]:
    with visiting(browser, stack, view) as visit:
        visit.signs_in()
        yield visit.context.storage_state()


def _rows(browser: Browser, stack: Stack, view: View, slower: int) -> Iterator[Row]:
    yield _first(browser, stack, view, slower, "board, first shown", "console")
    if slower == 1:
        yield _first(browser, stack, view, slower, "wall, first shown", "console/wall")
        yield _first(browser, stack, view, slower, "history, first shown", "console/history")
        yield _first(browser, stack, view, slower, "history, a search", "console/history?severity=P3")
    yield _looks(browser, stack, view, slower, "a look without news", _unchanged)
    yield _looks(browser, stack, view, slower, "a look with one changed row", _one_changed)
    yield _looks(browser, stack, view, slower, "a look with all rows replaced", _all_replaced)


@contextmanager
def _page(browser: Browser, stack: Stack, view: View, slower: int) -> Iterator[Page]:
    with visiting(browser, stack, view) as visit:
        visit.context.add_init_script(SCRIPT)
        if slower > 1:
            visit.context.new_cdp_session(visit.page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
        visit.page.set_viewport_size({"width": view.get("width", 1280), "height": HEIGHT})
        yield visit.page
        if faults := visit.found():
            raise StageFailed("pages without faults", str(faults))


def _first(browser: Browser, stack: Stack, view: View, slower: int, name: str, path: str) -> Row:
    """With nothing of the console in the browser's cache."""
    began = time.monotonic()
    first, whole, rows, elements = [], [], 0, 0
    for _ in range(TIMES):
        with _page(browser, stack, view, slower) as page:
            page.goto(f"{stack.url}/{path}")
            page.wait_for_function("() => window.quellTimes.page !== null && performance.getEntriesByName('first-contentful-paint').length > 0")
            painted = page.evaluate(PAINTED)
            first.append(painted["first"])
            whole.append(painted["page"])
            rows = page.locator("[data-incident]").count()
            elements = page.evaluate("() => document.querySelectorAll('*').length")
            page.wait_for_timeout(APART_MILLISECONDS)
    figures = {"first_paint": statistics.median(first), "all_rows": statistics.median(whole), "rows": rows, "elements": elements}
    return Row(name, figures, TIMES, began, time.monotonic())


def _looks(browser: Browser, stack: Stack, view: View, slower: int, name: str, change: Change) -> Row:
    answered, morphed, shown = [], [], []
    with _page(browser, stack, view, slower) as page:
        page.goto(f"{stack.url}/console")
        page.wait_for_load_state("networkidle")
        _ask(page)
        page.wait_for_timeout(APART_MILLISECONDS)
        since, before = time.monotonic(), len(page.evaluate(ASKED))
        for number in range(TIMES):
            known = page.evaluate(LOOKS)
            if not change(stack, page, number):
                page.wait_for_timeout(APART_MILLISECONDS)
                began, ended = _ask(page)
                answered.append(ended - began)
                continue
            # The page asks by itself too, and the board follows the table by a moment.
            deadline = time.monotonic() + PATIENCE_SECONDS
            while page.evaluate(LOOKS) == known:
                if time.monotonic() > deadline:
                    raise StageFailed(f"{name} within {PATIENCE_SECONDS:.0f} s", "none with news")
                _ask(page)
                page.wait_for_timeout(APART_MILLISECONDS)
            look = page.evaluate("(known) => window.quellTimes.looks[known]", known)
            began, ended = [one for one in page.evaluate(ASKED) if one[1] <= look["began"]][-1]
            answered.append(ended - began)
            morphed.append(look["morphed"] - look["began"])
            shown.append(look["shown"] - look["began"])
            page.unroute_all()
        asked, ended_at = len(page.evaluate(ASKED)) - before, time.monotonic()
    figures = {"answered": statistics.median(answered)}
    if shown:
        figures |= {"morphed": statistics.median(morphed), "shown": statistics.median(shown)}
    return Row(name, figures, asked, since, ended_at)


def _ask(page: Page) -> Sequence[float]:
    """Has the page ask now, as it does when its connection comes back. When it asked, and when the answer was there."""
    known = len(page.evaluate(ASKED))
    page.evaluate("() => { dispatchEvent(new Event('online')); }")
    page.wait_for_function(f"(known) => ({ASKED})().length > known", arg=known, timeout=PATIENCE_SECONDS * 1000)
    found: list[Sequence[float]] = page.evaluate(ASKED)
    return found[-1]


def _unchanged(stack: Stack, page: Page, number: int) -> bool:
    return False


def _one_changed(stack: Stack, page: Page, number: int) -> bool:
    """A person takes another incident of those that the page shows."""
    row = page.locator("[data-incident]").nth(number)
    incident, has_ada = row.get_attribute("data-incident"), row.locator(".facts", has_text="ada").count() > 0
    stack.changes(f"incidents/{incident}/respond", {"action": "acknowledge"}, "bob" if has_ada else "ada")
    return True


def _all_replaced(stack: Stack, page: Page, number: int) -> bool:
    """The same page, all of whose incidents have other ids: what a look costs at most."""
    digit = "ABCDEFGHJKMNPQRSTVWXYZ"[number % 22]

    def others(route: Route) -> None:
        headers = {name: value for name, value in route.request.headers.items() if name != "if-none-match"}
        answer = route.fetch(headers=headers)
        route.fulfill(response=answer, body=ID.sub(rf"\g<1>{digit}\g<3>", answer.text()))

    page.route(f"{stack.url}/console", others)
    return True
