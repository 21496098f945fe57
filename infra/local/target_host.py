"""The host that the demo repairs: an SSH server with one forced command, and a supervised web service behind it."""

from __future__ import annotations

import os
import pwd
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra.local import ssh_keys
from infra.local.errors import StageFailed
from infra.local.net import LOOPBACK, answers, free_port, listens
from infra.local.paths import PROJECT, Run, tool
from infra.local.processes import Child, Children, wait_until

SERVICE = "demo-web"
# The same program under a name of its own, which is repaired without a human where the guardrails let it.
AUTO_SERVICE = "demo-auto"
# The cluster in which it lives: alerts from others get no plan for it.
CLUSTER = "demo"
PROGRAM = "web"
# A step that takes ten seconds and changes nothing, as docs/command.md has it.
DOCTOR = {
    "id": "quell-doctor",
    "name": "Wait ten seconds",
    "match": {"alertnames": ["QuellDoctor"]},
    "risk": "low",
    "steps": [{"run": ["sleep", "10"], "timeout": "30s"}],
    "verify": [{"run": ["true"]}],
}
# How long supervisord watches the program before it says that it was started: a restart takes so long, and a second more.
START_SECONDS = 1


@dataclass(frozen=True)
class Target:
    """A running host. `kind` says whose SSH server it is."""

    kind: str
    host: str
    port: int
    user: str
    host_key: str
    private_key: str
    health_url: str
    config_dir: Path
    supervisor_conf: Path

    def healthy(self) -> bool:
        return answers(self.health_url)

    def break_service(self) -> None:
        """Kills the service as a crash would. Its supervisor is told not to restart it by itself."""
        answer = self._ask_supervisor("pid")
        if not answer.isdigit() or (pid := int(answer)) == 0:
            raise StageFailed("the demo's service runs before it is broken", answer, str(self.supervisor_conf.parent))
        os.kill(pid, signal.SIGKILL)

    def started(self) -> bool:
        """Whether the supervisor says that the service was started. One that dies before is started again."""
        return "RUNNING" in self._ask_supervisor("status")

    def _ask_supervisor(self, what: str) -> str:
        command = [tool("supervisorctl"), "-c", str(self.supervisor_conf), what, PROGRAM]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10)
        return (answer.stdout + answer.stderr).strip()

    def facts(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "host_key": self.host_key,
            "health_url": self.health_url,
            "config_dir": str(self.config_dir),
            "supervisor_conf": str(self.supervisor_conf),
            "service": SERVICE,
            "auto_service": AUTO_SERVICE,
        }


def start(children: Children, run: Run, own_ssh_host: Path | None = None, start_seconds: int = START_SECONDS) -> Target:
    """Starts the supervisor, its service and an SSH server, and writes the configuration that points to them.

    `own_ssh_host` is the project's own SSH server, used where OpenSSH's is not installed. A restart of the service takes
    `start_seconds`.
    """
    directory = run.directory / "target"
    (directory / "bin").mkdir(parents=True, exist_ok=True)
    host_key = ssh_keys.generate(directory / "host_key")
    client_key = ssh_keys.generate(directory / "client_key")
    health_port, ssh_port = free_port(), free_port()
    health_url = f"http://{LOOPBACK}:{health_port}/"
    supervisor_conf = _start_supervisor(children, run, directory, health_port, start_seconds)
    forced = _write_forced_command(directory)
    sshd = None if own_ssh_host else find_sshd()
    if sshd:
        child = _start_sshd(children, run, directory, sshd, ssh_port, client_key.public, forced)
    else:
        child = _start_own_host(children, run, directory, own_ssh_host, ssh_port, client_key.public, forced)
    wait_until("the target's SSH server listens", lambda: listens(ssh_port), child, 10)
    user = pwd.getpwuid(os.getuid()).pw_name
    kind = f"OpenSSH ({sshd})" if sshd else "the project's own SSH host, not OpenSSH"
    target = Target(kind, LOOPBACK, ssh_port, user, host_key.public, client_key.private, health_url, run.config, supervisor_conf)
    _write_config(target)
    return target


def find_sshd() -> str | None:
    return shutil.which("sshd", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))


