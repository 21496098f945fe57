//! Tests of command lines: a shell reads back the arguments of a step, from what it gets and from what people see.

use std::process::Command;

use domain::playbook::condition::When;
use domain::playbook::plan::PlannedStep;
use domain::primitives::language::Language;
use domain::primitives::safe_text::is_hidden;
use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};
use proptest::test_runner::Config;

use super::{NulByte, line, shown, step, step_in_part};

fn argv(arguments: &[&str]) -> Vec<String> {
    arguments
        .iter()
        .map(|&argument| argument.to_owned())
        .collect()
}

#[test]
fn a_shell_finds_the_same_arguments_and_nothing_to_run() {
    let hostile = [
        "",
        " ",
        "a b",
        "'",
        "\"",
        "'\\''",
        "\\",
        "$(touch x)",
        "`touch x`",
        "; touch x",
        "&& touch x",
        "| sh",
        "$HOME",
        "~",
        "*",
        "{a,b}",
        "!!",
        "#",
        "=",
        "^",
        "line\nbreak",
        "\t",
        "\r",
        "größer ☃ 𝄞",
        "\u{a0}",
        "-rf",
        "--",
        "if",
        "%s",
    ];
    let argv: Vec<String> = ["printf", "%s\\0"]
        .into_iter()
        .chain(hostile)
        .map(str::to_owned)
        .collect();
    let directory = tempfile::tempdir().expect("a directory");
    let output = Command::new("sh")
        .arg("-c")
        .arg(line(&argv).expect("a line"))
        .current_dir(&directory)
        .output();
    let seen = String::from_utf8(output.expect("there is a shell").stdout).expect("UTF-8");
    assert_eq!(seen.split_terminator('\0').collect::<Vec<_>>(), hostile);
    assert_eq!(
        std::fs::read_dir(&directory)
            .expect("the directory")
            .count(),
        0,
        "something was run"
    );
}

#[test]
fn a_nul_byte_is_refused() {
    assert_eq!(line(&argv(&["printf", "a\0b"])), Err(NulByte));
}

#[test]
fn people_see_where_arguments_end_and_what_hides_in_them() {
    for (arguments, expected) in [
        (
            &["systemctl", "restart", "web@1.service"][..],
            "systemctl restart web@1.service",
        ),
        (&["sh", "-c", "a  b; c", ""], "sh -c 'a  b; c' ''"),
        (&["rm", "x\u{202e}y\nz", "\""], r#"rm $'x\u202ey\nz' '"'"#),
        (&["echo", "\u{e0041}'\\"], r"echo $'\U000e0041\'\\'"),
        (&["echo", "\0"], r"echo $'\u0000'"),
    ] {
        assert_eq!(shown(&argv(arguments)), expected);
    }
}

#[test]
fn a_long_step_ends_with_a_mark_and_keeps_its_notes() {
    let long = PlannedStep {
        argv: argv(&["echo", "123456"]),
        fact: Some("disk_usage".to_owned()),
        ..PlannedStep::default()
    };
    let shown = |most| step_in_part(&long, Language::English, most);
    assert_eq!(shown(10), ("echo 12345…  # fact …".to_owned(), true));
    let whole = "echo 123456  # fact disk_usage".to_owned();
    assert_eq!(shown(100), (whole, false));
}

#[test]
fn the_notes_of_a_step_are_in_the_readers_language() {
    let conditional = PlannedStep {
        argv: argv(&["rm", "/var/tmp/x"]),
        when: Some(When {
            fact: "disk_usage".to_owned(),
            exits: Some(0),
            prints: Some("9[0-9]%".to_owned()),
            not: false,
        }),
        ..PlannedStep::default()
    };
    for (language, expected) in [
        (
            Language::English,
            "rm /var/tmp/x  # only if disk_usage exits with 0 and prints 9[0-9]%",
        ),
        (
            Language::TraditionalChinese,
            "rm /var/tmp/x  # 條件：disk_usage 以狀態碼 0 結束且輸出符合 9[0-9]%",
        ),
    ] {
        assert_eq!(step(&conditional, language), expected);
    }
}

fn argument() -> impl Strategy<Value = String> {
    const PIECES: [&str; 14] = [
        "a",
        " ",
        "'",
        "\"",
        "\\",
        "$(x)",
        "`",
        "\n",
        "\t",
        "\u{202e}",
        "\u{200b}",
        "\u{e0041}",
        "\r",
        "#",
    ];
    let piece = prop_oneof![
        prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
        any::<char>().prop_map(String::from)
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat().replace('\0', ""))
}

proptest! {
    #![proptest_config(Config::with_cases(64))]

    #[test]
    fn what_people_see_parses_back_to_what_runs(arguments in prop::collection::vec(argument(), 1..6)) {
        let seen = shown(&arguments);
        assert!(!seen.contains(|c| c == '\n' || c == '\t' || is_hidden(c)), "{seen:?}");
        let output = Command::new("bash")
            .args(["-c", &format!("printf '%s\\0' {seen}")])
            .env("LC_ALL", "C.UTF-8")
            .output()
            .expect("there is bash");
        let read = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(read.split_terminator('\0').collect::<Vec<_>>(), arguments, "{seen}");
    }
}
