"""The whole local stack: the host to repair, the chat, the emulator and the deployment, in that order."""

from __future__ import annotations

import datetime
import hashlib
import json
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local import build, deploy, emulator, net, target_host
from infra.local.errors import StageFailed
from infra.local.paths import PROJECT, Run
from infra.local.processes import Children
from infra.local.target_host import Target
from infra.local.telegram_bot import BOT_USERNAME

CHAT_ID = -1001000000042
# Every story tells in the one chat, which would take a few at Telegram's own rate.
MESSAGES_PER_MINUTE = 600
APPROVER_ID, SECOND_APPROVER_ID, LATE_APPROVER_ID = 4242, 4343, 4444
SLACK_CHANNEL, SLACK_USERS = "C0123456789", ["U0123456789", "U0ADA000001", "U0STRANGER1"]
# Who may decide by the approvals API.
API_PEOPLE = ("ada", "bob")
SLACK_TOKEN_SECRET, SLACK_SIGNING_SECRET = "quell/channels/slack-token", "quell/inbound/slack-signing-secret"
PAGERDUTY_WEBHOOK_SECRET, PAGERDUTY_USER = "quell/inbound/pagerduty-webhook-secret", "PLH1HKV"
OIDC_CLIENT_SECRET = "quell/inbound/oidc-client-secret"


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
class Slack:
    origin: str
    token: str = field(repr=False)
    signing_secret: str = field(repr=False)

    @property
    def base_url(self) -> str:
        """Where the Web API answers."""
        return f"{self.origin}/api"

    def control(self, action: str, **parameters: Any) -> Any:
        answer = net.call(f"{self.origin}/_control/{action}", parameters)
        if answer.status != 200:
            raise StageFailed(f"the Slack stand-in's {action} succeeds", f"{answer.status} {answer.body}")
        return answer.json()

    def facts(self) -> dict[str, Any]:
        return {
            "base_url": self.base_url,
            "control_url": f"{self.origin}/_control",
            "token": self.token,
            "signing_secret": self.signing_secret,
            "token_secret": SLACK_TOKEN_SECRET,
            "channel_id": SLACK_CHANNEL,
            "user_id": SLACK_USERS[0],
            "user_ids": SLACK_USERS,
        }


@dataclass(frozen=True)
class Local:
    """A running stack. `target`, `telegram` and `slack` can be left out."""

    run: Run
    deployed: deploy.Stack
    target: Target | None
    telegram: Telegram | None
    slack: Slack | None
    # Of people, for the API, by name: with the rights to look and decide, and with the right to administer alone.
    tokens: dict[str, str]
    administrators: dict[str, str]

    @property
    def secrets(self) -> dict[str, str]:
        names = {
            "webhook": "WebhookSecretArn",
            "alertmanager": "AlertmanagerSecretArn",
            "telegram_webhook": "TelegramWebhookSecretArn",
        }
        generated = {name: self.deployed.secret(output) for name, output in names.items()}
        made = {"slack_signing": SLACK_SIGNING_SECRET, "pagerduty_webhook": PAGERDUTY_WEBHOOK_SECRET, "oidc_client": OIDC_CLIENT_SECRET}
        return generated | {name: self.deployed.secret_named(secret) for name, secret in made.items()}

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
            "tokens": self.tokens,
            "administrators": self.administrators,
            "directory": str(self.run.directory),
            "logs": str(self.run.logs),
            "sam_env_file": str(write_sam_environment(self)),
        }
        if self.telegram:
            base = self.telegram.base_url
            facts["telegram"] = {"base_url": base, "control_url": f"{base}/_control", "token": self.telegram.token}
            facts["telegram"] |= {"chat_id": CHAT_ID, "approver_id": APPROVER_ID, "second_approver_id": SECOND_APPROVER_ID}
        if self.slack:
            facts["slack"] = self.slack.facts()
        if self.target:
            key = self.run.directory / "target" / "client_key"
            facts["target"] = self.target.facts() | {"private_key_file": str(key)}
        return facts


