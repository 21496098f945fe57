//! Stored pipeline runs: one line for each report, written with its incident.

use aws_sdk_dynamodb::types::builders::PutBuilder;
use jiff::{SignedDuration, Timestamp};

use super::attributes::{Item, Reader, millis, seconds, text};
use super::keys;
use super::request::{newest, put};
use super::{Store, StoreError};
use domain::notification::pipeline_run::{PipelineRun, Report, State};
use domain::primitives::id::PipelineRunId;

/// How long a run is kept after its last report: what is said about a commit later is a new card.
pub(super) const KEPT_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How many reports of a run are read, the newest: with their texts cut they are one page.
const REPORTS_READ: u32 = 500;

impl Store {
    /// The run of a pipeline as its reports tell it; none if there is no report of it any more.
    ///
    /// # Errors
    /// If the table does not answer or a line cannot be read.
    pub async fn pipeline_run(
        &self,
        run: &PipelineRunId,
    ) -> Result<Option<PipelineRun>, StoreError> {
        let query = self.query_prefix(keys::pipeline_run_partition(run), keys::RUN);
        let reports = newest(query, REPORTS_READ).await?;
        let reports: Vec<Report> = reports.iter().map(read).collect::<Result<_, _>>()?;
        Ok(PipelineRun::of(&reports))
    }
}

/// The line of a report, to be written with its incident.
pub(super) fn report(run: &PipelineRunId, report: &Report, now: Timestamp) -> PutBuilder {
    put(line(run, report, now))
}

fn line(run: &PipelineRunId, report: &Report, now: Timestamp) -> Item {
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
        ("incident_id", text(incident_id.as_str())),
        ("at", millis(*at)),
        ("stage", text(stage)),
        ("state", text(state.as_str())),
        ("message", text(message)),
        ("name", text(name)),
        ("commit", text(commit)),
        ("by", text(by)),
        ("url", text(url)),
        ("expires_at", seconds(now + KEPT_FOR)),
    ];
    keys::report(run, incident_id).item(fields)
}

fn read(item: &Item) -> Result<Report, StoreError> {
    let reader = Reader::new(item);
    Ok(Report {
        incident_id: reader.incident_id("incident_id")?,
        at: reader.millis("at")?,
        stage: reader.string("stage")?,
        state: State::of_word(reader.text("state")?)
            .ok_or_else(|| reader.unreadable("state is none of the known"))?,
        message: reader.string("message")?,
        name: reader.string("name")?,
        commit: reader.string("commit")?,
        by: reader.string("by")?,
        url: reader.string("url")?,
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{line, read};
    use domain::notification::pipeline_run::{Report, State};
    use domain::primitives::id::{IncidentId, PipelineRunId};

    #[test]
    fn a_line_is_read_as_it_was_written() -> Result<(), Box<dyn std::error::Error>> {
        let run = PipelineRunId::try_from("a1".repeat(32))?;
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
            assert_eq!(read(&line(&run, &report, Timestamp::UNIX_EPOCH))?, report);
        }
        Ok(())
    }
}
