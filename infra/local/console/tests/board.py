"""The board, the wall and the lists: keys, news, counts, filters, and what a page says when the server is away."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Route, expect

from infra.local.console.given import Alert
from infra.local.console.tests.case import NEWS_MILLISECONDS, ConsoleTest

FOCUSED = "document.activeElement?.closest('[data-incident]')?.dataset.incident ?? null"


def listed(page: Page) -> list[str]:
    """The incidents of a page, in its order."""
    found: list[str] = page.evaluate("[...document.querySelectorAll('[data-incident]')].map((row) => row.dataset.incident)")
    return found


class Board(ConsoleTest):
    def test_keys_move_open_search_and_lead_to_pages(self) -> None:
        with self.visit() as visit:
            page = visit.signs_in()
            rows = listed(page)
            self.assertGreater(len(rows), 3)
            keyboard = page.keyboard
            for key, expected in [("j", 0), ("j", 1), ("j", 2), ("k", 1)]:
                keyboard.press(key)
                self.assertEqual(page.evaluate(FOCUSED), rows[expected], key)
            # Without a change of the page meanwhile: what was focused is what is opened.
            with page.expect_navigation():
                keyboard.press("Enter")
            self.assertTrue(page.url.endswith(rows[1]), page.url)
            for key, path in [("h", "console/history"), ("r", "console/repairs"), ("p", "console/playbooks"), ("b", "console")]:
                keyboard.press("g")
                with page.expect_navigation():
                    keyboard.press(key)
                self.assertTrue(visit.is_at(path), f"g {key}: {page.url}")
            keyboard.press("/")
            expect(page.locator(".find input[type=search]")).to_be_focused()
            # What is typed is text there, and no key.
            keyboard.type("j?g")
            expect(page.locator("dialog#keys")).to_be_hidden()
            expect(page.locator(".find input[type=search]")).to_have_value("j?g")
            page.locator("h1").click()
            keyboard.press("?")
            expect(page.locator("dialog#keys")).to_be_visible()
            keyboard.press("Escape")
            expect(page.locator("dialog#keys")).to_be_hidden()

    def test_counts_agree_with_the_rows(self) -> None:
        with self.visit() as visit:
            page = visit.signs_in()
            for severity in ("p0", "p1", "p2", "p3"):
                count = int(page.locator(f".counts .{severity} strong").inner_text())
                self.assertEqual(page.locator(f".row.{severity}").count(), count, severity)
            waiting = page.locator("section:has(#waiting)")
            self.assertEqual(waiting.locator(".row").count(), int(waiting.locator("h2 .n").inner_text()))
            self.assertIn(self.world["approved"], listed(page))
            self.assertNotIn(self.world["repaired"], listed(page))
            # The worst first.
            shown = waiting.locator(".row .severity").all_inner_texts()
            severities = [re.search(r"P[0-3]", text) for text in shown]
            found = [one[0] for one in severities if one]
            self.assertEqual((found, len(found)), (sorted(found), len(shown)))

    def test_news_are_said_and_take_nothing_away(self) -> None:
        with self.visit() as visit:
            page = visit.signs_in()
            page.locator("[data-incident] a.name").first.focus()
            focused = page.evaluate(FOCUSED)
            page.evaluate("document.querySelector('.find input').value = 'half a word'")
            labels = {"alertname": "HighCPUUsage", "severity": "warning", "instance": "api-7:8080", "cluster": "prod"}
            [news] = self.stack.delivers([Alert(labels, {"summary": "api-7 works at its limit."})])
            self.asks_until_shown(page, page.locator(f"[data-incident='{news}']"))
            expect(page.locator("#live")).to_have_text(self.said(page, "new-one"))
            self.assertEqual(page.evaluate(FOCUSED), focused, "the focus")
            expect(page.locator(".find input")).to_have_value("half a word")

    def test_a_page_without_news_says_so_until_they_come(self) -> None:
        with self.visit(expected=["net::ERR_FAILED", "Failed to fetch"]) as visit:
            visit.signs_in()
            page = visit.goes("console/wall")
            expect(page.locator("#stale")).to_be_hidden()
            address = f"{self.stack.url}/console/wall"

            def away(route: Route) -> None:
                route.abort()

            page.route(address, away)
            expect(page.locator("#stale")).to_be_visible(timeout=NEWS_MILLISECONDS)
            said = self.said(page, "stale").split("{at}")[0]
            expect(page.locator("#stale")).to_contain_text(said)
            page.unroute(address)
            expect(page.locator("#stale")).to_be_hidden(timeout=NEWS_MILLISECONDS)

    def test_a_hidden_page_asks_for_nothing(self) -> None:
        with self.visit() as visit:
            visit.signs_in()
            page = visit.goes("console/wall")
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/console/wall") else None)
            hide = "Object.defineProperty(document, 'hidden', { value: true, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))"
            page.evaluate(f"() => {{ {hide} }}")
            page.wait_for_timeout(4_000)
            self.assertEqual(asked, [])
            page.evaluate(f"() => {{ {hide.replace('true', 'false', 1)} }}")
            page.wait_for_timeout(1_000)
            self.assertEqual(len(asked), 1, asked)

    def test_the_language_changes_by_its_button(self) -> None:
        with self.visit() as visit:
            page = visit.signs_in()
            english = page.locator("h1").inner_text()
            for language in ("zh-TW", "en"):
                with page.expect_navigation():
                    page.locator("[data-language]").click()
                expect(page.locator("html")).to_have_attribute("lang", language)
                self.assertEqual(page.locator("h1").inner_text() == english, language == "en")

    def test_a_search_is_a_permalink(self) -> None:
        with self.visit() as visit:
            page = visit.signs_in(path="console/history")
            page.fill("form.search input[name=text]", "checkout")
            page.select_option("form.search select[name=severity]", "P2")
            with page.expect_navigation():
                page.locator("form.search button").click()
            found = listed(page)
            self.assertIn(self.world["approved"], found)
            self.assertNotIn(self.world["disk"], found)
            self.assertEqual(page.locator(".row:not(.p2)").count(), 0)
            other = visit.another()
            other.goto(page.url)
            self.assertEqual(listed(other), found)
            expect(other.locator("form.search input[name=text]")).to_have_value("checkout")
            expect(other.locator("form.search select[name=severity]")).to_have_value("P2")

    def test_a_long_list_goes_on_behind_its_page(self) -> None:
        with self.visit() as visit:
            page = visit.signs_in(path="console/history?limit=4")
            seen = listed(page)
            for _ in range(2):
                with page.expect_navigation():
                    page.locator("a[rel=next]").click()
                self.assertIn("limit=4", page.url)
                seen += listed(page)
            self.assertEqual((len(seen), seen), (12, sorted(set(seen), reverse=True)), "newest first, each once")

    def test_a_storm_lists_its_incidents(self) -> None:
        with self.visit() as visit:
            page = visit.signs_in()
            page.locator(f"[data-incident='{self.world.storm}'] a.name").click()
            expect(page.locator(".members li")).to_have_count(len(self.stack.reads(f"storms/{self.world.storm}")["members"]))
            page.keyboard.press("j")
            page.keyboard.press("j")
            member = page.evaluate(FOCUSED)
            with page.expect_navigation():
                page.keyboard.press("Enter")
            self.shows(page, member)
            page.locator(f".head a[href$='storms/{self.world.storm}']").click()
            expect(page.locator(".members")).to_be_visible()

    def test_the_wall_shows_rows_alone_until_it_is_touched(self) -> None:
        with self.visit({"width": 1440}) as visit:
            visit.signs_in()
            page = visit.goes("console/wall")
            self.assertGreater(len(listed(page)), 3)
            opacity = "getComputedStyle(document.querySelector('.top nav')).opacity"
            self.assertEqual(page.evaluate(opacity), "0")
            page.keyboard.press("Tab")
            page.keyboard.press("Tab")
            self.assertEqual(page.evaluate(opacity), "1")
            size = "parseFloat(getComputedStyle(document.querySelector('main')).fontSize)"
            self.assertGreater(page.evaluate(size), 17)

    def test_playbooks_have_the_record_of_their_runs(self) -> None:
        with self.visit() as visit:
            page = visit.signs_in(path="console/playbooks")
            row = page.locator("#p-restart-supervisor-program")
            self.assertGreaterEqual(int(row.locator("td.number").first.inner_text()), 1)
            expect(row.locator("time")).to_be_visible()
            self.assertEqual(page.locator("tr[id^='p-']").count(), len(self.stack.reads("playbooks")["playbooks"]))
