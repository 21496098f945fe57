"""The embedded AWS: one process on a free port, with IAM enforced, and boto3 clients for it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from infra.local.net import LOOPBACK, answers, free_port
from infra.local.paths import PROJECT, Run, path_with_tools
from infra.local.processes import Children, wait_until

REGION = "us-east-1"
# The emulator knows this pair as the account's root user. It protects nothing.
ACCESS_KEY = "test"
EVERY_INTERFACE = "0.0.0.0"


@dataclass(frozen=True)
class Emulator:
    host: str
    port: int

    @property
    def endpoint(self) -> str:
        return f"http://{self.host}:{self.port}"

    def client(self, service: str) -> Any:
        # The stubs know one overload per service; the name is not known here.
        create: Any = boto3.client
        return create(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=ACCESS_KEY,
            config=Config(retries={"max_attempts": 2}, connect_timeout=5, read_timeout=60),
        )

    def environment(self) -> dict[str, str]:
        """The user's environment with the AWS tools pointed at this emulator and nowhere else."""
        env = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        return env | self.aws_environment() | {"PATH": path_with_tools(), "SAM_CLI_TELEMETRY": "0"}

    def aws_environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": ACCESS_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def start(children: Children, run: Run, bind: str = LOOPBACK) -> Emulator:
    # `bind` is the loopback interface unless containers have to reach the emulator: then it is Docker's bridge.
    emulator = Emulator(reachable(bind), free_port())
    # The functions inherit this environment. It is kept as small as Lambda's own, so that nothing of the user's
    # shell (a proxy, a log level, a certificate bundle) changes what they do. Docker's engine is the emulator's own need: instances are containers of it.
    noted = ("QUELL_GRANTS", "QUELL_METER", "QUELL_DYNAMODB_RECORD")
    kept = {key: os.environ[key] for key in ("HOME", "LANG", "DOCKER_HOST", *noted) if key in os.environ}
    env = kept | emulator.aws_environment() | {
        "PATH": path_with_tools(),
        "GATEWAY_PORT": str(emulator.port),
        "BIND_HOST": bind,
        "MINISTACK_REGION": REGION,
        # A function runs as its role, and a call that the role does not grant is refused, as on AWS.
        "AUTH": "true",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "TMPDIR": str(_temporary(run)),
    }
    command = [sys.executable, "-m", "infra.local.emulator_main"]
    child = children.start("emulator", command, run.log("emulator"), env, PROJECT)
    wait_until("the AWS emulator answers", lambda: answers(f"{emulator.endpoint}/_ministack/health"), child, 30)
    return emulator


def reachable(bind: str) -> str:
    """The address at which something that listens on `bind` is called."""
    return LOOPBACK if bind == EVERY_INTERFACE else bind


def _temporary(run: Run) -> str:
    directory = run.directory / "tmp"
    directory.mkdir(exist_ok=True)
    return str(directory)
