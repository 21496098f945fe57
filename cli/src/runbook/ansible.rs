//! Ansible playbooks: plays whose tasks run one command, or do to a unit of systemd what one command does.
//!
//! <https://docs.ansible.com/ansible/latest/reference_appendices/playbooks_keywords.html> has the keywords. A unit that is `reloaded` is
//! started where it does not run (<https://docs.ansible.com/ansible/latest/collections/ansible/builtin/systemd_service_module.html>), which no
//! one command does.

use serde_json::Value;

use super::document::{Command, Runbook, is_on, text};
use super::words::{as_root, simple, unshelled};
use crate::exit::Failure;

/// What a play may have: where it runs is the registry's business here.
const OF_PLAY: [&str; 13] = [
    "name",
    "hosts",
    "become",
    "become_user",
    "become_method",
    "gather_facts",
    "remote_user",
    "user",
    "tasks",
    "tags",
    "vars",
    "connection",
    "port",
];
/// What a task may have beside its module: a name, rights, and what only Ansible itself reads of the result.
const OF_TASK: [&str; 9] = [
    "name",
    "become",
    "become_user",
    "become_method",
    "tags",
    "changed_when",
    "register",
    "no_log",
    "check_mode",
];
/// What a module's name may begin with.
const BUILTIN: [&str; 2] = ["ansible.builtin.", "ansible.legacy."];
/// Parameters that `command` and `shell` have beside the command.
const BESIDE: [&str; 6] = [
    "chdir=",
    "creates=",
    "removes=",
    "executable=",
    "stdin=",
    "warn=",
];

/// The plays of a playbook, each a runbook.
pub(super) fn read(value: &Value) -> Result<Vec<Runbook>, Failure> {
    let plays = value.as_array();
    let plays = plays.ok_or_else(|| Failure::wrong("an Ansible playbook is a list of plays"))?;
    Ok(plays
        .iter()
        .enumerate()
        .map(|(at, value)| play(at, value))
        .collect())
}

fn play(at: usize, value: &Value) -> Runbook {
    let name = text(&value["name"]).unwrap_or_else(|| format!("play {}", at + 1));
    let mut runbook = Runbook {
        name,
        ..Runbook::default()
    };
    runbook.refuse_others("the play", value, &OF_PLAY);
    if let Some(hosts) = text(&value["hosts"]) {
        runbook.notes.push(format!(
            "it is for the hosts `{hosts}`: here the service in service-registry.yaml says where it runs"
        ));
    }
    for (at, one) in value["tasks"].as_array().into_iter().flatten().enumerate() {
        task(&mut runbook, at, one, value);
    }
    if runbook.steps.is_empty() && runbook.refused.is_empty() {
        runbook.refuse("the play", "it has no task that does anything");
    }
    runbook
}

fn task(runbook: &mut Runbook, at: usize, value: &Value, play: &Value) {
    let place = match text(&value["name"]) {
        Some(name) => format!("task {} ({name})", at + 1),
        None => format!("task {}", at + 1),
    };
    let Some(fields) = value.as_object() else {
        return runbook.refuse(place, "it is no mapping");
    };
    let others = fields
        .iter()
        .filter(|(name, _)| !OF_TASK.contains(&name.as_str()));
    let (modules, keywords): (Vec<_>, Vec<_>) = others.partition(|(name, _)| !is_keyword(name));
    for (keyword, _) in &keywords {
        runbook.refuse(place.clone(), refused_keyword(keyword));
    }
    let [(module, arguments)] = modules[..] else {
        if keywords.is_empty() {
            runbook.refuse(place, "it has no module, or more than one");
        }
        return;
    };
    // A task's own word counts.
    let become_ = |name: &str| fields.get(name).or_else(|| play.get(name));
    let root = become_("become").is_some_and(is_on);
    let user = become_("become_user")
        .and_then(text)
        .unwrap_or_else(|| "root".to_owned());
    if root && user != "root" {
        return runbook.refuse(place, format!("it runs as the user {user}: write `sudo -n -u {user}` in a step, and allow it on the host"));
    }
    let short = BUILTIN
        .iter()
        .find_map(|prefix| module.strip_prefix(prefix))
        .unwrap_or(module);
    let commands = match short {
        "command" => command(arguments).map(|command| vec![command]),
        "shell" | "raw" => shell(arguments).map(|command| vec![command]),
        "systemd" | "systemd_service" | "service" => unit(arguments),
        // It prints, and does nothing to the host.
        "debug" => return,
        _ => Err(format!(
            "the module {module} has no equivalent here: write the command that does the same, and when it has to run"
        )),
    };
    match commands {
        Ok(commands) => runbook
            .steps
            .extend(commands.into_iter().map(|mut command| {
                if root {
                    command.argv = as_root(command.argv);
                }
                command
            })),
        Err(why) => runbook.refuse(place, why),
    }
}

