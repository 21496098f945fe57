"""Checks of template.yaml that no linter for CloudFormation knows, because they are about this project.

Every alarm has its section in docs/operations.md and everything that can fail has its alarms; the filters of logs look for what the functions
print; Lambda lets pass what the functions print; the access log holds no path; every route but those of alerts is throttled; a stack has names
of its own; what is kept can be taken over; the dashboard shows metrics that something counts.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from links import anchors
from samcli.yamlhelper import yaml_parse

PROJECT = Path(__file__).resolve().parents[2]
OPERATIONS = PROJECT / "docs" / "operations.md"
# Dollars a month of an alarm on one metric. https://aws.amazon.com/cloudwatch/pricing/
ALARM_PRICE = 0.10
# From the most verbose to the least, as Lambda has them.
LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"]
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html, without those that a sender fills: path,
# domain name, user agent, and messages of errors, which may repeat a path.
LOGGED = {
    "requestTime", "requestId", "integration.requestId", "identity.sourceIp", "httpMethod", "routeKey", "status", "integration.status",
    "responseLatency", "integration.latency", "responseLength", "error.responseType",
}  # fmt: skip
# Routes of alerts: Alertmanager does not send again what the gateway's throttle answers with 429.
UNTHROTTLED = {f"POST /api/v1/webhooks/{sender}" for sender in ("alertmanager", "alerts", "signals")} | {"ANY /api/v1/webhooks/grafana"}
# What tracing puts into each line.
TRACING = ("ERROR", "level", "message")
# Properties that name a resource in its account and region.
NAMES = ("Name", "FunctionName", "TableName", "QueueName", "RoleName", "LogGroupName", "AlarmName", "LayerName", "DashboardName")
# What a dashboard may have without being billed, while the account has no more than three. https://aws.amazon.com/cloudwatch/pricing/
FREE_METRICS = 50
# Of AWS' own metrics those that no alarm watches. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
SHOWN = {("AWS/ApiGateway", "Count")}

Resources = dict[str, dict[str, Any]]


def of_type(resources: Resources, kind: str) -> Resources:
    return {name: resource for name, resource in resources.items() if resource["Type"] == kind}


def watched(resources: Resources) -> set[tuple[str, str]]:
    """The metrics that have an alarm, each with the resource whose metric it is."""
    alarms = of_type(resources, "AWS::CloudWatch::Alarm").values()
    found = set()
    for properties in (alarm["Properties"] for alarm in alarms):
        for name in re.findall(r'"(?:Ref|Fn::GetAtt)": \[?"(\w+)"', json.dumps(properties["Dimensions"])):
            found.add((properties["MetricName"], name))
    return found


def to_watch(resources: Resources) -> set[tuple[str, str]]:
    for_redrive = {
        queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for queue in of_type(resources, "AWS::SQS::Queue").values()
        if "RedrivePolicy" in queue["Properties"]
    }
    wanted = {("ApproximateNumberOfMessagesVisible", name) for name in for_redrive}
    wanted |= {("ApproximateAgeOfOldestMessage", name) for name in of_type(resources, "AWS::SQS::Queue") if name not in for_redrive}
    functions, tables = of_type(resources, "AWS::Serverless::Function"), of_type(resources, "AWS::DynamoDB::Table")
    wanted |= {(metric, name) for name in functions for metric in ("Errors", "Throttles")}
    return wanted | {(metric, name) for name in tables for metric in ("ReadThrottleEvents", "WriteThrottleEvents")}


def alarms(template: dict[str, Any]) -> Iterator[str]:
    resources = template["Resources"]
    for metric, name in sorted(to_watch(resources) - watched(resources)):
        yield f"no alarm on {metric} of {name}"
    found = of_type(resources, "AWS::CloudWatch::Alarm")
    headings, counted = anchors(OPERATIONS), {filtered["MetricName"] for filtered in transformations(resources)}
    for name, alarm in found.items():
        properties = alarm["Properties"]
        section = properties["AlarmDescription"].rpartition(" See docs/operations.md#")[2]
        if section not in headings:
            yield f"{name}: docs/operations.md has no section {section}"
        if not (properties.get("AlarmActions") and properties.get("OKActions")):
            yield f"{name} has no actions"
        if not properties["Dimensions"] and properties["MetricName"] not in counted:
            yield f"{name}: no filter counts {properties['MetricName']}"
    switched = [name for name, alarm in found.items() if alarm["Condition"] == "HasAlarms"]
    price = f"${len(switched) * ALARM_PRICE:.2f}"
    for place, text in (("the parameter Alarms", template["Parameters"]["Alarms"]["Description"]), (OPERATIONS.name, OPERATIONS.read_text())):
        if price not in text:
            yield f"{place} does not say that {len(switched)} alarms are {price} a month"


def transformations(resources: Resources) -> list[dict[str, Any]]:
    filters = of_type(resources, "AWS::Logs::MetricFilter").values()
    return [each for found in filters for each in found["Properties"]["MetricTransformations"]]


def code() -> str:
    folders = (PROJECT / "functions", PROJECT / "shared")
    return "\n".join(file.read_text() for folder in folders for file in folder.rglob("*.rs"))


def filters(template: dict[str, Any]) -> Iterator[str]:
    """Filters that look for something which no function prints: they would never count."""
    printed = code()
    for name, found in of_type(template["Resources"], "AWS::Logs::MetricFilter").items():
        pattern = found["Properties"]["FilterPattern"]
        for word in re.findall(r'"([^"]+)"', pattern) + re.findall(r"\$\.(\w+)", pattern):
            if word not in TRACING and f'"{word}"' not in printed and not re.search(rf"\b{word} = ", printed):
                yield f"{name} looks for {word!r}, which no function prints"
    counted = [json.dumps(found["Properties"]["LogGroupName"]) for found in of_type(template["Resources"], "AWS::Logs::MetricFilter").values()
               if found["Properties"]["MetricTransformations"][0]["MetricName"] == "error_lines"]  # fmt: skip
    for name, function in of_type(template["Resources"], "AWS::Serverless::Function").items():
        if json.dumps(function["Properties"]["LoggingConfig"].get("LogGroup")) not in counted:
            yield f"{name}: no filter counts its lines at error"


def documented(text: str) -> set[str]:
    """The metrics that the documents name: everything in backticks in tables, and in the section of the analyzer's."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return set(re.findall(r"`(\w+)`", "\n".join(rows)))


