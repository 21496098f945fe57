//! Tests of parsing findings: accepted and refused answers, and the agreement of the schema with
//! the parser.

use std::collections::BTreeMap;

use domain::analysis::urgency::{Urgency, UrgencyBasis, UrgencyGround};
use domain::analysis::{Analysis, BlastRadius, DataImpact, Responsibility, Risk, Severity};
use domain::phrase;
use domain::primitives::language::Language;
use serde_json::{Value, json};

use super::{Finding, Translation};

fn answer() -> Value {
    json!({
        "action_title": "Restart the worker",
        "description": "The worker's queue grows.",
        "root_cause": "A deadlock after the deployment.",
        "suggested_action": "Restart it, then roll back.",
        "suggested_command": "kubectl rollout restart deployment/worker",
        "risk": "high",
        "confidence": 0.8,
        "blast_radius": {
            "affected_pods": 3, "estimated_downtime": "~30s", "related_services": ["api"], "data_impact": "READ_ONLY",
        },
        "affected_services": ["worker"],
        "primary_responsibility": "APP",
        "optimisation_suggestions": ["Alert on the queue's age."],
        "deviation": null,
    })
}

/// An answer with one place changed.
fn with(pointer: &str, value: Value) -> Value {
    let mut answer = answer();
    *answer.pointer_mut(pointer).expect("the place is there") = value;
    answer
}

fn parsed(answer: &Value) -> Result<Finding, String> {
    Finding::parse(&answer.to_string()).map_err(|error| error.to_string())
}

#[test]
fn every_field_is_read() {
    let expected = Finding {
        action_title: "Restart the worker".into(),
        description: "The worker's queue grows.".into(),
        root_cause: "A deadlock after the deployment.".into(),
        suggested_action: "Restart it, then roll back.".into(),
        suggested_command: Some("kubectl rollout restart deployment/worker".into()),
        risk: Risk::High,
        confidence: 0.8,
        blast_radius: BlastRadius {
            affected_pods: 3,
            estimated_downtime: "~30s".into(),
            related_services: vec!["api".into()],
            peers: None,
            data_impact: DataImpact::ReadOnly,
        },
        affected_services: vec!["worker".into()],
        primary_responsibility: Responsibility::App,
        optimisation_suggestions: vec!["Alert on the queue's age.".into()],
        deviation: None,
        translations: BTreeMap::new(),
    };
    assert_eq!(parsed(&answer()), Ok(expected));
}

const PLACES: [&str; 16] = [
    "/action_title",
    "/description",
    "/root_cause",
    "/suggested_action",
    "/suggested_command",
    "/risk",
    "/confidence",
    "/blast_radius",
    "/blast_radius/affected_pods",
    "/blast_radius/estimated_downtime",
    "/blast_radius/related_services",
    "/blast_radius/data_impact",
    "/affected_services",
    "/primary_responsibility",
    "/optimisation_suggestions",
    "/deviation",
];

/// Answers in which one place holds something else, one is missing, or one too many is there.
fn mutations() -> Vec<(String, Value)> {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(3.0),
        json!(0.5),
        json!(-1),
        json!(1.01),
        json!(100_000),
        json!(100_001),
        json!(1e300),
        json!("text"),
        json!("0.5"),
        json!("low"),
        json!("LOW"),
        json!("WRITE"),
        json!("HUMAN"),
        json!("NaN"),
        json!([]),
        json!(["a", "b"]),
        json!(["a", 1]),
        json!([3, "~30s", [], "NONE"]),
        json!({}),
        json!({ "low": null }),
        json!({ "affected_pods": 1, "estimated_downtime": "", "related_services": [], "data_impact": "NONE" }),
    ];
    let mut mutations = vec![("nothing".to_owned(), answer())];
    for place in PLACES {
        mutations.extend(
            values
                .iter()
                .map(|value| (format!("{place} = {value}"), with(place, value.clone()))),
        );
        let (parent, name) = place.rsplit_once('/').expect("a place");
        let mut missing = answer();
        missing
            .pointer_mut(parent)
            .and_then(Value::as_object_mut)
            .expect("an object")
            .remove(name);
        mutations.push((format!("{place} is missing"), missing));
    }
    for parent in ["", "/blast_radius"] {
        let mut more = answer();
        more.pointer_mut(parent)
            .and_then(Value::as_object_mut)
            .expect("an object")
            .insert("playbook".into(), json!("restart"));
        mutations.push((format!("{parent}/playbook is there"), more));
    }
    mutations.extend(
        [json!([]), json!(null), json!("text"), json!([answer()])]
            .map(|whole| (format!("all is {whole}"), whole)),
    );
    mutations
}

