//! Host of the library's tests: a real sshd, behind it stand-ins for programs that would touch this
//! machine, and a faulty service.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};
use tempfile::TempDir;
use tests::stack::project;
use tests::target_host::TargetHost;

/// The ports at which playbooks ask for a health that the service's own port answers here.
const FIXED_PORTS: [u16; 2] = [9000, 13133];

/// A host with a state: a file for everything that is so.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) sshd: TargetHost,
    state: TempDir,
    /// Where the service answers, with 200 while it is well, else with 503.
    pub(crate) health_port: u16,
    /// Where a web server shows its certificate.
    pub(crate) https_port: u16,
}

impl Host {
    /// A host on which these files are so. None where there is no sshd.
    pub(crate) fn start(files: &[(&str, &str)]) -> Option<Self> {
        let state = tempfile::tempdir().expect("a directory");
        let at = |name: &str| state.path().join(name);
        for (name, content) in files {
            fs::create_dir_all(at(name).parent().expect("a directory")).expect("made");
            fs::write(
                at(name),
                content.replace("STATE", &state.path().display().to_string()),
            )
            .expect("written");
        }
        certificates(state.path());
        let health_port = serve({
            let well = at("well");
            move |mut peer| {
                let _ = peer.read(&mut [0; 4096]);
                let status = if well.exists() {
                    "200 OK"
                } else {
                    "503 Service Unavailable"
                };
                let _ = write!(
                    peer,
                    "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
            }
        });
        let directory = state.path().to_owned();
        let https_port = serve(move |peer| show_certificate(&directory, peer));
        // The real curl reads this; the ports of playbooks are not always free on the machine of a test.
        let elsewhere = FIXED_PORTS
            .map(|port| format!("connect-to = \"127.0.0.1:{port}:127.0.0.1:{health_port}\"\n"));
        fs::write(at(".curlrc"), elsewhere.concat()).expect("written");
        let (stand_ins, state_path) = (
            stand_ins().display().to_string(),
            state.path().display().to_string(),
        );
        let environment =
            format!("STATE={state_path} CURL_HOME={state_path} PATH={stand_ins}:$PATH");
        let sshd = TargetHost::sshd(&format!(
            r#"restrict,command="{environment} exec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\"""#
        ))?;
        Some(Self {
            sshd,
            state,
            health_port,
            https_port,
        })
    }

    /// A path of its state.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.state.path().join(name)
    }

    /// The lines of a file of its state; none if it is not there.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        fs::read_to_string(self.path(name))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

fn stand_ins() -> PathBuf {
    project().join("tests/tests/stories/bridge/playbook_library/stand-ins")
}

/// Makes the key of the web server and a certificate with five days left, which it shows.
fn certificates(state: &Path) {
    let run = |arguments: &[&str]| {
        let done = Command::new("openssl")
            .args(arguments)
            .current_dir(state)
            .output()
            .expect("openssl is installed");
        assert!(done.status.success(), "{done:?}");
    };
    run(&[
        "ecparam",
        "-name",
        "prime256v1",
        "-genkey",
        "-noout",
        "-out",
        "ec.pem",
    ]);
    run(&[
        "pkcs8", "-topk8", "-nocrypt", "-in", "ec.pem", "-out", "key.pem",
    ]);
    run(&[
        "req",
        "-x509",
        "-key",
        "key.pem",
        "-subj",
        "/CN=shop.example",
        "-days",
        "5",
        "-out",
        "live.pem",
    ]);
    fs::copy(state.join("live.pem"), state.join("served.pem")).expect("copied");
}

/// Serves connections at a free port until the process ends.
fn serve(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    thread::spawn(move || listener.incoming().flatten().for_each(&answer));
    port
}

/// Shakes hands as a web server with the certificate that it has read last.
fn show_certificate(state: &Path, mut peer: TcpStream) {
    let certificate =
        CertificateDer::from_pem_file(state.join("served.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(state.join("key.pem")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocols");
    let config = builder
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("they fit");
    let mut connection = ServerConnection::new(Arc::new(config)).expect("a connection");
    // s_client ends it once it has seen the certificate.
    let _ = Stream::new(&mut connection, &mut peer).read(&mut [0; 64]);
}
