//! `make eval`: measures how often the static analyzer, and every configured model, is right about
//! the alerts of the evaluation set; or how often the diagnosis of Kubernetes is, with a public benchmark.
//!
//! Type, severity, target and playbook are decided without any model, so that they are the same in every line: only the risk differs.

mod arguments;
mod case;
mod cloud_opsbench;
mod rule_sets;
mod score;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use analyzer::finding::Finding;
use analyzer::prompt::{Subject, question};
use analyzer::providers::{Billed, CallFailed, Provider};
use aws::AwsEnvironment;
use aws_types::SdkConfig;
use clap::Parser as _;
use domain::analysis::Analysis;
use domain::analysis::price::{Price, Usage};
use domain::analysis::settings::{Api, ProviderSettings};
use playbook_files::analyzer_files::AnalyzerFiles;
use playbook_files::operator_files::OperatorFiles;
use secrecy::SecretString;
use serde_json::{Value, json};
use settings::alert_tables;
use settings::variables::Variables;

use crate::arguments::Arguments;
use crate::case::{Case, Files, Seen};
use crate::rule_sets::RuleSet;
use crate::score::{Answer, Score, head};

/// Longer than any provider may be given.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(300);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = here.parent().unwrap_or(here);
    match run(&Arguments::parse(), project).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say(&why);
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) {
    // A closed pipe is not an error of the evaluation.
    let _ = writeln!(std::io::stdout(), "{text}");
}

async fn run(arguments: &Arguments, project: &Path) -> Result<(), String> {
    if let Some(directory) = &arguments.cloud_opsbench {
        return run_cloud_opsbench(arguments, directory);
    }
    let files = Files {
        // The services that the alerts are about are the evaluation's own.
        operator: OperatorFiles::load(&project.join("eval/config"))
            .map_err(|errors| errors.to_string())?,
        analyzer: AnalyzerFiles::load(&arguments.config).map_err(|errors| errors.to_string())?,
        tables: alert_tables::load(&arguments.config).map_err(|errors| errors.to_string())?,
    };
    let cases = Case::all(&project.join("eval/alerts"), &arguments.only)?;
    if cases.is_empty() {
        return Err(format!(
            "no alert in eval/alerts has a name that contains `{}`",
            arguments.only
        ));
    }
    say(&format!("{} alerts\n\n{}", cases.len(), head()));
    let mut scores = vec![by_rules(&cases, &files)?];
    for settings in &files.analyzer.settings.providers {
        let model = Model::of(settings, arguments, &files.analyzer)?;
        scores.push(by_model(&model, &cases, &files).await?);
    }
    say(
        "\n| rule set | rules known | right subjects | different objects merged | split by a moved exporter |",
    );
    for name in ["kube-prometheus", "awesome-prometheus-alerts"] {
        let rules = RuleSet::load(&project.join(format!("eval/rule_sets/{name}.json")))?;
        say(&rules.coverage(&files.tables).row(name));
    }
    let report = json!({ "scores": scores.iter().map(Score::figures).collect::<Vec<_>>() });
    write_report(arguments, &report)
}

fn run_cloud_opsbench(arguments: &Arguments, directory: &Path) -> Result<(), String> {
    let (table, figures) = cloud_opsbench::measure(&cloud_opsbench::Options {
        directory,
        only: &arguments.only,
        without: &arguments.without,
        misses: arguments.misses,
    })?;
    say(&table);
    write_report(arguments, &json!({ "cloud_opsbench": figures }))
}

fn write_report(arguments: &Arguments, report: &Value) -> Result<(), String> {
    let unwritable = |error: std::io::Error| format!("{}: {error}", arguments.report.display());
    if let Some(directory) = arguments.report.parent() {
        std::fs::create_dir_all(directory).map_err(unwritable)?;
    }
    std::fs::write(&arguments.report, format!("{report:#}\n")).map_err(unwritable)?;
    say(&format!("\nevery answer: {}", arguments.report.display()));
    Ok(())
}

