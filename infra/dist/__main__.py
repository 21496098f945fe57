"""`python -m infra.dist`: makes the artefacts of a release. `make dist` is this."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from infra.dist import binaries, bundle, checksums, wheel
from infra.dist.errors import DistError
from infra.local.build import FUNCTIONS
from infra.local.paths import PROJECT, TARGET


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m infra.dist", description=__doc__)
    top.add_argument("--out", type=Path, default=TARGET / "dist", metavar="DIR", help="where the artefacts go (target/dist)")
    top.add_argument("--architecture", action="append", choices=sorted(binaries.SWITCHES), help="only this processor; both without it")
    top.add_argument("--bootstraps", type=Path, metavar="DIR", help="take the programs of this directory instead of building them")
    top.add_argument("--twice", action="store_true", help="make the archives twice, and fail if they are not the same bytes")
    top.add_argument("--sbom-python", metavar="PYTHON", help="the Python that has cyclonedx-python-lib; without it there is no SBOM")
    return top


def programs(given: argparse.Namespace, architecture: str) -> dict[str, Path]:
    if given.bootstraps:
        return binaries.given(given.bootstraps, FUNCTIONS, architecture)
    return binaries.build(FUNCTIONS, architecture, TARGET / "lambda" / architecture)


def architectures(given: argparse.Namespace) -> list[str]:
    """Those that were asked for; of given programs, the one that they are for."""
    if given.architecture:
        return list(dict.fromkeys(given.architecture))
    if given.bootstraps:
        first = given.bootstraps / FUNCTIONS[0]
        return [binaries.architecture(first if first.is_file() else first / "bootstrap")]
    return sorted(binaries.SWITCHES)


def sbom(python: str, out: Path) -> Path:
    file = out / f"quell-{bundle.version()}.cdx.json"
    roots = [word for name in [*FUNCTIONS, binaries.COMMAND] for word in ("--root", name)]
    command = [python, "-m", "infra.dist.sbom", str(file.resolve()), "--version", bundle.version(), *roots]
    if subprocess.run(command, cwd=PROJECT, check=False).returncode:
        raise DistError("the bill of materials was not made")
    return file


def differences(published: list[Path], again: list[Path]) -> list[str]:
    return [first.name for first, second in zip(published, again, strict=True) if first.read_bytes() != second.read_bytes()]


def write(out: Path, architecture: str, found: dict[str, Path]) -> list[Path]:
    """Writes what is published for a processor."""
    return [*bundle.write(out, architecture, found), wheel.write(out, architecture, found)]


def make(given: argparse.Namespace) -> None:
    out, published = given.out, []
    out.mkdir(parents=True, exist_ok=True)
    for architecture in architectures(given):
        found = programs(given, architecture)
        made = write(out, architecture, found)
        published += made
        if given.twice:
            with tempfile.TemporaryDirectory() as directory:
                if differ := differences(made, write(Path(directory), architecture, found)):
                    raise DistError(f"made twice, these are not the same bytes: {', '.join(differ)}")
            print(f"made twice, the same bytes: {', '.join(file.name for file in made)}")
        if binaries.COMMAND not in found:
            print(f"no command `{binaries.COMMAND}` for {architecture}: {given.bootstraps} has none")
    if given.sbom_python:
        published.append(sbom(given.sbom_python, out))
    (out / checksums.NAME).write_text(checksums.text(out, published))
    for file in published:
        print(f"{file.stat().st_size / 1024:8,.0f} KiB  {file.name}")


def main() -> int:
    try:
        make(parser().parse_args())
    except DistError as error:
        print(f"dist: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
