"""The story of the demo: break, alert, incident, analysis, card, approval, repair, verification, and once more."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from infra.local import alertmanager, records
from infra.local.errors import StageFailed
from infra.local.processes import Children
from infra.local.records import Item, Records
from infra.local.show import Screen
from infra.local.stack import APPROVER_ID, CHAT_ID, Local, Telegram
from infra.local.target_host import CLUSTER, SERVICE, Target

T = TypeVar("T")
LABELS = {"alertname": "TargetDown", "severity": "warning", "component": SERVICE, "cluster": CLUSTER, "namespace": "demo"}
ANNOTATIONS = {"summary": "The web service of the demo host does not answer."}
DEAD_ENDS = ("needs_human", "rejected", "repair_failed")


def tell(children: Children, local: Local, screen: Screen) -> float:
    """Runs the whole story. Returns the seconds from the alert to the verified repair."""
    if local.target is None or local.telegram is None:
        raise StageFailed("a stack with a target and with Telegram", "one without")
    chapter = Chapter(local, local.target, local.telegram, screen, records_of(local))
    url = f"{local.deployed.api_url}/api/v1/webhooks/alertmanager"
    sender = alertmanager.start(children, local.run, url, local.secrets["alertmanager"])
    screen.stage(f"target host: {local.target.kind}; alerts come from: {sender.description}")

    chapter.break_the_service()
    fired = time.monotonic()
    sender.fire(LABELS, ANNOTATIONS)
    incident = chapter.see_the_incident()
    card = chapter.see_the_card(incident)
    carded = time.monotonic()
    screen.progress(f"alert to card: {carded - fired:.2f} s")

    approved = time.monotonic()
    chapter.approve(incident, card)
    chapter.see_the_repair(incident)
    verified = time.monotonic()
    screen.progress(f"approval to verified repair: {verified - approved:.2f} s")

    chapter.see_the_result(incident, card)
    screen.stage("the same alert again, from the other Prometheus of a pair")
    sender.fire(LABELS | {"replica": "b"}, ANNOTATIONS)
    chapter.see_it_converge(incident)
    chapter.see_the_log(incident)
    return verified - fired


def records_of(local: Local) -> Records:
    return Records(local.deployed.emulator.client("dynamodb"), local.deployed.outputs["TableName"])


@dataclass(frozen=True)
class Chapter:
    local: Local
    target: Target
    telegram: Telegram
    screen: Screen
    records: Records

    def wait(self, expected: str, seconds: float, look: Callable[[], tuple[T | None, str]]) -> T:
        """Polls `look` for a value. With it comes what was seen, for the message when the deadline passes."""
        deadline = time.monotonic() + seconds
        while True:
            found, seen = look()
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise StageFailed(f"{expected} within {seconds:.0f} s", seen, str(self.local.run.logs))
            time.sleep(0.03)

    def break_the_service(self) -> None:
        self.wait("the service was started", 30, lambda: (True if self.target.started() else None, "its supervisor does not say so yet"))
        self.screen.stage("killing the service on the target host")
        self.target.break_service()
        self.wait("the service is down", 5, lambda: (None if self.target.healthy() else True, "it still answers"))
        self.screen.progress(f"{self.target.health_url} does not answer any more; firing TargetDown")

    def incident_of(self, name: str) -> str:
        """The incident of the alert about this."""

        def look() -> tuple[str | None, str]:
            found = [one for one in self.records.incidents() if one["alert"]["labels"].get("component") == name]
            return (str(found[0]["id"]), "") if found else (None, "no such incident in the table")

        return self.wait(f"an incident of {name}", 20, look)

    def see_the_incident(self) -> str:
        incident = self.incident_of(SERVICE)
        self.screen.stage(f"incident {incident}")
        analysed = self.wait_for_status(incident, "awaiting_approval", 20)
        analysis, plan = analysed.get("analysis") or {}, analysed.get("plan") or {}
        self.screen.stage(f"analysed ({analysis.get('provider', '?')}): {analysis.get('action_title', '?')}")
        self.screen.progress(f"severity {analysed.get('severity')}, risk {analysis.get('risk')}, plan {plan.get('playbook', plan)}")
        return incident

    def wait_for_status(self, incident: str, wanted: str, seconds: float) -> Item:
        def look() -> tuple[Item | None, str]:
            document = self.records.incident(incident)
            status = document["status"]
            if status in DEAD_ENDS and status != wanted:
                log = self.records.log(incident)
                last = f"{log[-1]['event']}: {log[-1]['detail']} {log[-1].get('error') or ''}" if log else "an empty log"
                raise StageFailed(f"status {wanted}", f"status {status}; last entry {last}", str(self.local.run.logs))
            return (document if status == wanted else None), f"status {status}"

        return self.wait(f"incident {incident} with status {wanted}", seconds, look)

    def cards(self) -> list[Item]:
        """The messages in the chat that stand below no other."""
        messages: list[Item] = self.telegram.control("messages", chat_id=CHAT_ID)["messages"]
        return [message for message in messages if not message["reply_to_message_id"]]

    def card(self) -> Item | None:
        return next(reversed(self.cards()), None)

    def see_the_card(self, incident: str) -> Item:
        def look() -> tuple[Item | None, str]:
            card = self.card()
            return (card, "") if card and _button(card, "approve:") else (None, f"the chat holds {card}")

        card = self.wait("a card with an Approve button in the chat", 20, look)
        self.screen.stage("card in the chat")
        self.screen.quote(str(card["text"]))
        return card

    def approve(self, incident: str, card: Item) -> None:
        data = _button(card, "approve:")
        self.screen.stage(f"user {APPROVER_ID} presses Approve")
        message = card["message_id"]
        self.telegram.control("press", chat_id=CHAT_ID, message_id=message, data=data, from_id=APPROVER_ID, username="oncall")

        def look() -> tuple[Item | None, str]:
            answers = self.telegram.control("callback_answers")["callback_answers"]
            deliveries = self.telegram.control("deliveries")["deliveries"]
            return (answers[0] if answers else None), f"no answer; deliveries to the webhook: {deliveries}"

        answer = self.wait("the pressed button is answered", 10, look)
        self.screen.progress(f"the button answers: {answer['text']!r}")

    def see_the_repair(self, incident: str) -> None:
        self.wait_for_status(incident, "repaired", 60)
        self.screen.stage("repaired and verified")
        if not self.target.healthy():
            raise StageFailed(f"{self.target.health_url} answers after the repair", "it does not", str(self.local.run.logs))
        self.screen.progress(f"{self.target.health_url} answers again")

    def see_the_result(self, incident: str, card: Item) -> None:
        def look() -> tuple[Item | None, str]:
            events = [entry["event"] for entry in self.records.log(incident)]
            newest = self.card()
            return (newest if "TELEGRAM_RESULT_SENT" in events else None), f"log events {events}"

        result = self.wait("the result of the repair in the chat", 15, look)
        edits = len(result["history"]) - 1
        self.screen.stage(f"the card now reads ({edits} edits)" if result["message_id"] == card["message_id"] else "a result card")
        self.screen.quote(str(result["text"]))
        messages = self.telegram.control("messages", chat_id=CHAT_ID)["messages"]
        below = [message for message in messages if message["reply_to_message_id"] == result["message_id"]]
        if not below:
            raise StageFailed("a new message below the card, which makes a sound", "there is none", str(self.local.run.logs))
        self.screen.stage("and a new message below it, which makes a sound")
        self.screen.quote(str(below[-1]["text"]))

    def see_it_converge(self, incident: str) -> None:
        def look() -> tuple[bool | None, str]:
            counts = [int(episode["hit_count"]) for episode in self.records.episodes()]
            incidents = [document["id"] for document in self.records.incidents()]
            return (True if counts == [2] and incidents == [incident] else None), f"hit counts {counts}, incidents {incidents}"

        self.wait("one episode with hit_count 2 and still one incident", 20, look)
        self.screen.progress("it joined the incident: hit_count 2, and still one incident")

    def see_the_log(self, incident: str) -> None:
        def look() -> tuple[list[Item] | None, str]:
            entries = self.records.log(incident)
            events = [str(entry["event"]) for entry in entries]
            return (entries if "ALERT_CONVERGED" in events else None), f"log events {events}"

        entries = self.wait("the convergence in the operation log", 10, look)
        cards = self.cards()
        if len(cards) != 1:
            raise StageFailed("one card in the chat", f"{len(cards)} cards", str(self.local.run.logs))
        self.screen.stage(f"operation log of {incident}")
        self.screen.quote("\n".join(_entry(entry) for entry in entries))
        if broken := records.broken_link(incident, entries):
            raise StageFailed("an unbroken chain of hashes in the operation log", broken, str(self.local.run.logs))
        self.screen.progress(f"the chain of {len(entries)} hashes is unbroken")


def _button(card: Item, prefix: str) -> str | None:
    rows: list[list[dict[str, Any]]] = (card.get("reply_markup") or {}).get("inline_keyboard", [])
    found = [str(button.get("callback_data", "")) for row in rows for button in row]
    return next((data for data in found if data.startswith(prefix)), None)


def _entry(entry: Item) -> str:
    at = entry["at"]
    clock = records.moment(at).strftime("%H:%M:%S.%f")[:-3] if isinstance(at, str) else str(at)
    mark = "✓" if entry["success"] else "✗"
    error = f" ({entry['error']})" if entry.get("error") else ""
    detail = str(entry["detail"]).replace("\n", " ")
    return f"{int(entry['seq']):>3} {clock} {mark} {entry['event']:<22} {entry['actor']}: {detail}{error}"
