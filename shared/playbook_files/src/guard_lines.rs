//! Guard lines: the command lines that a host may run, which are every step of every playbook that
//! can ever run there, as the bridge sends it.
//!
//! `quell-guard` on the host rejects everything else. The lines are therefore rendered by the code
//! that renders them for a repair, and quoted by the code that quotes them on the wire.

use std::fmt;

use thiserror::Error;

use crate::operator_files::OperatorFiles;
use domain::playbook::Playbook;
use domain::playbook::plan::{Phase, Plan};
use domain::playbook::service::{Level, Service};
use domain::primitives::id::{PlaybookId, ServiceName};
use wire::command_line::{self, NulByte};

/// The phases, in the order in which a repair goes through them, by the names of their fields in `playbooks.yaml`.
const PHASES: [(Phase, &str); 4] = [
    (Phase::Facts, "facts"),
    (Phase::Steps, "steps"),
    (Phase::Verify, "verify"),
    (Phase::Rollback, "rollback"),
];

/// One line, and which step it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardLine {
    pub playbook: PlaybookId,
    /// The step's place in the file, such as `steps[0]`.
    pub step: String,
    /// The line, byte for byte as the host is asked for it.
    pub line: String,
}

/// All lines of one service. Shown, they are the file `/etc/quell/allowed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardLines {
    pub service: ServiceName,
    /// The lines, in the order of the file.
    pub lines: Vec<GuardLine>,
    /// The playbooks that can never run there, each with the reason: the service lacks a value for one of their parameters.
    pub left_out: Vec<(PlaybookId, String)>,
}

/// Why there are no lines.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoLines {
    /// Nothing ever runs there.
    #[error("the service {0} is repaired by hand only (level manual): no command is for it")]
    Manual(ServiceName),
    /// No program can be passed such an argument.
    #[error("playbooks.yaml: {playbook}: {step}: {error}")]
    Nul {
        playbook: PlaybookId,
        /// The step's place in the file.
        step: String,
        error: NulByte,
    },
    /// The guard's file has one command a line.
    #[error(
        "playbooks.yaml: {playbook}: {step} has an argument with a line break, and quell-guard compares single lines"
    )]
    LineBreak {
        playbook: PlaybookId,
        /// The step's place in the file.
        step: String,
    },
}

impl GuardLines {
    /// The lines of a service: of each playbook that is for it, whatever the alert is.
    ///
    /// # Errors
    /// If nothing may run there, or a step cannot be a line.
    pub fn of(files: &OperatorFiles, service: &Service) -> Result<Self, NoLines> {
        if service.level == Level::Manual {
            return Err(NoLines::Manual(service.name.clone()));
        }
        let mut all = Self {
            service: service.name.clone(),
            lines: Vec::new(),
            left_out: Vec::new(),
        };
        for playbook in files
            .playbooks
            .iter()
            .filter(|playbook| playbook.matches.allows(&service.name))
        {
            let plans = match plans(playbook, service) {
                Ok(plans) => plans,
                Err(why) => {
                    all.left_out.push((playbook.id.clone(), why));
                    continue;
                }
            };
            for (phase, field) in PHASES {
                let steps = plans
                    .iter()
                    .flat_map(|plan| plan.phase(phase).iter().enumerate());
                for (index, step) in steps {
                    let (playbook, step_name) = (playbook.id.clone(), format!("{field}[{index}]"));
                    let line = match command_line::line(&step.argv) {
                        Ok(line) if line.contains(['\n', '\r']) => {
                            return Err(NoLines::LineBreak {
                                playbook,
                                step: step_name,
                            });
                        }
                        Ok(line) => line,
                        Err(error) => {
                            return Err(NoLines::Nul {
                                playbook,
                                step: step_name,
                                error,
                            });
                        }
                    };
                    let line = GuardLine {
                        playbook,
                        step: step_name,
                        line,
                    };
                    // Not every step has a value of the alert in it.
                    if !all.lines.contains(&line) {
                        all.lines.push(line);
                    }
                }
            }
        }
        Ok(all)
    }
}

/// The plans of a playbook for a service, one for each value that alerts can give its parameters.
fn plans(playbook: &Playbook, service: &Service) -> Result<Vec<Plan>, String> {
    let all = playbook.all_said().map_err(|name| {
        format!(
            "the parameter {name} comes from the alert, and its pattern is no list of values such as ^(/|/var)$"
        )
    })?;
    let plan = |said| playbook.plan(service, said, 1, Vec::new());
    let plans: Result<Vec<Plan>, _> = all.iter().map(plan).collect();
    plans.map_err(|why| why.to_string())
}

