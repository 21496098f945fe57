"""Transactions for a server that has none: made of single writes, and taken back where one of them is refused.

One request runs at a time here, so that it makes no difference to what a transaction answers.
"""

from __future__ import annotations

from infra.local.replay.recording import Answer, Record, Server

OPERATIONS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}
REFUSED = "ConditionalCheckFailedException"
CANCELLED = "TransactionCanceledException"


class SingleWrites:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._key_names: dict[str, list[str]] = {}

    def call(self, operation: str, body: Record) -> Answer:
        if operation == "CreateTable":
            self._key_names[body["TableName"]] = [part["AttributeName"] for part in body["KeySchema"]]
        return self._transaction(body["TransactItems"]) if operation == "TransactWriteItems" else self._server.call(operation, body)

    def _transaction(self, steps: list[Record]) -> Answer:
        before: list[tuple[str, Record, Record | None]] = []
        reasons: list[Record] = []
        for step in steps:
            ((kind, write),) = step.items()
            answer = self._server.call(OPERATIONS[kind], write | {"ReturnValues": "ALL_OLD"})
            code = str(answer.body.get("__type", "")).rpartition("#")[2]
            if answer.status != 200 and code != REFUSED:
                self._take_back(before)
                return answer
            reasons.append({"Code": "ConditionalCheckFailed" if code else "None"})
            if not code:
                before.append((write["TableName"], self._key(write), answer.body.get("Attributes")))
        if all(reason["Code"] == "None" for reason in reasons):
            return Answer(200, {})
        self._take_back(before)
        return Answer(400, {"__type": CANCELLED, "CancellationReasons": reasons})

    def _key(self, write: Record) -> Record:
        item = write.get("Key") or write["Item"]
        return {name: item[name] for name in self._key_names[write["TableName"]]}

    def _take_back(self, before: list[tuple[str, Record, Record | None]]) -> None:
        for table, key, item in reversed(before):
            operation, body = ("PutItem", {"Item": item}) if item else ("DeleteItem", {"Key": key})
            self._server.call(operation, {"TableName": table} | body)