def dashboard(template: dict[str, Any]) -> Iterator[str]:
    """Metrics of the dashboard that nothing counts, or that no document explains."""
    shown = json.loads(template["Resources"]["Overview"]["Properties"]["DashboardBody"]["Fn::Sub"])["widgets"]
    metrics = [metric for widget in shown for metric in widget["properties"]["metrics"]]
    resources, printed, known = template["Resources"], code(), documented(OPERATIONS.read_text())
    alarmed = {(each["Properties"]["Namespace"], each["Properties"]["MetricName"])
               for each in of_type(resources, "AWS::CloudWatch::Alarm").values() if isinstance(each["Properties"]["Namespace"], str)}  # fmt: skip
    counted = {filtered["MetricName"] for filtered in transformations(resources)}
    for namespace, name, *dimensions in metrics:
        words = [word for word in dimensions if isinstance(word, str)]
        if namespace.startswith("AWS/"):
            if (namespace, name) not in alarmed | SHOWN:
                yield f"the dashboard shows {namespace} {name}, which is no metric that is known here"
        elif not words and name not in counted:
            yield f"the dashboard shows {name}, and no filter counts it"
        elif words and (missing := [word for word in (name, *words) if f'"{word}"' not in printed]):
            yield f"the dashboard shows {name}, and no function prints {', '.join(missing)}"
        elif name not in known:
            yield f"the dashboard shows {name}, which no table of {OPERATIONS.name} explains"
    if len(metrics) > FREE_METRICS:
        yield f"the dashboard shows {len(metrics)} metrics, and {FREE_METRICS} are free"
    if f"{len(metrics)} metrics" not in OPERATIONS.read_text():
        yield f"{OPERATIONS.name} does not say that the dashboard shows {len(metrics)} metrics"


