"""The whole local stack: the host to repair, the chat, the emulator and the deployment, in that order."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local import build, deploy, emulator, net, target_host
from infra.local.errors import StageFailed
from infra.local.paths import PROJECT, Run
from infra.local.processes import Children
from infra.local.target_host import Target

CHAT_ID = -1001000000042
APPROVER_ID = 4242
# Every story tells in the one chat, which would take a few at Telegram's own rate.
MESSAGES_PER_MINUTE = 600


@dataclass(frozen=True)
class Telegram:
    base_url: str
    token: str = field(repr=False)

    def api(self, method: str, **parameters: Any) -> Any:
        answer = net.call(f"{self.base_url}/bot{self.token}/{method}", parameters)
        if answer.status != 200:
            raise StageFailed(f"Telegram's {method} succeeds", f"{answer.status} {answer.body}")
        return answer.json()["result"]

    def control(self, action: str, **parameters: Any) -> Any:
        answer = net.call(f"{self.base_url}/_control/{action}", parameters)
        if answer.status != 200:
            raise StageFailed(f"the Telegram stand-in's {action} succeeds", f"{answer.status} {answer.body}")
        return answer.json()


@dataclass(frozen=True)
class Local:
    """A running stack. `target` and `telegram` can be left out."""

    run: Run
    deployed: deploy.Stack
    target: Target | None
    telegram: Telegram | None

    @property
    def secrets(self) -> dict[str, str]:
        names = {
            "webhook": "WebhookSecretArn",
            "alertmanager": "AlertmanagerSecretArn",
            "approval": "ApprovalSecretArn",
            "telegram_webhook": "TelegramWebhookSecretArn",
        }
        return {name: self.deployed.secret(output) for name, output in names.items()}

    def facts(self) -> dict[str, Any]:
        """Everything that a test needs to know, ready for JSON."""
        facts: dict[str, Any] = {
            "api_url": self.deployed.api_url,
            "endpoint_url": self.deployed.emulator.endpoint,
            "region": emulator.REGION,
            "access_key_id": emulator.ACCESS_KEY,
            "secret_access_key": emulator.ACCESS_KEY,
            "outputs": self.deployed.outputs,
            "secrets": self.secrets,
            "directory": str(self.run.directory),
            "logs": str(self.run.logs),
            "sam_env_file": str(write_sam_environment(self)),
        }
        if self.telegram:
            base = self.telegram.base_url
            facts["telegram"] = {"base_url": base, "control_url": f"{base}/_control", "token": self.telegram.token}
            facts["telegram"] |= {"chat_id": CHAT_ID, "approver_id": APPROVER_ID}
        if self.target:
            key = self.run.directory / "target" / "client_key"
            facts["target"] = self.target.facts() | {"private_key_file": str(key)}
        return facts


@dataclass(frozen=True)
class Wanted:
    """What to start. `bootstraps` is a directory of built functions; without it `built` is what sam has built."""

    bootstraps: Path | None = None
    built: Path = build.BUILT_TEMPLATE
    without: frozenset[str] = frozenset()
    parameters: Mapping[str, str] = field(default_factory=dict)
    bind: str = net.LOOPBACK
    own_ssh_host: Path | None = None


def start(children: Children, run: Run, wanted: Wanted, stage: Callable[[str], None]) -> Local:
    parameters = {"Architecture": build.host_architecture()}
    target = None
    if "target" not in wanted.without:
        stage("target host")
        target = target_host.start(children, run, wanted.own_ssh_host)
        # The emulator has no layers for this runtime, so the functions read the directory itself.
        parameters["ConfigDirectory"] = str(run.config)
    telegram = None
    if "telegram" not in wanted.without:
        stage("Telegram stand-in")
        telegram = _start_telegram(children, run, wanted.bind)
        write_channels(run.config, telegram.base_url)
        parameters["ConfigDirectory"] = str(run.config)
    stage("AWS emulator")
    aws = emulator.start(children, run, wanted.bind)
    stage("deployment")
    parameters |= wanted.parameters
    if wanted.bootstraps:
        deployed = deploy.with_bootstraps(aws, wanted.bootstraps, parameters, run)
    else:
        deployed = deploy.with_sam(aws, wanted.built, parameters, run)
    if target:
        deployed.put_secret("SshPrivateKeyArn", target.private_key)
    if telegram:
        deployed.put_secret("TelegramBotTokenArn", telegram.token)
        url, secret = f"{deployed.api_url}/api/v1/webhooks/telegram", deployed.secret("TelegramWebhookSecretArn")
        telegram.api("setWebhook", url=url, secret_token=secret, allowed_updates=["callback_query"])
    return Local(run, deployed, target, telegram)


def write_channels(directory: Path, telegram_url: str) -> None:
    """Who is told, and who may decide: the stand-in's chat, and people by each way of deciding."""
    chat = {"name": "on-call", "to": {"telegram": {"chat_id": CHAT_ID, "api_url": telegram_url, "messages_per_minute": MESSAGES_PER_MINUTE}}}
    people = {"oncall": {"telegram": APPROVER_ID}, "ada": {"api": True}, "bob": {"api": True}}
    content = {"channels": [chat], "routes": [{"channels": ["on-call"]}], "people": people, "approvals": [{"people": list(people)}]}
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "channels.json").write_text(json.dumps(content, indent=1))


def write_sam_environment(local: Local) -> Path:
    """A file for `sam local invoke --env-vars`: the variables of the deployed functions, with this stack's endpoint.

    SAM would otherwise pass logical ids where the template refers to resources. The configuration directory is left
    out, because inside the container it is the layer's.
    """
    client = local.deployed.emulator.client("lambda")
    variables = {}
    for output, name in local.deployed.outputs.items():
        if output.endswith("FunctionName"):
            found = dict(client.get_function_configuration(FunctionName=name)["Environment"]["Variables"])
            found.pop("CONFIG_DIR", None)
            variables[output.removesuffix("Name")] = found | {"AWS_ENDPOINT_URL": local.deployed.emulator.endpoint}
    file = local.run.directory / "sam-env.json"
    file.write_text(json.dumps(variables, indent=1))
    return file


def _start_telegram(children: Children, run: Run, bind: str) -> Telegram:
    token = f"7700000042:{secrets.token_urlsafe(26)}"
    token_file = run.directory / "telegram-token"
    token_file.touch(mode=0o600)
    token_file.write_text(token)
    log = run.log("telegram")
    command = [sys.executable, "-m", "infra.local", "telegram", "--token-file", str(token_file), "--chat-id", str(CHAT_ID)]
    command += ["--bind", bind]
    child = children.start("telegram", command, log, cwd=PROJECT)
    deadline = time.monotonic() + 15
    while child.process.poll() is None and time.monotonic() < deadline:
        first = log.read_text().partition("\n")
        if first[1]:
            return Telegram(f"http://{emulator.reachable(bind)}:{json.loads(first[0])['port']}", token)
        time.sleep(0.02)
    raise StageFailed("the Telegram stand-in prints its port", child.tail(), str(log))