@dataclass(frozen=True)
class Wanted:
    """What to start. `built` is a directory of built functions, an unpacked release, or the template that sam has built."""

    built: Path
    without: frozenset[str] = frozenset()
    parameters: Mapping[str, str] = field(default_factory=dict)
    bind: str = net.LOOPBACK
    own_ssh_host: Path | None = None
    # Whether the chat takes no more than a group of the real service does.
    chat_limits: bool = False
    # How long a restart of the target's service takes.
    start_seconds: int = target_host.START_SECONDS


def start(children: Children, run: Run, wanted: Wanted, stage: Callable[[str], None]) -> Local:
    # The emulator speaks plain HTTP.
    parameters = {"Architecture": build.host_architecture(), "QueuesOverTls": "false"}
    target = None
    if "target" not in wanted.without:
        stage("target host")
        target = target_host.start(children, run, wanted.own_ssh_host, wanted.start_seconds)
        # The emulator has no layers for this runtime, so the functions read the directory itself.
        parameters["ConfigDirectory"] = str(run.config)
    telegram = None
    if "telegram" not in wanted.without:
        stage("Telegram stand-in")
        telegram = _start_telegram(children, run, wanted)
    slack = None
    if "slack" not in wanted.without:
        stage("Slack stand-in")
        slack = _start_slack(children, run, wanted.bind)
    if telegram:
        write_channels(run.config, telegram.base_url, slack.base_url if slack else None, wanted.chat_limits)
        parameters["ConfigDirectory"] = str(run.config)
    stage("AWS emulator")
    aws = emulator.start(children, run, wanted.bind)
    stage("deployment")
    parameters |= wanted.parameters
    deployed = deploy.way_of(wanted.built)(aws, wanted.built, parameters, run)
    if stopped := deploy.READERS & wanted.without:
        deployed.stop_readers(stopped)
    deployed.create_secret(SLACK_SIGNING_SECRET, slack.signing_secret if slack else secrets.token_hex(16))
    # A test stands in for PagerDuty, and signs with it.
    deployed.create_secret(PAGERDUTY_WEBHOOK_SECRET, secrets.token_urlsafe(48))
    # A test that starts an identity provider tells it this secret.
    deployed.create_secret(OIDC_CLIENT_SECRET, secrets.token_urlsafe(48))
    if target:
        deployed.put_secret("SshPrivateKeyArn", target.private_key)
    if telegram:
        deployed.put_secret("TelegramBotTokenArn", telegram.token)
        url, secret = f"{deployed.api_url}/api/v1/webhooks/telegram", deployed.secret("TelegramWebhookSecretArn")
        telegram.api("setWebhook", url=url, secret_token=secret, allowed_updates=["callback_query", "message"])
    if slack:
        deployed.create_secret(SLACK_TOKEN_SECRET, slack.token)
        slack.control("request_url", url=f"{deployed.api_url}/api/v1/webhooks/slack")
    tokens = _make_tokens(deployed, "01KA", (*API_PEOPLE, "oncall", "eve"), ("look", "decide"))
    administrators = _make_tokens(deployed, "01KB", API_PEOPLE, ("administer",))
    return Local(run, deployed, target, telegram, slack, tokens, administrators)


def _make_tokens(deployed: deploy.Stack, ids: str, people: Sequence[str], may: Sequence[str]) -> dict[str, str]:
    """As `quell tokens make` does: tokens with these rights, whose ids begin like this, by the names of their people."""
    table = deployed.emulator.client("dynamodb")
    made = datetime.datetime.now(datetime.timezone.utc)
    tokens = {}
    for number, person in enumerate(people):
        token_id, secret = f"{ids}{number:022d}", secrets.token_hex(32)
        document = {
            "id": token_id, "person": person, "digest": hashlib.sha256(secret.encode()).hexdigest(), "may": list(may),
            "made_by": "the local stack", "made_at": made.isoformat(), "expires_at": (made + datetime.timedelta(days=30)).isoformat(),
        }  # fmt: skip
        item = {"pk": {"S": "TOKENS"}, "sk": {"S": f"TOKEN#{token_id}"}, "doc": {"S": json.dumps(document)}}
        table.put_item(TableName=deployed.outputs["ControlTableName"], Item=item)
        tokens[person] = f"quell_{token_id}_{secret}"
    return tokens


