"""What a user can try on a stack that stays up. Secrets are written to files and never printed."""

from __future__ import annotations

import json
import os
from pathlib import Path

from infra.local.build import host_architecture
from infra.local.emulator import ACCESS_KEY, REGION
from infra.local.paths import PROJECT, tool
from infra.local.stack import Local

ALERT = {
    "alert_type": "high_cpu",
    "severity": "warning",
    "source": "curl",
    "target_resource": "checkout",
    "namespace": "shop",
    "message": "CPU at 97 %",
}


def describe(local: Local) -> str:
    directory = local.run.directory / "secrets"
    for name, value in local.secrets.items():
        _write(directory, name, value)
    out, aws = local.deployed.outputs, "aws" + f" --endpoint-url {local.deployed.emulator.endpoint}"
    telegram = local.telegram.base_url if local.telegram else ""
    health = local.target.health_url if local.target else ""
    return f"""
The stack stays up until Ctrl-C.

  API        {local.deployed.api_url}/api/v1/webhooks/health
  Service    {health}
  Chat       {telegram}/_control/messages
  Logs       {_short(local.run.logs)}

Send a signed alert of your own:

  BODY='{json.dumps(ALERT)}'
  TIME=$(date +%s)
  SIGNATURE=$(printf %s "v2:$TIME:/api/v1/webhooks/alerts:$BODY" | openssl dgst -sha256 -hmac "$(cat {_short(directory / 'webhook')})" -r | cut -d' ' -f1)
  curl -i '{local.deployed.api_url}/api/v1/webhooks/alerts' -H "X-Signature-256: v2=$SIGNATURE" -H "X-Signature-Timestamp: $TIME" -d "$BODY"

Look at what is stored and what the functions print:

  export AWS_ACCESS_KEY_ID={ACCESS_KEY} AWS_SECRET_ACCESS_KEY={ACCESS_KEY} AWS_DEFAULT_REGION={REGION}
  {aws} dynamodb scan --table-name {out['TableName']}
  {aws} sqs get-queue-attributes --attribute-names All --queue-url {out['IncidentsDeadLetterQueueUrl']}
  {aws} logs tail /aws/lambda/quell-ingress

Run one function by itself (needs Docker; the README says how the others find this stack's table and queues):

  {_short(Path(tool('sam')))} local invoke BridgeFunction -e events/bridge-refused.json --parameter-overrides Architecture={host_architecture()}
"""


def _write(directory: Path, name: str, value: str) -> None:
    directory.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(value)


def _short(path: Path) -> str:
    return str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else str(path)
