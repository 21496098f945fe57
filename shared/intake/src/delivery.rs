//! What a sender delivers at once.

use domain::alert::Alert;

/// A delivery of a sender: one group of Alertmanager, or a single alert.
#[derive(Debug)]
pub struct Delivery {
    /// Its alerts, in the sender's order.
    pub alerts: Vec<Alert>,
    /// How many alerts the sender left out (`truncatedAlerts`).
    pub left_out: u64,
    /// The sender's group: what it calls the alerts that it sends together.
    pub group_key: Option<String>,
}

impl Delivery {
    /// A delivery of one alert.
    pub fn single(alert: Alert) -> Self {
        Self {
            alerts: vec![alert],
            left_out: 0,
            group_key: None,
        }
    }
}
