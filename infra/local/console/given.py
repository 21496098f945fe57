"""The stack beside which a check runs: its facts, and requests to its door and its API as senders and people make them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

from infra.local.errors import StageFailed
from infra.local.net import Answer, call
from infra.local.paths import TARGET

T = TypeVar("T")
Labels = dict[str, str]
Incident = dict[str, Any]
PATIENCE_SECONDS = 90.0
# What Alertmanager writes for an alert that has not ended.
NEVER = "0001-01-01T00:00:00Z"


def now() -> str:
    return datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class Alert:
    """An alert as Alertmanager delivers it."""

    labels: Labels
    annotations: Labels
    generator_url: str = ""
    starts_at: str = field(default_factory=now)

    def payload(self, resolved: bool = False) -> dict[str, Any]:
        # Alertmanager tells alerts apart by their labels.
        fingerprint = hashlib.sha256(json.dumps(self.labels, sort_keys=True).encode()).hexdigest()[:16]
        return {
            "status": "resolved" if resolved else "firing",
            "labels": self.labels,
            "annotations": self.annotations,
            "startsAt": self.starts_at,
            "endsAt": now() if resolved else NEVER,
            "generatorURL": self.generator_url,
            "fingerprint": fingerprint,
        }


@dataclass(frozen=True)
class Stack:
    facts: dict[str, Any] = field(repr=False)

    @staticmethod
    def beside() -> Stack:
        """The stack of `up --run`."""
        files = os.environ.get("QUELL_STACK")
        if not files:
            raise StageFailed("a local stack (python -m infra.local up --run …)", "QUELL_STACK is not set")
        return Stack(json.loads(Path(files.split(os.pathsep)[0]).read_text()))

    @property
    def url(self) -> str:
        return str(self.facts["api_url"])

    @property
    def origin(self) -> str:
        address = urllib.parse.urlsplit(self.url)
        return f"{address.scheme}://{address.netloc}"

    @property
    def service(self) -> str:
        """The service on the stack's host, of which every repair asks a person."""
        return str(self.facts["target"]["service"])

    def token(self, person: str) -> str:
        return str(self.facts["tokens"][person])

    def asks(self, path: str, body: Any = None, person: str = "ada") -> Answer:
        """A request to the API with a person's own token."""
        return call(f"{self.url}/api/v1/{path}", body, {"Authorization": f"Bearer {self.token(person)}"}, timeout=30)

    def reads(self, path: str) -> Any:
        answer = self.asks(path)
        if answer.status != 200:
            raise StageFailed(f"GET {path} is answered", f"{answer.status} {answer.body[:500]}")
        return answer.json()

    def quell(self, *words: str) -> str:
        """What an administrator does with the `quell` command, on the control table. What it prints."""
        program = TARGET / "debug" / "quell"
        secret = {"AWS_ACCESS_KEY_ID": self.facts["access_key_id"], "AWS_SECRET_ACCESS_KEY": self.facts["secret_access_key"]}
        place = {"AWS_ENDPOINT_URL": self.facts["endpoint_url"], "AWS_REGION": self.facts["region"]}
        command = [str(program), *words, "--control-table", self.facts["outputs"]["ControlTableName"]]
        done = subprocess.run(command, env=os.environ | secret | place, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise StageFailed(f"quell {' '.join(words)}", f"exit {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def chats(self, action: str, **given: Any) -> Any:
        """What people do in Telegram, and what its stand-in has seen."""
        answer = call(f"{self.facts['telegram']['control_url']}/{action}", given, timeout=30)
        if answer.status != 200:
            raise StageFailed(f"the Telegram stand-in's {action} succeeds", f"{answer.status} {answer.body[:500]}")
        return answer.json()

    def presses(self, incident: str, verdict: str, person: int) -> None:
        """A person with this account presses a button of the incident's card."""
        data, chat = f"{verdict}:{self.incident(incident)['approval']['id']}", self.facts["telegram"]["chat_id"]

        def look() -> tuple[int | None, str]:
            messages = self.chats("messages", chat_id=chat)["messages"]
            found = [message["message_id"] for message in messages if data in json.dumps(message["reply_markup"])]
            return (found[-1] if found else None), f"{len(messages)} messages, and none with it"

        message = until(f"a card with the button {data}", look)
        self.chats("press", chat_id=chat, message_id=message, data=data, from_id=person)

    def incident(self, incident: str) -> Incident:
        found: Incident = self.reads(f"incidents/{incident}")
        return found

    def changes(self, path: str, body: Any, person: str = "ada") -> None:
        answer = self.asks(path, body, person)
        if answer.status != 200:
            raise StageFailed(f"POST {path} is taken", f"{answer.status} {answer.body[:500]}")

    def delivers(self, alerts: Sequence[Alert], group: Labels | None = None, resolved: bool = False) -> list[str]:
        """Delivers alerts as a group of Alertmanager's. The incident of each."""
        labels = group or {}
        body = {
            "version": "4",
            "groupKey": f"{{}}:{json.dumps(labels or alerts[0].labels, sort_keys=True)}",
            "truncatedAlerts": 0,
            "status": "resolved" if resolved else "firing",
            "receiver": "quell",
            "groupLabels": labels,
            "commonLabels": labels,
            "commonAnnotations": {},
            "externalURL": "http://alertmanager.example:9093" if group else "",
            "alerts": [alert.payload(resolved) for alert in alerts],
        }
        bearer = {"Authorization": f"Bearer {self.facts['secrets']['alertmanager']}"}
        answer = call(f"{self.url}/api/v1/webhooks/alertmanager", body, bearer, timeout=30)
        if answer.status != 200:
            raise StageFailed("ingress takes a delivery of Alertmanager", f"{answer.status} {answer.body[:500]}")
        results = answer.json()
        return [str(result["incident_id"]) for result in results.get("results") or [results]]

    def until(self, expected: str, incident: str, holds: Callable[[Incident], bool], seconds: float = PATIENCE_SECONDS) -> Incident:
        """The incident, once it is as expected."""

        def look() -> tuple[Incident | None, str]:
            found = self.incident(incident)
            return (found if holds(found) else None), f"incident {incident} with status {found['status']}"

        return until(expected, look, seconds)


def until(expected: str, look: Callable[[], tuple[T | None, str]], seconds: float = PATIENCE_SECONDS) -> T:
    """Asks `look` for a value until there is one. With it comes what was seen, for the message when the deadline passes."""
    deadline = time.monotonic() + seconds
    while True:
        found, seen = look()
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise StageFailed(f"{expected} within {seconds:.0f} s", seen)
        time.sleep(0.2)
