"""Texts of alerts that attack the page: each is shown as the text that it is, and does nothing."""

from __future__ import annotations

from typing import Any

from infra.local.console import hostile
from infra.local.console.browser import Visit
from infra.local.console.tests.case import ConsoleTest

# What the templates are made of. Whatever else is on a page was made by a text.
TAGS = (
    "a button code dd details div dl dt form h1 h2 h3 img input label li ol option output p pre section select span strong summary table tbody td "
    "textarea th thead time tr ul br bdi wbr"
).split()
# What a page has that no template has put there, and what a text may not reach: elements, handlers, addresses, styles, ids that come twice.
STRANGE = """(tags) => {
  const found = [];
  const ids = new Set();
  for (const one of document.body.querySelectorAll("*")) {
    const inMain = one.closest("main") !== null && one.localName !== "main";
    const name = `<${one.localName}> ${one.outerHTML.slice(0, 80)}`;
    if (inMain && !tags.includes(one.localName)) found.push(`an element: ${name}`);
    if (one.localName === "img" && !one.matches(".chart")) found.push(`an image: ${name}`);
    for (const { name: attribute, value } of one.attributes) {
      if (attribute.startsWith("on") || attribute === "style" || attribute === "srcdoc") found.push(`${attribute}: ${name}`);
      if (["href", "src", "action", "formaction", "xlink:href", "ping"].includes(attribute) && !/^(#|\\?|(\\.\\.?\\/)*(console|api\\/v1)(\\/|$|\\?))/.test(value)) found.push(`${attribute}=${value}: ${name}`);
    }
    if (one.id && ids.has(one.id)) found.push(`the id ${one.id} twice`);
    ids.add(one.id);
  }
  const title = document.title;
  if (title === "owned" || window.owned !== undefined) found.push("a script of a text has run");
  return found;
}"""
# Texts that could reorder what stands beside them: their signs are there, and nothing keeps them apart from the rest of the line.
REORDERING = """() => {
  const signs = /[\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]/;
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const found = [];
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const { display, unicodeBidi } = getComputedStyle(text.parentElement);
    const isAlone = ["block", "list-item", "table-cell"].includes(display) && text.parentNode.childNodes.length === 1;
    const isApart = isAlone || (display === "inline" && /isolate|plaintext/.test(unicodeBidi));
    if (signs.test(text.data) && !isApart) found.push(`${text.parentElement.outerHTML.slice(0, 100)}`);
  }
  return found;
}"""


# So many notes stand on a page at once, each with five texts.
NOTES = 5


class Hostile(ConsoleTest):
    def test_two_hundred_texts_do_nothing_on_any_page(self) -> None:
        brought = hostile.alerts()
        incidents: list[str] = []
        for at in range(0, len(brought), 10):
            incidents += self.stack.delivers([alert for _, alert in brought[at : at + 10]])
        self.assertEqual(len(set(incidents)), len(brought), "each alert has an incident of its own")
        for incident in incidents:
            self.stack.until("an analysed incident", incident, lambda one: one["status"] == "needs_human")
        with self.visit({"width": 360}) as visit:
            visit.signs_in()
            every = {word: text for word, text in hostile.values()}
            for path in ("console", "console/history"):
                self._is_harmless(visit, path, every)
            for incident, (words, alert) in zip(incidents, brought, strict=True):
                self._is_harmless(visit, f"console/incidents/{incident}", {word: every[word] for word in words})
            self._is_harmless(visit, "console/wall", {})

    def test_texts_of_people_do_nothing_either(self) -> None:
        # Notes, and the reason of a switch: who writes them has signed in, and may be the one who attacks.
        incident, every = self.world["certificate"], dict(hostile.values()[: 5 * NOTES])
        words = list(every)
        try:
            for at in range(0, len(words), 5):
                text = " ".join(every[word] for word in words[at : at + 5])
                self.stack.changes(f"incidents/{incident}/respond", {"action": "note", "text": text}, "bob")
            self.stack.quell("kill-switch", "on", "--why", every[words[0]])
            with self.visit({"width": 360}) as visit:
                visit.signs_in()
                self._is_harmless(visit, f"console/incidents/{incident}", every)
                for path in ("console", "console/wall", "console/repairs"):
                    self._is_harmless(visit, path, {words[0]: every[words[0]]})
        finally:
            self.stack.quell("kill-switch", "off")

    def test_whatever_is_opened_by_its_own_address_runs_no_script(self) -> None:
        # A chart is an image in a page, and a document of its own where somebody opens its address.
        disk = self.world["disk"]
        with self.visit() as visit:
            page = visit.signs_in(path=f"console/incidents/{disk}")
            chart = page.locator("img.chart").first.evaluate("(image) => image.src")
            for address in (chart, f"{self.stack.url}/api/v1/incidents/{disk}", f"{self.stack.url}/console/health"):
                answer = page.goto(address)
                headers = answer.headers if answer else {}
                policy = headers.get("content-security-policy", "")
                for rule in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"):
                    self.assertIn(rule, policy, address)
                self.assertEqual((headers["x-frame-options"], headers["x-content-type-options"]), ("DENY", "nosniff"), address)

    def _is_harmless(self, visit: Visit, path: str, values: dict[str, str]) -> None:
        page = visit.goes(path)
        visit.unfolds()
        text: str = page.locator("main").evaluate("(main) => main.innerText")
        missing = {word: value for word, value in values.items() if word not in text}
        found: dict[str, Any] = {
            "texts that are not shown": missing,
            "what the templates have not put there": page.evaluate(STRANGE, TAGS),
            "texts that reorder others": page.evaluate(REORDERING),
            "elements that are wider than the window": visit.wide(),
            "faults": visit.found(),
        }
        for what, faults in found.items():
            with self.subTest(page=path, width=360, language="en-GB", scheme="light", what=what):
                self.assertFalse(faults, f"{what}: {faults}")
