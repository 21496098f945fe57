//! The witness: puts every write to the operation log into a transparency log, and prints its leaves
//! and signed checkpoints into a log group that no function can delete from (decision 31).
//!
//! It learns of writes from the table's stream, which nobody who writes the table can keep it from.

pub mod config;
pub mod stream;

use std::fmt::Write as _;

use aws::AwsEnvironment;
use aws::secrets::{SecretError, Secrets};
use evidence::anchors::Anchor;
use evidence::checkpoint::Checkpoint;
use evidence::leaf::{Act, Leaf};
use evidence::note::Signer;
use evidence::tree::Tree;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{ControlTable, StoreError};
use thiserror::Error;
use tracing::{error, info, warn};

use crate::config::Config;
use crate::stream::StreamEvent;

/// How long one try of a request to AWS may take.
const ATTEMPT: std::time::Duration = std::time::Duration::from_secs(5);
/// The name of the key in checkpoints.
pub const KEY_NAME: &str = "quell";

/// Why a batch has to come again.
#[derive(Debug, Error)]
pub enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("the anchors cannot be printed")]
    Print(#[from] std::io::Error),
    #[error("an anchor cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// What was anchored so far, as the control table keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Witnessed {
    tree: Tree,
    /// The place of the first leaf of the last batch.
    first: u64,
    /// The leaves of the last batch, as they are hashed.
    last: Vec<String>,
    /// True if that batch was printed.
    printed: bool,
    /// When the newest checkpoint was printed: the console shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checkpoint_at: Option<Timestamp>,
}

/// The function's state between batches.
#[derive(Debug)]
pub struct App {
    control: ControlTable,
    secrets: Secrets,
    key: String,
    origin: String,
}

impl App {
    pub fn new(config: Config, environment: &AwsEnvironment) -> Self {
        let aws = &environment.sdk_config(ATTEMPT);
        let dynamodb = aws_sdk_dynamodb::Client::new(aws);
        Self {
            control: ControlTable::new(dynamodb, config.control_table),
            secrets: Secrets::new(aws_sdk_secretsmanager::Client::new(aws)),
            key: config.key,
            origin: config.origin,
        }
    }

    /// Anchors the writes of a batch: the tree is saved with them first, and then they are printed. What
    /// was saved and perhaps not printed is printed again, so that no leaf is missing.
    ///
    /// # Errors
    /// If the batch has to come again.
    pub async fn handle(
        &self,
        batch: &StreamEvent,
        now: Timestamp,
        print: impl Fn(&str) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        let mut leaves = Vec::new();
        for record in &batch.records {
            match record.leaf() {
                Ok(leaf) => leaves.extend(leaf),
                // Nobody can mend it: the batch must not wait for it for ever.
                Err(unreadable) => {
                    error!(error = %unreadable, "a write to the log is not anchored")
                }
            }
        }
        for leaf in &leaves {
            tell(leaf);
        }
        let secret = self.secrets.get(&self.key).await?;
        let signer = Signer::from_secret(KEY_NAME, &secret);
        let (known, mut version) = self.control.witnessed().await?;
        let mut state = known.unwrap_or(Witnessed {
            tree: Tree::default(),
            first: 0,
            last: Vec::new(),
            printed: true,
            checkpoint_at: None,
        });
        if !state.printed {
            print(&self.lines(&state, &signer, now)?)?;
            state.printed = true;
            state.checkpoint_at = Some(now);
            version = self.control.save_witnessed(&state, version).await?;
        }
        if leaves.is_empty() {
            return Ok(());
        }
        state.first = state.tree.size();
        state.last = leaves.iter().map(Leaf::to_string).collect();
        for leaf in &state.last {
            state.tree.push(leaf.as_bytes());
        }
        state.printed = false;
        let version = self.control.save_witnessed(&state, version).await?;
        print(&self.lines(&state, &signer, now)?)?;
        state.printed = true;
        state.checkpoint_at = Some(now);
        self.control.save_witnessed(&state, version).await?;
        info!(leaves = leaves.len(), "anchored");
        Ok(())
    }

    /// The lines of the last batch: its leaves, and the checkpoint behind them.
    fn lines(
        &self,
        state: &Witnessed,
        signer: &Signer,
        now: Timestamp,
    ) -> Result<String, serde_json::Error> {
        let mut lines = String::new();
        for (index, text) in (state.first..).zip(&state.last) {
            if let Ok(leaf) = text.parse() {
                let anchor = Anchor::Leaf { index, leaf };
                let _ = writeln!(lines, "{}", serde_json::to_string(&anchor)?);
            }
        }
        let note = Checkpoint::of(&self.origin, &state.tree, now).sign(signer);
        let _ = writeln!(
            lines,
            "{}",
            serde_json::to_string(&Anchor::Checkpoint { note })?
        );
        Ok(lines)
    }
}

/// Tells of what no function does, and of what was taken out of entries. The alarm of the stack knows the errors by their words.
fn tell(leaf: &Leaf) {
    let (incident_id, sequence) = (&leaf.incident, leaf.sequence);
    match &leaf.act {
        Act::Written { .. } if leaf.is_tampering() => {
            error!(%incident_id, sequence, error = "no function writes it so", "a write to the log is not anchored");
        }
        _ if leaf.is_tampering() => {
            error!(%incident_id, sequence, what = %leaf, "an entry of the operation log was changed or deleted in the table");
        }
        Act::Erased { .. } => {
            warn!(%incident_id, sequence, what = %leaf, "something was erased from an entry of the operation log");
        }
        _ => {}
    }
}
