"""A real Chromium, and a person who visits the console with it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request, StorageState, sync_playwright

from infra.local.console.given import Stack
from infra.local.errors import StageFailed

WIDTHS = (360, 768, 1440)
HEIGHT = 900
LANGUAGES = ("en-GB", "zh-TW")
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
# Whatever the policy refuses becomes an error of the console, with what it was (https://www.w3.org/TR/CSP3/#report-violation).
REPORTS = "addEventListener('securitypolicyviolation', (e) => console.error(`refused by ${e.effectiveDirective}: ${e.blockedURI} ${e.sample}`))"
FLAGS = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
# Elements that make a page wider than its window, or the page itself. Boxes that scroll by themselves may hold wide things.
WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const beyond = [...document.body.querySelectorAll("*")].filter((one) => one.getBoundingClientRect().right > width && !one.closest(".scroll, pre, .unseen, .skip"));
  const named = (one) => `${one.localName}${one.id && "#" + one.id}${[...one.classList].map((name) => "." + name).join("")} ${(one.textContent ?? "").trim().slice(0, 40)}`;
  return beyond.length > 0 ? beyond.slice(-3).map(named) : ["the page itself"];
}"""


def chromium() -> str | None:
    """The browser of the machine: none is downloaded."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@contextmanager
def started() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        raise StageFailed("a browser", "no chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class View(TypedDict, total=False):
    """How a person looks at it."""

    width: int
    language: str
    scheme: Scheme
    reduced_motion: bool
    zone: str
    # The cookies of a person who has signed in before.
    signed_in: StorageState


@dataclass
class Visit:
    """A person's window, and what went wrong in it that no page may let happen."""

    stack: Stack
    context: BrowserContext
    page: Page
    faults: list[str] = field(default_factory=list)
    # Parts of faults that a test brings about itself.
    expected: list[str] = field(default_factory=list)

    def goes(self, path: str) -> Page:
        self.page.goto(f"{self.stack.url}/{path}")
        return self.page

    def signs_in(self, person: str = "ada", path: str = "console") -> Page:
        return self.signs_in_with(self.stack.token(person), path)

    def signs_in_with(self, token: str, path: str) -> Page:
        page = self.goes(path)
        page.fill("#token", token)
        page.click("form.sign-in button")
        page.wait_for_selector("main#main")
        # With the load the page's scripts have begun.
        page.wait_for_load_state()
        return page

    def unfolds(self) -> None:
        """Opens all details of the page."""
        self.page.evaluate("() => { for (const details of document.querySelectorAll('main details')) details.open = true; }")

    def is_at(self, path: str) -> bool:
        return self.page.url == f"{self.stack.url}/{path}"

    def found(self) -> list[str]:
        """What went wrong since the last call, but for what was expected."""
        found = [fault for fault in self.faults if not any(part in fault for part in self.expected)]
        self.faults.clear()
        return found

    def wide(self) -> list[str]:
        elements: list[str] = self.page.evaluate(WIDE)
        return elements

    def another(self) -> Page:
        """Another page of the same person, watched as well."""
        page = self.context.new_page()
        self.watches(page)
        return page

    def watches(self, page: Page) -> None:
        def console(message: ConsoleMessage) -> None:
            if message.type == "error":
                self.faults.append(f"{page.url}: {message.text}")

        def dialog(shown: Dialog) -> None:
            self.faults.append(f"{page.url}: a dialog: {shown.message}")
            shown.dismiss()

        page.on("console", console)
        page.on("dialog", dialog)
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error.message}"))

    def asked(self, request: Request) -> None:
        if not request.url.startswith((self.stack.origin + "/", "data:", "blob:")):
            self.faults.append(f"{self.page.url}: a request to {request.url}")


@contextmanager
def visiting(browser: Browser, stack: Stack, view: View | None = None) -> Iterator[Visit]:
    wanted = view or {}
    context = browser.new_context(
        viewport={"width": wanted.get("width", 1280), "height": HEIGHT},
        locale=wanted.get("language", LANGUAGES[0]),
        color_scheme=wanted.get("scheme", "light"),
        reduced_motion="reduce" if wanted.get("reduced_motion") else "no-preference",
        timezone_id=wanted.get("zone", "UTC"),
        storage_state=wanted.get("signed_in"),
    )
    try:
        context.add_init_script(REPORTS)
        visit = Visit(stack, context, context.new_page())
        context.on("request", visit.asked)
        visit.watches(visit.page)
        yield visit
    finally:
        context.close()
