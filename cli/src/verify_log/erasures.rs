//! Erasures that the auditor knows of, and those that are still to be looked at.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use evidence::erased::Erased;

use crate::exit::Failure;
use crate::input;

/// Erasures that the auditor has looked at, by their keys.
pub(super) struct KnownErasures(BTreeSet<String>);

impl KnownErasures {
    /// Reads them from what `quell verify-log` printed before.
    pub(super) fn read(file: Option<&Path>) -> Result<Self, Failure> {
        let text = file.map(input::text).transpose()?.unwrap_or_default();
        Ok(Self(text.lines().filter_map(Erased::key_in).collect()))
    }

    /// Prints each erasure. Gives how many of them are not known.
    pub(super) fn list(&self, erased: &[Erased], out: &mut dyn Write) -> Result<usize, Failure> {
        for erased in erased {
            writeln!(out, "{erased}")?;
        }
        let unknown = |erased: &&Erased| !self.0.contains(&erased.key());
        Ok(erased.iter().filter(unknown).count())
    }
}

/// Says what to do about erasures that are not known.
pub(super) fn tell_unknown(unknown: usize, out: &mut dyn Write) -> Result<(), Failure> {
    if unknown > 0 {
        writeln!(
            out,
            "{unknown} erasures are new to you. If each of them should be, keep the lines that begin with `erased:` and give them with --erasures-known."
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::primitives::id::IncidentId;
    use evidence::erased::Erased;

    use super::KnownErasures;

    fn erased(left: &str) -> Erased {
        Erased {
            incident: IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID"),
            sequence: 5,
            left: Some(left.to_owned()),
            fields: vec!["actor".to_owned()],
            note: None,
        }
    }

    #[test]
    fn an_erasure_is_known_by_its_place_and_what_is_left() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("known");
        let mut printed = Vec::new();
        let none = KnownErasures::read(None).expect("none");
        let before = [erased("aa"), erased("bb")];
        assert_eq!(none.list(&before, &mut printed).expect("printed"), 2);
        std::fs::write(&file, &printed).expect("written");
        let known = KnownErasures::read(Some(&file)).expect("some");
        let now = [erased("aa"), erased("cc")];
        assert_eq!(known.list(&now, &mut Vec::new()).expect("printed"), 1);
    }
}
