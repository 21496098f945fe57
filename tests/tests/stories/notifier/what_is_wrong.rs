//! Test of what the card says is wrong: all that the alert's labels, annotations and addresses say, through the deployed stack.

use serde_json::json;
use tests::alert::unique;
use tests::stack::Stack;

#[tokio::test]
async fn the_card_has_the_facts_that_the_alert_carries() {
    let stack = Stack::start();
    let claim = unique("data-orders-db");
    // Of kube-prometheus (KubePersistentVolumeFillingUp), as its Alertmanager delivers it.
    let delivery = json!({
        "version": "4", "receiver": "quell", "status": "firing", "truncatedAlerts": 0,
        "groupKey": format!("{{}}:{{alertname=\"KubePersistentVolumeFillingUp\", claim=\"{claim}\"}}"),
        "externalURL": "http://alertmanager.example:9093",
        "alerts": [{
            "status": "firing", "startsAt": "2026-11-22T03:12:00Z", "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example:9090/graph?g0.expr=up",
            "labels": {
                "alertname": "KubePersistentVolumeFillingUp", "endpoint": "https-metrics", "instance": "10.0.0.31:10250",
                "job": "kubelet", "metrics_path": "/metrics", "namespace": "shop", "node": "node-1",
                "persistentvolumeclaim": claim, "service": "kps-kubelet", "severity": "critical", "team": "payments",
            },
            "annotations": {
                "summary": "PersistentVolume is filling up.",
                "description": "The PersistentVolume claimed is only <b>1.8%</b> free.",
                "runbook_url": "https://runbooks.example/pvfull", "dashboard_url": "https://grafana.example/d/abc",
            },
        }],
    });
    let answer: serde_json::Value = stack.deliver(&delivery).await.json().await.expect("JSON");
    let id = answer["results"][0]["incident_id"]
        .as_str()
        .expect("an incident");
    let card = stack.card(id, "PersistentVolume is filling up.").await;
    let text = card["text"].as_str().expect("a text");
    for said in [
        &format!("{claim} in shop"),
        "only <b>1.8%</b> free",
        "node node-1",
        "team payments",
        "⏱ Fires since 2026-11-22 03:12 UTC",
        "runbook (runbooks.example)",
        "dashboard (grafana.example)",
        "(prometheus.example:9090)",
        "(alertmanager.example:9093)",
    ] {
        assert!(text.contains(said), "{said} is not in\n{text}");
    }
    // As the template names the API, which this machine does not have to resolve.
    let page = format!("{}/console/incidents/{id}", stack.facts.outputs["ApiUrl"]);
    let open = json!([{ "text": "open in the console", "url": page }]);
    let rows = card["reply_markup"]["inline_keyboard"].as_array();
    assert_eq!(rows.and_then(|rows| rows.last()), Some(&open), "{card}");
}
