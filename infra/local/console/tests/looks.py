"""Every page at three widths, in two languages and both colour schemes: it fits its window, and axe finds nothing."""

from __future__ import annotations

from infra.local.console.browser import LANGUAGES, Visit
from infra.local.console.tests.case import ConsoleTest

UNKNOWN = "console/incidents/01ARZ3NDEKTSV4RRFFQ69G5FAV"


class Looks(ConsoleTest):
    def test_pages_fit_every_window_and_axe_finds_nothing(self) -> None:
        for language in LANGUAGES:
            with self.visit({"language": language}, expected=["status of 404"]) as visit:
                self._look_at(visit, "sign in", "console/sign-in?next=console", language)
                self._look_at(visit, "sign in, refused", "console/sign-in?refused=true&next=console", language)
                self._look_at(visit, "sign in, after a session", "console/sign-in?refused=ended&next=console", language)
                visit.signs_in()
                for name, path in self._pages(visit).items():
                    self._look_at(visit, name, path, language)

    def _pages(self, visit: Visit) -> dict[str, str]:
        """The pages to which the board leads, and one of each kind that has an id."""
        links = visit.page.locator("header nav a").all()
        addresses = [str(link.evaluate("(link) => link.href")) for link in links]
        listed = [address.removeprefix(f"{self.stack.url}/") for address in addresses]
        self.assertGreaterEqual(len(listed), 5, listed)
        incidents = {f"incident, {name}": f"console/incidents/{self.world[name]}" for name in ("approved", "repaired", "disk", "first_in_chat", "certificate")}
        storm = {"storm": f"console/storms/{self.world.storm}", "storm's incident": f"console/incidents/{self.world.storm}"}
        found = {"history, a search": "console/history?text=var&limit=1", "history, nothing found": "console/history?text=nothing-of-the-kind"}
        found |= {"alert quality of a month": "console/quality?since=30d", "no such incident": UNKNOWN}
        return {path: path for path in listed} | incidents | storm | found

    def _look_at(self, visit: Visit, name: str, path: str, language: str) -> None:
        page = visit.goes(path)
        self.assertEqual(page.locator("html").get_attribute("lang"), "zh-TW" if language == "zh-TW" else "en", f"{name}: language")
        visit.unfolds()
        self.fits_everywhere(visit, name, language)

    def test_nothing_moves_for_whoever_wants_less_motion(self) -> None:
        moving = """() => [...document.querySelectorAll("*")].filter((one) => {
          const style = getComputedStyle(one);
          return style.animationName !== "none" || style.transitionDuration.split(",").some((span) => parseFloat(span) > 0) || style.scrollBehavior === "smooth";
        }).map((one) => one.localName)"""
        # A style that moves everything, as a later change might add one: the page's own has to win.
        restless = "*, *::before { transition: color 3s; scroll-behavior: smooth; animation: turn 1s infinite } @keyframes turn { to { rotate: 1turn } }"
        with self.visit({"reduced_motion": True}) as visit:
            page = visit.signs_in()
            add = "(text) => { const sheet = new CSSStyleSheet(); sheet.replaceSync(text); document.adoptedStyleSheets = [sheet]; }"
            page.evaluate(add, restless)
            self.assertEqual(page.evaluate(moving), [], "elements that move all the same")
        with self.visit() as visit:
            page = visit.signs_in()
            page.evaluate(add, restless)
            self.assertNotEqual(page.evaluate(moving), [], "the same style moves them for others")
