"""Teaches the emulator's Run Command the project's own document, by AWS's documented contract.

As it comes, the emulator lets every document but AWS-RunShellScript succeed without running anything, and it knows neither targets by
tag, nor time limits, nor CancelCommand. Here the document's own script runs in the container that stands for the instance, and what AWS
would refuse is refused: another content (its hash), a parameter that does not fit its pattern, an instance that the caller's role may not
send to. Instances without a running container are refused as MiniStack does it, or are not among those of a tag.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ministack.core import iam_actions, iam_evaluator, router
from ministack.core.concurrency import spawn_background
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response, new_uuid
from ministack.services import ec2, ssm

from infra.local.paths import PROJECT

# As the template names it for the stack `quell`.
NAME = "quell-RunStep"
CONTENT = (PROJECT / "infra" / "ssm" / "run-step.json").read_bytes()
DOCUMENT = json.loads(CONTENT)
# A process group has to be found again to be ended, from inside the box.
IN_A_GROUP = 'echo $$ >"/tmp/$0.pid" && exec /bin/sh -c "$1"'
END_THE_GROUP = 'kill -9 -"$(cat "/tmp/$0.pid")"'

Answer = tuple[Any, ...]
Record = dict[str, Any]


def install() -> None:
    """Puts this in the place of the emulator's own."""
    emulated, arn_of = ssm.handle_request, iam_actions.extract_resource_arn

    async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        data = json.loads(body) if body else {}
        if action == "SendCommand":
            return _send(data, router.extract_access_key_id(headers, query))
        if action == "CancelCommand":
            return _cancel(data)
        if action == "ListCommandInvocations":
            return _list(data)
        return await emulated(method, path, headers, body, query)

    def extract_resource_arn(service: str, method: str, path: str, headers: dict[str, str], body: bytes, *rest: Any) -> str:
        # The caller is checked for the document here, and for each instance when those are known.
        if service == "ssm" and headers.get("x-amz-target", "").endswith(".SendCommand"):
            return _arn("ssm", f"document/{json.loads(body).get('DocumentName')}")
        return str(arn_of(service, method, path, headers, body, *rest))

    ssm.handle_request, iam_actions.extract_resource_arn = handle_request, extract_resource_arn


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}"


def _refusal(code: str, message: str) -> Answer:
    return error_response_json(code, message, 400)


def _send(data: Record, access_key: str) -> Answer:
    if data.get("DocumentName") != NAME:
        return _refusal("InvalidDocument", f"Document with name {data.get('DocumentName')} does not exist.")
    given = data.get("DocumentHash")
    if given and given != hashlib.sha256(CONTENT).hexdigest():
        # In AWS's own words.
        return _refusal("InvalidDocument", f"document hash {given} does not match {data.get('DocumentHashType')}.")
    parameters = {name: values[0] for name, values in (data.get("Parameters") or {}).items()}
    if fault := _unfit(parameters):
        return _refusal("InvalidParameters", fault)
    # The emulator notices a container that is gone when somebody looks, and nobody else looks here.
    ec2._vm_reconcile_running(list(ec2._instances.values()))
    ids = data.get("InstanceIds") or _tagged(data.get("Targets") or [])
    if gone := [instance for instance in ids if not ec2.instance_is_managed(instance)]:
        return _refusal("InvalidInstanceId", f"Instances [[{', '.join(gone)}]] not in a valid state for account {get_account_id()}")
    for instance in ids:
        tags = {f"ssm:resourceTag/{tag['Key']}": tag["Value"] for tag in ec2._tags.get(instance) or []}
        arn = _arn("ec2", f"instance/{instance}")
        if iam_evaluator.enforce(access_key, "ssm:SendCommand", "ssm", get_region(), resource_arn=arn, service_context=tags):
            return _refusal("AccessDeniedException", f"not authorized to perform: ssm:SendCommand on resource: {arn}")
    record = _record(data, ids)
    ssm._commands[record["CommandId"]] = record
    if ids:
        spawn_background(_run_everywhere, record, parameters, thread_name="run-step")
    return json_response({"Command": ssm._public_command(record)})


def _unfit(parameters: dict[str, str]) -> str | None:
    declared = DOCUMENT["parameters"]
    if set(parameters) != set(declared):
        return f"the parameters have to be {sorted(declared)}"
    for name, value in parameters.items():
        if not re.fullmatch(declared[name]["allowedPattern"], value) or len(value) > declared[name].get("maxChars", len(value)):
            return f"Parameter {name} does not fit its allowedPattern or its maxChars"
    return None


def _tagged(targets: list[Record]) -> list[str]:
    """The managed instances that carry every tag. Others are not among a command's targets on AWS either."""

    def carries(instance: str, target: Record) -> bool:
        name = target["Key"].removeprefix("tag:")
        return any(tag["Key"] == name and tag["Value"] in target["Values"] for tag in ec2._tags.get(instance) or [])

    managed = [instance for instance in ec2._instances if ec2.instance_is_managed(instance)]
    return sorted(instance for instance in managed if all(carries(instance, target) for target in targets))


