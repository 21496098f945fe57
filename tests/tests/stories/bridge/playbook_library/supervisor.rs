//! The real supervisord with one program, a web server, which has stopped.

use std::fs;
use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tests::stack::project;

/// A supervisor, ended when the story is.
#[derive(Debug)]
pub(crate) struct Supervisor {
    process: Child,
    /// Where the web server answers, once it runs.
    pub(crate) port: u16,
}

impl Supervisor {
    /// Starts it with its files in a directory. None where it is not installed, which fails where `CI` is set.
    pub(crate) fn start(directory: &Path) -> Option<Self> {
        let (supervisord, supervisorctl) = (
            project().join(".venv/bin/supervisord"),
            project().join(".venv/bin/supervisorctl"),
        );
        if !supervisord.exists() {
            let note = "no supervisord: `make venv` installs it";
            assert!(std::env::var_os("CI").is_none(), "{note}");
            writeln!(io::stderr(), "skipped: {note}").expect("standard error");
            return None;
        }
        let free = || {
            TcpListener::bind("127.0.0.1:0")
                .and_then(|listener| listener.local_addr())
                .expect("a port")
                .port()
        };
        let (port, control) = (free(), free());
        let place = directory.display();
        fs::write(
            directory.join("supervisorctl"),
            supervisorctl.display().to_string(),
        )
        .expect("written");
        fs::write(directory.join("index.html"), "well\n").expect("written");
        fs::write(
            directory.join("supervisord.conf"),
            format!(
                "[supervisord]\nnodaemon = true\nlogfile = /dev/null\nlogfile_maxbytes = 0\npidfile = {place}/supervisord.pid\n\
                 [inet_http_server]\nport = 127.0.0.1:{control}\n[supervisorctl]\nserverurl = http://127.0.0.1:{control}\n\
                 [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n\
                 [program:web]\ncommand = python3 -m http.server {port} --bind 127.0.0.1 --directory {place}\nautostart = false\n"
            ),
        )
        .expect("written");
        let mut command = Command::new(supervisord);
        command
            .arg("-c")
            .arg(directory.join("supervisord.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let started = Self {
            process: command.spawn().expect("it starts"),
            port,
        };
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", control)).is_ok() {
                return Some(started);
            }
            sleep(Duration::from_millis(20));
        }
        panic!("supervisord does not start");
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // Asked to end, it ends its program first.
        tests::target_host::signal("TERM", self.process.id());
        let _ = self.process.wait();
    }
}
