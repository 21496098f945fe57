//! The real SAM CLI: runs a function in a Docker container, which reaches a stack on Docker's
//! bridge network.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use domain::playbook::target::Target;
use playbook_files::operator_files::OperatorFiles;
use serde_json::Value;
use tempfile::TempDir;

use crate::stack::{Stack, project};

const FUNCTIONS: [&str; 10] = [
    "ingress", "signals", "analyzer", "notifier", "repair", "bridge", "witness", "console",
    "board", "signin",
];
/// The names of Lambda's base image and of what SAM builds on top of it.
const IMAGES: [&str; 2] = ["public.ecr.aws/lambda/provided", "samcli/lambda-provided"];

/// The SAM CLI with the project's template, the functions that `cargo build` has made, and a stack for them.
#[derive(Debug)]
pub struct Sam {
    /// What the functions talk to.
    pub stack: Stack,
    bridge: Ipv4Addr,
    directory: TempDir,
    images: BTreeMap<String, String>,
    /// `sam local start-lambda`, and where it listens.
    endpoint: Option<Child>,
    url: String,
}

impl Sam {
    /// Starts a stack that containers can reach, and makes the stand-in for the base image.
    ///
    /// Without a Docker engine on this machine the answer is none, and the test says on standard error what to install;
    /// in CI it fails instead.
    ///
    /// # Panics
    /// If something does not start, or there is no engine and `CI` is set.
    pub async fn start() -> Option<Self> {
        let bridge = match bridge_address() {
            Ok(address) => address,
            Err(why) => {
                let note = format!("the events are not run by `sam local invoke`: {why}");
                assert!(std::env::var_os("CI").is_none(), "{note}");
                say(&format!("skipped: {note}"));
                return None;
            }
        };
        let target = project().join("target");
        let directory = tempfile::Builder::new()
            .prefix("sam-local-")
            .tempdir_in(target)
            .expect("a directory beside the binaries");
        write_template(directory.path());
        let stack = Stack::start_with(&["--bind", &bridge.to_string()]);
        // Who is told and who may decide is the operator's, as the addresses of the chats are.
        let channels = stack.facts.target.config_dir.join("channels.json");
        fs::copy(channels, directory.path().join("layer/channels.json")).expect("copied");
        // From here on the end of this value puts the images back.
        let mut sam = Self {
            stack,
            bridge,
            directory,
            images: images(),
            endpoint: None,
            url: String::new(),
        };
        let made = Command::new(project().join(".venv/bin/python"))
            .args(["-m", "infra.local", "sam-image"])
            .current_dir(project())
            .output()
            .expect("python starts");
        assert!(made.status.success(), "{}", text(&made.stderr));
        sam.serve().await;
        Some(sam)
    }

    /// What a function answers to a file of `events/`, in a container that stays for the next event of that function.
    ///
    /// # Panics
    /// If SAM fails, or the function does.
    pub async fn invoke(&self, function: &str, event: &str) -> Value {
        let file = project().join(format!("events/{event}.json"));
        let event = fs::read(file).expect("the event");
        self.ask(function, event).await
    }

    /// What a function answers to an event.
    ///
    /// # Panics
    /// As [`Sam::invoke`].
    pub async fn invoke_with(&self, function: &str, event: &Value) -> Value {
        self.ask(function, event.to_string().into()).await
    }

    async fn ask(&self, function: &str, event: Vec<u8>) -> Value {
        let response = reqwest::Client::new()
            .post(format!(
                "{}/2015-03-31/functions/{function}/invocations",
                self.url
            ))
            .body(event)
            .send()
            .await
            .expect("SAM answers");
        let (status, headers) = (response.status(), response.headers().clone());
        let answer = response.bytes().await.expect("an answer");
        assert!(
            status == 200 && !headers.contains_key("x-amz-function-error"),
            "{function}: {status} {headers:?} {}",
            text(&answer)
        );
        answered(function, &answer)
    }