#[test]
fn schema_and_parser_take_the_same_answers() {
    let validator = jsonschema::validator_for(&Finding::schema(&[])).expect("a schema");
    let (mut taken, mut refused) = (0, 0);
    for (mutation, answer) in mutations() {
        let by_schema = validator.is_valid(&answer);
        assert_eq!(
            parsed(&answer).is_ok(),
            by_schema,
            "{mutation}: {:?}",
            parsed(&answer)
        );
        *(if by_schema { &mut taken } else { &mut refused }) += 1;
    }
    assert!(
        taken > 40 && refused > 300,
        "{taken} taken, {refused} refused"
    );
}

#[test]
fn blank_title_is_refused_beyond_the_vendors_schema() {
    for title in ["", "  \n", "\u{200b}\u{202e}"] {
        let error = parsed(&with("/action_title", json!(title))).expect_err("blank");
        assert!(
            error.starts_with("the answer does not fit: action_title: it is empty"),
            "{error}"
        );
    }
}

#[test]
fn an_error_names_the_field_and_shows_little_of_the_answer() {
    let long = "x".repeat(5000);
    let cases = [
        (with("/risk", json!(long)), "risk: unknown variant"),
        (with("/confidence", json!(long)), "confidence: invalid type"),
        (
            with("/confidence", json!(7)),
            "confidence: it has to be between 0 and 1",
        ),
        (
            with("/blast_radius/affected_pods", json!(0.5)),
            "blast_radius.affected_pods: it has to be a whole number between 0 and 100000",
        ),
        (
            with("/blast_radius/data_impact", json!("drop")),
            "blast_radius.data_impact: unknown variant `drop`",
        ),
        (
            with("/affected_services", json!(["a", long.len()])),
            "affected_services[1]: invalid type: integer `5000`",
        ),
    ];
    for (answer, expected) in cases {
        let error = parsed(&answer).expect_err(expected);
        assert!(error.contains(expected), "{error}");
        assert!(error.chars().count() <= 130, "{error}");
    }
    let mut answer = answer();
    answer
        .as_object_mut()
        .expect("an object")
        .remove("deviation");
    assert!(
        parsed(&answer)
            .expect_err("missing")
            .contains("missing field `deviation`")
    );
    answer["deviation"] = json!(null);
    answer[&long] = json!(1);
    let error = parsed(&answer).expect_err("unknown");
    assert!(
        error.contains("xxx") && error.chars().count() <= 130,
        "{error}"
    );
}

