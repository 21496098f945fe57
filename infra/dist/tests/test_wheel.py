"""Tests of the wheel: what is in it, what it asks for, and the demo from it in an environment of its own, where programs are built."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import unittest
import venv
import zipfile
from pathlib import Path

from infra.dist import binaries, bundle, wheel
from infra.dist.tests.test_bundle import program
from infra.local import target_host
from infra.local.build import FUNCTIONS, host_architecture
from infra.local.paths import TARGET

DEBUG = TARGET / "debug"
BUILT = all((DEBUG / name).is_file() for name in FUNCTIONS)


class Wheel(unittest.TestCase):
    def setUp(self) -> None:
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.directory = Path(held.name)

    def programs(self) -> dict[str, Path]:
        for name in FUNCTIONS:
            (self.directory / name).write_bytes(program(62, b"GLIBC_2.17\0GLIBC_2.28\0GLIBC_2.9\0"))
        return {name: self.directory / name for name in FUNCTIONS}

    def made(self) -> Path:
        programs = self.programs()
        bundle.write(self.directory / "out", "x86_64", programs)
        return wheel.write(self.directory / "out", "x86_64", programs)

    def test_its_name_says_for_which_machines_it_is(self) -> None:
        made = self.made()
        self.assertEqual(made.name, f"quell_demo-{bundle.version()}-py3-none-manylinux_2_28_x86_64.whl")
        (self.directory / "ingress").write_bytes(program(62, b"static"))
        self.assertEqual(wheel.glibc([self.directory / "ingress"]), wheel.LEAST_GLIBC)

    def test_it_has_the_release_and_the_stack_and_nothing_that_only_tests_need(self) -> None:
        with zipfile.ZipFile(self.made()) as archive:
            names = set(archive.namelist())
        inside = "quell_demo/project/"
        expected = {"release/SHA256SUMS", "release/functions/ingress.zip", "release/config/playbooks.yaml", "infra/local/demo.py"}
        expected |= {"infra/local/replay/record.py", "infra/dist/checksums.py", "functions/ingress/Cargo.toml", "template.yaml", "config/playbooks.yaml"}
        self.assertEqual({inside + name for name in expected} - names, set())
        self.assertEqual([name for name in names if "/tests/" in name or name.endswith("_test.py") or "local/console/" in name], [])

    def test_its_record_has_the_hash_of_every_file(self) -> None:
        with zipfile.ZipFile(self.made()) as archive:
            record = next(name for name in archive.namelist() if name.endswith("RECORD"))
            rows = {name: (digest, size) for name, digest, size in csv.reader(io.StringIO(archive.read(record).decode()))}
            self.assertEqual(set(rows), set(archive.namelist()))
            for name, (digest, size) in rows.items():
                if name != record:
                    content = archive.read(name)
                    expected = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
                    self.assertEqual((digest, size), (f"sha256={expected}", str(len(content))), name)

    def test_it_asks_for_the_locked_versions_of_what_it_uses_and_of_no_compiler(self) -> None:
        pins = wheel.requirements(wheel.REQUIREMENTS.read_text())
        names = {pin.partition("==")[0] for pin in pins}
        self.assertEqual({*wheel.USED, "boto3", "pyyaml", "cryptography"} - names, set())
        self.assertEqual(names & {"cargo-lambda", "ziglang", "openapi-spec-validator"}, set())
        locked = wheel.REQUIREMENTS.read_text()
        self.assertEqual([pin for pin in pins if f"{pin} \\\n" not in locked], [])

    @unittest.skipUnless(BUILT, "the functions are not built: cargo build --workspace --all-features")
    @unittest.skipUnless(target_host.find_sshd(), "needs an sshd")
    def test_the_demo_runs_in_an_environment_of_its_own(self) -> None:
        architecture, out = host_architecture(), self.directory / "out"
        # Without what only a debugger reads, they are a fifth as large.
        stripped = self.directory / "stripped"
        stripped.mkdir()
        for name in FUNCTIONS:
            subprocess.run(["strip", "--strip-debug", "-o", str(stripped / name), str(DEBUG / name)], check=True)
        programs = binaries.given(stripped, FUNCTIONS, architecture)
        bundle.write(out, architecture, programs, level=1)
        made = wheel.write(out, architecture, programs)
        shutil.rmtree(stripped)
        own = self.environment()
        # Nothing is downloaded: what is installed here has to be what the wheel asks for.
        install = [str(own / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check", str(made)]
        subprocess.run(install, check=True)
        made.unlink()
        variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "CARGO_TARGET_DIR")}
        told = subprocess.run(
            [str(own / "bin" / "quell-demo"), "--once", "--runs", str(self.directory / "runs")],
            cwd=self.directory, env=variables, capture_output=True, text=True, timeout=240,
        )  # fmt: skip
        self.assertEqual(told.returncode, 0, told.stdout + told.stderr)
        self.assertIn("alert to verified repair in", told.stdout)

    def environment(self) -> Path:
        """A virtual environment without the project, in which the requirements of this one are installed."""
        own = self.directory / "venv"
        venv.create(own, with_pip=True)
        # Older Pythons bring one of their own, which would hide the locked one.
        subprocess.run([str(own / "bin" / "python"), "-m", "pip", "uninstall", "--quiet", "--yes", "setuptools"], check=True, capture_output=True)
        there = next((own / "lib").glob("python*")) / "site-packages"
        (there / "requirements.pth").write_text(sysconfig.get_path("purelib") + "\n")
        for name in ("supervisord", "supervisorctl"):
            (own / "bin" / name).symlink_to(Path(sys.executable).parent / name)
        return own


if __name__ == "__main__":
    unittest.main()