    /// What a function answers to a file of `events/` in a container of its own, by the command that the README names.
    ///
    /// # Panics
    /// If SAM fails, or the function does.
    #[must_use]
    pub fn invoke_alone(&self, function: &str, event: &str) -> Value {
        let file = project().join(format!("events/{event}.json"));
        let file = file.to_str().expect("a path in UTF-8");
        let done = self
            .command(&["invoke", function, "--event", file])
            .output()
            .expect("SAM starts");
        assert!(
            done.status.success(),
            "{function} ({event}): {}\n{}\n{}",
            done.status,
            text(&done.stdout),
            text(&done.stderr)
        );
        answered(function, &done.stdout)
    }

    /// `sam local` with everything that the stack's functions need.
    fn command(&self, arguments: &[&str]) -> Command {
        let facts = &self.stack.facts;
        let mut command = Command::new(project().join(".venv/bin/sam"));
        // A profile or an endpoint of the user's must not lead anywhere else.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_"))
        {
            command.env_remove(name);
        }
        let architecture = if cfg!(target_arch = "aarch64") {
            "arm64"
        } else {
            "x86_64"
        };
        command
            .arg("local")
            .args(arguments)
            .args(["--template", "template.yaml", "--env-vars"])
            .arg(&facts.sam_env_file)
            .args(["--skip-pull-image", "--layer-cache-basedir", "layers"])
            .args(pinned_hosts())
            .arg("--parameter-overrides")
            .arg(format!("Architecture={architecture}"))
            .current_dir(self.directory.path())
            .env("AWS_ACCESS_KEY_ID", &facts.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &facts.secret_access_key)
            .env("AWS_DEFAULT_REGION", &facts.region)
            // SAM itself asks STS for the account's number.
            .env("AWS_ENDPOINT_URL", &facts.endpoint_url)
            .env("NO_PROXY", format!("127.0.0.1,localhost,{}", self.bridge))
            .env("SAM_CLI_TELEMETRY", "0");
        command
    }

