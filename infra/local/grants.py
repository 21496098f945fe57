"""Says which grants of the functions' roles nobody needed, after the stories have run.

`python -m infra.local grants FILE` reads what `iam` has noted, and compares it with the table of grants in docs/security.md. `--table` prints
that table. A grant stays if a request of the stories fails without it, or if it is one of those that AWS uses by itself, which no emulator
asks for.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

from infra.local.paths import PROJECT

DOCUMENT = PROJECT / "docs" / "security.md"
HEAD = "| role | grant | on | what fails without it |"
# What Lambda does with a function's role, and no code of ours: it writes the logs and reads queues and streams.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html, https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html,
# https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
BY_LAMBDA = {
    "logs:CreateLogStream": "no log",
    "logs:PutLogEvents": "no log",
    "sqs:ReceiveMessage": "nothing comes from the queue",
    "sqs:DeleteMessage": "every message comes again",
    "sqs:GetQueueAttributes": "the queue is not read",
    "dynamodb:DescribeStream": "the stream is not read",
    "dynamodb:GetRecords": "the stream is not read",
    "dynamodb:GetShardIterator": "the stream is not read",
    "dynamodb:ListStreams": "the stream is not read",
}

# What stories see that run a function in their own process, with other credentials than its role's, and what no emulator has.
ELSEWHERE = {
    ("Repair", "dynamodb:Query", "table/Table"): "the runs of a playbook that earns its autonomy are not read (`learning`, in process)",
    ("RunCommand", "ssm:SendCommand", "managed-instance/*"): "nodes outside of EC2 are not reached (AWS alone)",
}

# Roles that a service of AWS assumes by itself, which the emulator does not ask for grants: what they have is read from the template.
SCHEDULER = "scheduler.amazonaws.com"
BY_SCHEDULER = {
    ("BoardSchedule", "lambda:InvokeFunction", "BoardFunction"): "the board is not checked (EventBridge Scheduler itself)",
    ("Schedule", "sqs:SendMessage", "NotificationsQueue"): "no output is erased by its age (EventBridge Scheduler itself)",
}

Grant = tuple[str, str, str]


def check(file: Path, table: bool) -> int:
    grants = noted(file) | dict.fromkeys(_of_schedules(), "")
    rows = {grant: needed_by or ELSEWHERE.get(grant) or BY_SCHEDULER.get(grant) or _by_lambda(grant[1]) for grant, needed_by in grants.items()}
    if table:
        print(HEAD + "\n|---|---|---|---|")
        print("\n".join(f"| {role} | `{action}` | `{on}` | {why} |" for (role, action, on), why in sorted(rows.items())))
        return 0
    faults = [f"the role {role} never ran" for role in sorted(roles() - {role for role, _, _ in grants})]
    faults += [f"no request needs {action} on {on} of the role {role}" for (role, action, on), why in sorted(rows.items()) if not why]
    documented = set(_documented())
    faults += [f"docs/security.md lacks {action} on {on} of the role {role}" for role, action, on in sorted(rows.keys() - documented)]
    faults += [f"docs/security.md has {action} on {on} of the role {role}, which grants none" for role, action, on in sorted(documented - rows.keys())]
    print("\n".join(faults) or f"grants: {len(rows)} of {len(roles())} roles, each needed")
    # Without every real part some stories were skipped, and what they need was not seen.
    return 1 if faults and os.environ.get("CI") else 0


def noted(file: Path) -> dict[Grant, str]:
    """Each grant with the first request that needed it; empty where none did."""
    grants: dict[Grant, str] = {}
    for line in file.read_text().splitlines():
        note = json.loads(line)
        grant = (note["role"], note["action"], note["resource"])
        grants[grant] = grants.get(grant) or note.get("needed_by", "")
    return grants


def roles() -> set[str]:
    return set(_roles_of_template())


def _of_schedules() -> list[Grant]:
    """The grants of the roles that EventBridge Scheduler assumes, each an action on the resource whose ARN the template names."""
    return [
        (role, statement["Action"], statement["Resource"]["Fn::GetAtt"][0])
        for role, properties in _roles_of_template().items()
        if properties["AssumeRolePolicyDocument"]["Statement"][0]["Principal"].get("Service") == SCHEDULER
        for policy in properties["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def _roles_of_template() -> dict[str, dict[str, Any]]:
    resources = yaml_parse((PROJECT / "template.yaml").read_text())["Resources"]
    return {name.removesuffix("Role"): resource["Properties"] for name, resource in resources.items() if resource["Type"] == "AWS::IAM::Role"}


def _by_lambda(action: str) -> str:
    why = BY_LAMBDA.get(action)
    return f"{why} (Lambda itself)" if why else ""


def _documented() -> list[Grant]:
    _, _, table = DOCUMENT.read_text().partition(HEAD)
    rows = re.findall(r"^\| (\w+) \| `([^`]+)` \| `([^`]+)` \|", table, re.MULTILINE)
    return [(role, action, on) for role, action, on in rows]
