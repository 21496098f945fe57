"""The Python package `quell-demo`: a wheel with a release's functions, the local stack, and what that needs at its pinned versions.

A wheel is a zip with metadata beside the packages: <https://packaging.python.org/en/latest/specifications/binary-distribution-format/>.
"""

from __future__ import annotations

import base64
import hashlib
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

from infra.dist import archive, bundle
from infra.dist.archive import Entry
from infra.dist.errors import DistError
from infra.local.build import FUNCTIONS
from infra.local.paths import PROJECT

NAME = "quell_demo"
REQUIREMENTS = PROJECT / "infra" / "local" / "requirements.txt"
# What the demo itself uses; boto3, PyYAML and cryptography come with the SAM CLI, whose reader knows CloudFormation's short tags.
USED = ("ministack", "uvicorn", "httptools", "uvloop", "aws-sam-cli", "supervisor")
# The least C library that a wheel for any Linux may name: that of CentOS 7 (PEP 599).
LEAST_GLIBC = 17
GLIBC = re.compile(rb"GLIBC_2\.(\d{1,3})\b")
PROCESSORS = {"x86_64": "x86_64", "arm64": "aarch64"}
# As much of the project as the local stack reads.
FILES = ("template.yaml", "infra/ssm/run-step.json")
FOLDERS = ("infra/dist", "infra/local", "config", "events")
READ = {".json", ".yaml", ".html", ".py", ".yml", ".md"}
LEFT_OUT = re.compile(r"/(tests|console|dynalite|oidc|quell_demo|__pycache__)/|_test\.py$|requirements")


def write(out: Path, architecture: str, programs: Mapping[str, Path]) -> Path:
    """Writes the wheel of a processor, from the directory that `bundle.write` has made of it."""
    release = out / bundle.name(architecture)
    version = bundle.version()
    tag = f"py3-none-manylinux_2_{glibc(programs[name] for name in FUNCTIONS)}_{PROCESSORS[architecture]}"
    info = f"{NAME}-{version}.dist-info"
    entries = dict(package(release))
    entries[f"{info}/METADATA"] = Entry(described(version).encode())
    entries[f"{info}/WHEEL"] = Entry(f"Wheel-Version: 1.0\nGenerator: quell\nRoot-Is-Purelib: false\nTag: {tag}\n".encode())
    entries[f"{info}/entry_points.txt"] = Entry(f"[console_scripts]\nquell-demo = {NAME}.__main__:main\n".encode())
    entries[f"{info}/licenses/LICENSE"] = Entry((PROJECT / "LICENSE").read_bytes())
    entries[f"{info}/RECORD"] = Entry(record(entries, f"{info}/RECORD").encode())
    file = out / f"{NAME}-{version}-{tag}.whl"
    archive.write(file, entries)
    return file


def glibc(programs: Iterable[Path]) -> int:
    """The minor version of the C library that all of these programs run with: the newest whose symbols one of them asks for."""
    found = {int(minor) for program in programs for minor in GLIBC.findall(program.read_bytes())}
    return max(found | {LEAST_GLIBC})


def package(release: Path) -> Iterator[tuple[str, Entry]]:
    """The files of the package, by their names in the wheel."""
    for source in sorted((PROJECT / "infra" / "dist" / NAME).glob("*.py")):
        yield f"{NAME}/{source.name}", Entry(source.read_bytes())
    inside = f"{NAME}/project"
    # The local stack finds the functions by their manifests.
    for function in FUNCTIONS:
        yield f"{inside}/functions/{function}/Cargo.toml", Entry((PROJECT / "functions" / function / "Cargo.toml").read_bytes())
    for name in FILES:
        if (PROJECT / name).is_file():
            yield f"{inside}/{name}", Entry((PROJECT / name).read_bytes())
    for folder in FOLDERS:
        for name, entry in archive.from_directory(PROJECT / folder, f"{folder}/").items():
            if Path(name).suffix in READ and not LEFT_OUT.search(f"/{name}"):
                yield f"{inside}/{name}", entry
    yield from archive.from_directory(release, f"{inside}/release/").items()


def described(version: str) -> str:
    """The metadata, with the requirements: <https://packaging.python.org/en/latest/specifications/core-metadata/>."""
    head = f"""\
        Metadata-Version: 2.4
        Name: quell-demo
        Version: {version}
        Summary: Quell's demo: one alert from Alertmanager to a verified repair, without a compiler and without an account of AWS
        License-Expression: Apache-2.0
        License-File: LICENSE
        Requires-Python: >=3.10
        """
    return textwrap.dedent(head) + "".join(f"Requires-Dist: {line}\n" for line in requirements(REQUIREMENTS.read_text()))


def requirements(locked: str) -> list[str]:
    """The pins of what the demo uses and of what that needs in turn, as the lock has them: with their conditions, without their hashes."""
    pins: dict[str, list[str]] = {}
    for name, version, marker in re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)(?: ; ([^\\]+?))? \\$", locked, re.MULTILINE):
        # One with conditions may be there twice, for older and for newer Pythons.
        pins.setdefault(normal(name), []).append(f"{name}=={version}" + (f" ; {marker}" if marker else ""))
    if absent := sorted(set(USED) - pins.keys()):
        raise DistError(f"{REQUIREMENTS.relative_to(PROJECT)} does not lock {', '.join(absent)}: run make lock")
    needed, open_names = set(), [normal(name) for name in USED]
    while open_names:
        name = open_names.pop()
        if name not in needed and name in pins:
            needed.add(name)
            open_names += needs(name)
    return [pin for name in sorted(needed) for pin in pins[name]]


def needs(name: str) -> list[str]:
    """What an installed package needs under any condition but an extra's. One that only other Pythons have is not installed here."""
    try:
        found = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []
    return [normal(re.split(r"[ ;<>=!~\[(]", line, maxsplit=1)[0]) for line in found if "extra ==" not in line]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def record(entries: Mapping[str, Entry], own: str) -> str:
    """The hashes of all files, in the form that pip checks."""
    lines = []
    for name in sorted(entries):
        digest = base64.urlsafe_b64encode(hashlib.sha256(entries[name].content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(entries[name].content)}\n")
    return "".join(lines) + f"{own},,\n"