/// True for a keyword that changes whether, how often or where a task runs. Modules have other names.
fn is_keyword(name: &str) -> bool {
    const KEYWORDS: [&str; 30] = [
        "when",
        "loop",
        "loop_control",
        "until",
        "retries",
        "delay",
        "block",
        "rescue",
        "always",
        "notify",
        "listen",
        "delegate_to",
        "delegate_facts",
        "run_once",
        "ignore_errors",
        "ignore_unreachable",
        "failed_when",
        "environment",
        "args",
        "async",
        "poll",
        "vars",
        "any_errors_fatal",
        "throttle",
        "timeout",
        "local_action",
        "action",
        "diff",
        "module_defaults",
        "collections",
    ];
    name.starts_with("with_") || KEYWORDS.contains(&name)
}

fn refused_keyword(keyword: &str) -> String {
    match keyword {
        "when" => "it runs under a condition: write a fact of the host, and `when` on the step".to_owned(),
        "loop" | "until" | "retries" | "delay" => "it is a loop: write a step for each, or a check with retries".to_owned(),
        name if name.starts_with("with_") => "it is a loop: write a step for each".to_owned(),
        "block" | "rescue" | "always" => "it is a block of tasks with its own rules of failure: write steps and a rollback".to_owned(),
        "notify" | "listen" => "it has a handler, which runs only if something changed: write a fact, and `when` on the step".to_owned(),
        other => format!("`{other}` changes where, when or how it runs, and has no equivalent here"),
    }
}

/// A command that no shell sees.
fn command(arguments: &Value) -> Result<Command, String> {
    if let Some(line) = arguments.as_str() {
        return words(line).and_then(unshelled).map(Command::new);
    }
    known(arguments, &["cmd", "argv"])?;
    if let Some(argv) = arguments["argv"].as_array() {
        let argv: Option<Vec<String>> = argv.iter().map(text).collect();
        return unshelled(argv.ok_or("an argument is no text")?).map(Command::new);
    }
    let line = text(&arguments["cmd"]).ok_or("it has no command")?;
    words(&line).and_then(unshelled).map(Command::new)
}

fn words(line: &str) -> Result<Vec<String>, String> {
    let words = shlex::split(line).ok_or("a quote does not end")?;
    match words
        .iter()
        .find(|word| BESIDE.iter().any(|name| word.starts_with(name)))
    {
        Some(word) => Err(format!(
            "`{word}` changes where or whether it runs, and has no equivalent here"
        )),
        None => Ok(words),
    }
}

fn shell(arguments: &Value) -> Result<Command, String> {
    let line = match arguments.as_str() {
        Some(line) => line.to_owned(),
        None => {
            known(arguments, &["cmd"])?;
            text(&arguments["cmd"]).ok_or("it has no command")?
        }
    };
    words(&line)?;
    simple(line.trim()).map(Command::new)
}

/// What one command of systemd does. Of a unit that is as it should be already, the command changes nothing.
fn unit(arguments: &Value) -> Result<Vec<Command>, String> {
    known(
        arguments,
        &[
            "name",
            "service",
            "unit",
            "state",
            "enabled",
            "daemon_reload",
            "daemon-reload",
        ],
    )?;
    let name = ["name", "service", "unit"]
        .iter()
        .find_map(|field| text(&arguments[*field]));
    let mut commands = Vec::new();
    let mut add = |words: &[&str], idempotent| -> Result<(), String> {
        let argv = words.iter().map(|&word| word.to_owned()).collect();
        let command = Command::new(unshelled(argv)?);
        commands.push(Command {
            idempotent,
            ..command
        });
        Ok(())
    };
    if is_on(&arguments["daemon_reload"]) || is_on(&arguments["daemon-reload"]) {
        add(&["systemctl", "daemon-reload"], true)?;
    }
    let state = text(&arguments["state"]);
    let enabled = arguments.get("enabled");
    let Some(name) = name else {
        return if state.is_none() && enabled.is_none() && !commands.is_empty() {
            Ok(commands)
        } else {
            Err("it names no unit".to_owned())
        };
    };
    // Globs are for systemctl to take apart, and not supported by the module.
    if name.contains(['*', '?', '[']) {
        return Err("the unit's name has a pattern".to_owned());
    }
    if let Some(enabled) = enabled {
        let verb = if is_on(enabled) { "enable" } else { "disable" };
        add(&["systemctl", verb, &name], true)?;
    }
    match state.as_deref() {
        None => {}
        Some("restarted") => add(&["systemctl", "restart", &name], false)?,
        Some("started") => add(&["systemctl", "start", &name], true)?,
        Some("stopped") => add(&["systemctl", "stop", &name], true)?,
        Some("reloaded") => {
            return Err("`reloaded` starts a unit that does not run, and reloads one that does: write a fact (systemctl is-active), and two steps with `when`".to_owned());
        }
        Some(other) => return Err(format!("the state `{other}` is not known")),
    }
    if commands.is_empty() {
        return Err("it does nothing".to_owned());
    }
    Ok(commands)
}

/// Refuses parameters of a module that are not understood.
fn known(arguments: &Value, names: &[&str]) -> Result<(), String> {
    let Some(fields) = arguments.as_object() else {
        return Err("its parameters are written as one text: write them as a mapping".to_owned());
    };
    match fields.keys().find(|name| !names.contains(&name.as_str())) {
        Some(name) => Err(format!("its parameter `{name}` has no equivalent here")),
        None => Ok(()),
    }
}
