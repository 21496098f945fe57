"""The page of an incident: evidence, plan, timeline, log and print, and that a refresh takes nothing away from its reader."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from infra.local.console.tests.case import NEWS_MILLISECONDS, ConsoleTest


class Incident(ConsoleTest):
    def test_evidence_is_drawn_and_written(self) -> None:
        with self.visit() as visit:
            page = visit.signs_in(path=f"console/incidents/{self.world['disk']}")
            chart = page.locator("img.chart").first
            chart.scroll_into_view_if_needed()
            loaded = "(image) => image.decode().then(() => [image.naturalWidth, image.naturalHeight, image.alt])"
            width, height, alt = chart.evaluate(loaded)
            self.assertEqual((width > 300, height > 150, bool(alt)), (True, True, True), (width, height, alt))
            table = page.locator("section:has(#evidence) table")
            # What the stand-in for Prometheus has now.
            value = table.locator("tbody tr", has=page.locator("td:nth-child(3)", has_text="< 10"))
            expect(value.locator("td").first).to_contain_text("7.4")
            page.locator("#asked > summary").click()
            expect(page.locator("#asked dt").first).to_be_visible()
            # The cause that a recipe found, with the evidence that it rests on.
            expect(page.locator("section:has(#finding)")).to_contain_text(re.compile(r"21\.4.*was filled within the last hour"))
            expect(page.locator("section:has(#finding)")).to_contain_text(re.compile(r"E\d"))

    def test_a_plan_has_every_argument_of_every_command(self) -> None:
        planned = self.stack.incident(self.world["rejected"])["plan"]
        with self.visit() as visit:
            page = visit.signs_in(path=f"console/incidents/{self.world['rejected']}")
            commands = [step["command"] for part in planned["parts"] for step in part["steps"]]
            self.assertEqual(page.locator(".commands pre").all_inner_texts(), commands)
            page.locator("#why-plan > summary").click()
            expect(page.locator("#why-plan")).to_contain_text(planned["hash"])
            checks = self.stack.incident(self.world["rejected"])["guardrails"]
            expect(page.locator(".checks li")).to_have_count(len(checks))
            expect(page.locator(".checks li.stopped")).to_have_count(sum(not check["passed"] for check in checks))

    def test_the_timeline_goes_from_alert_to_end_and_leads_into_the_log(self) -> None:
        incident = self.world["repaired"]
        log = self.stack.reads(f"incidents/{incident}/log")
        with self.visit() as visit:
            page = visit.signs_in(path=f"console/incidents/{incident}")
            times = [str(one.get_attribute("datetime")) for one in page.locator(".timeline time").all()]
            self.assertEqual(times, sorted(times))
            events = [str(one.get_attribute("title")) for one in page.locator(".timeline .event").all()]
            self.assertEqual(events[0], "ALERT_RECEIVED")
            for event in ("ANALYSIS_COMPLETED", "APPROVAL_DECIDED", "EXECUTION_COMPLETED", "VERIFICATION_FINISHED", "INCIDENT_RESOLVED"):
                self.assertIn(event, events)
            expect(page.locator("#whole-log")).not_to_have_attribute("open", "")
            page.locator(".timeline a").last.click()
            # A browser opens what its address leads into.
            expect(page.locator("#whole-log")).to_have_attribute("open", "")
            expect(page.locator(".log li")).to_have_count(len(log["entries"]))
            hashes = [text.strip() for text in page.locator(".log .hash").all_inner_texts()]
            self.assertEqual(hashes, [entry["hash"] for entry in log["entries"]])
            expect(page.locator("section:has(#log)")).to_contain_text(log["head"]["hash"])

    def test_a_refresh_keeps_text_focus_and_open_details(self) -> None:
        with self.visit() as visit:
            page = visit.signs_in(path=f"console/incidents/{self.world['approved']}")
            for details in ("whole-log", "why-plan", "labels"):
                page.locator(f"#{details} > summary").click()
            page.check("#approve input[name=read]")
            page.fill("#snooze input[name=minutes]", "17")
            page.fill("#note textarea", "half a note")
            page.focus("#note textarea")
            page.evaluate("() => document.querySelector('#note textarea').setSelectionRange(2, 6)")
            before = page.locator(".log li").count()
            self.stack.changes(f"incidents/{self.world['approved']}/respond", {"action": "note", "text": "Seen by another person."}, "bob")
            expect(page.locator(".log li")).not_to_have_count(before, timeout=NEWS_MILLISECONDS)
            expect(page.locator(".notes")).to_contain_text("Seen by another person.")
            for details in ("whole-log", "why-plan", "labels"):
                expect(page.locator(f"#{details}")).to_have_attribute("open", "")
            expect(page.locator("#approve input[name=read]")).to_be_checked()
            expect(page.locator("#snooze input[name=minutes]")).to_have_value("17")
            expect(page.locator("#note textarea")).to_have_value("half a note")
            expect(page.locator("#note textarea")).to_be_focused()
            self.assertEqual(page.evaluate("() => { const { selectionStart, selectionEnd } = document.activeElement; return [selectionStart, selectionEnd]; }"), [2, 6])

    def test_no_key_decides(self) -> None:
        with self.visit() as visit:
            page = visit.signs_in(path=f"console/incidents/{self.world['approved']}")
            posted: list[str] = []
            page.on("request", lambda request: posted.append(request.url) if request.method != "GET" else None)
            for key in [*"abcdefilmnoqstuvwxyz1234567890 ", "Enter", "Delete", "Escape", "F2", "Shift+A", "Shift+Enter"]:
                page.keyboard.press(key)
            page.wait_for_timeout(300)
            self.assertEqual(posted, [])
            self.shows(page, self.world["approved"])
            self.assertEqual(self.stack.incident(self.world["approved"])["approval"]["state"], "pending")

    def test_a_print_has_everything_and_exact_times(self) -> None:
        with self.visit() as visit:
            page = visit.signs_in(path=f"console/incidents/{self.world['repaired']}")
            opened = page.locator(".head time[data-age]").last
            self.assertNotRegex(opened.inner_text(), r"^\d{4}-")
            page.emulate_media(media="print", color_scheme="dark")
            page.evaluate("() => { dispatchEvent(new Event('beforeprint')); }")
            self.assertRegex(opened.inner_text(), r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$")
            for left_out in (".top", ".acts", ".skip"):
                expect(page.locator(left_out)).to_be_hidden()
            # What is folded up on the screen is on paper.
            for printed in (".commands pre", ".log li", ".timeline li", "#labels dd", "section:has(#outputs) pre"):
                box = page.locator(printed).first.bounding_box()
                self.assertTrue(box and box["height"] > 5, f"{printed}: {box}")
            ground = page.evaluate("() => [document.documentElement, document.body].map((one) => getComputedStyle(one).color)")
            self.assertEqual(set(ground), {"rgb(0, 0, 0)"}, "black letters on white paper, whatever the screen's scheme is")
            self.assertGreater(len(page.pdf(format="A4")), 10_000)
            page.emulate_media(media="screen")
            page.evaluate("() => { dispatchEvent(new Event('afterprint')); }")
            self.assertNotRegex(opened.inner_text(), r"^\d{4}-")