def _start_supervisor(children: Children, run: Run, directory: Path, port: int, start_seconds: int) -> Path:
    www = directory / "www"
    www.mkdir(exist_ok=True)
    (www / "index.html").write_text("the demo's service is up\n")
    (directory / "bin" / "supervisorctl").unlink(missing_ok=True)
    (directory / "bin" / "supervisorctl").symlink_to(tool("supervisorctl"))
    control, password = free_port(), secrets.token_hex(16)
    conf = directory / "supervisord.conf"
    conf.touch(mode=0o600)
    # A port instead of a socket file, because the path of a socket may only be about a hundred bytes long.
    conf.write_text(
        f"""[supervisord]
nodaemon = true
logfile = /dev/null
logfile_maxbytes = 0
pidfile = {_escaped(directory)}/supervisord.pid

[inet_http_server]
port = {LOOPBACK}:{control}
username = quell
password = {password}

[supervisorctl]
serverurl = http://{LOOPBACK}:{control}
username = quell
password = {password}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[program:{PROGRAM}]
command = {_escaped(shlex.join([sys.executable, "-m", "http.server", str(port), "--bind", LOOPBACK, "--directory", str(www)]))}
autorestart = false
startsecs = {start_seconds}
stdout_logfile = {_escaped(run.log("web"))}
redirect_stderr = true
"""
    )
    child = children.start("supervisord", [tool("supervisord"), "-c", str(conf)], run.log("supervisord"), cwd=directory)
    url = f"http://{LOOPBACK}:{port}/"
    wait_until("the demo's service answers", lambda: answers(url), child, 15)
    return conf


def _escaped(text: object) -> str:
    return str(text).replace("%", "%%")


def _write_forced_command(directory: Path) -> Path:
    """The only thing that the key may start. It puts the host's own tools on PATH and runs what was asked for."""
    script = directory / "forced-command"
    script.write_text(
        f"""#!/bin/sh
PATH={shlex.quote(str(directory / "bin"))}:$PATH
export PATH
cd {shlex.quote(str(directory))} || exit 125
exec sh -c "${{SSH_ORIGINAL_COMMAND:?no command was given}}"
"""
    )
    script.chmod(0o700)
    return script


def _start_sshd(children: Children, run: Run, directory: Path, sshd: str, port: int, client_key: str, forced: Path) -> Child:
    (directory / "authorized_keys").write_text(f'restrict,command="{shlex.quote(str(forced))}" {client_key}\n')
    config = directory / "sshd_config"
    # HOME: bash, asked by sshd, reads the .bashrc of its user, which can be anything and take long.
    config.write_text(
        f"""ListenAddress {LOOPBACK}:{port}
HostKey "{directory}/host_key"
AuthorizedKeysFile "{directory}/authorized_keys"
PidFile none
AuthenticationMethods publickey
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
LogLevel VERBOSE
SetEnv "HOME={directory}"
"""
    )
    if os.getuid() == 0:
        # OpenSSH as root refuses to start without its privilege separation directory. It is empty and part of the
        # package on most systems, so it may stay.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    return children.start("sshd", [sshd, "-D", "-e", "-f", str(config)], run.log("sshd"))


def _start_own_host(
    children: Children, run: Run, directory: Path, binary: Path | None, port: int, client_key: str, forced: Path
) -> Child:
    if binary is None or not binary.is_file():
        raise StageFailed("an SSH server", "neither sshd nor the project's own ssh-host", "cargo build -p tests --bin ssh-host")
    authorized = directory / "authorized_key"
    authorized.write_text(f"{client_key}\n")
    command = [str(binary), "--listen", f"{LOOPBACK}:{port}", "--host-key", str(directory / "host_key")]
    command += ["--authorized-key", str(authorized), "--command", str(forced)]
    return children.start("ssh-host", command, run.log("ssh-host"))


def _write_config(target: Target) -> None:
    """The project's files of an operator, and a service registry with this host in it."""
    shipped = [path.name for path in (PROJECT / "config").iterdir() if path.suffix in (".yaml", ".json")]
    for name in sorted(shipped):
        shutil.copyfile(PROJECT / "config" / name, target.config_dir / name)
    for name in ("recipes", "templates"):
        shutil.copytree(PROJECT / "config" / name, target.config_dir / name, dirs_exist_ok=True)
    # What `quell doctor --deep` runs on the host.
    playbooks = target.config_dir / "playbooks.yaml"
    playbooks.write_text(f"{playbooks.read_text()}\n{yaml.safe_dump([DOCTOR], sort_keys=False, width=1000)}")
    ssh = {"host": target.host, "port": target.port, "user": target.user, "host_key": target.host_key}
    entry = {
        "name": SERVICE,
        "aliases": [PROGRAM],
        "level": "approval",
        "unit": PROGRAM,
        "facts": {"health_url": target.health_url},
        "target": {"ssh": ssh},
    }
    auto = entry | {"name": AUTO_SERVICE, "aliases": [], "level": "auto", "redundancy_group": "demo", "match": {"cluster": CLUSTER}}
    (target.config_dir / "service-registry.yaml").write_text(yaml.safe_dump([entry, auto], sort_keys=False, width=1000))
