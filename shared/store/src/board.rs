//! The board and its census (decision 46): one item that is read to look, and up to 32 that say who is counted in it.
//!
//! The board's version is the lock of both. A writer reads the board first, then the census, then the incidents that have changed, and
//! writes over the versions that it has read. Whoever wrote in between has written the board too, so that this write is refused.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::builders::PutBuilder;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::attributes::{Item, Reader, json, number};
use super::keys::{self, Key};
use super::request::{all_pages, put, put_over_version};
use super::retry::patiently;
use super::{Store, StoreError};
use domain::analysis::Severity;
use domain::incident::Status;
use domain::incident::response::Response;
use domain::notification::board::{Board, Census, Mark};
use domain::primitives::id::IncidentId;

/// Of what is stored. What has another one is not read: the board is made anew then.
const FORMAT: u32 = 1;

/// A board, and until when everything is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredBoard {
    pub as_of: Timestamp,
    pub board: Board,
}

/// A document of this format.
#[derive(Serialize, Deserialize)]
struct Formatted<T> {
    format: u32,
    content: T,
}

/// A part of the census: the ids that have each mark, which is shorter than a mark for each id.
#[derive(Serialize, Deserialize)]
struct Part {
    marks: Vec<(Mark, Vec<IncidentId>)>,
}

/// The version that an item is written over. None of one whose version cannot be read, which is replaced whatever it is.
type Version = Option<u64>;

/// What the counts need of an incident's own item, without its details.
#[derive(Deserialize)]
struct Counted {
    status: Status,
    severity: Severity,
    #[serde(default)]
    response: Response,
}

/// What a writer has read, before it reads incidents.
#[derive(Debug)]
pub struct LoadedBoard {
    /// None where there is none, or none of this format.
    pub stored: Option<StoredBoard>,
    /// Everybody who is counted, as far as it could be read.
    pub census: Census,
    version: Version,
    parts: BTreeMap<char, Version>,
    /// The parts that could not be read. They are written again.
    unreadable: BTreeSet<char>,
}

impl Store {
    /// The board, to look at; none where there is none of this format. One read, half as dear as one that waits for the last write.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn board(&self) -> Result<Option<StoredBoard>, StoreError> {
        let items = self.get_all(&[keys::board()], false).await?;
        Ok(items.first().and_then(|item| read(item).0))
    }

    /// The board and its census, to write them.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn load_board(&self) -> Result<LoadedBoard, StoreError> {
        // One after the other: what the census has was written before the board of this version or comes with one that refuses ours.
        let item = self.get(keys::board()).await?;
        let (stored, version) = item.as_ref().map_or((None, Some(0)), read);
        let query = self.query_prefix(keys::BOARD.to_owned(), keys::CENSUS);
        let (mut marks, mut parts) = (Vec::new(), BTreeMap::new());
        let mut unreadable = BTreeSet::new();
        for item in all_pages(query).await? {
            let Some(part) = part_of(&item) else {
                continue;
            };
            let (found, version) = read::<Part>(&item);
            parts.insert(part, version);
            let Some(Part { marks: found }) = found else {
                unreadable.insert(part);
                continue;
            };
            let each =
                |(mark, ids): (Mark, Vec<IncidentId>)| ids.into_iter().map(move |id| (id, mark));
            marks.extend(found.into_iter().flat_map(each));
        }
        Ok(LoadedBoard {
            stored,
            census: Census::from_iter(marks),
            version,
            parts,
            unreadable,
        })
    }

    /// What the counts need of incidents, after every write that was answered: a third of what it takes to read them whole. None for those
    /// that are not open, or not there; the errors are about those that cannot be read.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn marks(
        &self,
        ids: &[IncidentId],
    ) -> Result<(Vec<(IncidentId, Option<Mark>)>, Vec<StoreError>), StoreError> {
        let all: Vec<Key> = ids.iter().map(keys::incident).collect();
        let items = self.get_all(&all, true).await?;
        let (mut marks, mut unreadable) = (BTreeMap::new(), Vec::new());
        for item in &items {
            let Some(id) = keys::incident_of(item) else {
                continue;
            };
            let counted = Reader::new(item).json::<Counted>("doc");
            let mark = match counted {
                Ok(one) => Mark::of(one.severity, one.status, one.response.responder.is_some()),
                Err(error) => {
                    unreadable.push(error);
                    Some(Mark::Unreadable)
                }
            };
            marks.insert(id, mark);
        }
        let mark = |id: &IncidentId| (id.clone(), marks.get(id).copied().flatten());
        Ok((ids.iter().map(mark).collect(), unreadable))
    }

    /// Writes the parts of the census that have changed, and then the board: in this order, so that a writer that dies in between has
    /// counted nobody twice when its batch comes again. Without a change it writes only where `always` says so, for the time in it.
    /// True if the board was written.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another writer came in between: load and read again.
    pub async fn save_board(
        &self,
        loaded: &LoadedBoard,
        census: &Census,
        board: StoredBoard,
        always: bool,
    ) -> Result<bool, StoreError> {
        let (before, after) = (apart(&loaded.census), apart(census));
        let all: BTreeSet<char> = before.keys().chain(after.keys()).copied().collect();
        let changed = all
            .into_iter()
            .filter(|part| before.get(part) != after.get(part) || loaded.unreadable.contains(part));
        let changed: Vec<char> = changed.collect();
        let writes = changed.iter().map(async |part| {
            let marks = after.get(part).cloned().unwrap_or_default();
            let marks = marks.into_iter().collect();
            let version = loaded.parts.get(part).copied().unwrap_or(Some(0));
            self.replaced(replace(keys::census(*part), Part { marks }, version)?)
                .await
        });
        try_join_all(writes).await?;
        let same = loaded.stored.as_ref().map(|stored| &stored.board) == Some(&board.board);
        if same && changed.is_empty() && !always {
            return Ok(false);
        }
        self.replaced(replace(keys::board(), board, loaded.version)?)
            .await?;
        Ok(true)
    }

    async fn replaced(&self, put: PutBuilder) -> Result<(), StoreError> {
        // All of it is one partition, which a storm of changes to very many incidents may keep busy.
        patiently(|| self.put(put.clone())).await?.or_conflict()
    }
}

