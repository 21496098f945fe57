"""States of pages that come and go, in every view: nothing there yet, what a page says of itself, and the way by keyboard alone."""

from __future__ import annotations

from playwright.sync_api import Page, Route, expect

from infra.local.console.browser import LANGUAGES, WIDTHS
from infra.local.console.tests.case import NEWS_MILLISECONDS, ConsoleTest

# Pages that show what there is, and say it where there is nothing.
EMPTY = ("console", "console/wall", "console/history", "console/repairs", "console/quality")
# What is focused, how it is marked, and whether a reader sees it.
FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const { outlineStyle, outlineWidth } = getComputedStyle(one);
  // A link may go on in another line.
  const box = one.getClientRects()[0];
  const at = document.elementFromPoint(box.left + box.width / 2, box.top + Math.min(box.height / 2, 10));
  const seen = at !== null && (one.contains(at) || at.contains(one) || one.labels?.[0]?.contains(at) === true);
  const name = `${one.localName}${one.id && "#" + one.id} ${(one.textContent ?? "").trim().slice(0, 30)}`;
  return [name, outlineStyle !== "none" && parseFloat(outlineWidth) >= 2, seen];
}"""
STEPS = 150


class Empty(ConsoleTest):
    """Before any alert has come."""

    def test_pages_say_that_there_is_nothing(self) -> None:
        for language in LANGUAGES:
            with self.visit({"language": language}) as visit:
                visit.signs_in()
                for path in EMPTY:
                    page = visit.goes(path)
                    expect(page.locator("[data-incident]")).to_have_count(0)
                    for said in page.locator("main .empty, main .all-quiet").all():
                        self.assertGreater(len(said.inner_text()), 3, path)
                    self.assertGreater(page.locator("main .empty, main .all-quiet").count(), 0, path)
                    self.fits_everywhere(visit, f"{path}, with nothing on it", language)


class States(ConsoleTest):
    def test_what_pages_say_of_themselves_fits_everywhere(self) -> None:
        for language in LANGUAGES:
            with self.visit({"language": language}, expected=["net::ERR_FAILED", "Failed to fetch", "status of 4"]) as visit:
                page = visit.signs_in()
                page.keyboard.press("?")
                expect(page.locator("dialog#keys")).to_be_visible()
                self.fits_everywhere(visit, "the board with its keys", language)
                page = visit.goes("console")
                page.route(f"{self.stack.url}/console", self._away)
                for _ in range(2):
                    page.evaluate("() => { dispatchEvent(new Event('online')); }")
                    page.wait_for_timeout(500)
                expect(page.locator("#stale")).to_be_visible(timeout=NEWS_MILLISECONDS)
                self.fits_everywhere(visit, "a board that may be out of date", language)
                page.unroute_all()
                page = visit.goes(f"console/incidents/{self.world['pod']}")
                visit.unfolds()
                page.select_option("#close select[name=reason]", "duplicate")
                page.locator("#close button").click()
                expect(page.locator("#close output")).not_to_be_empty()
                self.fits_everywhere(visit, "an action that was refused", language)

    def test_pages_say_who_has_switched_repairs_off(self) -> None:
        why = "The storage moves until six, and whoever starts anything before that is called by everybody."
        self.stack.quell("kill-switch", "on", "--why", why)
        try:
            for language in LANGUAGES:
                with self.visit({"language": language}) as visit:
                    visit.signs_in()
                    for path in ("console", "console/wall", "console/repairs"):
                        page = visit.goes(path)
                        expect(page.locator(".banner.off")).to_contain_text(why)
                        self.fits_everywhere(visit, f"{path}, with repairs switched off", language)
        finally:
            self.stack.quell("kill-switch", "off")
        with self.visit() as visit:
            expect(visit.signs_in().locator(".banner.off")).to_have_count(0)

    def test_who_may_not_act_is_told_so_everywhere(self) -> None:
        for language in LANGUAGES:
            with self.visit({"language": language}) as visit:
                page = visit.signs_in("eve", f"console/incidents/{self.world['approved']}")
                expect(page.locator(".acts .empty")).to_be_visible()
                self.fits_everywhere(visit, "an incident of which one may not decide", language)

    def test_all_is_reached_by_keyboard_and_what_is_focused_is_seen(self) -> None:
        for width in (WIDTHS[0], WIDTHS[-1]):
            for path in ("console", "console/history", f"console/incidents/{self.world['approved']}"):
                with self.subTest(width=width, page=path), self.visit({"width": width}) as visit:
                    visit.signs_in()
                    page = visit.goes(path)
                    expect(page.locator("main#main")).to_be_visible()
                    self._walks(page)

    def _walks(self, page: Page) -> None:
        """Tab by tab through the page: what it has to press is reached, is marked, and lies under nothing."""
        inside = "(one) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0"
        wanted = sum(bool(one.evaluate(inside)) for one in page.locator("main button, main input:not([type=hidden]), main select, main textarea").all())
        reached = 0
        for _ in range(STEPS):
            page.keyboard.press("Tab")
            found = page.evaluate(FOCUSED)
            if found is None:
                break
            name, is_marked, is_seen = found
            self.assertTrue(is_marked, f"{name} is not marked")
            self.assertTrue(is_seen, f"{name} is covered, or outside of the window")
            reached += bool(page.evaluate("() => document.activeElement.closest('main') !== null && document.activeElement.matches('button, input, select, textarea')"))
        self.assertGreaterEqual(reached, min(wanted, STEPS // 2), "what can be pressed and was not reached")

    @staticmethod
    def _away(route: Route) -> None:
        route.abort()
