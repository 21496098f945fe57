"""The baseline in Python: ingress' job for an alert that joins, with boto3 and a runtime loop of a few lines.

It is kinder to Python than Lambda is: no Powertools, no runtime client, and only the two clients that a join needs.
"""

import hashlib
import hmac
import http.client
import json
import os
import time

import boto3

dynamodb = boto3.client("dynamodb")
secrets_manager = boto3.client("secretsmanager")
secrets: dict[str, str] = {}


def secret(name: str) -> str:
    if name not in secrets:
        secrets[name] = secrets_manager.get_secret_value(SecretId=name)["SecretString"]
    return secrets[name]


def join(alert: dict) -> dict:
    labels = alert["labels"]
    target = labels.get("component") or labels.get("pod") or labels.get("instance") or labels["alertname"]
    digest = hashlib.sha256()
    for field in (labels.get("namespace", ""), target, labels["alertname"]):
        digest.update(f"{len(field)}:{field}".encode())
    now = int(time.time() * 1000)
    answer = dynamodb.update_item(
        TableName=os.environ["TABLE_NAME"],
        Key={"pk": {"S": f"FP#{digest.hexdigest()}"}, "sk": {"S": "EPISODE"}},
        UpdateExpression="SET #last_seen = :now, #members.#m = :now ADD #hit_count :one",
        ConditionExpression="#open = :true AND #last_seen >= :stale",
        ExpressionAttributeNames={
            "#last_seen": "last_seen",
            "#members": "members",
            "#m": alert["fingerprint"],
            "#hit_count": "hit_count",
            "#open": "open",
        },
        ExpressionAttributeValues={
            ":now": {"N": str(now)},
            ":stale": {"N": str(now - 18_000_000)},
            ":true": {"BOOL": True},
            ":one": {"N": "1"},
        },
        ReturnValues="ALL_NEW",
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )
    attributes = answer["Attributes"]
    return {"outcome": "joined", "incident_id": attributes["incident_id"]["S"], "hit_count": int(attributes["hit_count"]["N"])}


def handler(event: dict) -> dict:
    expected = f"Bearer {secret(os.environ['ALERTMANAGER_SECRET_ID'])}"
    if not hmac.compare_digest(event["headers"].get("authorization", ""), expected):
        return {"statusCode": 401, "body": "unauthenticated"}
    results = [join(alert) for alert in json.loads(event["body"])["alerts"]]
    print(json.dumps({"level": "INFO", "message": "counted", "alerts": len(results)}), flush=True)
    return {"statusCode": 200, "body": json.dumps({"results": results})}


def main() -> None:
    runtime = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    base = "/2018-06-01/runtime/invocation"
    while True:
        runtime.request("GET", f"{base}/next")
        polled = runtime.getresponse()
        request_id = polled.headers["Lambda-Runtime-Aws-Request-Id"]
        answer = handler(json.loads(polled.read()))
        runtime.request("POST", f"{base}/{request_id}/response", json.dumps(answer))
        runtime.getresponse().read()


main()