fn by_rules(cases: &[Case], files: &Files) -> Result<Score, String> {
    let answer = |case: &Case| {
        let started = Instant::now();
        let seen = case.seen(files)?;
        Ok((case.name.clone(), judged(case, &seen, &seen.base, started)))
    };
    let score = Score {
        name: "static".to_owned(),
        answers: cases.iter().map(answer).collect::<Result<_, String>>()?,
    };
    say(&score.line());
    Ok(score)
}

/// A model to ask.
#[derive(Debug)]
struct Model<'a> {
    settings: &'a ProviderSettings,
    provider: Provider,
    price: Price,
    key: Option<SecretString>,
}

impl<'a> Model<'a> {
    fn of(
        settings: &'a ProviderSettings,
        arguments: &Arguments,
        files: &AnalyzerFiles,
    ) -> Result<Self, String> {
        let name = &settings.name;
        let given = arguments.keys.iter().find(|(known, _)| known == name);
        let key = match (given, &settings.key_secret) {
            (Some((_, file)), _) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|error| format!("{}: {error}", file.display()))?;
                Some(SecretString::from(
                    text.lines().next().unwrap_or_default().trim(),
                ))
            }
            (None, Some(_)) => {
                return Err(format!(
                    "the provider {name} needs its key: --key {name}=FILE"
                ));
            }
            (None, None) => None,
        };
        let aws = match settings.api {
            Api::Bedrock => AwsEnvironment::from_variables(&Variables::of_process())
                .map_err(|error| error.to_string())?
                .sdk_config(PATIENCE),
            Api::Openai | Api::Anthropic => SdkConfig::builder().build(),
        };
        let price = files
            .price(&settings.model)
            .ok_or_else(|| format!("the model of {name} has no price"))?;
        let http = outbound::client().map_err(|error| error.to_string())?;
        Ok(Self {
            settings,
            provider: Provider::new(settings, http, &aws),
            price,
            key,
        })
    }
}

async fn by_model(model: &Model<'_>, cases: &[Case], files: &Files) -> Result<Score, String> {
    let mut answers = Vec::new();
    for case in cases {
        let seen = case.seen(files)?;
        let subject = Subject {
            incident: &seen.incident,
            service: seen.service,
            evidence: &[],
            base: &seen.base,
        };
        let question = question(subject, model.settings.max_output_tokens, &[]);
        let started = Instant::now();
        let reply = model
            .provider
            .ask(
                model.key.as_ref(),
                &question,
                (Instant::now() + PATIENCE).into(),
            )
            .await;
        let usage = match &reply {
            Ok(reply) => reply.usage,
            Err(CallFailed {
                billed: Billed::Used(usage),
                ..
            }) => *usage,
            Err(_) => Usage::default(),
        };
        let finding = reply
            .map_err(|failed| failed.to_string())
            .and_then(|reply| Finding::parse(&reply.text).map_err(|error| error.to_string()));
        let mut answer = match finding {
            Ok(finding) => judged(case, &seen, &finding.over(seen.base.clone()), started),
            Err(why) => Answer {
                fell_back: Some(why),
                ..judged(case, &seen, &seen.base, started)
            },
        };
        (answer.tokens, answer.price) = (usage.total(), model.price.of(usage));
        answers.push((case.name.clone(), answer));
    }
    let score = Score {
        name: model.settings.name.clone(),
        answers,
    };
    say(&score.line());
    Ok(score)
}

fn judged(case: &Case, seen: &Seen<'_>, analysis: &Analysis, started: Instant) -> Answer {
    let (alert, expected) = (&seen.incident.alert, &case.expected);
    Answer {
        right: [
            alert.alert_type == expected.alert_type,
            alert.severity == expected.severity,
            alert.normalised_target == expected.target,
            seen.playbook == expected.playbook,
            analysis.urgency.level == expected.risk.into(),
        ],
        risk: (expected.risk, analysis.urgency.level.as_risk()),
        fell_back: None,
        took: started.elapsed(),
        tokens: 0,
        price: 0,
    }
}
