//! Runbooks in Markdown: the commands in the code blocks of the sections that say what repairs, what proves it, and what takes it back.
//!
//! Prose is for people. A numbered item without a command is a step that only a person can do, and so keeps the runbook from being drafted.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

use super::document::{Command, Runbook};
use super::words::simple;

/// Beginnings of the headings of sections, in lower case.
const REPAIRS: [&str; 12] = [
    "mitigat",
    "resol",
    "remediat",
    "fix",
    "repair",
    "recover",
    "procedure",
    "steps",
    "restart",
    "solution",
    "修復",
    "處理",
];
const PROVES: [&str; 6] = ["verif", "validat", "confirm", "check that", "驗證", "確認"];
const TAKES_BACK: [&str; 5] = ["rollback", "roll back", "undo", "revert", "還原"];
/// Languages of blocks that hold commands.
const SHELLS: [&str; 7] = [
    "sh",
    "bash",
    "shell",
    "zsh",
    "console",
    "shell-session",
    "shellsession",
];

/// What a section is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Other,
    Repairs,
    Proves,
    TakesBack,
}

/// The document as one runbook.
pub(super) fn read(text: &str) -> Runbook {
    let mut reader = Reader {
        runbook: Runbook::default(),
        sections: Vec::new(),
        heading: None,
        block: None,
        items: Vec::new(),
        left_out: 0,
    };
    for event in Parser::new(without_front_matter(text)) {
        reader.take(event);
    }
    let Reader {
        mut runbook,
        left_out,
        ..
    } = reader;
    if runbook.name.is_empty() {
        runbook.name = "a runbook".to_owned();
    }
    if left_out > 0 {
        runbook.notes.push(format!(
            "{left_out} blocks of commands stand in other sections, such as those about the diagnosis, and are left out"
        ));
    }
    if runbook.steps.is_empty() && runbook.refused.is_empty() {
        runbook.refuse(
            "the document",
            "no section about the repair (Mitigation, Resolution, Fix, Steps, …) has a block of commands",
        );
    }
    runbook
}

/// The text behind a front matter of YAML.
fn without_front_matter(text: &str) -> &str {
    let body = text
        .strip_prefix("---\n")
        .and_then(|rest| rest.split_once("\n---\n"));
    body.map_or(text, |(_, body)| body)
}

struct Reader {
    runbook: Runbook,
    /// The headings that the place is below, with what they are about.
    sections: Vec<(HeadingLevel, Section)>,
    heading: Option<(HeadingLevel, String)>,
    /// The language of the block, and its text so far.
    block: Option<(String, String)>,
    /// The numbered items that the place is in: the number, and whether a block of commands was there.
    items: Vec<Option<(u64, bool)>>,
    left_out: u64,
}

impl Reader {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => self.heading = Some((level, String::new())),
            Event::End(TagEnd::Heading(_)) => self.heading_ends(),
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info
                        .split([' ', ','])
                        .next()
                        .unwrap_or_default()
                        .to_lowercase(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.block = Some((language, String::new()));
            }
            Event::End(TagEnd::CodeBlock) => self.block_ends(),
            Event::Start(Tag::List(first)) => self.items.push(first.map(|first| (first, false))),
            Event::End(TagEnd::List(_)) => {
                self.items.pop();
            }
            Event::End(TagEnd::Item) => self.item_ends(),
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, heading)) = &mut self.heading {
                    heading.push_str(&text);
                } else if let Some((_, block)) = &mut self.block {
                    block.push_str(&text);
                }
            }
            _ => {}
        }
    }

    fn section(&self) -> Section {
        let known = self.sections.iter().rev().map(|(_, section)| *section);
        known
            .into_iter()
            .find(|section| *section != Section::Other)
            .unwrap_or(Section::Other)
    }

    fn heading_ends(&mut self) {
        let Some((level, title)) = self.heading.take() else {
            return;
        };
        let title = title.trim().to_owned();
        self.sections.retain(|(above, _)| *above < level);
        let lower = title.to_lowercase();
        let begins = |with: &[&str]| with.iter().any(|word| lower.starts_with(word));
        let section = if begins(&TAKES_BACK) {
            Section::TakesBack
        } else if begins(&PROVES) {
            Section::Proves
        } else if begins(&REPAIRS) {
            Section::Repairs
        } else {
            Section::Other
        };
        self.sections.push((level, section));
        if self.runbook.name.is_empty() {
            // A title that could be the name of an alert is one, in most collections of runbooks.
            let is_alert = title.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && title.chars().filter(char::is_ascii_uppercase).count() > 1;
            self.runbook.alerts.extend(is_alert.then(|| title.clone()));
            self.runbook.name = title;
        }
    }

    fn item_ends(&mut self) {
        let in_repair = self.section() != Section::Other;
        let Some(Some((number, has_command))) = self.items.last_mut() else {
            return;
        };
        let (this, had) = (*number, std::mem::take(has_command));
        *number += 1;
        if in_repair && !had {
            self.runbook.refuse(
                format!("item {this}"),
                "it is in words alone: only a person can do it",
            );
        }
    }

    fn block_ends(&mut self) {
        let Some((language, text)) = self.block.take() else {
            return;
        };
        for item in self.items.iter_mut().flatten() {
            item.1 = true;
        }
        let section = self.section();
        if section == Section::Other {
            self.left_out += u64::from(SHELLS.contains(&language.as_str()));
            return;
        }
        let first = text.lines().next().unwrap_or_default().to_owned();
        let place = format!("the block `{first}`");
        if language.is_empty() {
            let why = "it names no language, so that commands and output look alike: write ```sh or ```console";
            return self.runbook.refuse(place, why);
        }
        if !SHELLS.contains(&language.as_str()) {
            return self
                .runbook
                .refuse(place, format!("it is {language}, and no shell's commands"));
        }
        let joined = text.replace("\\\n", " ");
        // Lines without a prompt are what the commands print.
        let prompts = joined.lines().any(|line| line.starts_with("$ "));
        let lines = joined.lines().filter_map(|line| {
            if prompts {
                line.strip_prefix("$ ")
            } else {
                Some(line)
            }
        });
        for line in lines
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            match simple(line) {
                Ok(argv) => self.commands(section).push(Command::new(argv)),
                Err(why) => self.runbook.refuse(format!("`{line}`"), why),
            }
        }
    }

    fn commands(&mut self, section: Section) -> &mut Vec<Command> {
        match section {
            Section::Proves => &mut self.runbook.verify,
            Section::TakesBack => &mut self.runbook.rollback,
            Section::Repairs | Section::Other => &mut self.runbook.steps,
        }
    }
}