#[test]
fn only_one_json_object_is_an_answer() {
    let json = answer().to_string();
    for taken in [
        format!("\n {json}\n"),
        format!("```json\n{json}\n```"),
        format!(" ```\n{json}\n``` "),
    ] {
        assert!(Finding::parse(&taken).is_ok(), "{taken}");
    }
    let twice = json.replacen('{', r#"{"risk":"low","#, 1);
    let pods_twice = json.replacen(
        r#""affected_pods":3"#,
        r#""affected_pods":3,"affected_pods":3"#,
        1,
    );
    let bare = |confidence: &str| json.replacen("0.8", confidence, 1);
    let refused = [
        String::new(),
        twice,
        pods_twice,
        bare("NaN"),
        bare("Infinity"),
        bare("1e999"),
        format!("Here it is: {json}"),
        format!("{json} I hope that helps."),
        format!("{json}{json}"),
        format!("```json\n{json}\n```\n```json\n{json}\n```"),
        format!("```json\n{json}"),
        format!("```sh\n{json}\n```"),
        format!("<think>so</think>{json}"),
        json[..json.len() / 2].to_owned(),
    ];
    for answer in refused {
        assert!(Finding::parse(&answer).is_err(), "{answer}");
    }
}

#[test]
fn what_is_too_long_is_cut_and_what_nobody_sees_is_taken_out() {
    let long = format!("\u{202e}{}\u{200b}", "警".repeat(5000));
    let mut answer = answer();
    for place in [
        "/action_title",
        "/root_cause",
        "/suggested_command",
        "/deviation",
        "/blast_radius/estimated_downtime",
    ] {
        *answer.pointer_mut(place).expect("a place") = json!(long);
    }
    answer["affected_services"] = json!(vec![&long; 50]);
    answer["optimisation_suggestions"] = json!(["", "\u{feff}", "one"]);
    let finding = parsed(&answer).expect("a finding");
    let cut = |characters| "警".repeat(characters);
    assert_eq!(finding.action_title, cut(120));
    assert_eq!(finding.root_cause, cut(2000));
    assert_eq!(finding.suggested_command, Some(cut(2000)));
    assert_eq!(finding.deviation, Some(cut(2000)));
    assert_eq!(finding.blast_radius.estimated_downtime, cut(120));
    assert_eq!(finding.affected_services, vec![cut(200); 10]);
    assert_eq!(finding.optimisation_suggestions, ["one"]);
}

/// A translation as it should be.
fn translation() -> Value {
    json!({
        "description": "佇列持續增長。", "root_cause": "部署後發生死結。", "suggested_action": "先重啟，再回復版本。",
        "optimisation_suggestions": ["監控佇列的等待時間。"],
    })
}

const CHINESE: [Language; 1] = [Language::TraditionalChinese];

#[test]
fn texts_are_asked_for_in_the_languages_of_readers_only() {
    assert!(Finding::schema(&[])["properties"]["translations"].is_null());
    let schema = Finding::schema(&CHINESE);
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    assert!(!validator.is_valid(&answer()), "a vendor has to give them");
    let mut translated = answer();
    translated["translations"] = json!({ "zh-TW": translation() });
    assert!(validator.is_valid(&translated));

    let finding = parsed(&translated).expect("a finding").only_in(&CHINESE);
    let analysis = finding.over(by_rule(Severity::P3, DataImpact::None));
    let texts = &analysis.translations[&Language::TraditionalChinese];
    assert_eq!(
        (texts.root_cause.as_str(), texts.action.as_str()),
        ("部署後發生死結。", "先重啟，再回復版本。")
    );
    assert_eq!(texts.suggestions, ["監控佇列的等待時間。"]);
    assert_eq!(
        analysis.descriptions[&Language::TraditionalChinese],
        "佇列持續增長。"
    );
    assert_eq!(analysis.root_cause, "A deadlock after the deployment.");

    let unasked = parsed(&translated).expect("a finding").only_in(&[]);
    assert_eq!(unasked.translations, BTreeMap::new());
}

#[test]
fn a_translation_that_is_none_leaves_the_english_texts() {
    let long = format!("\u{202e}{}\u{200b}", "警".repeat(5000));
    let mut answer = answer();
    let with = |pointer: &str, value: Value| {
        let mut translation = translation();
        *translation.pointer_mut(pointer).expect("a place") = value;
        json!({ "zh-TW": translation })
    };
    for none in [
        json!(null),
        json!([]),
        json!("部署"),
        json!({}),
        json!({ "zh-TW": null }),
        json!({ "zh-TW": "部署" }),
        json!({ "fr": translation() }),
        with("/root_cause", json!("\u{200b}")),
        with("/suggested_action", json!(1)),
        with("/optimisation_suggestions", json!("x")),
        json!({ "zh-TW": { "root_cause": "r", "playbook": "restart" } }),
    ] {
        answer["translations"] = none.clone();
        let finding = parsed(&answer).expect("a finding");
        assert_eq!(finding.translations, BTreeMap::new(), "{none}");
    }
    answer["translations"] = with("/root_cause", json!(long));
    answer["translations"]["zh-TW"]["description"] = json!(long);
    answer["translations"]["zh-TW"]["optimisation_suggestions"] = json!(vec![&long; 50]);
    let finding = parsed(&answer).expect("a finding");
    let Translation { texts, description } = &finding.translations[&Language::TraditionalChinese];
    assert_eq!(texts.root_cause, "警".repeat(600));
    assert_eq!(*description, "警".repeat(600));
    assert_eq!(texts.suggestions, vec!["警".repeat(200); 10]);
}

fn by_rule(urgency: Severity, data_impact: DataImpact) -> Analysis {
    Analysis {
        action_title: "Look".into(),
        description: "rule".into(),
        root_cause: "rule".into(),
        suggested_action: "rule".into(),
        suggested_command: Some("uptime".into()),
        urgency: Urgency::of(vec![UrgencyGround {
            basis: UrgencyBasis::Usual,
            level: urgency,
            why: "usual".into(),
        }]),
        named_cause: None,
        confidence: None,
        blast_radius: BlastRadius {
            affected_pods: 7,
            estimated_downtime: "rule".into(),
            related_services: vec!["needs-it".into()],
            peers: None,
            data_impact,
        },
        translations: BTreeMap::new(),
        descriptions: BTreeMap::new(),
        affected_services: vec!["rule".into()],
        primary_responsibility: Responsibility::Infra,
        optimisation_suggestions: vec![],
        deviation: Some("twice the usual".into()),
        cause: None,
        no_cause_because: None,
        remembered: Some("a restart".to_owned().into()),
        fell_back_because: None,
        provider: "static".into(),
        model: None,
        tokens: 0,
        price_micro_usd: 0,
        duration_ms: 7,
        trace_id: None,
    }
}

#[test]
fn a_model_raises_urgency_and_impact_and_never_lowers_them() {
    let impacts = [
        DataImpact::None,
        DataImpact::ReadOnly,
        DataImpact::Write,
        DataImpact::Destructive,
    ];
    for rule in Risk::ALL {
        for model in Risk::ALL {
            for (rule_impact, model_impact) in impacts
                .into_iter()
                .flat_map(|rule| impacts.map(|model| (rule, model)))
            {
                let mut finding = parsed(&answer()).expect("a finding");
                (finding.risk, finding.blast_radius.data_impact) = (model, model_impact);
                let analysis = finding.over(by_rule(rule.into(), rule_impact));
                assert_eq!(analysis.urgency.level, Severity::from(rule.max(model)));
                assert_eq!(
                    analysis.blast_radius.data_impact,
                    rule_impact.max(model_impact)
                );
            }
        }
    }
}

#[test]
fn a_finding_replaces_what_a_model_gives_and_nothing_else() {
    let base = by_rule(Severity::P3, DataImpact::None);
    let finding = parsed(&answer()).expect("a finding");
    let expected = Analysis {
        deviation: base.deviation.clone(),
        remembered: base.remembered.clone(),
        provider: "static".into(),
        duration_ms: 7,
        action_title: finding.action_title.clone(),
        description: finding.description.clone(),
        root_cause: finding.root_cause.clone(),
        suggested_action: finding.suggested_action.clone(),
        suggested_command: finding.suggested_command.clone(),
        urgency: base.urgency.clone().and([UrgencyGround {
            basis: UrgencyBasis::Model,
            level: Severity::P1,
            why: phrase!("a model calls the situation {risk}", risk = "high"),
        }]),
        blast_radius: BlastRadius {
            affected_pods: 7,
            related_services: vec!["needs-it".into(), "api".into()],
            ..finding.blast_radius.clone()
        },
        affected_services: finding.affected_services.clone(),
        primary_responsibility: Responsibility::App,
        optimisation_suggestions: finding.optimisation_suggestions.clone(),
        ..base.clone()
    };
    assert_eq!(finding.over(base), expected);
}
