"""Deploys the real template.yaml to the emulator, and makes up for the few things that the emulator leaves out."""

from __future__ import annotations

import io
import json
import subprocess
import time
import zipfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.emulator import Emulator
from infra.local.errors import StageFailed
from infra.local.paths import PROJECT, Run, tool

STACK = "quell"
BUCKET = "quell-local-code"
# The functions that read the table's stream. A stack can be without them.
READERS = frozenset(["witness", "board"])


@dataclass(frozen=True)
class Stack:
    """What a deployment left behind."""

    emulator: Emulator
    outputs: dict[str, str]

    @property
    def api_url(self) -> str:
        # The emulator serves an API under a path, because `<api id>.execute-api…` names do not resolve here.
        return f"{self.emulator.endpoint}/_aws/execute-api/{self.outputs['ApiId']}/$default"

    def secret(self, output: str) -> str:
        client = self.emulator.client("secretsmanager")
        return str(client.get_secret_value(SecretId=self.outputs[output])["SecretString"])

    def stop_readers(self, names: Collection[str]) -> None:
        """Has these functions of `READERS` read the table's stream no more."""
        client = self.emulator.client("lambda")
        for name in names:
            function = self.outputs[f"{name.capitalize()}FunctionName"]
            for source in client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]:
                client.delete_event_source_mapping(UUID=source["UUID"])
        if "board" in names:
            # Its schedule would make a board that nobody keeps.
            scheduler = self.emulator.client("scheduler")
            for schedule in scheduler.list_schedules()["Schedules"]:
                if "BoardSchedule" in schedule["Name"]:
                    scheduler.delete_schedule(Name=schedule["Name"])
        if READERS <= set(names):
            # Nobody reads it, and the emulator would keep a copy of every item that is written.
            self.emulator.client("dynamodb").update_table(TableName=self.outputs["TableName"], StreamSpecification={"StreamEnabled": False})

    def secret_named(self, name: str) -> str:
        return str(self.emulator.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])

    def create_secret(self, name: str, value: str) -> None:
        """Makes a secret that is the operator's own and not the template's."""
        self.emulator.client("secretsmanager").create_secret(Name=name, SecretString=value)

    def put_secret(self, output: str, value: str) -> None:
        self.emulator.client("secretsmanager").put_secret_value(SecretId=self.outputs[output], SecretString=value)


def way_of(built: Path) -> Callable[[Emulator, Path, Mapping[str, str], Run], Stack]:
    """How a stack is deployed from what is built: a file is a template of sam's, a directory with a template a release."""
    if not built.is_dir():
        return with_sam
    return with_release if (built / "template.yaml").is_file() else with_bootstraps


def with_sam(emulator: Emulator, template: Path, parameters: Mapping[str, str], run: Run) -> Stack:
    """`sam deploy` of a template that `sam build` has written: the way of a user with an AWS account."""
    log = run.log("deploy")
    command = [
        tool("sam"), "deploy",
        "--template-file", str(template),
        "--stack-name", STACK,
        "--resolve-s3",
        "--capabilities", "CAPABILITY_IAM",
        "--no-confirm-changeset",
        "--no-progressbar",
        "--parameter-overrides",
        *[f"ParameterKey={key},ParameterValue={json.dumps(value)}" for key, value in parameters.items() if value],
    ]  # fmt: skip
    with log.open("w") as output:
        status = subprocess.run(
            command, cwd=PROJECT, env=emulator.environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        ).returncode
    if status != 0:
        tail = " | ".join(log.read_text().splitlines()[-4:])
        raise StageFailed("`sam deploy` to the emulator succeeds", f"status {status}: {tail}", str(log))
    return _finish(emulator)


def with_bootstraps(emulator: Emulator, binaries: Path, parameters: Mapping[str, str], run: Run) -> Stack:
    """The same template with functions that are already built. For tests: it takes a second instead of a minute."""
    return _create(emulator, _with_bootstraps(emulator, binaries.resolve()), parameters, run)


