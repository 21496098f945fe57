"""Checks what the operator's documents list against the template and the code.

Secrets and who reads them, what a deleted stack keeps, versions of what travels, parameters in examples, the cookbook's playbooks, the lines for
Sentry, dollars, and the rights of hosted workflows: a list that nothing compares is wrong after the next change.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from samcli.yamlhelper import yaml_parse

PROJECT = Path(__file__).resolve().parents[2]
DOCS = PROJECT / "docs"
SCHEMAS = PROJECT / "config" / "schemas"
# Each version of what two versions of Quell exchange: the row of docs/upgrade.md that names this file, and the constant there.
VERSIONS = {
    "shared/wire/src/message.rs": r"^const VERSION: u8 = (\d+);",
    "shared/wire/src/bridge.rs": r"^pub const BRIDGE_VERSION: u8 = (\d+);",
    "shared/wire/src/signed_decision.rs": r"^const VERSION: u8 = (\d+);",
}
# By a field that only entries of this file have.
KINDS = {"steps": "playbooks", "level": "service-registry"}
# Parameters of the template in examples of other tools: `Name = …` and `Name: …`, in blocks of parameters alone.
BLOCK = re.compile(r"^\s*parameters(?: =|:) \{\n(.*?)^\s*\},?$", re.MULTILINE | re.DOTALL)

Template = dict[str, Any]


def of_type(template: Template, kind: str) -> dict[str, Any]:
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == kind}


def rows(document: str, heading: str) -> dict[str, list[str]]:
    """The rows of the first table below a heading: the cells behind the first one, by the name in backticks in that one."""
    section = (DOCS / document).read_text().partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    found = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `") and (name := re.fullmatch(r"`([^`]+)`", cells[0])):
            found[name[1]] = cells[1:]
    return found


def readers(template: Template) -> dict[str, set[str]]:
    """The functions that may read each secret of the template."""
    found: dict[str, set[str]] = {name: set() for name in of_type(template, "AWS::SecretsManager::Secret")}
    for role, resource in of_type(template, "AWS::IAM::Role").items():
        for policy in resource["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement.get("Action") == "secretsmanager:GetSecretValue":
                    for secret in re.findall(r'"Fn::GetAtt": \["(\w+)", "Id"\]', json.dumps(statement["Resource"])):
                        found[secret].add(role.removesuffix("Role").lower())
    return found


def secrets(template: Template) -> Iterator[str]:
    documented, real = rows("secrets.md", "## Secrets that the template makes"), readers(template)
    for name in sorted(documented.keys() ^ real.keys()):
        yield f"docs/secrets.md and the template do not have the same secrets: {name}"
    for name in sorted(documented.keys() & real.keys()):
        if set(documented[name][0].split(", ")) != real[name]:
            yield f"docs/secrets.md: {name} is read by {', '.join(sorted(real[name]))}"
        if len(documented[name]) != 3 or not all(documented[name]):
            yield f"docs/secrets.md: {name} lacks how it is rotated, or what happens meanwhile"


def kept(template: Template) -> Iterator[str]:
    real = {name for name, resource in template["Resources"].items() if "Retain" in str(resource.get("DeletionPolicy"))}
    for name in sorted(rows("uninstall.md", "## What stays").keys() ^ real):
        yield f"docs/uninstall.md and the template do not agree on what a deleted stack keeps: {name}"


def versions(_: Template) -> Iterator[str]:
    lines = (DOCS / "upgrade.md").read_text().splitlines()
    for file, form in VERSIONS.items():
        constant = re.search(form, (PROJECT / file).read_text(), re.MULTILINE)
        row = next((line for line in lines if line.startswith("|") and f"(`{file}`)" in line), None)
        if not constant or not row:
            yield f"docs/upgrade.md has no row about {file}, or the file no version"
        elif row.split("|")[2].strip() != constant[1]:
            yield f"docs/upgrade.md: the version in {file} is {constant[1]}"


def parameters(template: Template) -> Iterator[str]:
    blocks = BLOCK.findall((DOCS / "deploy.md").read_text())
    if len(blocks) != 2:
        yield f"docs/deploy.md has {len(blocks)} blocks of parameters: one for Terraform and one for the CDK are looked at"
    for name in {name for block in blocks for name in re.findall(r"^\s*(\w+)\s*[=:] ", block, re.MULTILINE)} - template["Parameters"].keys():
        yield f"docs/deploy.md: the template has no parameter {name}"


def recipes(_: Template) -> Iterator[str]:
    """Blocks of YAML in the cookbook that are no entries of the operator's files."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", (DOCS / "cookbook.md").read_text(), re.MULTILINE | re.DOTALL)
    schemas = {field: json.loads((SCHEMAS / f"{kind}.schema.json").read_text()) for field, kind in KINDS.items()}
    ids: list[str] = []
    for number, block in enumerate(blocks, 1):
        entries = yaml.safe_load(block)
        field = next((field for field in KINDS if isinstance(entries, list) and field in entries[0]), None)
        if not field:
            yield f"docs/cookbook.md: block {number} is no list of playbooks or of services"
            continue
        for fault in Draft202012Validator(schemas[field]).iter_errors(entries):
            yield f"docs/cookbook.md: block {number}: {'/'.join(map(str, fault.absolute_path))}: {fault.message[:200]}"
        ids += [entry["id"] for entry in entries if "id" in entry]
    shipped = {entry["id"] for entry in yaml.safe_load((PROJECT / "config" / "playbooks.yaml").read_text())}
    for name in sorted({name for name in ids if ids.count(name) > 1 or name in shipped}):
        yield f"docs/cookbook.md: the id {name} is taken"


