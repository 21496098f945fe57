"""Tests of the archives of a release: the same bytes from the same files, whatever else differs."""

from __future__ import annotations

import os
import tempfile
import unittest
import zipfile
from pathlib import Path

from infra.dist import archive
from infra.dist.archive import Entry


class Archive(unittest.TestCase):
    def setUp(self) -> None:
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.directory = Path(held.name)

    def written(self, entries: dict[str, Entry]) -> bytes:
        file = self.directory / "archive.zip"
        archive.write(file, entries)
        return file.read_bytes()

    def test_the_order_of_entries_changes_no_byte(self) -> None:
        one, two = Entry(b"one"), Entry(b"two")
        self.assertEqual(self.written({"a": one, "b": two}), self.written({"b": two, "a": one}))

    def test_the_times_of_files_change_no_byte(self) -> None:
        source = self.directory / "source"
        source.mkdir()
        (source / "file").write_text("content")
        os.utime(source / "file", (1, 1))
        before = self.written(archive.from_directory(source))
        os.utime(source / "file", (2_000_000_000, 2_000_000_000))
        self.assertEqual(before, self.written(archive.from_directory(source)))

    def test_another_content_changes_bytes(self) -> None:
        self.assertNotEqual(self.written({"a": Entry(b"one")}), self.written({"a": Entry(b"two")}))

    def test_a_bootstrap_can_be_executed_and_a_file_cannot(self) -> None:
        self.written({"bootstrap": Entry(b"program", executable=True), "file": Entry(b"text")})
        with zipfile.ZipFile(self.directory / "archive.zip") as found:
            modes = {entry.filename: oct(entry.external_attr >> 16) for entry in found.infolist()}
            made_by = {entry.create_system for entry in found.infolist()}
        self.assertEqual((modes, made_by), ({"bootstrap": "0o100755", "file": "0o100644"}, {archive.UNIX}))

    def test_hidden_files_of_a_directory_are_left_out(self) -> None:
        source = self.directory / "source"
        (source / "folder").mkdir(parents=True)
        for name in ("shown", ".hidden", "folder/inner", "folder/.swp"):
            (source / name).write_text(name)
        self.assertEqual(sorted(archive.from_directory(source, "config/")), ["config/folder/inner", "config/shown"])


if __name__ == "__main__":
    unittest.main()