/// The character that the ids of a part of the census end with.
fn part_of(item: &Item) -> Option<char> {
    let sk = Reader::new(item).optional_text("sk")?;
    sk.strip_prefix(keys::CENSUS)?.chars().next()
}

/// A document of this format, if it is one, and its version.
fn read<T: DeserializeOwned>(item: &Item) -> (Option<T>, Version) {
    let reader = Reader::new(item);
    let read: Option<Formatted<T>> = reader.json("doc").ok();
    let read = read.filter(|read| read.format == FORMAT);
    (read.map(|read| read.content), reader.number("version").ok())
}

/// Writes a document over the version that was read.
fn replace(key: Key, content: impl Serialize, before: Version) -> Result<PutBuilder, StoreError> {
    let format = FORMAT;
    let doc = json(&Formatted { format, content })?;
    let version = ("version", number(before.unwrap_or_default() + 1));
    let item = key.item([("doc", doc), version]);
    Ok(match before {
        Some(before) => put_over_version(item, before),
        None => put(item),
    })
}

/// A census by the last character of its ids, which is random, and by marks.
fn apart(census: &Census) -> BTreeMap<char, BTreeMap<Mark, Vec<IncidentId>>> {
    let mut parts: BTreeMap<char, BTreeMap<Mark, Vec<IncidentId>>> = BTreeMap::new();
    for (id, mark) in census.iter() {
        if let Some(part) = id.as_str().chars().last() {
            let marks = parts.entry(part).or_default();
            marks.entry(mark).or_default().push(id.clone());
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use domain::notification::board::{Board, Census, Mark};
    use domain::primitives::id::IncidentId;
    use jiff::Timestamp;

    use super::{Part, StoredBoard, apart, part_of, read, replace};
    use crate::attributes::{Item, number, text};
    use crate::keys;

    const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

    fn item(content: impl serde::Serialize, before: Option<u64>) -> Item {
        let put = replace(keys::board(), content, before).expect("a write");
        put.get_item().clone().expect("an item")
    }

    #[test]
    fn a_board_is_read_as_it_was_written() {
        let as_of = Timestamp::UNIX_EPOCH;
        let stored = StoredBoard {
            as_of,
            board: Board::default(),
        };
        let (found, version) = read::<StoredBoard>(&item(&stored, Some(6)));
        assert_eq!((found, version), (Some(stored), Some(7)));
    }

    #[test]
    fn what_is_none_of_this_format_is_replaced() {
        let known = |item: &Item| {
            let (found, version) = read::<StoredBoard>(item);
            (found.is_some(), version)
        };
        let mut other = item(Part { marks: Vec::new() }, Some(0));
        assert_eq!(known(&other), (false, Some(1)));
        other.insert("version".to_owned(), text("none"));
        assert_eq!(known(&other), (false, None));
        other.insert("doc".to_owned(), number(7));
        assert_eq!(known(&other), (false, None));
        let put = replace(keys::board(), Part { marks: Vec::new() }, None).expect("a write");
        assert_eq!(put.get_condition_expression(), &None);
    }

    #[test]
    fn a_census_is_apart_by_the_end_of_its_ids() {
        let id = IncidentId::try_from(ID).expect("a ULID");
        let mut census = Census::default();
        census.count(&id, Some(Mark::Unreadable));
        let parts = apart(&census);
        assert_eq!(parts.keys().collect::<Vec<_>>(), [&'V']);
        let put = replace(keys::census('V'), Part { marks: Vec::new() }, Some(0));
        let put = put.expect("a write");
        let item = put.get_item().as_ref().expect("an item");
        assert_eq!(part_of(item), Some('V'));
        assert!(put.get_condition_expression().is_some());
    }
}
