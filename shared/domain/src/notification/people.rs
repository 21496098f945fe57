//! People who may decide, by what they are known, and the rules that say on which plans.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use wildmatch::WildMatch;

use crate::analysis::{Risk, Severity};
use crate::duty::Duty;
use crate::incident::approval::Reach;
use crate::notification::notice::NoticeKind;
use crate::primitives::local_time::{DayTime, Zone};

/// A pattern in which `*` matches any text, and `?` one character.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String", inline))]
pub struct Pattern(WildMatch);

impl Pattern {
    pub(super) fn fits(&self, text: &str) -> bool {
        self.0.matches(text)
    }

    /// It as the file writes it.
    pub(super) fn text(&self) -> String {
        self.0.pattern()
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(WildMatch::new(&text)))
    }
}

/// A person who may decide, and by what they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("anyOf" = [
        { "required": ["time_zone"], "properties": { "time_zone": { "type": "string" } } },
        { "properties": { "quiet": { "required": ["zone"], "properties": { "zone": { "type": "string" } } } } }
    ])))]
pub struct Person {
    /// Their numeric id at Telegram.
    pub telegram: Option<i64>,
    /// Their member id at Slack, such as `U0123456789`: in Slack, among what their profile offers to copy.
    pub slack: Option<String>,
    /// Their user id at PagerDuty, such as `PLH1HKV`: the end of the address of their profile there. Who acknowledges or resolves an
    /// incident in PagerDuty does so here too.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[A-Za-z0-9]{1,32}$")))]
    pub pagerduty: Option<String>,
    /// Their e-mail address, by which `quell on-duty import` knows their shifts in a calendar.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r"^[^@\s]+@[^@\s]+$")))]
    pub email: Option<String>,
    /// Whether they may decide with a token of their own (`quell tokens`).
    pub api: bool,
    /// Whether they may switch all repairs off from a chat (`/quell stop-repairs`).
    pub kill_switch: bool,
    /// The time zone in which they live, such as Europe/Berlin: that of their quiet hours, if those name no other.
    pub time_zone: Option<Zone>,
    /// What they are mentioned for, if that is not everything.
    pub notify: Option<Vec<NoticeKind>>,
    /// When they are not mentioned, but for what is urgent.
    pub quiet: Option<QuietHours>,
}

/// True for an id as PagerDuty gives it to a user. Ingress takes no other from its webhooks.
pub fn is_pagerduty_id(id: &str) -> bool {
    (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Hours of every day in which a person is not mentioned, by the clock of their zone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QuietHours {
    /// The time zone, such as Europe/Berlin, if it is another than the person's.
    #[serde(default)]
    pub zone: Option<Zone>,
    /// When they begin, such as 22:00.
    pub from: DayTime,
    /// When they end, such as 07:00: if that is before their beginning, on the next day.
    pub until: DayTime,
    /// The severities for which they are mentioned all the same: P0 and P1 if not given.
    #[serde(default = "urgent")]
    pub except: Vec<Severity>,
}

fn urgent() -> Vec<Severity> {
    vec![Severity::P0, Severity::P1]
}

impl Person {
    /// True if they are mentioned for this kind of notice of an incident of this severity, at this moment.
    pub fn is_mentioned(&self, kind: NoticeKind, severity: Severity, at: Timestamp) -> bool {
        let wanted = self.notify.as_ref();
        let quiet = self
            .quiet
            .as_ref()
            .filter(|quiet| !quiet.except.contains(&severity));
        // Without a zone the file is refused.
        let hours = quiet.zip(self.quiet_zone());
        wanted.is_none_or(|kinds| kinds.contains(&kind))
            && !hours.is_some_and(|(quiet, zone)| quiet.holds(zone, at))
    }

    /// The zone by whose clock their quiet hours are, if there are any.
    pub(super) fn quiet_zone(&self) -> Option<&Zone> {
        let quiet = self.quiet.as_ref()?;
        quiet.zone.as_ref().or(self.time_zone.as_ref())
    }
}

impl QuietHours {
    fn holds(&self, zone: &Zone, at: Timestamp) -> bool {
        let (time, from, until) = (zone.time(at), self.from.0, self.until.0);
        if from <= until {
            (from..until).contains(&time)
        } else {
            time >= from || time < until
        }
    }
}

/// Who may decide on which plans: those who are named, and who of a team is on duty. An empty list of services or risks fits
/// everything.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("anyOf" = [
        { "required": ["people"], "properties": { "people": { "minItems": 1 } } },
        { "required": ["team"], "properties": { "team": { "type": "string" } } }
    ], "dependentRequired" = {
        "then": ["escalate_after_seconds"], "escalate_after_seconds": ["then"]
    })))]
pub struct ApprovalRule {
    /// The services' names in the registry.
    pub services: Vec<Pattern>,
    /// The risks, each the worse of the finding's and the playbook's.
    pub risks: Vec<Risk>,
    /// Who may, by their names among the people.
    pub people: Vec<String>,
    /// The team of people.json of which may who is on duty when they decide. Of P0 and P1 the levels behind the first may as
    /// well, each once those before it have not decided within their waits.
    pub team: Option<String>,
    /// The second list of people, who may decide once the approval was undecided for
    /// `escalate_after_seconds`. They are notified then.
    pub then: Vec<String>,
    /// After how long the second list may: at most a week.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 604800)))]
    pub escalate_after_seconds: Option<u32>,
}

