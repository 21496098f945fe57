"""Another site's pages, with the person's own session: they change nothing, read nothing, and frame nothing."""

from __future__ import annotations

import html
import json
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer

from playwright.sync_api import expect

from infra.local.console.browser import Visit
from infra.local.console.tests.case import ConsoleTest
from infra.local.net import LOOPBACK
from infra.local.stand_in import StandIn


@contextmanager
def site(content: str) -> Iterator[int]:
    """Another site, all of whose pages are this one. Its port."""

    class Page(StandIn):
        def route(self, address: urllib.parse.SplitResult) -> None:
            self.answer(200, content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Page)
    thread = threading.Thread(target=server.serve_forever, name="another site", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sends(address: str, body: object) -> str:
    """A page whose form sends a body of JSON, as far as a form can."""
    name, value = json.dumps(body)[:-1] + ', "x": "', '"}'
    field = f'<input name="{html.escape(name)}" value="{html.escape(value)}">'
    return f'<form method="post" enctype="text/plain" action="{html.escape(address)}">{field}<button>You have won</button></form>'


class Forgery(ConsoleTest):
    def _state(self, incident: str) -> dict[str, object]:
        """What a person can change of an incident."""
        found = self.stack.incident(incident)
        return {name: found.get(name) for name in ("status", "responder", "response", "approval")}

    def _is_signed_in(self, visit: Visit) -> None:
        page = visit.goes("console")
        expect(page.locator(".who")).to_contain_text("ada")

    def test_forms_of_other_origins_change_nothing(self) -> None:
        incident = self.world["certificate"]
        before = self._state(incident)
        respond = f"{self.stack.url}/api/v1/incidents/{incident}/respond"
        kill = f"{self.stack.url}/api/v1/kill-switch"
        out = f"{self.stack.url}/api/v1/sessions/end"
        with self.visit(expected=["status of 4", "a request to"]) as visit:
            visit.signs_in()
            for address, body in [(respond, {"action": "note", "text": "forged"}), (kill, {"why": "forged"}), (out, {})]:
                content = sends(address, body)
                with site(content) as port:
                    # To a browser another port is another origin of the same site, whose requests carry the cookie all the same.
                    forged = [f"http://{LOOPBACK}:{port}/", f"http://localhost:{port}/", f"data:text/html,{urllib.parse.quote(content)}"]
                    for page in forged:
                        visit.page.goto(page)
                        with visit.page.expect_response(address) as answer:
                            visit.page.locator("button").click()
                        # What comes from another site has no cookie, and what comes from another port has no right.
                        refused = (403,) if LOOPBACK in page[:20] else (401, 403)
                        self.assertIn(answer.value.status, refused, f"{page[:40]} to {address}")
            self._is_signed_in(visit)
        self.assertEqual(self._state(incident), before)
        self.assertNotIn("switched_off", self.stack.reads("repairs"))

    def test_scripts_of_other_origins_read_and_change_nothing(self) -> None:
        incident = self.world["certificate"]
        before = self._state(incident)
        address = f"{self.stack.url}/api/v1/incidents/{incident}"
        reads = "(address) => fetch(address, { credentials: 'include' }).then((answer) => answer.text(), () => 'refused')"
        acts = """(address) => fetch(address, { method: 'POST', credentials: 'include', body: '{"action":"acknowledge"}',
          headers: { 'Content-Type': 'application/json', 'X-Quell-One-Time': 'x' } }).then((answer) => answer.status, () => 'refused')"""
        # The browser says what it keeps from such a page.
        with self.visit(expected=["CORS", "net::ERR_FAILED", "a request to"]) as visit, site("<p>another site</p>") as port:
            visit.signs_in()
            for host in (LOOPBACK, "localhost"):
                visit.page.goto(f"http://{host}:{port}/")
                visit.faults.clear()
                self.assertEqual(visit.page.evaluate(reads, address), "refused", host)
                self.assertEqual(visit.page.evaluate(acts, f"{address}/respond"), "refused", host)
        self.assertEqual(self._state(incident), before)

    def test_no_other_page_frames_the_console(self) -> None:
        content = "".join(f'<iframe src="{self.stack.url}/{path}"></iframe>' for path in ("console", "console/sign-in"))
        with self.visit(expected=["frame-ancestors", "X-Frame-Options", "a request to"]) as visit, site(content) as port:
            visit.signs_in()
            for host in (LOOPBACK, "localhost"):
                visit.page.goto(f"http://{host}:{port}/")
                frames = visit.page.frames[1:]
                self.assertEqual(len(frames), 2)
                for frame in frames:
                    self.assertEqual(frame.locator("main, form").count(), 0, f"{host}: {frame.url}")
                visit.faults.clear()

    def test_no_other_window_reaches_into_the_console(self) -> None:
        with self.visit(expected=["a request to"]) as visit, site("<p>another site</p>") as port:
            visit.signs_in()
            visit.page.goto(f"http://{LOOPBACK}:{port}/")
            visit.faults.clear()
            with visit.context.expect_page() as opened:
                visit.page.evaluate("(address) => { window.other = window.open(address); }", f"{self.stack.url}/console")
            opened.value.wait_for_load_state()
            visit.page.wait_for_function("() => window.other.closed")
