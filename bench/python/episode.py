"""How an alert joins its open episode: the one conditional write of ingress, the same for both doors."""

import hashlib
import os
import time

import boto3

dynamodb = boto3.client("dynamodb")


def join(alert: dict) -> dict:
    """Counts the alert and says which incident it belongs to."""
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
