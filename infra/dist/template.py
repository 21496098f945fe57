"""Makes the template of a release out of template.yaml: functions come from zips that are built, for one processor.

The text is changed and not parsed and written anew, so that its comments and anchors stay for whoever reads it.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from infra.dist.errors import DistError

CODE = re.compile(r"^(?P<indent> +)CodeUri: functions/(?P<name>[a-z]+)/$", re.MULTILINE)
# How `sam build` builds a function: there is nothing left to build.
BUILT_BY = re.compile(r"^ +Metadata: \{ BuildMethod: rust-cargolambda \}\n", re.MULTILINE)
ARCHITECTURE = re.compile(r"(?P<before>^  Architecture:\n    Type: String\n)    Default: \w+\n    AllowedValues: \[[^\]]*\]\n", re.MULTILINE)


def released(source: str, architecture: str, functions: Collection[str]) -> str:
    """The template that names `functions/<name>.zip` for each function, and allows this processor alone."""
    named = sorted(found["name"] for found in CODE.finditer(source))
    if named != sorted(functions):
        raise DistError(f"template.yaml has the functions {', '.join(named)}, and functions/ has {', '.join(sorted(functions))}")
    text = CODE.sub(r"\g<indent>CodeUri: functions/\g<name>.zip", source)
    text, dropped = BUILT_BY.subn("", text)
    if dropped != len(named):
        raise DistError(f"template.yaml says of {dropped} functions how they are built, and has {len(named)}")
    text, found = ARCHITECTURE.subn(rf"\g<before>    Default: {architecture}\n    AllowedValues: [{architecture}]\n", text)
    if found != 1:
        raise DistError("template.yaml has no parameter Architecture of the expected form")
    return text
