"""Tests of the template of a release: it refers to zips, allows one processor, and is refused where it is not understood."""

from __future__ import annotations

import copy
import functools
import unittest
from typing import Any

from samcli.yamlhelper import yaml_parse

from infra.dist import template
from infra.dist.errors import DistError
from infra.local.build import FUNCTIONS
from infra.local.paths import PROJECT

SOURCE = (PROJECT / "template.yaml").read_text()


@functools.cache
def read(text: str) -> Any:
    """Reading a template takes a second."""
    return yaml_parse(text)


def parsed(text: str) -> Any:
    return copy.deepcopy(read(text))


class Template(unittest.TestCase):
    def test_each_function_comes_from_its_zip_and_is_not_built(self) -> None:
        resources = parsed(template.released(SOURCE, "x86_64", FUNCTIONS))["Resources"]
        functions = {name: each for name, each in resources.items() if each["Type"] == "AWS::Serverless::Function"}
        expected = {f"{name.capitalize()}Function": f"functions/{name}.zip" for name in FUNCTIONS}
        self.assertEqual({name: each["Properties"]["CodeUri"] for name, each in functions.items()}, expected)
        self.assertEqual([name for name, each in functions.items() if "Metadata" in each], [])

    def test_only_the_processor_of_the_zips_is_allowed(self) -> None:
        for architecture in ("arm64", "x86_64"):
            parameter = parsed(template.released(SOURCE, architecture, FUNCTIONS))["Parameters"]["Architecture"]
            self.assertEqual((parameter["Default"], parameter["AllowedValues"]), (architecture, [architecture]))

    def test_nothing_else_of_the_template_changes(self) -> None:
        before, after = parsed(SOURCE), parsed(template.released(SOURCE, "arm64", FUNCTIONS))
        for found in (before, after):
            del found["Parameters"]["Architecture"]
            for resource in found["Resources"].values():
                if resource["Type"] == "AWS::Serverless::Function":
                    resource.pop("Metadata", None)
                    del resource["Properties"]["CodeUri"]
        self.assertEqual(before, after)

    def test_a_function_that_the_template_does_not_have_is_named(self) -> None:
        with self.assertRaisesRegex(DistError, "another"):
            template.released(SOURCE, "arm64", [*FUNCTIONS, "another"])

    def test_a_function_with_another_build_is_refused(self) -> None:
        changed = SOURCE.replace("    Metadata: { BuildMethod: rust-cargolambda }\n", "", 1)
        with self.assertRaisesRegex(DistError, "how they are built"):
            template.released(changed, "arm64", FUNCTIONS)

    def test_a_parameter_of_another_form_is_refused(self) -> None:
        with self.assertRaisesRegex(DistError, "Architecture"):
            template.released(SOURCE.replace("  Architecture:\n", "  Processor:\n"), "arm64", FUNCTIONS)


if __name__ == "__main__":
    unittest.main()
