"""What the stack holds when a check begins: incidents of every kind, opened by alerts, and one that was repaired on the stack's host."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local.console import prometheus
from infra.local.console.given import Alert, Incident, Labels, Stack, until
from infra.local.errors import StageFailed

# The cluster in which the registry has the stack's service (infra/local/target_host.py).
CLUSTER = "demo"
# As many alerts of one rule in one delivery as share an incident, and a few more (`MANY` of shared/intake).
TOGETHER = 18
SETTLED = ("awaiting_approval", "needs_human", "in_storm", "repaired", "resolved")


# A plan for which two people have to approve, as for every one of critical risk. It does what another playbook of the stack does.
FOR_TWO = {
    "id": "restart-ledger",
    "name": "Restart the ledger, which two people approve",
    "match": {"alertnames": ["LedgerDown"]},
    "risk": "critical",
    "parameters": {"program": {"from": "service.unit", "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"}},
    "steps": [{"run": ["supervisorctl", "restart", "{program}"], "timeout": "30s", "idempotent": True}],
    "verify": [{"run": ["true"]}],
}


@dataclass(frozen=True)
class World:
    """The incidents by what they are for."""

    incidents: dict[str, str]
    storm: str

    def __getitem__(self, name: str) -> str:
        return self.incidents[name]


@contextmanager
def seeded(stack: Stack) -> Iterator[World]:
    with prepared(stack) as server:
        yield opened(stack, server)


@contextmanager
def prepared(stack: Stack) -> Iterator[str]:
    """Files as the functions have to find them: they read them when they start. Prometheus's address, before any alert has come."""
    with prometheus.serving() as server:
        directory = Path(stack.facts["target"]["config_dir"])
        analyzer, playbooks = directory / "analyzer.yaml", directory / "playbooks.yaml"
        text, found = re.subn(r"(?m)^evidence:$", f"evidence:\n  prometheus: {{ url: '{server}', timeout: 3s }}", analyzer.read_text())
        if found != 1:
            raise StageFailed("analyzer.yaml has one part `evidence`", f"{found} of them")
        analyzer.write_text(text)
        # JSON is YAML.
        playbooks.write_text(f"{playbooks.read_text()}\n- {json.dumps(FOR_TWO)}\n")
        yield server


def plan(stack: Stack, name: str, namespace: str, server: str, summary: str) -> Alert:
    """An alert for which a playbook has a plan on the stack's host."""
    labels = {"alertname": name, "severity": "warning", "component": stack.service, "job": "web", "namespace": namespace, "cluster": CLUSTER, "team": "web"}
    return Alert(labels, {"summary": summary}, prometheus.page_of(server, prometheus.UP))


def alerts(stack: Stack, server: str) -> dict[str, Alert]:
    def alert(labels: Labels, summary: str, expression: str = "") -> Alert:
        page = prometheus.page_of(server, expression) if expression else ""
        return Alert({"severity": "warning"} | labels, {"summary": summary, "runbook_url": "https://runbooks.example/" + labels["alertname"]}, page)

    disk = {"alertname": "NodeFilesystemAlmostOutOfSpace", "instance": "db-1:9100", "mountpoint": "/var", "device": "/dev/vda2", "fstype": "ext4", "cluster": "prod"}
    database = {"alertname": "PostgresqlTooManyConnections", "instance": "db-2:9187", "namespace": "orders", "cluster": "prod"}
    pod = {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "checkout-7f6d9c-x2x1z", "container": "app", "cluster": "prod"}
    certificate = {"alertname": "BlackboxSslCertificateWillExpireSoon", "instance": "https://shop.example", "severity": "info"}
    queue = {"alertname": "QueueGrows", "queue": "mails", "instance": "worker-3:8080", "cluster": "prod"}
    memory = {"alertname": "HostOutOfMemory", "instance": "api-3:9100", "cluster": "prod"}
    return {
        "approved": plan(stack, "TargetDown", "checkout", server, "The checkout does not answer."),
        "rejected": plan(stack, "TargetDown", "billing", server, "Billing does not answer."),
        "stopped": plan(stack, "QuellDoctor", "search", server, "A trial of the way to the host."),
        "repaired": plan(stack, "TargetDown", "accounts", server, "The accounts do not answer."),
        "first_in_chat": plan(stack, "LedgerDown", "ledger", server, "The ledger does not answer."),
        "second_in_chat": plan(stack, "LedgerDown", "ledger-old", server, "The old ledger does not answer."),
        "not_by_two": plan(stack, "LedgerDown", "ledger-trial", server, "The ledger of the trial does not answer."),
        "disk": alert(disk, "/var of db-1 has 7.4 % left.", prometheus.DISK),
        "database": alert(database, "db-2 has 96 of 100 connections in use."),
        "pod": alert(pod, "checkout restarts again and again."),
        "certificate": alert(certificate, "The certificate of shop.example ends in 12 days."),
        "queue": alert(queue, "12,000 mails wait, and no worker takes one."),
        "memory": alert(memory, "api-3 has 3 % of its memory left."),
    }


def opened(stack: Stack, server: str) -> World:
    known = alerts(stack, server)
    incidents = {name: stack.delivers([alert])[0] for name, alert in known.items()}
    # The worst is the last that is opened, and worse than it was.
    stack.delivers([Alert(known["database"].labels | {"severity": "critical"}, known["database"].annotations)])
    latency = [_latency(number) for number in range(TOGETHER)]
    members = stack.delivers(latency, {"alertname": "HighRequestLatency", "namespace": "shop"})
    for incident in [*incidents.values(), *members]:
        stack.until("an analysed incident", incident, lambda found: found["status"] in SETTLED)
    storm = stack.until("a part of a storm", members[0], lambda found: "storm" in found)["storm"]
    stack.until("an analysed storm with all of its incidents", storm, lambda found: "analysis" in found and found["members"]["all"] == TOGETHER)
    _repair(stack, incidents["repaired"], known["repaired"])
    _until_listed(stack, [*incidents.values(), storm])
    return World(incidents, storm)


def _latency(number: int) -> Alert:
    labels = {"alertname": "HighRequestLatency", "severity": "warning", "instance": f"cart-{number:02}:8080", "namespace": "shop", "cluster": "prod"}
    return Alert(labels, {"summary": f"cart-{number:02} answers within 2.8 s, and should within 2 s."})


def _repair(stack: Stack, incident: str, alert: Alert) -> None:
    """A person approves, and the alert ends when its repair is verified."""
    waiting = stack.until("a plan that waits for a decision", incident, awaits_approval)
    stack.changes(f"approvals/{waiting['approval']['id']}/approve", {})
    stack.until("a verified repair", incident, lambda found: found["status"] == "repaired")
    stack.delivers([alert], resolved=True)
    stack.until("the end of the alert", incident, lambda found: found["status"] == "resolved")


def awaits_approval(found: Incident) -> bool:
    return bool(found["status"] == "awaiting_approval")


def _until_listed(stack: Stack, incidents: list[str]) -> None:
    """The index follows the table by a moment."""

    def look() -> tuple[bool | None, str]:
        listed = {one["id"] for one in stack.reads("incidents?limit=100")["incidents"]}
        missing = [incident for incident in incidents if incident not in listed]
        return (None if missing else True), f"the list is without {missing}"

    until("a list with all incidents", look)
