//! Stored pipeline runs: one line for each report, written with its incident.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::Put;
use jiff::{SignedDuration, Timestamp};

use super::attributes::{Item, Reader, millis, number, text};
use super::{Store, StoreError, failed};
use domain::notification::pipeline_run::{PipelineRun, Report, State};
use domain::primitives::id::{FlowId, IncidentId};

/// How long a run is kept after its last report: what is said about a commit later is a new card.
pub(super) const KEPT_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How many reports of a run are read, the newest: with their texts cut they are one page.
const REPORTS_READ: i32 = 500;

impl Store {
    /// The run of a pipeline as its reports tell it; none if there is no report of it any more.
    ///
    /// # Errors
    /// If the table does not answer or a line cannot be read.
    pub async fn flow(&self, flow: &FlowId) -> Result<Option<PipelineRun>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :run)")
            .expression_attribute_values(":pk", text(format!("FLOW#{flow}")))
            .expression_attribute_values(":run", text("RUN#"))
            .scan_index_forward(false)
            .limit(REPORTS_READ)
            .consistent_read(true);
        let page = request.send().await.map_err(|error| failed(&error))?;
        let reports: Vec<Report> = page.items().iter().map(read).collect::<Result<_, _>>()?;
        Ok(PipelineRun::of(&reports))
    }
}

/// The line of a report, to be written with its incident.
pub(super) fn put(
    table: &str,
    flow: &FlowId,
    report: &Report,
    now: Timestamp,
) -> Result<Put, StoreError> {
    let item = item(flow, report, now);
    Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .build()
        .map_err(|error| StoreError::Unavailable(error.to_string()))
}

fn item(flow: &FlowId, report: &Report, now: Timestamp) -> Item {
    let Report {
        incident_id,
        at,
        stage,
        state,
        message,
        name,
        commit,
        by,
        url,
    } = report;
    let fields = [
        ("pk", text(format!("FLOW#{flow}"))),
        ("sk", text(format!("RUN#{incident_id}"))),
        ("incident_id", text(incident_id.as_str())),
        ("at", millis(*at)),
        ("stage", text(stage)),
        ("state", text(state.as_str())),
        ("message", text(message)),
        ("name", text(name)),
        ("commit", text(commit)),
        ("by", text(by)),
        ("url", text(url)),
        ("expires_at", number((now + KEPT_FOR).as_second())),
    ];
    HashMap::from(fields.map(|(name, value)| (name.to_owned(), value)))
}

fn read(item: &Item) -> Result<Report, StoreError> {
    let reader = Reader::new(item);
    let text = |name: &str| reader.text(name).map(str::to_owned);
    Ok(Report {
        incident_id: IncidentId::try_from(text("incident_id")?)
            .map_err(|_| reader.unreadable("incident_id is not a ULID"))?,
        at: reader.millis("at")?,
        stage: text("stage")?,
        state: State::of_word(reader.text("state")?)
            .ok_or_else(|| reader.unreadable("state is none of the known"))?,
        message: text("message")?,
        name: text("name")?,
        commit: text("commit")?,
        by: text("by")?,
        url: text("url")?,
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{item, read};
    use domain::notification::pipeline_run::{Report, State};
    use domain::primitives::id::{FlowId, IncidentId};

    #[test]
    fn a_line_is_read_as_it_was_written() -> Result<(), Box<dyn std::error::Error>> {
        let flow = FlowId::try_from("a1".repeat(32))?;
        for state in [State::Running, State::Ended, State::Passed, State::Failed] {
            let report = Report {
                incident_id: IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV")?,
                at: Timestamp::from_millisecond(1_700_000_000_123)?,
                stage: "deploy (production)".into(),
                state,
                message: "checkout is being deployed".into(),
                name: "checkout".into(),
                commit: "4f0c2d9".into(),
                by: String::new(),
                url: "https://ci.test/5120".into(),
            };
            assert_eq!(read(&item(&flow, &report, Timestamp::UNIX_EPOCH))?, report);
        }
        Ok(())
    }
}