def logs(template: dict[str, Any]) -> Iterator[str]:
    passing = template["Mappings"]["LogLevels"]
    for level in template["Parameters"]["LogLevel"]["AllowedValues"]:
        passes = LEVELS.index(passing[level]["LetPass"])
        if passes > LEVELS.index("INFO") or passes > LEVELS.index(level.upper()):
            yield f"with LogLevel={level} Lambda drops lines of metrics, or what the functions print"
    for name, function in of_type(template["Resources"], "AWS::Serverless::Function").items():
        own = function["Properties"]["LoggingConfig"]
        if "LogGroup" not in own:
            yield f"{name} has no log group of its own"
        if (name == "WitnessFunction") != (own.get("LogFormat") == "Text" and function.get("IgnoreGlobals") == ["LoggingConfig"]):
            yield f"{name}: the witness alone prints plain text, which Lambda leaves as it is"


def access_log(template: dict[str, Any]) -> Iterator[str]:
    _, settings, _ = template["Resources"]["ApiStage"]["Properties"]["AccessLogSettings"]["Fn::If"]
    line = settings["Format"]
    json.loads(line)
    for variable in sorted(set(re.findall(r"\$context\.([\w.]+)", line)) - LOGGED):
        yield f"the access log must not hold {variable}"


def throttles(template: dict[str, Any]) -> Iterator[str]:
    """Routes of a stage are throttled by its default settings, which are the account's ceiling here, or by their own."""
    stage = template["Resources"]["ApiStage"]
    # What is set under a condition is looked at as if it held.
    settings = {key: value.get("Fn::If", [None, value])[1] for key, value in stage["Properties"]["RouteSettings"].items()}
    throttled = {key for key, value in settings.items() if value["ThrottlingRateLimit"] <= 100}
    routes = {route["Properties"]["RouteKey"]: name for name, route in of_type(template["Resources"], "AWS::ApiGatewayV2::Route").items()}
    for key in sorted(routes.keys() - throttled - UNTHROTTLED):
        yield f"the route {key} has no throttle of its own"
    for key in sorted(throttled & UNTHROTTLED | (throttled | UNTHROTTLED) - routes.keys()):
        yield f"the route {key} must not be throttled, or is none"
    made_before = {*stage["DependsOn"], *re.findall(r"\$\{(\w+)\}", json.dumps(stage["Properties"].get("StageVariables")))}
    for key in sorted(throttled & routes.keys()):
        if routes[key] not in made_before:
            yield f"the stage is made before its route {key}"


def names(template: dict[str, Any]) -> Iterator[str]:
    for name, parameter in template["Parameters"].items():
        if "quell" in str(parameter.get("Default", "")).lower():
            yield f"{name}: two stacks would share {parameter['Default']!r}"
    for name, resource in template["Resources"].items():
        for key, value in resource.get("Properties", {}).items():
            written = value if isinstance(value, str) else value.get("Fn::Sub") if isinstance(value, dict) else None
            if key in NAMES and written and "AWS::StackName" not in written:
                yield f"{name}: two stacks cannot both have the {key} {value!r}"


def kept(template: dict[str, Any]) -> Iterator[str]:
    parameters = " ".join(template["Parameters"])
    for name, resource in template["Resources"].items():
        policies = resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")
        if "Retain" not in str(policies):
            continue
        if policies != ("RetainExceptOnCreate", "Retain"):
            yield f"{name}: a first deployment that fails would leave it behind, or a replacement would lose it"
        if f"Existing{name.removesuffix('s')}" not in parameters:
            yield f"{name} is kept, and no stack can take it over"


def main() -> int:
    template = json.loads(json.dumps(yaml_parse((PROJECT / "template.yaml").read_text())))
    faults = [fault for check in (alarms, filters, dashboard, logs, access_log, throttles, names, kept) for fault in check(template)]
    found = len(of_type(template["Resources"], "AWS::CloudWatch::Alarm"))
    print("\n".join(faults) or f"template: {len(template['Resources'])} resources, {len(template['Parameters'])} parameters, {found} alarms")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
