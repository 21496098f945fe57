//! The operator's files that are deployed, against those on disk.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::path::Path;

use aws_sdk_lambda::Client as Lambda;
use aws_sdk_lambda::error::DisplayErrorContext;
use outbound::{body, reason};
use reqwest::Client;
use zip::ZipArchive;

use crate::doctor::finding::{Finding, or_ok};
use crate::doctor::functions::Function;
use crate::exit::Failure;

const CHECK: &str = "configuration";
/// Where a layer's files are.
const LAYER: &str = "/opt";
/// The most that a layer may hold (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const LAYER_BYTES: usize = 50_000_000;
const FILE_BYTES: u64 = 5_000_000;
/// What the functions read of a directory.
const READ: [&str; 3] = ["yaml", "json", "html"];

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Compares the directory with what each function has.
///
/// # Errors
/// If the directory cannot be read.
pub(crate) async fn examine(
    lambda: &Lambda,
    http: &Client,
    functions: &[Function],
    directory: &Path,
) -> Result<Vec<Finding>, Failure> {
    let on_disk = in_directory(directory)?;
    let mut deployed: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut findings = Vec::new();
    for function in functions {
        match function.variable("CONFIG_DIR") {
            None => {}
            Some(LAYER) => match function.layers.first() {
                Some(layer) => deployed
                    .entry(layer.clone())
                    .or_default()
                    .push(&function.name),
                None => findings.push(Finding::fault(
                    CHECK,
                    format!("{} has no layer with the operator's files", function.name),
                    "deploy the stack again",
                )),
            },
            Some(other) => deployed
                .entry(other.to_owned())
                .or_default()
                .push(&function.name),
        }
    }
    if deployed.len() > 1 {
        let each: Vec<String> = deployed
            .iter()
            .map(|(from, names)| format!("{} of {from}", names.join(", ")))
            .collect();
        findings.push(Finding::fault(
            CHECK,
            format!("the functions read different files: {}", each.join("; ")),
            "deploy the stack again: one deployment gives all of them one layer",
        ));
    }
    for from in deployed.keys() {
        let there = match from.starts_with("arn:") {
            true => in_layer(lambda, http, from).await,
            // As on the local stack, which has no layers.
            false => in_directory(Path::new(from)).map_err(|_| {
                let text = format!("the functions read {from}, which is not on this machine");
                Finding::unknown(CHECK, text, "compare it there")
            }),
        };
        match there {
            Ok(there) => findings.extend(judge(&there, &on_disk, directory)),
            Err(finding) => findings.push(finding),
        }
    }
    let text = format!("the functions have the files of {}", directory.display());
    Ok(or_ok(findings, CHECK, text))
}

/// The operator's files that the functions read: those of the first function that has any.
///
/// # Errors
/// If no function reads files, or they cannot be read.
pub(crate) async fn files_of(
    lambda: &Lambda,
    http: &Client,
    functions: &[Function],
) -> Result<Files, Failure> {
    let directory = |function: &Function| match function.variable("CONFIG_DIR")? {
        LAYER => function.layers.first().cloned(),
        other => Some(other.to_owned()),
    };
    let from = functions.iter().find_map(directory).ok_or_else(|| {
        Failure::wrong("no function of the stack reads the operator's files, or none could be asked: `quell doctor` says why")
    })?;
    if !from.starts_with("arn:") {
        return in_directory(Path::new(&from));
    }
    in_layer(lambda, http, &from).await.map_err(|finding| {
        Failure::wrong(format!(
            "the deployed files cannot be read: {}",
            finding.text
        ))
    })
}

/// The files that differ, one way or the other.
pub(crate) fn judge(deployed: &Files, on_disk: &Files, directory: &Path) -> Vec<Finding> {
    let deploy = "deploy the directory, or give --config the one that is deployed";
    let mut findings = Vec::new();
    for (name, content) in on_disk {
        let text = match deployed.get(name) {
            Some(there) if there == content => continue,
            Some(_) => format!(
                "{name} is deployed with another content than in {}",
                directory.display()
            ),
            None => format!("{name} of {} is not deployed", directory.display()),
        };
        findings.push(Finding::warning(CHECK, text, deploy));
    }
    for name in deployed.keys().filter(|name| !on_disk.contains_key(*name)) {
        let text = format!("{name} is deployed, and not in {}", directory.display());
        findings.push(Finding::warning(CHECK, text, deploy));
    }
    findings
}

fn is_read(name: &str) -> bool {
    let extension = name.rsplit('.').next().unwrap_or_default();
    // Schemas are for editors.
    READ.contains(&extension) && !name.starts_with("schemas/")
}

fn in_directory(directory: &Path) -> Result<Files, Failure> {
    let mut files = Files::new();
    let mut open = vec![directory.to_owned()];
    while let Some(inside) = open.pop() {
        let listed =
            std::fs::read_dir(&inside).map_err(|error| Failure::unread(&inside, &error))?;
        for entry in listed {
            let path = entry
                .map_err(|error| Failure::unread(&inside, &error))?
                .path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(directory).unwrap_or(&path);
            let name = name.to_string_lossy().replace('\\', "/");
            if is_read(&name) {
                let content =
                    std::fs::read(&path).map_err(|error| Failure::unread(&path, &error))?;
                files.insert(name, content);
            }
        }
    }
    Ok(files)
}

/// The files of a layer, which Lambda gives out as an archive.
async fn in_layer(lambda: &Lambda, http: &Client, arn: &str) -> Result<Files, Finding> {
    let layer = lambda.get_layer_version_by_arn().arn(arn).send().await;
    let layer = layer.map_err(|error| {
        let error = DisplayErrorContext(&error).to_string();
        Finding::unanswered(CHECK, "lambda:GetLayerVersion", &error)
    })?;
    let unread =
        |why: String| Finding::unknown(CHECK, format!("{arn} cannot be read: {why}"), "ask again");
    let location = layer.content().and_then(|content| content.location());
    let location = location.ok_or_else(|| unread("Lambda says not where it is".to_owned()))?;
    let response = http
        .get(location)
        .send()
        .await
        .map_err(|error| unread(reason(error)))?;
    let archive = body(response, LAYER_BYTES).await;
    let archive = archive.map_err(|error| unread(error.to_string()))?;
    unpacked(&archive).map_err(|error| unread(error.to_string()))
}

pub(crate) fn unpacked(archive: &[u8]) -> Result<Files, zip::result::ZipError> {
    let mut archive = ZipArchive::new(Cursor::new(archive))?;
    let mut files = Files::new();
    for index in 0..archive.len() {
        let entry = archive.by_index(index)?;
        let name = entry.name()?.into_owned();
        if entry.is_file() && is_read(&name) {
            let mut content = Vec::new();
            entry.take(FILE_BYTES).read_to_end(&mut content)?;
            files.insert(name, content);
        }
    }
    Ok(files)
}
