// The baseline in Node.js: ingress' job for an alert that joins, with the AWS SDK and a runtime loop of a few lines, bundled into
// one minified file, as is advised for short cold starts. What Lambda's own runtime client costs is left out.

import { createHash, timingSafeEqual } from "node:crypto";
import http from "node:http";

import { DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";

const dynamodb = new DynamoDBClient({});
const secretsManager = new SecretsManagerClient({});
const secrets = new Map();

async function secret(name) {
  if (!secrets.has(name)) {
    secrets.set(name, (await secretsManager.send(new GetSecretValueCommand({ SecretId: name }))).SecretString);
  }
  return secrets.get(name);
}

function same(shown, expected) {
  const [one, other] = [Buffer.from(shown), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

async function join(alert) {
  const labels = alert.labels;
  const target = labels.component || labels.pod || labels.instance || labels.alertname;
  const digest = createHash("sha256");
  for (const field of [labels.namespace ?? "", target, labels.alertname]) {
    digest.update(`${field.length}:${field}`);
  }
  const now = Date.now();
  const { Attributes } = await dynamodb.send(
    new UpdateItemCommand({
      TableName: process.env.TABLE_NAME,
      Key: { pk: { S: `FP#${digest.digest("hex")}` }, sk: { S: "EPISODE" } },
      UpdateExpression: "SET #last_seen = :now, #members.#m = :now ADD #hit_count :one",
      ConditionExpression: "#open = :true AND #last_seen >= :stale",
      ExpressionAttributeNames: {
        "#last_seen": "last_seen",
        "#members": "members",
        "#m": alert.fingerprint,
        "#hit_count": "hit_count",
        "#open": "open",
      },
      ExpressionAttributeValues: {
        ":now": { N: String(now) },
        ":stale": { N: String(now - 18_000_000) },
        ":true": { BOOL: true },
        ":one": { N: "1" },
      },
      ReturnValues: "ALL_NEW",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    }),
  );
  return { outcome: "joined", incident_id: Attributes.incident_id.S, hit_count: Number(Attributes.hit_count.N) };
}

async function handler(event) {
  const expected = `Bearer ${await secret(process.env.ALERTMANAGER_SECRET_ID)}`;
  if (!same(event.headers.authorization ?? "", expected)) {
    return { statusCode: 401, body: "unauthenticated" };
  }
  const results = await Promise.all(JSON.parse(event.body).alerts.map(join));
  console.log(JSON.stringify({ level: "INFO", message: "counted", alerts: results.length }));
  return { statusCode: 200, body: JSON.stringify({ results }) };
}

// Lambda's runtime API: polls for an event, posts the answer.
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, body) {
  const url = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/${path}`;
  const headers = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, agent, headers }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function serve() {
  for (;;) {
    const polled = await call("GET", "next");
    const answer = await handler(JSON.parse(polled.body));
    await call("POST", `${polled.headers["lambda-runtime-aws-request-id"]}/response`, JSON.stringify(answer));
  }
}

serve();
