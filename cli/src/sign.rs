//! `quell sign`: prints the headers of a signature, made by the function with which ingress checks
//! it.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use ingress::authentication::{SIGNED, sign};
use jiff::Timestamp;

use crate::aws::Environment;
use crate::exit::{Answer, Failure};
use crate::input;
use crate::secret::SenderSecret;

#[derive(Debug, Args)]
pub(crate) struct Sign {
    #[command(flatten)]
    secret: SenderSecret,
    /// Where it is sent, as a URL or a path: the signature is good there alone, for five minutes
    #[arg(long, value_name = "URL")]
    url: String,
    /// The body; `-` reads the standard input
    #[arg(value_name = "FILE")]
    body: PathBuf,
}

impl Sign {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let secret = self.secret.read(variables).await?;
        let secret = secret.ok_or_else(|| {
            Failure::wrong("No secret given: pass --secret-file FILE or --secret-id ID.")
        })?;
        let body = input::bytes(&self.body)?;
        for (name, value) in sign(SIGNED, &secret, &self.url, &body, Timestamp::now()) {
            writeln!(out, "{}: {value}", as_written(name))?;
        }
        Ok(Answer::Yes)
    }
}

/// A header's name as people write it: `X-Signature-256`.
fn as_written(name: &str) -> String {
    let part = |part: &str| {
        let (first, rest) = part.split_at(part.len().min(1));
        format!("{}{rest}", first.to_ascii_uppercase())
    };
    name.split('-').map(part).collect::<Vec<_>>().join("-")
}