def with_release(emulator: Emulator, release: Path, parameters: Mapping[str, str], run: Run) -> Stack:
    """The template of an unpacked release, with its zips as they were released."""
    template, s3 = _parsed(release / "template.yaml"), _bucket(emulator)
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            archive = release / properties["CodeUri"]
            s3.put_object(Bucket=BUCKET, Key=archive.name, Body=archive.read_bytes())
            properties["CodeUri"] = f"s3://{BUCKET}/{archive.name}"
        elif resource["Type"] == "AWS::Serverless::LayerVersion":
            properties["ContentUri"] = _layer(s3, release / properties["ContentUri"])
    return _create(emulator, template, parameters, run)


def _create(emulator: Emulator, template: dict[str, Any], parameters: Mapping[str, str], run: Run) -> Stack:
    text = json.dumps(template, indent=1)
    (run.directory / "template.json").write_text(text)
    # By way of S3, as `sam deploy` does: a request holds 51,200 bytes of a template, and S3 a million.
    emulator.client("s3").put_object(Bucket=BUCKET, Key="template.json", Body=text.encode())
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(
        StackName=STACK,
        TemplateURL=f"https://s3.amazonaws.com/{BUCKET}/template.json",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    _wait_for_stack(cloudformation, run)
    return _finish(emulator)


def _with_bootstraps(emulator: Emulator, binaries: Path) -> dict[str, Any]:
    template, s3 = _parsed(PROJECT / "template.yaml"), _bucket(emulator)
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            name = Path(properties["CodeUri"]).name
            properties["CodeUri"] = _upload(s3, name, {"bootstrap": _launcher(binaries / name)})
        elif resource["Type"] == "AWS::Serverless::LayerVersion":
            properties["ContentUri"] = _layer(s3, PROJECT / properties["ContentUri"])
    return template


def _parsed(template: Path) -> dict[str, Any]:
    # The SAM CLI's own reader knows CloudFormation's short tags (!Ref, !Sub, …).
    from samcli.yamlhelper import yaml_parse

    parsed: dict[str, Any] = json.loads(json.dumps(yaml_parse(template.read_text())))
    return parsed


def _bucket(emulator: Emulator) -> Any:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    return s3


def _layer(s3: Any, content: Path) -> str:
    shipped = [path for path in content.rglob("*") if path.suffix in (".yaml", ".json", ".html")]
    files = {str(path.relative_to(content)): path.read_text() for path in shipped}
    return _upload(s3, "layer", files or {"empty": ""})


def _launcher(binary: Path) -> str:
    """A debug binary is large, so the package holds a script that starts the binary where it lies."""
    return f"#!/bin/sh\nexec '{binary}'\n"


def _upload(s3: Any, name: str, files: Mapping[str, str]) -> str:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        for file, content in files.items():
            entry = zipfile.ZipInfo(file)
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, content)
    s3.put_object(Bucket=BUCKET, Key=f"{name}.zip", Body=package.getvalue())
    return f"s3://{BUCKET}/{name}.zip"


def _wait_for_stack(cloudformation: Any, run: Run, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    status = "CREATE_IN_PROGRESS"
    while status == "CREATE_IN_PROGRESS" and time.monotonic() < deadline:
        time.sleep(0.1)
        status = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
    if status != "CREATE_COMPLETE":
        events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
        reasons = [f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}" for event in events if "ResourceStatusReason" in event]
        raise StageFailed("the stack reaches CREATE_COMPLETE", f"{status}: {'; '.join(reasons[-5:])}", str(run.log("emulator")))


def _finish(emulator: Emulator) -> Stack:
    described = emulator.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    stack = Stack(emulator, {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]})
    # The emulator ignores TimeToLiveSpecification in a template, but knows the call.
    for table in ("TableName", "ControlTableName"):
        emulator.client("dynamodb").update_time_to_live(
            TableName=stack.outputs[table], TimeToLiveSpecification={"AttributeName": "expires_at", "Enabled": True}
        )
    return stack
