//! Alerts as they are counted: classification, subject, fingerprint, and pod names.

mod alert;
pub mod alert_rules;
pub mod classification;
mod exporter;
pub mod fingerprint;
pub mod heartbeat;
mod identify;
pub mod labels;
pub mod pod_name;
pub mod severity;
pub mod silence_matchers;
pub mod subject;

pub use self::alert::*;
pub use self::labels::Texts;
pub use self::severity::AlertSeverity;
