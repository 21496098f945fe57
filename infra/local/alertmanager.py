"""Where the demo's alerts come from: the real Alertmanager if it is installed, else a recorded payload of it."""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml

from infra.local.errors import StageFailed
from infra.local.net import LOOPBACK, answers, call, free_port
from infra.local.paths import PROJECT, Run
from infra.local.processes import Children, wait_until

Labels = dict[str, str]


@dataclass(frozen=True)
class Sender:
    description: str
    fire: Callable[[Labels, Labels], None]


def start(children: Children, run: Run, webhook_url: str, bearer: str) -> Sender:
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        recorded = _recorded()
        return Sender(f"recorded payload {recorded.name}", lambda labels, texts: _post(recorded, webhook_url, bearer, labels, texts))
    url = _start_real(children, run, program, webhook_url, bearer)
    return Sender(f"Alertmanager ({program})", lambda labels, texts: _fire(url, labels, texts))


def _start_real(children: Children, run: Run, program: str, webhook_url: str, bearer: str) -> str:
    directory = run.directory / "alertmanager"
    directory.mkdir(exist_ok=True)
    token = directory / "token"
    token.touch(mode=0o600)
    token.write_text(bearer)
    http = {"authorization": {"type": "Bearer", "credentials_file": str(token)}}
    # Every alert is a group of its own and is sent at once, so that the demo waits for Quell and not for a timer.
    route = {"receiver": "quell", "group_by": ["..."], "group_wait": "0s", "group_interval": "10s", "repeat_interval": "4h"}
    receiver = {"name": "quell", "webhook_configs": [{"url": webhook_url, "send_resolved": True, "http_config": http}]}
    config = directory / "alertmanager.yml"
    config.write_text(yaml.safe_dump({"route": route, "receivers": [receiver]}, sort_keys=False))
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    command = [program, f"--config.file={config}", f"--storage.path={directory}", f"--web.listen-address={LOOPBACK}:{port}"]
    # An empty address switches clustering off.
    child = children.start("alertmanager", [*command, "--cluster.listen-address="], run.log("alertmanager"), _environment())
    wait_until("Alertmanager is ready", lambda: answers(f"{url}/-/ready"), child, 15)
    return url


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}


def _fire(url: str, labels: Labels, annotations: Labels) -> None:
    answer = call(f"{url}/api/v2/alerts", [{"labels": labels, "annotations": annotations}])
    if answer.status != 200:
        raise StageFailed("Alertmanager takes the alert", f"{answer.status} {answer.body}")


def _recorded() -> Path:
    candidates = sorted((PROJECT / "events").glob("alertmanager-*.json"), key=lambda path: ("single" not in path.name, path.name))
    if not candidates:
        raise StageFailed("a recorded Alertmanager payload in events/", "none")
    return candidates[0]


def _post(recorded: Path, webhook_url: str, bearer: str, labels: Labels, annotations: Labels) -> None:
    """Sends the recorded delivery with the demo's alert in the place of the recorded one."""
    payload: dict[str, Any] = json.loads(recorded.read_text())
    if isinstance(payload.get("body"), str):
        payload = json.loads(payload["body"])
    alert = copy.deepcopy(payload["alerts"][0])
    alert |= {"status": "firing", "labels": labels, "annotations": annotations, "endsAt": "0001-01-01T00:00:00Z"}
    alert["startsAt"] = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
    payload |= {"status": "firing", "alerts": [alert], "groupLabels": labels, "commonLabels": labels, "commonAnnotations": annotations}
    answer = call(webhook_url, payload, {"Authorization": f"Bearer {bearer}"})
    if answer.status != 200:
        raise StageFailed("the API takes the recorded payload", f"{answer.status} {answer.body}")
