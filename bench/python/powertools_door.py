"""The same door as a Python team would write it for Lambda: routes, logs, metrics and the secret by Powertools.

What Lambda's own runtime client costs is left out here too.
"""

import hmac
import json
import os

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import UnauthorizedError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parameters import SecretsProvider

from episode import join
from runtime import Context, serve

logger = Logger(service="bench")
metrics = Metrics(namespace="Bench", service="bench")
app = APIGatewayHttpResolver()
secrets = SecretsProvider()


@app.post("/api/v1/webhooks/alertmanager")
def alerts() -> Response:
    # Ingress keeps a secret for five minutes too.
    expected = f"Bearer {secrets.get(os.environ['ALERTMANAGER_SECRET_ID'], max_age=300)}"
    if not hmac.compare_digest(app.current_event.headers.get("authorization", ""), expected):
        raise UnauthorizedError("unauthenticated")
    results = [join(alert) for alert in app.current_event.json_body["alerts"]]
    metrics.add_metric(name="AlertsJoined", unit=MetricUnit.Count, value=len(results))
    logger.info("counted", alerts=len(results))
    return Response(status_code=200, content_type=content_types.APPLICATION_JSON, body=json.dumps({"results": results}))


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict, context: Context) -> dict:
    return app.resolve(event, context)


serve(handler)
