//! Alerts as they are counted: classification, fingerprint, and pod names.

mod alert;
pub mod classification;
pub mod fingerprint;
pub mod pod_name;
pub mod silence_matchers;

pub use self::alert::*;