impl ApprovalRule {
    /// Whether a person may decide at a moment ([`ApprovalRule::who`]).
    pub fn may(&self, person: &str, reach: Reach, needed: u8, duty: &Duty, at: Timestamp) -> bool {
        self.who(reach, needed, duty, at).contains(&person)
    }

    /// Who may decide at a moment, on an approval that was escalated so far and takes so many people: each once, those on duty
    /// first. A rotation has one person on duty; where two have to approve, the levels behind it may as well from the start, down
    /// to the second person.
    pub fn who<'a>(
        &'a self,
        reach: Reach,
        needed: u8,
        duty: &'a Duty,
        at: Timestamp,
    ) -> Vec<&'a str> {
        let late = self.then.iter().filter(|_| reach.second_list);
        let named: Vec<&str> = self.people.iter().chain(late).map(String::as_str).collect();
        let levels = self.team.as_ref().map_or(&[][..], |team| duty.levels(team));
        let mut names = Vec::new();
        for (level, place) in levels.iter().zip(0..) {
            // Not those of the second list: who may decide stays who may when that is asked as well.
            let people = self.people.iter().map(String::as_str);
            let others = people.filter(|name| !names.contains(name));
            if place > reach.level && names.len() + others.count() >= usize::from(needed) {
                break;
            }
            add(&mut names, level.on_duty(at));
        }
        add(&mut names, named);
        names
    }
}

/// Appends the names that are not there yet.
pub(super) fn add<'a>(names: &mut Vec<&'a str>, more: impl IntoIterator<Item = &'a str>) {
    for name in more {
        if !names.contains(&name) {
            names.push(name);
        }
    }
}

/// True where nothing is asked for, or one of the patterns fits.
pub(super) fn any(patterns: &[Pattern], text: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.fits(text))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::{ApprovalRule, Person};
    use crate::analysis::Severity;
    use crate::duty::Duty;
    use crate::incident::approval::Reach;
    use crate::notification::notice::NoticeKind;

    fn person(file: serde_json::Value) -> Person {
        serde_json::from_value(file).expect("the shape of the file")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn quiet_hours_go_by_the_clock_of_the_zone() {
        let quiet = json!({ "zone": "Europe/Berlin", "from": "22:00", "until": "07:00" });
        let person = person(json!({ "quiet": quiet }));
        // The night in which the clock is put back: 02:30 comes twice, and 07:00 an hour later by UTC than the day before.
        for (text, mentioned) in [
            ("2026-10-24T19:59:59Z", true),
            ("2026-10-24T20:00:00Z", false),
            ("2026-10-25T00:30:00Z", false),
            ("2026-10-25T01:30:00Z", false),
            ("2026-10-25T05:59:59Z", false),
            ("2026-10-25T06:00:00Z", true),
            ("2026-10-26T20:30:00Z", true),
        ] {
            let asked = person.is_mentioned(NoticeKind::DecisionNeeded, Severity::P2, at(text));
            assert_eq!(asked, mentioned, "{text}");
            assert!(person.is_mentioned(NoticeKind::DecisionNeeded, Severity::P1, at(text)));
        }
    }

    #[test]
    fn quiet_hours_are_in_the_zone_of_the_person_unless_they_name_one() {
        let asked = |file| {
            let evening = at("2026-01-06T21:30:00Z");
            person(file).is_mentioned(NoticeKind::DecisionNeeded, Severity::P2, evening)
        };
        let hours = json!({ "from": "22:00", "until": "07:00" });
        let in_utc = json!({ "zone": "UTC", "from": "22:00", "until": "07:00" });
        assert!(!asked(
            json!({ "time_zone": "Europe/Berlin", "quiet": hours })
        ));
        assert!(asked(
            json!({ "time_zone": "Europe/Berlin", "quiet": in_utc })
        ));
        assert!(asked(json!({ "time_zone": "Europe/Berlin" })));
    }

    #[test]
    fn asking_more_people_takes_the_right_from_no_one() {
        let rule: ApprovalRule = serde_json::from_value(json!({
            "team": "web", "then": ["carol"], "escalate_after_seconds": 60,
        }))
        .expect("the shape of the file");
        let levels = json!([{ "people": ["ada"] }, { "people": ["bob"] }]);
        let duty: Duty =
            serde_json::from_value(json!({ "teams": { "web": { "levels": levels } } }))
                .expect("the shape of the file");
        let who = |second_list, level| {
            let reach = Reach { second_list, level };
            rule.who(reach, 2, &duty, Timestamp::UNIX_EPOCH)
        };
        assert_eq!(who(false, 0), ["ada", "bob"]);
        assert_eq!(who(true, 0), ["ada", "bob", "carol"]);
        assert_eq!(who(true, 1), ["ada", "bob", "carol"]);
    }

    #[test]
    fn a_person_is_mentioned_for_what_they_asked_for() {
        let person = person(json!({ "notify": ["repair_failed", "still_firing"] }));
        let mentioned = |kind| person.is_mentioned(kind, Severity::P0, Timestamp::UNIX_EPOCH);
        assert!(mentioned(NoticeKind::RepairFailed) && mentioned(NoticeKind::StillFiring));
        assert!(!mentioned(NoticeKind::Repaired));
    }
}
