"""The actions of responders on a page."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from infra.local.console.given import Alert, Incident
from infra.local.console.tests.case import NEWS_MILLISECONDS, VIEWS, ConsoleTest

REASONS = ("fixed_by_hand", "false_alarm", "duplicate")


class Responding(ConsoleTest):
    def test_a_responder_does_all_that_a_card_lets_them_do(self) -> None:
        incident = self.world["memory"]
        with self.visit() as visit:
            page = visit.signs_in(path=f"console/incidents/{incident}")
            self.presses(page, "acknowledge")
            self.comes_to(incident, lambda one: one["responder"] == "ada")
            expect(page.locator(".head")).to_contain_text("ada", timeout=NEWS_MILLISECONDS)
            page.select_option("#assign select", "bob")
            self.presses(page, "assign")
            self.comes_to(incident, lambda one: one["responder"] == "bob")
            page.fill("#note textarea", "Looked at <b>top</b>: it is the import.")
            self.presses(page, "note")
            self.comes_to(incident, lambda one: one["response"]["notes"][-1]["text"] == "Looked at <b>top</b>: it is the import.")
            expect(page.locator(".notes")).to_contain_text("<b>top</b>", timeout=NEWS_MILLISECONDS)
            expect(page.locator("#note textarea")).to_have_value("")
            self.presses(page, "cause-wrong")
            self.comes_to(incident, lambda one: one["response"]["cause_is_right"] is False)
            self.presses(page, "cause-right")
            self.comes_to(incident, lambda one: one["response"]["cause_is_right"] is True)
            page.fill("#snooze input[name=minutes]", "30")
            self.presses(page, "snooze")
            self.comes_to(incident, lambda one: "snoozed_until" in one["response"])

    def test_every_action_is_done_in_every_view(self) -> None:
        incident, other = self.world["memory"], self.world["database"]
        for number, view in enumerate(VIEWS):
            with self.subTest(**view), self.visit(view) as visit:
                page = visit.signs_in(path=f"console/incidents/{incident}")
                self.presses(page, "acknowledge")
                self.comes_to(incident, lambda one: one["responder"] == "ada")
                page.select_option("#assign select", "bob")
                self.presses(page, "assign")
                self.comes_to(incident, lambda one: one["responder"] == "bob")
                note = f"Seen at {view['width']} px, {number}."
                page.fill("#note textarea", note)
                self.presses(page, "note")
                expect(page.locator(".notes")).to_contain_text(note, timeout=NEWS_MILLISECONDS)
                for form, right in (("cause-wrong", False), ("cause-right", True)):
                    self.presses(page, form)
                    self.comes_to(incident, lambda one: one["response"]["cause_is_right"] is right)
                page.fill("#snooze input[name=minutes]", str(30 + number))
                self.presses(page, "snooze")
                self.comes_to(incident, lambda one: "snoozed_until" in one["response"])
                visit.unfolds()
                self.fits(visit, "an incident with what people did about it")
                reason = REASONS[number % len(REASONS)]
                self.closes(page, reason, other if reason == "duplicate" else None)
                closed = self.comes_to(incident, lambda one: one["status"] == "closed")
                self.assertEqual(closed["response"]["closed"]["reason"], reason)
                expect(page.locator("#reopen button")).to_be_enabled(timeout=NEWS_MILLISECONDS)
                self.fits(visit, "an incident that was closed")
                page.locator("#reopen button").click()
                self.comes_to(incident, lambda one: bool(one["open"]))
                expect(page.locator("#close-details")).to_be_attached(timeout=NEWS_MILLISECONDS)

    def test_an_incident_is_closed_with_a_reason_and_opened_again(self) -> None:
        incident, other = self.world["queue"], self.world["database"]
        with self.visit() as visit:
            page = visit.signs_in(path=f"console/incidents/{incident}")
            for reason, repeats in [("fixed_by_hand", None), ("false_alarm", None), ("duplicate", other)]:
                visit.unfolds()
                self.closes(page, reason, repeats)
                closed = self.comes_to(incident, lambda one: one["status"] == "closed")["response"]["closed"]
                self.assertEqual((closed["reason"], closed.get("duplicate_of"), closed["person"]), (reason, repeats, "ada"))
                page.locator("#reopen button").click(timeout=NEWS_MILLISECONDS)
                self.comes_to(incident, lambda one: bool(one["open"]))
                expect(page.locator("#close-details")).to_be_attached(timeout=NEWS_MILLISECONDS)

    def test_two_quick_presses_are_both_taken(self) -> None:
        incident = self.world["database"]
        with self.visit() as visit:
            page = visit.signs_in(path=f"console/incidents/{incident}")
            # Before the page has its next one-time token.
            page.evaluate("() => { for (const form of ['acknowledge', 'cause-right']) document.querySelector(`#${form} button`).click(); }")
            self.comes_to(incident, lambda one: one.get("responder") == "ada" and one["response"].get("cause_is_right") is True)
            for form in ("acknowledge", "cause-right"):
                self.is_done(page, page.locator(f"#{form}"))

    def test_a_wrong_field_is_refused_in_words(self) -> None:
        with self.visit(expected=["status of 4"]) as visit:
            page = visit.signs_in(path=f"console/incidents/{self.world['pod']}")
            visit.unfolds()
            page.select_option("#close select[name=reason]", "duplicate")
            page.locator("#close button").click()
            failed = self.said(page, "failed").split("{why}")[0]
            expect(page.locator("#close output")).to_contain_text(failed)
            self.assertGreater(len(page.locator("#close output").inner_text()), len(failed) + 5)
        self.assertTrue(self.stack.incident(self.world["pod"])["open"])

    def test_one_press_is_for_the_whole_alert_group(self) -> None:
        def alert(number: int) -> Alert:
            labels = {"alertname": "ProbeFailed", "severity": "warning", "instance": f"edge-{number}", "namespace": "edge", "cluster": "prod"}
            return Alert(labels, {"summary": f"edge-{number} does not answer."})

        incidents = self.stack.delivers([alert(1), alert(2)], {"alertname": "ProbeFailed", "namespace": "edge"})
        for one in incidents:
            self.stack.until("an analysed incident", one, lambda found: found["status"] == "needs_human")
        with self.visit() as visit:
            page = visit.signs_in(path=f"console/incidents/{incidents[0]}")
            page.check("#whole-group")
            self.presses(page, "acknowledge")
            for one in incidents:
                self.comes_to(one, lambda found: found.get("responder") == "ada")

    def closes(self, page: Page, reason: str, repeats: str | None) -> None:
        page.select_option("#close select[name=reason]", reason)
        if repeats:
            page.fill("#close input[name=duplicate_of]", repeats)
        page.locator("#close button").click()

    def presses(self, page: Page, form: str) -> None:
        page.locator(f"#{form} button").click()
        self.is_done(page, page.locator(f"#{form}"))

    def comes_to(self, incident: str, holds: Callable[[Incident], bool]) -> Incident:
        return self.stack.until("what was pressed", incident, holds, 20)
