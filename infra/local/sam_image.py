"""Makes a stand-in for Lambda's base image, for `sam local invoke` on a machine that cannot pull images.

SAM runs a function in `public.ecr.aws/lambda/provided:al2023`. With network access Docker pulls that image and this
module is not needed. Without it, an image of the same name made from this host's shell and C library is enough,
because SAM adds the runtime emulator itself and a Rust function needs little else. It proves the function's logic and
its wiring, not that it runs on Amazon Linux.

`python -m infra.local sam-image` needs a running Docker engine. Invoke with `--skip-pull-image` afterwards.
"""

from __future__ import annotations

import io
import platform
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path

from infra.local.errors import StageFailed

DIRECTORIES = ("bin", "etc/ssl/certs", "lib64", "opt", "proc", "sys", "tmp", "usr/bin", "var/runtime", "var/task")
# What SAM calls when it builds an image with layers, and what helps to look around.
COMMANDS = ("sh", "mv", "chmod", "mkdir", "ls", "cat", "env")
# A Rust function needs these; only some of them are needed by the commands above.
LIBRARIES = ("libc.so.6", "libm.so.6", "libgcc_s.so.1", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2", "libnss_dns.so.2")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
BOOTSTRAP = "#!/bin/sh\nexec /var/task/bootstrap\n"


def make() -> int:
    tag = f"public.ecr.aws/lambda/provided:al2023-{'arm64' if platform.machine() == 'aarch64' else 'x86_64'}"
    command = [_program("docker"), "import", "--change", 'ENTRYPOINT ["/var/runtime/bootstrap"]', "--change", "WORKDIR /var/task"]
    command += ["--change", "ENV PATH=/usr/bin:/bin LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime", "-", tag]
    done = subprocess.run(command, input=root_file_system(COMMANDS), capture_output=True)
    if done.returncode != 0:
        raise StageFailed("`docker import` makes the image", done.stderr.decode(errors="replace").strip())
    print(tag)
    return 0


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise StageFailed(f"{name} on PATH", "it is not installed")
    return found


def root_file_system(commands: Iterable[str]) -> bytes:
    """A tar archive with these commands of this host, and what they need."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", dereference=True) as tar:
        for directory in DIRECTORIES:
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if directory == "tmp" else 0o755
            tar.addfile(entry)
        programs = {command: Path(_program(command)) for command in commands}
        for command, program in programs.items():
            tar.add(program, f"bin/{command}")
        for library in _libraries(programs.values()):
            tar.add(library, str(library).lstrip("/"))
        if CERTIFICATES.exists():
            tar.add(CERTIFICATES, "etc/ssl/certs/ca-certificates.crt")
        _add_text(tar, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nsbx_user1051:x:993:990::/tmp:/bin/sh\n", 0o644)
        _add_text(tar, "var/runtime/bootstrap", BOOTSTRAP, 0o755)
    return archive.getvalue()


def _libraries(programs: Iterable[Path]) -> set[Path]:
    """The shared libraries of the programs and of a Rust function, at the paths where the loader looks for them."""
    command = [_program("ldd"), *map(str, programs)]
    listing = subprocess.run(command, capture_output=True, text=True).stdout
    found = {Path(path) for path in re.findall(r"(/\S+\.so[.\d]*)", listing)}
    beside = {path.parent / name for path in found if path.name == "libc.so.6" for name in LIBRARIES}
    return found | {path for path in beside if path.exists()}


def _add_text(tar: tarfile.TarFile, name: str, text: str, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(text), mode
    tar.addfile(entry, io.BytesIO(text.encode()))
