"""The baseline in Python: ingress' job for an alert that joins, with boto3 and a runtime loop of a few lines.

It is kinder to Python than Lambda is: no Powertools, no runtime client, and only the two clients that a join needs.
"""

import hmac
import json
import os

import boto3

from episode import join
from runtime import Context, serve

secrets_manager = boto3.client("secretsmanager")
secrets: dict[str, str] = {}


def secret(name: str) -> str:
    if name not in secrets:
        secrets[name] = secrets_manager.get_secret_value(SecretId=name)["SecretString"]
    return secrets[name]


def handler(event: dict, _: Context) -> dict:
    expected = f"Bearer {secret(os.environ['ALERTMANAGER_SECRET_ID'])}"
    if not hmac.compare_digest(event["headers"].get("authorization", ""), expected):
        return {"statusCode": 401, "body": "unauthenticated"}
    results = [join(alert) for alert in json.loads(event["body"])["alerts"]]
    print(json.dumps({"level": "INFO", "message": "counted", "alerts": len(results)}), flush=True)
    return {"statusCode": 200, "body": json.dumps({"results": results})}


serve(handler)
