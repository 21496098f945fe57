"""What every test of the console has: a stack with its incidents, a browser, and a visit that ends without a fault."""

from __future__ import annotations

import unittest
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from playwright.sync_api import Browser, Locator, Page, expect

from infra.local.console import axe
from infra.local.console.browser import HEIGHT, LANGUAGES, SCHEMES, WIDTHS, View, Visit, visiting
from infra.local.console.given import Stack
from infra.local.console.seed import World

expect.set_options(timeout=20_000)
# A page that moves asks for news every 3 s.
NEWS_MILLISECONDS = 30_000
# Every width in every language and colour scheme.
VIEWS: tuple[View, ...] = tuple({"width": width, "language": language, "scheme": scheme} for width in WIDTHS for language in LANGUAGES for scheme in SCHEMES)
# Half of them, with each width in each language and each scheme, and each language in each scheme: for what takes long.
PAIRS: tuple[View, ...] = tuple(view for number, view in enumerate(VIEWS) if (number // 4 + number // 2 + number) % 2 == 0)


@dataclass(frozen=True)
class Running:
    stack: Stack
    world: World
    browser: Browser


class ConsoleTest(unittest.TestCase):
    """`running` is set before the tests are run."""

    running: ClassVar[Running]

    @property
    def stack(self) -> Stack:
        return self.running.stack

    @property
    def world(self) -> World:
        return self.running.world

    @contextmanager
    def visit(self, view: View | None = None, expected: Sequence[str] = ()) -> Iterator[Visit]:
        """A visit in which nothing goes wrong but what is expected: no error, refusal of the policy, dialog or request elsewhere."""
        with visiting(self.running.browser, self.stack, view) as visit:
            visit.expected.extend(expected)
            yield visit
            self.assertEqual(visit.found(), [], f"{visit.page.url} as {view or 'it is'}")

    def fits(self, visit: Visit, what: str) -> None:
        """The page as it is now fits its window, and axe finds nothing on it."""
        self.assertEqual(visit.wide(), [], f"{what}: elements that are wider than the window")
        with axe.on(visit) as violations:
            self.assertEqual(violations(), [], f"{what}: violations that axe finds")

    def fits_everywhere(self, visit: Visit, what: str, language: str) -> None:
        """The same at every width and in both colour schemes."""
        with axe.on(visit) as violations:
            for width in WIDTHS:
                visit.page.set_viewport_size({"width": width, "height": HEIGHT})
                with self.subTest(page=what, width=width, language=language):
                    self.assertEqual(visit.wide(), [], "elements that are wider than the window")
                for scheme in SCHEMES:
                    visit.page.emulate_media(color_scheme=scheme)
                    with self.subTest(page=what, width=width, language=language, scheme=scheme):
                        self.assertEqual(violations(), [], "violations that axe finds")
        with self.subTest(page=what, language=language):
            self.assertEqual(visit.found(), [], "faults")

    def shows(self, page: Page, incident: str) -> None:
        """The page is that of this incident."""
        expect(page.locator(".crumbs code")).to_have_text(incident)

    def asks_until_shown(self, page: Page, shown: Locator) -> None:
        """Has the page ask now, as it does when its connection comes back, until it shows something. By itself it may wait a minute."""
        for _ in range(60):
            page.evaluate("() => { dispatchEvent(new Event('online')); }")
            page.wait_for_timeout(500)
            if shown.is_visible():
                return
        expect(shown).to_be_visible()

    def said(self, page: Page, key: str) -> str:
        """A sentence of the page's script, in the page's language."""
        found = page.locator("body").get_attribute(f"data-say-{key}")
        self.assertTrue(found, f"{page.url} has no sentence {key}")
        return found or ""

    def is_done(self, page: Page, form: Locator) -> None:
        expect(form.locator("output")).to_have_text(self.said(page, "done"))