def write_channels(directory: Path, telegram_url: str, slack_url: str | None, chat_limits: bool) -> None:
    """Who is told, and who may decide: the stand-ins' chats, and people by each way of deciding."""
    chat: dict[str, Any] = {"chat_id": CHAT_ID, "bot_username": BOT_USERNAME, "api_url": telegram_url}
    if not chat_limits:
        chat["messages_per_minute"] = MESSAGES_PER_MINUTE
    channels: list[dict[str, Any]] = [{"name": "on-call", "to": {"telegram": chat}}]
    if slack_url:
        # No route leads to it: presses come from it, and a story that wants to tell something there writes a file of its own.
        slack = {"channel_id": SLACK_CHANNEL, "token_secret": SLACK_TOKEN_SECRET, "api_url": slack_url}
        channels.append({"name": "operations", "language": "zh-TW", "to": {"slack": slack}})
    people: dict[str, Any] = {"oncall": {"telegram": APPROVER_ID, "kill_switch": True}, "second": {"telegram": SECOND_APPROVER_ID}}
    people |= {name: {"api": True} for name in API_PEOPLE}
    people["ada"]["kill_switch"] = True
    people |= {"grace": {"slack": SLACK_USERS[0], "pagerduty": PAGERDUTY_USER, "kill_switch": True}}
    # Told when nobody has decided for long: no story waits so long by the clock.
    late = {"late": {"telegram": LATE_APPROVER_ID}}
    rule = {"people": list(people), "then": list(late), "escalate_after_seconds": 3600}
    content = {"channels": channels, "routes": [{"channels": ["on-call"]}], "people": people | late, "approvals": [rule]}
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


def _start_telegram(children: Children, run: Run, wanted: Wanted) -> Telegram:
    token = f"7700000042:{secrets.token_urlsafe(26)}"
    arguments = ["--token-file", str(_private_file(run, "telegram-token", token)), "--chat-id", str(CHAT_ID)]
    arguments += ["--rates"] if wanted.chat_limits else []
    return Telegram(_start_stand_in(children, run, "telegram", arguments, wanted.bind), token)


def _start_slack(children: Children, run: Run, bind: str) -> Slack:
    token, signing_secret = f"xoxb-1-2-{secrets.token_urlsafe(18)}", secrets.token_hex(16)
    file = _private_file(run, "slack-secrets.json", json.dumps({"token": token, "signing_secret": signing_secret}))
    arguments = ["--secrets-file", str(file), "--channel-id", SLACK_CHANNEL]
    arguments += [word for user in SLACK_USERS for word in ("--user-id", user)]
    return Slack(_start_stand_in(children, run, "slack", arguments, bind), token, signing_secret)


def _private_file(run: Run, name: str, content: str) -> Path:
    file = run.directory / name
    file.touch(mode=0o600)
    file.write_text(content)
    return file


def _start_stand_in(children: Children, run: Run, name: str, arguments: list[str], bind: str) -> str:
    """Where it answers."""
    log = run.log(name)
    child = children.start(name, [sys.executable, "-m", "infra.local", name, *arguments, "--bind", bind], log, cwd=PROJECT)
    deadline = time.monotonic() + 15
    while child.process.poll() is None and time.monotonic() < deadline:
        first = log.read_text().partition("\n")
        if first[1]:
            return f"http://{emulator.reachable(bind)}:{json.loads(first[0])['port']}"
        time.sleep(0.02)
    raise StageFailed(f"the {name} stand-in prints its port", child.tail(), str(log))
