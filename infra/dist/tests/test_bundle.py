"""Tests of a whole release from programs that are given: what is in it, its checksums, and what is refused."""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
import unittest
import zipfile
from pathlib import Path

from infra.dist import binaries, bundle, checksums
from infra.dist.__main__ import differences, make, parser
from infra.dist.errors import DistError
from infra.local.build import FUNCTIONS
from infra.local.paths import PROJECT


def program(machine: int, text: bytes = b"") -> bytes:
    """The beginning of an ELF file for a processor."""
    return b"\x7fELF" + bytes(14) + machine.to_bytes(2, "little") + text


class Bundle(unittest.TestCase):
    def setUp(self) -> None:
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.directory = Path(held.name)
        self.given = self.directory / "given"
        self.given.mkdir()
        for name in [*FUNCTIONS, binaries.COMMAND]:
            (self.given / name).write_bytes(program(62, name.encode()))

    def made(self, *arguments: str) -> Path:
        out = self.directory / "out"
        with contextlib.redirect_stdout(io.StringIO()):
            make(parser().parse_args(["--bootstraps", str(self.given), "--out", str(out), *arguments]))
        return out

    def test_a_release_has_every_function_its_template_and_its_configuration(self) -> None:
        out = self.made("--twice")
        name = bundle.name("x86_64")
        with zipfile.ZipFile(out / f"{name}.zip") as archive:
            names = set(archive.namelist())
        expected = {f"{name}/{file}" for file in ("template.yaml", "samconfig.toml", "LICENSE", "run-step.json", "SHA256SUMS")}
        expected |= {f"{name}/functions/{function}.zip" for function in FUNCTIONS} | {f"{name}/config/playbooks.yaml"}
        self.assertEqual(expected - names, set())
        with zipfile.ZipFile(out / name / "functions" / "ingress.zip") as archive:
            self.assertEqual({entry: archive.read(entry) for entry in archive.namelist()}, {"bootstrap": program(62, b"ingress")})

    def test_cargo_binstall_is_led_to_the_published_command(self) -> None:
        manifest = (PROJECT / "cli" / "Cargo.toml").read_text()
        urls = re.findall(r'^pkg-url = "\{ repo \}/releases/download/v\{ version \}/([^"]+)"$', manifest, re.MULTILINE)
        led = {url.replace("{ version }", bundle.version()) for url in urls}
        published = set()
        for machine, architecture in binaries.MACHINES.items():
            for name in [*FUNCTIONS, binaries.COMMAND]:
                (self.given / name).write_bytes(program(machine, name.encode()))
            made = bundle.write(self.directory / architecture, architecture, binaries.given(self.given, FUNCTIONS, architecture))
            published |= {file.name for file in made if file.suffix != ".zip"}
        self.assertEqual(led, published)
        self.assertEqual(len(urls), 3)

    def test_its_checksums_hold_until_a_file_changes(self) -> None:
        out = self.made()
        inner = out / bundle.name("x86_64")
        self.assertEqual((checksums.wrong(out), checksums.wrong(inner)), ([], []))
        (inner / "template.yaml").write_text("changed")
        (inner / "functions" / "bridge.zip").unlink()
        faults = checksums.wrong(inner)
        self.assertEqual(faults, ["functions/bridge.zip is missing", "template.yaml is not the file that was released"])

    def test_archives_that_differ_are_named(self) -> None:
        first = bundle.write(self.directory / "first", "x86_64", binaries.given(self.given, FUNCTIONS, "x86_64"))
        (self.given / "ingress").write_bytes(program(62, b"another"))
        second = bundle.write(self.directory / "second", "x86_64", binaries.given(self.given, FUNCTIONS, "x86_64"))
        self.assertEqual(differences(first, second), [f"{bundle.name('x86_64')}.zip"])

    def test_programs_of_another_processor_are_refused(self) -> None:
        (self.given / "bridge").write_bytes(program(183))
        with self.assertRaisesRegex(DistError, "bridge is for arm64"):
            self.made()

    def test_a_script_in_the_place_of_a_program_is_refused(self) -> None:
        (self.given / "bridge").write_text("#!/bin/sh\n")
        with self.assertRaisesRegex(DistError, "no program for Linux"):
            self.made()

    def test_a_missing_function_is_named(self) -> None:
        (self.given / "witness").unlink()
        with self.assertRaisesRegex(DistError, "has no witness"):
            self.made()

    def test_the_layout_of_cargo_lambda_is_taken_too(self) -> None:
        for name in FUNCTIONS:
            (self.given / name).rename(self.given / "moved")
            (self.given / name).mkdir()
            (self.given / "moved").rename(self.given / name / "bootstrap")
        self.assertTrue((self.made() / f"{bundle.name('x86_64')}.zip").is_file())


if __name__ == "__main__":
    unittest.main()
