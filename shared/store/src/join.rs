//! Episode joins: the write that every alert makes, as one signed request without the SDK's layers.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use super::StoreError;
use super::attributes::WireItem;
use super::episode::{expires_at, read};
use super::keys::{self, Key};
use super::members::{MEMBERS_IN_ITEM, packed};
use aws::signed::{CallError, DYNAMODB, SignedClient};
use aws::{Ahead, AwsEnvironment};
use domain::episode::{Episode, Firing, Windows};
use domain::primitives::id::Fingerprint;

/// Time limit of one attempt.
const ATTEMPT: Duration = Duration::from_secs(5);

/// Result of trying the plain join.
#[derive(Debug)]
pub enum Join {
    /// It joined; this is the episode now.
    Joined(Episode),
    /// It is not a plain join; this is the episode as its own item has it, if there is one. See
    /// [`Store::whole`](super::Store::whole).
    NotPlain(Option<Episode>),
}

/// Joins alerts to their episodes.
#[derive(Debug)]
pub struct Joins {
    client: SignedClient,
    table: String,
}

impl Joins {
    /// The most members of one delivery that a plain join can take.
    pub const MOST_MEMBERS: usize = MEMBERS_IN_ITEM;

    /// Joins in this table.
    pub fn new(aws: &AwsEnvironment, table: String) -> Self {
        Self {
            client: SignedClient::new(aws, &DYNAMODB, ATTEMPT),
            table,
        }
    }

    /// Begins the connection to the table, while a cold start waits for something else. See [`Connection::ahead`](aws::Connection).
    pub fn connect_ahead(&self) -> Option<Ahead> {
        self.client.connect_ahead()
    }

