//! Incidents of a replay: analysis, plan and guardrails as the analyzer decides them, and the repairs that run by themselves.

use analyzer::prompt::{Subject, question};
use analyzer::propose::{ProposalRules, Signing};
use analyzer::{Diagnosis, decide, static_analyzer, worst_price};
use domain::analysis::Analysis;
use domain::analysis::budget::room;
use domain::analysis::price::MicroUsd;
use domain::incident::change::IncidentChange;
use domain::incident::parts::Recurrence;
use domain::incident::repair::{Repair, RepairOutcome};
use domain::incident::{Incident, Status};
use domain::playbook::service::{self, Service};
use domain::policy::playbook_run::PlaybookRun;
use domain::primitives::id::IncidentId;
use domain::primitives::time::utc_day;
use jiff::{SignedDuration, Timestamp};

use super::state::{Live, Replay};
use super::timer::Timer;
use crate::backtest::outcome::Handling;
use crate::backtest::storms::{Place, Scope};

/// For how long a repair that runs by itself is taken to run; then it is taken for verified.
const REPAIR: SignedDuration = SignedDuration::from_mins(1);
/// For how long people could decide; nobody does in a replay.
const APPROVAL: SignedDuration = SignedDuration::from_hours(4);

impl Replay<'_> {
    /// Lets an incident go whose fingerprint has another one: nothing changes it any more. Its verified repair, if it had one.
    pub(super) fn retire(&mut self, id: &IncidentId, now: Timestamp) -> Option<Recurrence> {
        let place = self.places.get(id).copied()?;
        let open = self
            .live
            .get(&place)
            .is_some_and(|live| live.incident.is_open());
        if open {
            let why = "nothing was heard of its alerts, until others opened a new incident";
            self.change(place, |change| {
                let hit_count = change.incident.hit_count;
                change.expired(why, hit_count, now);
            });
            self.incident_changed(place, now);
        }
        self.places.remove(id);
        let live = self.live.remove(&place)?;
        Recurrence::after_repair(&live.incident, now)
    }

    /// As the analyzer handles an incident that was opened, or opened again.
    pub(super) fn incident_opened(&mut self, place: u32, now: Timestamp) {
        self.count_recurrence(place, now);
        let Some(live) = self.live.get(&place) else {
            return;
        };
        let incident = &live.incident;
        let in_storm = incident
            .storm_id()
            .and_then(|id| self.places.get(id).copied());
        let known = in_storm.is_some() || incident.analysis.is_some() || incident.storm().is_some();
        let limit = self.configuration.parameters.storm_limit;
        let belongs = match in_storm {
            Some(storm) => Place::In(storm),
            None if known => Place::Alone,
            None => {
                let is_open = |storm| {
                    let storm = self.live.get(&storm);
                    storm.is_some_and(|live: &Live| live.incident.is_open())
                };
                self.storms.place(incident, limit, is_open)
            }
        };
        match belongs {
            Place::Alone => self.analyse(place, now),
            Place::In(storm) => self.join_storm(place, storm, now),
            Place::InNew(scope) => {
                let storm = self.begin_storm(place, scope, now);
                self.join_storm(place, storm, now);
            }
        }
        self.incident_changed(place, now);
    }

    /// Counts that the alert came back after a verified run, early enough to count against its playbook.
    fn count_recurrence(&mut self, place: u32, now: Timestamp) {
        let Some(live) = self.live.get_mut(&place) else {
            return;
        };
        let found = live
            .incident
            .recurrence
            .clone()
            .or_else(|| live.after.take());
        let window = self
            .configuration
            .limits
            .autonomy
            .recurrence_window
            .length();
        if let Some(recurrence) = found.filter(|found| found.is_within(window)) {
            self.ledgers.recurred(&recurrence);
            self.change(place, |change| {
                change.recurred(&recurrence, "analyzer", now)
            });
        }
    }

    fn begin_storm(&mut self, place: u32, scope: Scope, now: Timestamp) -> u32 {
        let id = self.fresh_id(now);
        let limit = u64::from(self.configuration.parameters.storm_limit);
        let first = self.live.get(&place).map(|live| &live.incident.alert);
        let change = match (&scope, first) {
            (Scope::Group(group), Some(first)) => IncidentChange::group(id, group, first, now),
            (Scope::Group(_), None) => IncidentChange::storm(id, 0, limit, now),
            (Scope::Minute(minute), _) => IncidentChange::storm(id, *minute, limit, now),
        };
        let storm = self.enter(change, None, false, None);
        self.storms.begin(scope, storm);
        self.analyse(storm, now);
        self.incident_changed(storm, now);
        storm
    }

    fn join_storm(&mut self, place: u32, storm: u32, now: Timestamp) {
        let Some(id) = self.live.get(&storm).map(|live| live.incident.id.clone()) else {
            return;
        };
        self.change(place, |change| {
            if change.incident.storm_id().is_none() {
                change.join_storm(&id, now);
            }
        });
        if let Some(live) = self.live.get(&place) {
            self.storms.note(place, &live.incident, Some(storm));
        }
        self.outcomes[place as usize].handling = Handling::InStorm;
    }

    /// The static analysis, the plan and the guardrails.
    fn analyse(&mut self, place: u32, now: Timestamp) {
        let Some(live) = self.live.get(&place) else {
            return;
        };
        let (incident, configuration) = (&live.incident, self.configuration);
        if !incident.awaits_first_analysis() {
            return;
        }
        let is_storm = incident.storm().is_some();
        let rules = &configuration.analyzer.rules;
        let Some(rule) = rules.rule(&incident.alert, is_storm && incident.group.is_none()) else {
            return;
        };
        let service = service::find(&configuration.files.services, &incident.alert).ok();
        let analysis = static_analyzer::analyse(rule, &incident.alert, service);
        let (dollars, beyond_budget) = if is_storm {
            (0, false)
        } else {
            self.price(incident, service, &analysis, now)
        };
        let known = self.ledgers.facts(configuration, &incident.alert, now);
        let diagnosis = Diagnosis {
            analysis,
            evidence: Vec::new(),
        };
        let rules = ProposalRules {
            files: &configuration.files,
            limits: &configuration.limits,
            known: &known,
            approval_ttl: APPROVAL,
            signing: Signing::OnlyShown,
        };
        if !beyond_budget {
            *self.spent.entry(utc_day(now)).or_default() += dollars;
        }
        self.change(place, |change| decide(change, &diagnosis, rules, now));
        let Some(live) = self.live.get(&place) else {
            return;
        };
        let outcome = &mut self.outcomes[place as usize];
        outcome.severity = live.incident.severity;
        outcome.service = service.map(|service| service.name.to_string());
        outcome.handling = Handling::of(&live.incident, &configuration.channels, now);
        outcome.dollars = if beyond_budget { 0 } else { dollars };
        outcome.beyond_budget = beyond_budget;
        let people = configuration.channels.people_of(&live.incident, now);
        outcome.people = people.into_iter().map(str::to_owned).collect();
        if live.incident.status == Status::Approved {
            self.repair_begins(place, now);
        }
    }

    /// The most that the first model's answer may cost, and whether the budgets may have no room for it.
    fn price(
        &self,
        incident: &Incident,
        service: Option<&Service>,
        base: &Analysis,
        now: Timestamp,
    ) -> (MicroUsd, bool) {
        let files = &self.configuration.analyzer;
        let Some(settings) = files.settings.providers.first() else {
            return (0, false);
        };
        let subject = Subject {
            incident,
            service,
            evidence: &[],
            base,
        };
        let languages = &self.configuration.languages;
        let question = question(subject, settings.max_output_tokens, languages);
        let price = files.price(&settings.model);
        let most = price.map_or(0, |price| worst_price(settings, price, &question));
        let budget = files.settings.budget;
        let spent = self.spent.get(&utc_day(now)).copied().unwrap_or_default();
        let fits = |limit, spent| room(limit, most).is_some_and(|room| spent <= room);
        (most, !fits(budget.incident, 0) || !fits(budget.day, spent))
    }

    /// Starts a repair that runs by itself.
    fn repair_begins(&mut self, place: u32, now: Timestamp) {
        let until = now + REPAIR;
        let Some(live) = self.live.get(&place) else {
            return;
        };
        self.ledgers
            .enter(self.configuration, &live.incident, now, until);
        let hash = live.incident.plan.as_ref().map(|plan| plan.hash());
        if let Some(hash) = hash {
            self.change(place, |change| {
                change.repair_started(Repair::start(hash, now))
            });
            self.timers.at(until, Timer::RepairEnds(place));
        }
    }

    /// Ends it: it is taken for verified. Where the history says how the run of this incident ended, that counts for its playbook.
    pub(super) fn repair_ends(&mut self, place: u32, now: Timestamp) {
        let plan = self
            .live
            .get(&place)
            .and_then(|live| live.incident.plan.clone());
        let Some(plan) = plan else { return };
        let mut run = None;
        self.change(place, |change| {
            change.repair_finished(&plan, RepairOutcome::Verified, "repair", now);
            run = PlaybookRun::ended_by(change);
        });
        let Some(live) = self.live.get(&place) else {
            return;
        };
        self.ledgers.leave(self.configuration, &live.incident);
        if let Some(run) = run.filter(|_| !live.has_run) {
            self.ledgers.ran(run);
        }
        self.incident_changed(place, now);
    }
}
