"""What ends a session, and what its pages say then."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from infra.local.console.browser import LANGUAGES, View
from infra.local.console.tests.case import ConsoleTest

# What the form says, with the words of shared/domain/words/console.
ENDED = {"en-GB": "Your session has ended. Sign in again.", "zh-TW": "您的登入已失效，請重新登入。"}
DEVICES: tuple[View, ...] = ({"width": 1440, "language": LANGUAGES[0]}, {"width": 360, "language": LANGUAGES[1], "scheme": "dark"})


class Sessions(ConsoleTest):
    def test_an_administrator_ends_a_token_and_every_device_says_so(self) -> None:
        token = self._made()
        desk, phone = DEVICES
        with self.visit(desk) as first, self.visit(phone) as second:
            board = first.signs_in_with(token, "console")
            incident = second.signs_in_with(token, f"console/incidents/{self.world['disk']}?from=a-link")
            self.stack.quell("tokens", "end", token.split("_")[1])
            for page, view in [(board, desk), (incident, phone)]:
                self._says_so(page, view)
            # And so does the address itself, with the cookie that the browser still has.
            self._shows_that_it_ended(first.goes("console/history"), desk)
            # Who signs in again is where they were.
            incident.fill("#token", self.stack.token("ada"))
            incident.keyboard.press("Enter")
            self.shows(incident, self.world["disk"])
            self.assertTrue(second.is_at(f"console/incidents/{self.world['disk']}?from=a-link"), incident.url)

    def test_a_device_that_signs_out_leaves_the_persons_others_alone(self) -> None:
        with self.visit() as lost, self.visit() as other:
            lost.signs_in()
            page = other.signs_in()
            lost.page.locator(".who form button").click()
            expect(lost.page.locator("form.sign-in")).to_be_visible()
            expect(lost.page.locator(".failed")).to_have_count(0)
            with page.expect_response(f"{self.stack.url}/console") as answer:
                page.evaluate("() => { dispatchEvent(new Event('online')); }")
            self.assertIn(answer.value.status, (200, 304))

    def test_a_session_whose_cookie_is_gone_is_said_to_be_over(self) -> None:
        with self.visit() as visit:
            page = visit.signs_in(path="console/history?severity=P2")
            # As a browser does when the cookie's time is over.
            visit.context.clear_cookies()
            self._says_so(page, {"language": LANGUAGES[0]})
            page.fill("#token", self.stack.token("ada"))
            page.keyboard.press("Enter")
            expect(page.locator(".who")).to_be_visible()
            self.assertTrue(visit.is_at("console/history?severity=P2"), page.url)

    def test_what_is_pressed_in_a_session_that_is_over_changes_nothing(self) -> None:
        token, incident = self._made(), self.world["certificate"]
        before = self.stack.incident(incident)["response"]
        with self.visit(expected=["status of 401"]) as visit:
            page = visit.signs_in_with(token, f"console/incidents/{incident}")
            page.fill("#note textarea", "Written too late.")
            self.stack.quell("tokens", "end", token.split("_")[1])
            page.locator("#note button").click()
            self._shows_that_it_ended(page, {"language": LANGUAGES[0]})
        self.assertEqual(self.stack.incident(incident)["response"], before)

    def _made(self) -> str:
        """A token of Bob's own for this test, as an administrator makes one."""
        directory = self.stack.facts["target"]["config_dir"]
        made = self.stack.quell("tokens", "make", "bob", "--may", "look", "--may", "decide", "--config", directory)
        self.assertRegex(made, r"^quell_[0-9A-Z]{26}_[0-9a-f]{64}$")
        return made

    def _says_so(self, page: Page, view: View) -> None:
        """The page learns with its next look that the session is over."""
        page.bring_to_front()
        page.evaluate("() => { dispatchEvent(new Event('online')); }")
        self._shows_that_it_ended(page, view)

    def _shows_that_it_ended(self, page: Page, view: View) -> None:
        expect(page.locator("form.sign-in")).to_be_visible()
        expect(page.locator("[role=alert]")).to_have_text(ENDED[view["language"]])
        expect(page.locator("main#main")).to_have_count(0)
        expect(page).to_have_url(re.compile(r"[?&]refused=ended&"))