    /// Starts SAM's own endpoint, which keeps a container of each function that was invoked.
    async fn serve(&mut self) {
        let port = TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        self.url = format!("http://127.0.0.1:{port}");
        let log = self.directory.path().join("sam.log");
        let output = fs::File::create(&log).expect("the log");
        // The images are built anew: SAM would take what it built earlier on top of another base image.
        let port_text = port.to_string();
        let started = self
            .command(&[
                "start-lambda",
                "--warm-containers",
                "LAZY",
                "--force-image-build",
                "--port",
                &port_text,
            ])
            .stdout(output.try_clone().expect("the log"))
            .stderr(output)
            .spawn()
            .expect("SAM starts");
        self.endpoint = Some(started);
        let deadline = Instant::now() + Duration::from_secs(120);
        while tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
        {
            assert!(
                Instant::now() < deadline,
                "SAM does not listen: {}",
                fs::read_to_string(&log).unwrap_or_default()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The JSON that a function answered.
fn answered(function: &str, answer: &[u8]) -> Value {
    let text = text(answer);
    let answer: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{function}: {error}: {text}"));
    assert!(answer.get("errorType").is_none(), "{function}: {answer}");
    answer
}

impl Drop for Sam {
    /// Nothing may panic here, since a story that failed ends here too.
    fn drop(&mut self) {
        if let Some(mut endpoint) = self.endpoint.take() {
            let _ = endpoint.kill();
            let _ = endpoint.wait();
        }
        let mut list = vec!["ps".to_owned(), "--all".to_owned(), "--quiet".to_owned()];
        list.extend(FUNCTIONS.map(|name| {
            format!(
                "--filter=volume={}",
                self.directory.path().join(name).display()
            )
        }));
        for container in docker(&list).lines() {
            docker(&["rm", "--force", container]);
        }
        // What was built on an image goes before it.
        for (name, id) in images().iter().rev() {
            match self.images.get(name) {
                None => drop(docker(&["rmi", name])),
                Some(before) if before != id => {
                    docker(&["tag", before, name]);
                    docker(&["rmi", id]);
                }
                Some(_) => {}
            }
        }
    }
}

/// The address of this machine on Docker's bridge network, or what is missing.
fn bridge_address() -> Result<Ipv4Addr, String> {
    let format = "{{range .IPAM.Config}}{{.Gateway}} {{.Subnet}}{{end}}";
    let found = Command::new("docker")
        .args(["network", "inspect", "bridge", "--format", format])
        .output();
    let Ok(Output { status, stdout, .. }) = found else {
        return Err("no docker: install docker.io".to_owned());
    };
    if !status.success() {
        return Err("no Docker engine answers: install docker.io and start dockerd".to_owned());
    }
    // The gateway is unknown until the engine's second start. It is the first address of the subnet.
    let (gateway, subnet) = text(&stdout)
        .trim_end()
        .split_once(' ')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap_or_default();
    let network = subnet
        .split('/')
        .next()
        .and_then(|network| network.parse::<Ipv4Addr>().ok());
    let address = gateway
        .parse()
        .ok()
        .or_else(|| network.map(|network| Ipv4Addr::from(u32::from(network) + 1)));
    let address = address.ok_or("Docker has no bridge network with an IPv4 address")?;
    match TcpListener::bind((address, 0)) {
        Ok(_) => Ok(address),
        Err(_) => Err(format!(
            "Docker's bridge address {address} is not one of this machine's: an engine on this machine is needed"
        )),
    }
}

/// The project's template with the functions that are built already, hard-linked because debug binaries are large.
fn write_template(directory: &Path) {
    let mut template = fs::read_to_string(project().join("template.yaml")).expect("the template");
    let mut replace = |from: &str, to: &str| {
        assert_eq!(
            template.matches(from).count(),
            1,
            "{from} stands in the template once"
        );
        template = template.replace(from, to);
    };
    for name in FUNCTIONS {
        replace(
            &format!("CodeUri: functions/{name}/"),
            &format!("CodeUri: {name}"),
        );
        fs::create_dir(directory.join(name)).expect("a directory");
        let binary = project().join("target/debug").join(name);
        fs::hard_link(binary, directory.join(name).join("bootstrap"))
            .expect("a function that `cargo build --workspace` has made");
    }
    replace("ContentUri: config/", "ContentUri: layer/");
    fs::create_dir(directory.join("layer")).expect("a directory");
    for file in
        fs::read_dir(project().join("config")).expect("the files that ship with the project")
    {
        let file = file.expect("a file");
        if file.path().is_file() {
            fs::copy(file.path(), directory.join("layer").join(file.file_name())).expect("copied");
        }
    }
    fs::write(directory.join("template.yaml"), template).expect("the template");
}

/// Inside a container, every host of the registry is the container itself: no test connects to anybody's host.
fn pinned_hosts() -> Vec<String> {
    let files = OperatorFiles::load(&project().join("config"))
        .expect("the files that ship with the project");
    let hosts = files
        .services
        .into_iter()
        .filter_map(|service| match service.target {
            Target::Ssh(ssh) => Some(ssh.host),
            Target::Ssm(_) => None,
        });
    hosts
        .flat_map(|host| {
            assert!(
                host.ends_with(".example"),
                "{host}: only a name can be pinned, and only .example belongs to nobody"
            );
            ["--add-host".to_owned(), format!("{host}:127.0.0.1")]
        })
        .collect()
}

/// The images under SAM's names, each with its id.
fn images() -> BTreeMap<String, String> {
    let mut list = vec![
        "images".to_owned(),
        "--no-trunc".to_owned(),
        "--format={{.Repository}}:{{.Tag}} {{.ID}}".to_owned(),
    ];
    list.extend(IMAGES.map(|name| format!("--filter=reference={name}")));
    docker(&list)
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, id)| (name.to_owned(), id.to_owned()))
        .collect()
}

/// What the Docker client prints; nothing if it fails.
fn docker(arguments: &[impl AsRef<std::ffi::OsStr>]) -> String {
    Command::new("docker")
        .args(arguments)
        .output()
        .map(|done| text(&done.stdout))
        .unwrap_or_default()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
