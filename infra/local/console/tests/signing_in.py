"""Signing in and out as a person does it with a form."""

from __future__ import annotations

from playwright.sync_api import expect

from infra.local.console.tests.case import ConsoleTest


class SigningIn(ConsoleTest):
    def test_a_token_leads_to_the_page_that_was_wanted(self) -> None:
        with self.visit() as visit:
            page = visit.goes("console/history?severity=P1")
            expect(page.locator("form.sign-in")).to_be_visible()
            expect(page.locator("#token")).to_be_focused()
            page.fill("#token", self.stack.token("ada")[:-1] + "x")
            page.keyboard.press("Enter")
            expect(page.locator("#refused")).to_be_visible()
            expect(page.locator("#token")).to_have_attribute("aria-describedby", "refused")
            page.fill("#token", self.stack.token("ada"))
            page.keyboard.press("Enter")
            expect(page.locator(".who")).to_contain_text("ada")
            self.assertTrue(visit.is_at("console/history?severity=P1"), page.url)

    def test_the_cookie_is_out_of_reach_of_scripts(self) -> None:
        with self.visit() as visit:
            page = visit.signs_in()
            [cookie] = visit.context.cookies(self.stack.url)
            found = (cookie["name"], cookie["httpOnly"], cookie["secure"], cookie["sameSite"], cookie["path"])
            self.assertEqual(found, ("__Host-quell-session", True, True, "Strict", "/"))
            self.assertEqual(page.evaluate("document.cookie"), "")
            self.assertEqual(page.evaluate("[localStorage.length, sessionStorage.length]"), [0, 0])

    def test_signing_out_ends_every_page_of_the_session(self) -> None:
        with self.visit() as visit:
            page = visit.signs_in()
            wall = visit.another()
            wall.goto(f"{self.stack.url}/console/wall")
            expect(wall.locator("body.wall")).to_be_attached()
            page.locator(".who form button").click()
            expect(page.locator("form.sign-in")).to_be_visible()
            # The other one learns it with its next question, and leads to the form.
            wall.bring_to_front()
            expect(wall.locator("form.sign-in")).to_be_visible(timeout=30_000)

    def test_a_page_from_the_browsers_memory_asks_at_once(self) -> None:
        with self.visit() as visit:
            page = visit.signs_in(path="console/playbooks")
            # As a browser says it whose user goes back (https://html.spec.whatwg.org/multipage/nav-history-apis.html#the-pagetransitionevent-interface).
            with page.expect_request(f"{self.stack.url}/console/playbooks", timeout=2_000):
                page.evaluate("() => { dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })); }")

    def test_who_may_not_act_is_told_why_and_has_no_form(self) -> None:
        with self.visit() as visit:
            page = visit.signs_in("eve", f"console/incidents/{self.world['approved']}")
            self.shows(page, self.world["approved"])
            expect(page.locator(".acts .empty")).to_contain_text("channels.json")
            expect(page.locator("form[data-act]")).to_have_count(0)
            # The decision says so as well.
            expect(page.locator("section:has(#decision) .empty")).to_contain_text("channels.json")

    def test_without_scripts_pages_show_all_and_change_nothing(self) -> None:
        context = self.running.browser.new_context(java_script_enabled=False, locale="en-GB")
        try:
            page = context.new_page()
            page.goto(f"{self.stack.url}/console/incidents/{self.world['approved']}")
            page.fill("#token", self.stack.token("ada"))
            page.click("form.sign-in button")
            expect(page.locator(".commands pre").first).to_be_visible()
            buttons = page.locator("form[data-act] button")
            self.assertGreater(buttons.count(), 5)
            for button in buttons.all():
                expect(button).to_be_disabled()
        finally:
            context.close()