impl fmt::Display for GuardLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# What Quell may run on {}. `quell guard-lines {}` wrote this; write it anew when a playbook changes.",
            self.service, self.service
        )?;
        for (playbook, why) in &self.left_out {
            writeln!(f, "# {playbook} cannot run here: {why}.")?;
        }
        for GuardLine {
            playbook,
            step,
            line,
        } in &self.lines
        {
            writeln!(f, "# {playbook}: {step}\n{line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::GuardLines;
    use crate::operator_files::OperatorFiles;

    fn files(step: Value) -> OperatorFiles {
        let playbook = |id: &str, services: Value, from: &str, step: Value| {
            json!({
                "id": id, "name": id, "match": { "alertnames": ["Down"], "services": services }, "risk": "low",
                "parameters": { "unit": { "from": from, "pattern": "[a-z;' ]+" } },
                "steps": [step], "verify": [{ "run": ["check", "{unit}"] }], "rollback": [{ "run": ["undo"] }],
            })
        };
        let service = |name: &str, level: &str| json!({ "name": name, "level": level, "unit": "it's; reboot", "target": { "ssh": { "host": "h", "user": "q", "host_key": "k" } } });
        OperatorFiles {
            playbooks: serde_json::from_value(json!([
                playbook("restart", json!([]), "service.unit", step),
                playbook(
                    "of-web",
                    json!(["web"]),
                    "service.unit",
                    json!({ "run": ["touch"] })
                ),
                playbook(
                    "of-db",
                    json!(["db"]),
                    "service.unit",
                    json!({ "run": ["drop"] })
                ),
                playbook(
                    "poor",
                    json!([]),
                    "service.facts.url",
                    json!({ "run": ["curl", "{unit}"] })
                ),
            ]))
            .expect("playbooks"),
            services: serde_json::from_value(json!([
                service("web", "approval"),
                service("crown", "manual")
            ]))
            .expect("services"),
        }
    }

    fn shown(step: Value, service: usize) -> String {
        let files = files(step);
        GuardLines::of(&files, &files.services[service])
            .map_or_else(|why| why.to_string(), |lines| lines.to_string())
    }

    #[test]
    fn every_step_of_every_playbook_that_can_run_there_is_a_line() {
        insta::assert_snapshot!(shown(json!({ "run": ["restart", "{unit}", "a b"] }), 0), @r#"
        # What Quell may run on web. `quell guard-lines web` wrote this; write it anew when a playbook changes.
        # poor cannot run here: the parameter unit comes from service.facts.url, which the service does not have.
        # restart: steps[0]
        restart "it's; reboot" 'a b'
        # restart: verify[0]
        check "it's; reboot"
        # restart: rollback[0]
        undo
        # of-web: steps[0]
        touch
        # of-web: verify[0]
        check "it's; reboot"
        # of-web: rollback[0]
        undo
        "#);
    }

    #[test]
    fn every_value_that_an_alert_can_give_has_its_line() {
        let shown = |pattern: &str| {
            let mut files = files(json!({ "run": ["df", "{unit}"] }));
            files.playbooks.truncate(1);
            let parameter = files.playbooks[0].parameters.get_mut("unit");
            let parameter = parameter.expect("the parameter");
            (parameter.from, parameter.pattern) =
                ("alert.labels.mountpoint".into(), pattern.into());
            GuardLines::of(&files, &files.services[0])
                .map_or_else(|why| why.to_string(), |lines| lines.to_string())
        };
        insta::assert_snapshot!(shown("^(/|/var/log)$"), @r"
        # What Quell may run on web. `quell guard-lines web` wrote this; write it anew when a playbook changes.
        # restart: steps[0]
        df /
        # restart: steps[0]
        df /var/log
        # restart: verify[0]
        check /
        # restart: verify[0]
        check /var/log
        # restart: rollback[0]
        undo
        ");
        insta::assert_snapshot!(shown("^/[a-z]*$"), @r"
        # What Quell may run on web. `quell guard-lines web` wrote this; write it anew when a playbook changes.
        # restart cannot run here: the parameter unit comes from the alert, and its pattern is no list of values such as ^(/|/var)$.
        ");
    }

    #[test]
    fn what_cannot_be_a_line_is_said_with_its_place() {
        insta::assert_snapshot!(
            shown(json!({ "run": ["sh", "a\nreboot"] }), 0),
            @"playbooks.yaml: restart: steps[0] has an argument with a line break, and quell-guard compares single lines"
        );
        insta::assert_snapshot!(
            shown(json!({ "run": ["sh", "a\0b"] }), 0),
            @"playbooks.yaml: restart: steps[0]: an argument holds a NUL byte, which no program can be passed"
        );
        insta::assert_snapshot!(
            shown(json!({ "run": ["sh"] }), 1),
            @"the service crown is repaired by hand only (level manual): no command is for it"
        );
    }
}