    /// Joins firing alerts to an episode with one request, if the join is plain: the episode is
    /// open and fresh, its severity is at least as high, each member is known as at least as bad and
    /// as late, or there is room for it and it has not just resolved, at least as many alerts were
    /// already left out, and a label that forbids repairs is already recorded if one of them has it.
    /// Every other case is for [`domain::episode::on_firing`].
    ///
    /// # Errors
    /// If the table does not answer or the item is not an episode.
    pub async fn join(
        &self,
        fingerprint: &Fingerprint,
        firing: &Firing,
        now: Timestamp,
        windows: Windows,
    ) -> Result<Join, StoreError> {
        let request = request(&self.table, fingerprint, firing, now, windows);
        match self.client.call("UpdateItem", &request).await {
            Ok(answer) => {
                let Joined { attributes } = read_answer(fingerprint, &answer)?;
                Ok(Join::Joined(read(fingerprint, &attributes.0)?))
            }
            Err(CallError::Refused { code, answer, .. })
                // The refusal carries the episode, so the slower path needs no read of its own.
                if code == "ConditionalCheckFailedException" =>
            {
                let NotJoined { item } = read_answer(fingerprint, &answer)?;
                Ok(Join::NotPlain(
                    item.map(|item| read(fingerprint, &item.0)).transpose()?,
                ))
            }
            // A transaction is writing the episode right now; nothing was written here.
            Err(CallError::Refused { code, .. }) if code == "TransactionConflictException" => {
                Err(StoreError::Conflict)
            }
            Err(error @ CallError::Refused { .. }) if error.is_busy() => {
                Err(StoreError::Busy(error.into()))
            }
            Err(error @ CallError::Unsigned(_)) => Err(StoreError::unwritable(error)),
            Err(error) => Err(StoreError::Unavailable(error.into())),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Joined {
    attributes: WireItem,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NotJoined {
    item: Option<WireItem>,
}

fn read_answer<T: DeserializeOwned>(
    fingerprint: &Fingerprint,
    answer: &[u8],
) -> Result<T, StoreError> {
    let unreadable = |error: serde_json::Error| StoreError::Unreadable {
        key: keys::episode(fingerprint).to_string(),
        why: error.to_string(),
    };
    serde_json::from_slice(answer).map_err(unreadable)
}

/// An `UpdateItem`, as it goes over the wire.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Update<'a> {
    table_name: &'a str,
    key: WireKey,
    update_expression: String,
    condition_expression: String,
    #[serde(serialize_with = "as_map")]
    expression_attribute_names: Vec<(String, &'a str)>,
    #[serde(serialize_with = "as_map")]
    expression_attribute_values: Vec<(String, Wire)>,
    return_values: &'static str,
    return_values_on_condition_check_failure: &'static str,
}

#[derive(Debug, Serialize)]
struct WireKey {
    pk: Wire,
    sk: Wire,
}

#[derive(Debug, Serialize)]
enum Wire {
    S(String),
    N(String),
    #[serde(rename = "BOOL")]
    Bool(bool),
}

fn as_map<S: Serializer, T: Serialize>(
    pairs: &[(String, T)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

fn request(
    table: &str,
    fingerprint: &Fingerprint,
    firing: &Firing,
    now: Timestamp,
    windows: Windows,
) -> String {
    let update = update(table, fingerprint, firing, now, windows);
    match serde_json::to_string(&update) {
        Ok(json) => json,
        Err(error) => unreachable!("texts and numbers are JSON: {error}"),
    }
}

fn update<'a>(
    table: &'a str,
    fingerprint: &Fingerprint,
    firing: &'a Firing,
    now: Timestamp,
    windows: Windows,
) -> Update<'a> {
    let mut set =
        String::from("SET #last_seen = :now, #window_end = :window_end, #expires_at = :expires_at");
    // The clocks of two functions differ by milliseconds: `last_seen` may step back by as much,
    // which no rule depends on.
    let mut condition =
        String::from("#open = :true AND #last_seen >= :stale AND #severity >= :severity");
    let mut names: Vec<(String, &str)> = [
        "last_seen",
        "window_end",
        "expires_at",
        "open",
        "severity",
        "hit_count",
        "version",
        "members",
        "departed",
        "spilled",
    ]
    .into_iter()
    .map(|name| (format!("#{name}"), name))
    .collect();
    let number = |number: i64| Wire::N(number.to_string());
    let mut values: Vec<(String, Wire)> = [
        (":now", number(now.as_millisecond())),
        (
            ":window_end",
            number((now + windows.debounce).as_millisecond()),
        ),
        (":expires_at", number(expires_at(now, windows))),
        (":stale", number((now - windows.stale).as_millisecond())),
        (":true", Wire::Bool(true)),
        (":severity", Wire::N(firing.severity.rank().to_string())),
        (":count", Wire::N(firing.count.to_string())),
        (":one", number(1)),
        (
            ":room",
            Wire::N(
                // Counts every member of the delivery as new: it may refuse a join that would fit,
                // but it never accepts one that would not.
                MEMBERS_IN_ITEM
                    .saturating_sub(firing.members.len())
                    .to_string(),
            ),
        ),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for (i, (member, fires)) in firing.members.iter().enumerate() {
        let _ = write!(
            set,
            ", #members.#m{i} = if_not_exists(#members.#m{i}, :s{i})"
        );
        // Whether a member is new cannot be seen here once the item does not hold all of them.
        let _ = write!(
            condition,
            " AND (#members.#m{i} >= :s{i} OR (attribute_not_exists(#members.#m{i}) AND attribute_not_exists(#departed.#m{i}) \
             AND attribute_not_exists(#spilled) AND size(#members) <= :room))"
        );
        names.push((format!("#m{i}"), member.as_str()));
        values.push((format!(":s{i}"), number(packed(*fires))));
    }
    if firing.left_out > 0 {
        // More left out than was known before is news for the card.
        condition.push_str(" AND #left_out >= :left_out");
        names.push(("#left_out".to_owned(), "left_out"));
        values.push((":left_out".to_owned(), Wire::N(firing.left_out.to_string())));
    }
    if firing.forbids_repair {
        // The first such label is news for the incident; after that they join like all others.
        condition.push_str(" AND #forbids_repair = :true");
        names.push(("#forbids_repair".to_owned(), "forbids_repair"));
    }
    set.push_str(" ADD #hit_count :count, #version :one");
    let Key { pk, sk } = keys::episode(fingerprint);
    Update {
        table_name: table,
        key: WireKey {
            pk: Wire::S(pk),
            sk: Wire::S(sk),
        },
        update_expression: set,
        condition_expression: condition,
        expression_attribute_names: names,
        expression_attribute_values: values,
        return_values: "ALL_NEW",
        // A refused join continues with this item instead of reading it.
        return_values_on_condition_check_failure: "ALL_OLD",
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::request;
    use domain::alert::classification::AlertTables;
    use domain::alert::fingerprint::fingerprint;
    use domain::alert::{AlertStatus, Texts};
    use domain::episode::{Firing, Windows};
    use domain::primitives::id::MemberId;

    /// What goes over the wire, as it was found to be right by the stories: a change of it has to be meant.
    #[test]
    fn the_request_is_the_join_of_the_design() {
        let member = MemberId::try_from("m1").expect("a member id");
        let alert = AlertTables::default().alert(
            AlertStatus::Firing,
            "test",
            Texts::new(),
            Texts::new(),
            Timestamp::UNIX_EPOCH,
            member,
        );
        let windows = Windows {
            debounce: SignedDuration::from_secs(300),
            stale: SignedDuration::from_secs(18_000),
        };
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(20_000);
        let request = request(
            "t",
            &fingerprint(&alert, &[]),
            &Firing {
                left_out: 7,
                ..Firing::from_alert(&alert)
            },
            now,
            windows,
        );
        let request: serde_json::Value = serde_json::from_str(&request).expect("JSON");
        insta::assert_snapshot!(
            request["ConditionExpression"].as_str().unwrap_or_default(),
            @"#open = :true AND #last_seen >= :stale AND #severity >= :severity AND (#members.#m0 >= :s0 OR (attribute_not_exists(#members.#m0) AND attribute_not_exists(#departed.#m0) AND attribute_not_exists(#spilled) AND size(#members) <= :room)) AND #left_out >= :left_out"
        );
        let forbids = super::request(
            "t",
            &fingerprint(&alert, &[]),
            &Firing {
                forbids_repair: true,
                ..Firing::from_alert(&alert)
            },
            now,
            windows,
        );
        let forbids: serde_json::Value = serde_json::from_str(&forbids).expect("JSON");
        let condition = forbids["ConditionExpression"].as_str().unwrap_or_default();
        assert!(
            condition.ends_with(" AND #forbids_repair = :true"),
            "{condition}"
        );
        assert_eq!(
            forbids["ExpressionAttributeNames"]["#forbids_repair"],
            "forbids_repair"
        );
        insta::assert_snapshot!(
            request["UpdateExpression"].as_str().unwrap_or_default(),
            @"SET #last_seen = :now, #window_end = :window_end, #expires_at = :expires_at, #members.#m0 = if_not_exists(#members.#m0, :s0) ADD #hit_count :count, #version :one"
        );
        insta::assert_snapshot!(
            request["ExpressionAttributeValues"],
            @r#"{":count":{"N":"1"},":expires_at":{"N":"642800"},":left_out":{"N":"7"},":now":{"N":"20000000"},":one":{"N":"1"},":room":{"N":"9"},":s0":{"N":"1000000000000000"},":severity":{"N":"1"},":stale":{"N":"2000000"},":true":{"BOOL":true},":window_end":{"N":"20300000"}}"#
        );
    }
}
