//! Checkpoints (<https://c2sp.org/tlog-checkpoint>): the size and the root of the tree at a time, signed.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;

use crate::note::{InvalidNote, Signer, Verifier};
use crate::tree::Tree;

/// The state of the transparency log at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log it is of.
    pub origin: String,
    /// How many leaves it covers.
    pub size: u64,
    pub root: Vec<u8>,
    /// When it was made. It stands in an extension line, which readers of other logs pass over.
    pub at: Timestamp,
}

impl Checkpoint {
    pub fn of(origin: &str, tree: &Tree, at: Timestamp) -> Self {
        Self {
            origin: origin.to_owned(),
            size: tree.size(),
            root: tree.root().to_vec(),
            at,
        }
    }

    /// The signed note.
    pub fn sign(&self, signer: &Signer) -> String {
        let Self {
            origin,
            size,
            root,
            at,
        } = self;
        let root = BASE64_STANDARD.encode(root);
        signer.sign(&format!("{origin}\n{size}\n{root}\nat {at}\n"))
    }

    /// Reads a note that this key has signed.
    ///
    /// # Errors
    /// If it has not, or the text is none of a checkpoint.
    pub fn open(note: &str, verifier: &Verifier) -> Result<Self, InvalidNote> {
        let text = verifier.open(note)?;
        let mut lines = text.lines();
        let mut next = || lines.next().ok_or(InvalidNote::Forged);
        let origin = next()?.to_owned();
        let size = next()?.parse().map_err(|_| InvalidNote::Forged)?;
        let root = BASE64_STANDARD
            .decode(next()?)
            .map_err(|_| InvalidNote::Forged)?;
        let at = next()?.strip_prefix("at ").and_then(|at| at.parse().ok());
        Ok(Self {
            origin,
            size,
            root,
            at: at.ok_or(InvalidNote::Forged)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use secrecy::SecretString;

    use super::Checkpoint;
    use crate::note::Signer;
    use crate::tree::Tree;

    #[test]
    fn a_checkpoint_has_the_form_of_its_specification() {
        let signer = Signer::from_secret("quell", &SecretString::from("key"));
        let mut tree = Tree::default();
        tree.push(b"leaf");
        let checkpoint = Checkpoint::of("quell/stack", &tree, Timestamp::UNIX_EPOCH);
        let note = checkpoint.sign(&signer);
        let lines: Vec<&str> = note.lines().collect();
        assert_eq!(lines[..2], ["quell/stack", "1"]);
        assert_eq!((lines[4], lines.len()), ("", 6), "{note}");
        assert!(lines[5].starts_with("\u{2014} quell "), "{note}");
        assert_eq!(Checkpoint::open(&note, &signer.verifier()), Ok(checkpoint));
    }
}
