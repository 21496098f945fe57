"""axe-core (https://github.com/dequelabs/axe-core) on a page, in a world of its own: the policy lets no script into the page's."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.console.browser import Visit
from infra.local.errors import StageFailed

# All of its rules, with those that are good practice and in no standard.
RUN = """axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations.flatMap(({ id, nodes }) =>
  nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")} ${(failureSummary ?? "").split("\\n").slice(1).join(" ").trim()}`)))"""
# The package that carries it, and its file there.
PACKAGE, FILE = "axe_playwright_python", "axe.min.js"


def source() -> str:
    found = importlib.util.find_spec(PACKAGE)
    files = list(Path(found.origin).parent.rglob(FILE)) if found and found.origin else []
    if not files:
        raise StageFailed(f"{FILE} in the package {PACKAGE}", "none")
    return files[0].read_text()


@contextmanager
def on(visit: Visit) -> Iterator[Callable[[], list[str]]]:
    """What looks at the page as it is now, until it goes elsewhere. Each violation with its element."""
    session = visit.context.new_cdp_session(visit.page)
    try:
        frame = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
        world = session.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "axe"})["executionContextId"]

        def evaluate(expression: str) -> object:
            command = {"expression": expression, "contextId": world, "awaitPromise": True, "returnByValue": True}
            answer = session.send("Runtime.evaluate", command)
            if "exceptionDetails" in answer:
                raise StageFailed("axe runs", str(answer["exceptionDetails"])[:500])
            return answer["result"].get("value")

        def look() -> list[str]:
            found = evaluate(RUN)
            if not isinstance(found, list):
                raise StageFailed("axe answers with its violations", str(found))
            return [str(one) for one in found]

        evaluate(source())
        yield look
    finally:
        session.detach()