def _record(data: Record, ids: list[str]) -> Record:
    identifier = new_uuid()
    status = {"Status": "Pending", "StatusDetails": "Pending"} if ids else {"Status": "Success", "StatusDetails": "NoInstancesInTag"}
    common = {"CommandId": identifier, "DocumentName": NAME, "DocumentVersion": "1"}
    empty = {"ResponseCode": -1, "ExecutionStartDateTime": "", "StandardOutputContent": "", "StandardErrorContent": ""}
    return common | status | {
        "Parameters": data["Parameters"],
        "RequestedDateTime": time.time(),
        "MaxConcurrency": data.get("MaxConcurrency", "50"),
        "MaxErrors": data.get("MaxErrors", "0"),
        "InstanceIds": ids,
        "TargetCount": len(ids),
        "Invocations": {instance: common | status | empty | {"InstanceId": instance} for instance in ids},
    }  # fmt: skip


def _run_everywhere(record: Record, parameters: dict[str, str]) -> None:
    ids = record["InstanceIds"]
    # The threads of a pool do not know whose request this is, so what is looked up by account is looked up here.
    boxes = {instance: ec2._vm_get_container(ec2._instances[instance]) for instance in ids}
    record["Status"] = record["StatusDetails"] = "InProgress"

    def run(instance: str) -> None:
        invocation = record["Invocations"][instance]
        if _count(record, "Failed", "TimedOut") > _share(record["MaxErrors"], len(ids)):
            invocation.update(Status="Cancelled", StatusDetails="Terminated")
        elif invocation["Status"] == "Pending":
            _run(record["CommandId"], invocation, boxes[instance], parameters)

    with ThreadPoolExecutor(max(1, _share(record["MaxConcurrency"], len(ids)))) as pool:
        list(pool.map(run, ids))
    ended = "Cancelled" if record.get("cancelled") else "Success" if _count(record, "Success") == len(ids) else "Failed"
    record["Status"] = record["StatusDetails"] = ended


def _share(written: str, count: int) -> int:
    return count * int(written[:-1]) // 100 if written.endswith("%") else int(written)


def _count(record: Record, *statuses: str) -> int:
    return sum(invocation["Status"] in statuses for invocation in record["Invocations"].values())


def _run(command: str, invocation: Record, box: Any, parameters: dict[str, str]) -> None:
    inputs = DOCUMENT["mainSteps"][0]["inputs"]
    script = "\n".join(inputs["runCommand"])
    for name, value in parameters.items():
        script = script.replace("{{ " + name + " }}", value)
    late = threading.Event()

    def end() -> None:
        late.set()
        _end(command, box)

    timer = threading.Timer(float(parameters["executionTimeout"]), end)
    invocation.update(Status="InProgress", StatusDetails="InProgress", ExecutionStartDateTime=ssm._now_iso())
    timer.start()
    result = box.exec_run(["/bin/sh", "-c", IN_A_GROUP, command, script], demux=True)
    timer.cancel()
    stdout, stderr = (part or b"" for part in result.output)
    details = "Success" if result.exit_code == 0 else "Failed"
    if late.is_set():
        details = "ExecutionTimedOut"
    elif invocation["Status"] == "Cancelling":
        details = "Cancelled"
    invocation.update(
        ResponseCode=result.exit_code if details in ("Success", "Failed") else -1,
        StandardOutputContent=stdout.decode(errors="replace")[: ssm._STDOUT_LIMIT],
        StandardErrorContent=stderr.decode(errors="replace")[: ssm._STDERR_LIMIT],
        StatusDetails=details,
    )
    # Last, so that whoever sees an end sees all of it.
    invocation["Status"] = "TimedOut" if details == "ExecutionTimedOut" else details


def _end(command: str, box: Any) -> None:
    box.exec_run(["/bin/sh", "-c", END_THE_GROUP, command])


def _cancel(data: Record) -> Answer:
    record = ssm._commands.get(data["CommandId"])
    if record is None:
        return _refusal("InvalidCommandId", "The specified command ID isn't valid.")
    record["cancelled"] = True
    for instance, invocation in record["Invocations"].items():
        if invocation["Status"] == "Pending":
            invocation.update(Status="Cancelled", StatusDetails="Cancelled")
        elif invocation["Status"] == "InProgress":
            invocation.update(Status="Cancelling", StatusDetails="Cancelling")
            _end(record["CommandId"], ec2._vm_get_container(ec2._instances[instance]))
    return json_response({})


def _list(data: Record) -> Answer:
    """One page: a test has a few boxes. The output of a list is short, and both streams in one."""
    record = ssm._commands.get(data["CommandId"]) or {"Invocations": {}}
    return json_response({"CommandInvocations": [_listed(invocation) for invocation in record["Invocations"].values()]})


def _listed(invocation: Record) -> Record:
    output = invocation["StandardOutputContent"]
    if invocation["StandardErrorContent"]:
        output += "\n----------ERROR-------\n" + invocation["StandardErrorContent"]
    plugin = {"Name": "step", "ResponseCode": invocation["ResponseCode"], "Output": output[:2500]}
    if invocation["ExecutionStartDateTime"]:
        plugin["ResponseStartDateTime"] = time.time()
    kept = ("CommandId", "InstanceId", "DocumentName", "Status", "StatusDetails")
    return {name: invocation[name] for name in kept} | {"CommandPlugins": [plugin]}
