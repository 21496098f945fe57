"""Decisions on plans, from the page and from the chat."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from infra.local.console.browser import Visit
from infra.local.console.given import Incident
from infra.local.console.seed import plan
from infra.local.console.tests.case import NEWS_MILLISECONDS, PAIRS, ConsoleTest

# An approval, a repair by SSH and its checks.
REPAIR_MILLISECONDS = 90_000


class Decides(ConsoleTest):
    """How a person decides on a page."""

    def approves(self, page: Page) -> None:
        page.check("#approve input[name=read]")
        page.locator("#approve button").click()

    def rejects(self, page: Page) -> None:
        page.locator("#reject button").click()
        expect(page.locator(".decision.rejected")).to_contain_text("ada", timeout=NEWS_MILLISECONDS)
        expect(page.locator("#approve, #reject")).to_have_count(0)

    def asks_to_stop(self, page: Page) -> None:
        expect(page.locator("#stop button")).to_be_enabled(timeout=NEWS_MILLISECONDS)
        page.locator("#stop button").click()
        expect(page.locator("section:has(#repair)")).to_contain_text("ada", timeout=NEWS_MILLISECONDS)

    def stops(self, page: Page, incident: str) -> None:
        stopped = self.stack.until("a repair that was stopped", incident, lambda one: bool(one.get("repair", {}).get("outcome")))
        self.assertEqual((stopped["repair"]["outcome"], stopped["repair"]["stop_asked_by"]), ("stopped", "ada"))
        expect(page.locator("#stop")).to_have_count(0, timeout=NEWS_MILLISECONDS)

    def shows_the_repair(self, page: Page) -> None:
        expect(page.locator(".steps li.succeeded")).not_to_have_count(0, timeout=REPAIR_MILLISECONDS)


class Deciding(Decides):
    def test_a_plan_is_approved_by_tick_and_button_and_runs(self) -> None:
        incident = self.world["approved"]
        with self.visit() as visit:
            page = visit.signs_in(path=f"console/incidents/{incident}")
            page.locator("#approve button").click()
            self.assertFalse(page.evaluate("() => document.querySelector('#approve').checkValidity()"))
            self.assertEqual(self.stack.incident(incident)["approval"]["state"], "pending", "nothing is approved that was not read")
            self.approves(page)
            expect(page.locator("#approve")).to_have_count(0, timeout=NEWS_MILLISECONDS)
            expect(page.locator(".decision.approved")).to_contain_text("ada", timeout=NEWS_MILLISECONDS)
            found = self.stack.until("a verified repair", incident, is_verified)
            self.assertEqual(found["approval"]["decided_by"], "ada")
            # The page shows it by itself, and what the steps printed.
            self.shows_the_repair(page)
            output = page.locator("section:has(#outputs) details").first
            expect(output).to_be_attached(timeout=NEWS_MILLISECONDS)
            output.locator("summary").click()
            expect(output.locator("pre")).not_to_be_empty()

    def test_a_plan_is_rejected_on_a_phone_in_chinese_in_the_dark(self) -> None:
        incident = self.world["rejected"]
        with self.visit({"width": 360, "language": "zh-TW", "scheme": "dark"}) as visit:
            page = visit.signs_in(path=f"console/incidents/{incident}")
            self.rejects(page)
            self.assertEqual(visit.wide(), [])
        self.assertEqual(self.stack.incident(incident)["status"], "rejected")

    def test_a_repair_that_runs_is_shown_and_stopped(self) -> None:
        incident = self.world["stopped"]
        with self.visit() as visit:
            page = visit.signs_in(path=f"console/incidents/{incident}")
            repairs = visit.another()
            self.approves(page)
            self.stack.until("a repair that runs", incident, lambda one: one["status"] == "repairing")
            repairs.goto(f"{self.stack.url}/console/repairs")
            expect(repairs.locator(f"[data-incident='{incident}']")).to_be_visible()
            expect(repairs.locator(f"table a[href$='{incident}']")).to_be_visible()
            self.asks_to_stop(page)
            self.stops(page, incident)
            expect(repairs.locator(f"[data-incident='{incident}']")).to_have_count(0, timeout=90_000)

    def test_plans_are_approved_stopped_and_rejected_in_every_view(self) -> None:
        for number, view in enumerate(PAIRS):
            waits = [plan(self.stack, "QuellDoctor", f"{name}-{number}", "http://127.0.0.1:9", "A trial of the way to the host.") for name in ("approve", "reject")]
            approved, rejected = (self.stack.delivers([alert])[0] for alert in waits)
            for incident in (approved, rejected):
                self.stack.until("a plan that waits", incident, lambda one: one["status"] == "awaiting_approval")
            with self.subTest(**view), self.visit(view) as visit:
                page = visit.signs_in(path=f"console/incidents/{rejected}")
                self.rejects(page)
                self.fits(visit, "a plan that was rejected")
                page = visit.goes(f"console/incidents/{approved}")
                self.approves(page)
                self.asks_to_stop(page)
                # Its step takes ten seconds, and the next one does not begin.
                self.fits(visit, "a repair that runs")
                self.stops(page, approved)
                self.fits(visit, "a repair that was stopped")


class DecidingByTwo(Decides):
    """Where two people have to approve, each presses in the chat, which knows its accounts. The page shows who has, and can reject
    (docs/decisions/0018-one-person-is-not-two.md)."""

    def test_the_page_shows_both_who_approve_in_the_chat_in_either_order(self) -> None:
        telegram = self.stack.facts["telegram"]
        accounts = {"oncall": telegram["approver_id"], "second": telegram["second_approver_id"]}
        for name, order in [("first_in_chat", ("oncall", "second")), ("second_in_chat", ("second", "oncall"))]:
            incident, (first, second) = self.world[name], order
            with self.subTest(order=order), self.visit(expected=["status of 403"]) as visit:
                page = visit.signs_in(path=f"console/incidents/{incident}")
                expect(page.locator(".decision.pending")).to_contain_text("0/2")
                self.cannot_approve(visit)
                self.stack.presses(incident, "approve", accounts[first])
                expect(page.locator(".decision.pending")).to_contain_text("1/2", timeout=NEWS_MILLISECONDS)
                expect(page.locator(".decision.pending")).to_contain_text(f"({first})")
                # The page of somebody else is no second person, and neither is the first one again.
                self.cannot_approve(visit)
                self.stack.presses(incident, "approve", accounts[first])
                page.wait_for_timeout(1_000)
                waiting = self.stack.incident(incident)
                self.assertEqual((waiting["status"], waiting["approval"]["given"]), ("awaiting_approval", 1))
                self.stack.presses(incident, "approve", accounts[second])
                for person in order:
                    expect(page.locator(".decision.approved")).to_contain_text(person, timeout=NEWS_MILLISECONDS)
                found = self.stack.until("a verified repair", incident, is_verified)
                self.assertEqual(found["approval"]["approved_by"], list(order))
                self.shows_the_repair(page)

    def test_the_page_rejects_what_one_has_approved_in_the_chat(self) -> None:
        incident = self.world["not_by_two"]
        with self.visit() as visit:
            page = visit.signs_in(path=f"console/incidents/{incident}")
            self.stack.presses(incident, "approve", self.stack.facts["telegram"]["approver_id"])
            expect(page.locator(".decision.pending")).to_contain_text("1/2", timeout=NEWS_MILLISECONDS)
            self.rejects(page)
        found = self.stack.incident(incident)
        self.assertEqual((found["status"], "repair" in found), ("rejected", False))

    def cannot_approve(self, visit: Visit) -> None:
        """The page has no such form, and what it would send is refused with what to do instead."""
        page = visit.page
        expect(page.locator("#approve")).to_have_count(0)
        sends = """() => fetch(document.querySelector("#reject").getAttribute("action").replace(/reject$/, "approve"), { method: "POST",
          headers: { "Content-Type": "application/json", "X-Quell-One-Time": document.querySelector("meta[name=quell-one-time]").content },
          body: "{}" }).then(async (answer) => [answer.status, (await answer.json()).detail])"""
        status, detail = page.evaluate(sends)
        self.assertEqual(status, 403)
        self.assertIn("two different people", detail)


def is_verified(one: Incident) -> bool:
    return bool(one.get("repair", {}).get("outcome") == "verified")
