"""Makes the emulator's IAM know what Quell's roles rely on, and notes which of their grants a request has needed.

As it comes, the emulator leaves out `dynamodb:LeadingKeys`, so that a condition on it always holds, and of `dynamodb:Attributes` what an
item has that is put. Here they are what AWS says: the partition keys, and the top-level attributes, that a request names.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html

A grant is one action of a statement on one of its resources. Each that lets a request of a function through is taken away, and the request is
evaluated again: a grant is needed if it is refused then. `grants` reads what is noted here after all stories have run: a grant that no
request needed is one too many. Requests of the tests with a stolen role need nothing.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ministack.core import iam_actions, iam_evaluator

LEADING_KEYS = "dynamodb:LeadingKeys"
ATTRIBUTES = "dynamodb:Attributes"
# The partition key of every table of ours.
PARTITION_KEY = "pk"
ROLE = re.compile(r":assumed-role/quell-(\w+?)Role-[^/]*/(?!stolen$)")
# The name that the template gives to what the emulator has named.
NAMED = re.compile(r"quell-([A-Za-z]+)-[A-Za-z0-9-]+")
# When a stream was made is a part of its name.
MADE = re.compile(r"(?<=/stream)/.*")
# What Secrets Manager puts behind the name of a secret.
SUFFIX = re.compile(r"(?<=\w)-[0-9A-Za-z]{6}$")

Record = dict[str, Any]


def install() -> None:
    """Puts this in the place of the emulator's own. Notes go to the file that QUELL_GRANTS names, if it names one."""
    context_of, evaluated = iam_actions.dynamodb_service_context, iam_evaluator.evaluate
    file = os.environ.get("QUELL_GRANTS")
    noted = Notes(Path(file), evaluated) if file else None

    def dynamodb_service_context(body: bytes) -> Record:
        context: Record = context_of(body)
        if keys := leading_keys(body):
            context[LEADING_KEYS] = keys
        if put := attributes_put(body):
            context[ATTRIBUTES] = sorted({*put, *context.get(ATTRIBUTES, [])})
        return context

    def evaluate(context: Any, policies: Any, *limits: Any) -> Any:
        result = evaluated(context, policies, *limits)
        if noted and result.decision == "Allow":
            noted.request(context, policies, limits)
        return result

    iam_actions.dynamodb_service_context, iam_evaluator.evaluate = dynamodb_service_context, evaluate


def leading_keys(body: bytes) -> list[str]:
    """The partition keys that a request to DynamoDB names."""
    try:
        data = json.loads(body or b"{}")
    except ValueError:
        return []
    return sorted(set(_partition_keys(data))) if isinstance(data, dict) else []


def attributes_put(body: bytes) -> list[str]:
    """The attributes of an item that is put, and those that its condition names."""
    try:
        data = json.loads(body or b"{}")
    except ValueError:
        return []
    if not isinstance(data, dict) or not isinstance(item := data.get("Item"), dict):
        return []
    names = data.get("ExpressionAttributeNames") or {}
    condition = re.findall(r"(?<![:\w])[#a-zA-Z_]\w*(?!\w*\()", str(data.get("ConditionExpression") or ""))
    return [*item, *(names.get(name, name) for name in condition if name.upper() not in {"AND", "OR", "NOT", "IN", "BETWEEN"})]


def _partition_keys(data: Record) -> Iterator[str]:
    for item in _items(data):
        if isinstance(value := item.get(PARTITION_KEY), dict):
            yield str(value.get("S", ""))
    if isinstance(condition := data.get("KeyConditionExpression"), str):
        names = data.get("ExpressionAttributeNames") or {}
        for name, value in re.findall(r"([#\w]+)\s*=\s*(:\w+)", condition):
            if names.get(name, name) == PARTITION_KEY:
                yield str(data.get("ExpressionAttributeValues", {}).get(value, {}).get("S", ""))


def _items(data: Record) -> Iterator[Record]:
    """Every key and every item of a request, of a batch and of a transaction."""
    yield data.get("Key") or data.get("Item") or {}
    for of_table in (data.get("RequestItems") or {}).values():
        if isinstance(of_table, dict):
            yield from of_table.get("Keys") or []
        else:
            for write in of_table:
                yield write.get("PutRequest", {}).get("Item") or write.get("DeleteRequest", {}).get("Key") or {}
    for step in data.get("TransactItems") or []:
        for part in step.values():
            yield part.get("Key") or part.get("Item") or {}


class Notes:
    """The grants of the roles that were used, and the first request that needed each. Several emulators write into one file."""

    def __init__(self, file: Path, evaluate: Callable[..., Any]) -> None:
        self._file = file
        self._evaluate = evaluate
        self._roles: set[str] = set()
        self._needed: set[tuple[str, str, str]] = set()
        self._seen: set[tuple[str, str, str, str]] = set()

    def request(self, context: Any, policies: Any, limits: Any) -> None:
        found = ROLE.search(context.principal_arn)
        if not found:
            return
        role = found.group(1)
        keys = ",".join(context.service_context.get(LEADING_KEYS.lower()) or [])
        # Requests for other items of a kind need the same grants.
        request = (role, context.action, context.resource_arn, kind(keys))
        if request in self._seen:
            return
        self._seen.add(request)
        grants = [grant for policy in policies for grant in _grants(policy)]
        if role not in self._roles:
            self._roles.add(role)
            for grant in grants:
                self._write(role, grant)
        denials = [statement for policy in policies for statement in policy if statement.effect != "Allow"]
        for grant in grants:
            if (role, *named(grant)) in self._needed:
                continue
            without = [denials + [other for other in grants if other is not grant]]
            if self._evaluate(context, without, *limits).decision != "Allow":
                self._needed.add((role, *named(grant)))
                self._write(role, grant, needed_by=f"{context.action.split(':')[1]} {kind(keys) or SUFFIX.sub('', short(context.resource_arn))}")

    def _write(self, role: str, grant: Any, **more: str) -> None:
        action, resource = named(grant)
        line = json.dumps({"role": role, "action": action, "resource": resource} | more)
        with self._file.open("a") as file:
            file.write(line + "\n")


def _grants(statements: list[Any]) -> Iterator[Any]:
    """Statements of one action on one resource each, which allow the same together."""
    for statement in statements:
        if statement.effect == "Allow":
            for action in statement.actions:
                # The template's grant of models is on nothing where it names none.
                for resource in filter(None, statement.resources):
                    yield replace(statement, actions=[action], resources=[resource])


def named(grant: Any) -> tuple[str, str]:
    return grant.actions[0], short(grant.resources[0])


def kind(keys: str) -> str:
    """What of partition keys is the same for all items of a kind: `INC#`, `TARGET#`."""
    return ",".join(sorted({key.partition("#")[0] + ("#" if "#" in key else "") for key in keys.split(",")}))


def short(arn: str) -> str:
    """A resource as the template names it: without partition, region, account and what makes its name unique."""
    name = arn if arn == "*" else re.split(r":\d{12}:", arn, maxsplit=1)[-1]
    return MADE.sub("", NAMED.sub(r"\1", name))
