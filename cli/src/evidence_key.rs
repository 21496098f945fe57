//! `quell evidence-key`: the key with which the witness's checkpoints are checked.

use std::io::Write;

use clap::Args;
use evidence::note::Signer;
use witness::KEY_NAME;

use crate::aws::{Environment, secrets};
use crate::exit::{Answer, Failure};

#[derive(Debug, Args)]
pub(crate) struct EvidenceKey {
    /// The secret that signs: the stack's output EvidenceKeyArn
    #[arg(long, value_name = "ID")]
    secret_id: String,
}

impl EvidenceKey {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let secret = secrets(variables).await?.get(&self.secret_id).await?;
        let key = Signer::from_secret(KEY_NAME, &secret).verifier();
        writeln!(out, "{key}")?;
        Ok(Answer::Yes)
    }
}