# As https://docs.sentry.io/organization/integrations/integration-platform/webhooks/issue-alerts/ has it, without what is not read.
SENTRY = {
    "action": "triggered",
    "data": {
        "event": {"project": 1, "title": "ReferenceError: blooopy is not defined", "level": "error", "issue_id": "1117540176"},
        "triggered_rule": "Very Important Alert Rule!",
    },
}


def sender(_: Template) -> Iterator[str]:
    """Runs the lines of docs/senders.md for Sentry: they make an alert of the interface, signed as docs/security.md says, and refuse others."""
    code = re.search(r"^```python\n(.*?)^```$", (DOCS / "senders.md").read_text(), re.MULTILINE | re.DOTALL)
    if not code:
        yield "docs/senders.md has no lines for Sentry"
        return
    names: dict[str, Any] = {}
    exec(code[1], names)
    body = json.dumps(SENTRY).encode()
    alert = names["from_sentry"](body, hmac.new(b"client", body, hashlib.sha256).hexdigest(), "client")
    interface = yaml.safe_load((DOCS / "openapi.yaml").read_text())
    schema = {"$ref": "#/components/schemas/SignedAlert", "components": interface["components"]}
    for fault in Draft202012Validator(schema).iter_errors(alert):
        yield f"docs/senders.md: what Sentry's alert becomes is none of the interface: {fault.message[:200]}"
    sent, headers = names["signed"](alert, "secret", 1793527200)
    expected = hmac.new(b"secret", b"v2:1793527200:/api/v1/webhooks/alerts:" + sent, hashlib.sha256).hexdigest()
    if headers.get("X-Signature-256") != f"v2={expected}" or json.loads(sent) != alert:
        yield "docs/senders.md: the lines for Sentry do not sign as docs/security.md says"
    try:
        names["from_sentry"](body, "0" * 64, "client")
        yield "docs/senders.md: the lines for Sentry take a body that it has not signed"
    except PermissionError:
        pass


def dollars(_: Template) -> Iterator[str]:
    """What Quell costs, in the README and beside others: the figures of docs/performance.md."""
    measured = (DOCS / "performance.md").read_text()
    month = re.search(r"^\| \*\*together\*\* \|.*\*\*([0-9.]+)\*\* \|$", measured, re.MULTILINE)
    repair = re.search(r"^\| \*\*from alert to verified repair\*\* \|.*\| ([0-9.]+) \|$", measured, re.MULTILINE)
    join = re.search(r"^\| `join` \|.*\*\*([0-9.]+)\*\* \|$", measured, re.MULTILINE)
    if not (month and repair and join):
        yield "docs/performance.md does not say what a month, a repair and a repetition cost in the rows that are looked for"
        return
    readme, beside = (PROJECT / "README.md").read_text(), (DOCS / "comparison.md").read_text()
    for what, figure in (("a month", month[1]), ("a thousand incidents", f"{float(repair[1]):.2f}"), ("a million repetitions", join[1])):
        if not re.search(rf"^\| {what} .*\| {re.escape(figure)} \|$", readme, re.MULTILINE):
            yield f"README.md: {what} costs ${figure} by docs/performance.md"
    if f"${month[1]} a month" not in beside:
        yield f"docs/comparison.md: a month costs ${month[1]} by docs/performance.md"


def workflows(_: Template) -> Iterator[str]:
    """Hosted workflows whose actions could be replaced by whoever moves a tag, or whose jobs may do more than they say.

    https://docs.github.com/en/actions/security-for-github-actions/security-guides/security-hardening-for-github-actions
    """
    for file in sorted((PROJECT / ".github" / "workflows").glob("*.yaml")):
        workflow = yaml.safe_load(file.read_text())
        if workflow.get("permissions") != {}:
            yield f"{file.name}: jobs have rights that they do not name"
        for name, job in workflow["jobs"].items():
            rights = job.get("permissions")
            if not isinstance(rights, dict):
                yield f"{file.name}: the job {name} names no rights"
                continue
            actions = [step["uses"] for step in job["steps"] if "uses" in step]
            for action in actions:
                if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action):
                    yield f"{file.name}: {action} is not GitHub's own, or not pinned by its commit"
            builds = any(action.startswith("actions/checkout@") for action in actions)
            if builds and "write" in rights.values():
                yield f"{file.name}: the job {name} runs code of the repository, and may write"


def changelog(_: Template) -> Iterator[str]:
    """The newest version is the workspace's, or nothing of it is released yet."""
    version = re.search(r'^version = "([^"]+)"$', (PROJECT / "Cargo.toml").read_text(), re.MULTILINE)
    heading = re.search(r"^## \[([^\]]+)\]", (PROJECT / "CHANGELOG.md").read_text(), re.MULTILINE)
    if not (version and heading and heading[1] in (version[1], "Unreleased")):
        yield "CHANGELOG.md does not begin with the version of the workspace, nor with what is unreleased"


def main() -> int:
    template = json.loads(json.dumps(yaml_parse((PROJECT / "template.yaml").read_text())))
    checks = (secrets, kept, versions, parameters, recipes, sender, dollars, workflows, changelog)
    faults = [fault for check in checks for fault in check(template)]
    print("\n".join(faults) or f"handbook: {len(readers(template))} secrets, {len(VERSIONS)} versions, and what a stack keeps are as the documents say")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
