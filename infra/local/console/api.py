"""The read API of the running stack against docs/openapi-console.yaml, by schemathesis (https://schemathesis.readthedocs.io/).

What is asked is generated from the document: values that it allows and values that it does not. Each answer has to be one of those that it describes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from infra.local.console.given import Stack
from infra.local.console.seed import World
from infra.local.errors import StageFailed
from infra.local.paths import PROJECT

DOCUMENT = PROJECT / "docs" / "openapi-console.yaml"
PROGRAM = Path(sys.executable).with_name("schemathesis")
SEED = 20_261_130
EXAMPLES = 150
# Not whether another method is answered with a 405: all but GET go to ingress, which has no such route.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "ignored_auth",
)
PHASES = ("examples", "coverage", "fuzzing")


def settings(stack: Stack, world: World) -> str:
    """Its file. Ids are those of incidents that are there: a document cannot know them, and others are answered with nothing but a 404."""
    incident, storm = json.dumps(world["repaired"]), json.dumps(world.storm)
    paths = {"/api/v1/incidents/{id}": incident, "/api/v1/incidents/{id}/log": incident, "/api/v1/storms/{id}": storm}
    operations = [f'[[operations]]\ninclude-path = "{path}"\nparameters = {{ "path.id" = {id_} }}\n' for path, id_ in paths.items()]
    head = f"""seed = {SEED}
base-url = {json.dumps(stack.url)}
headers = {{ Authorization = "Bearer ${{QUELL_TOKEN}}" }}
continue-on-failure = true
workers = 2
generation.max-examples = {EXAMPLES}
generation.database = "none"

[warnings]
fail-on = ["missing_auth", "missing_test_data"]
"""
    return "\n".join([head, *operations])


def check(stack: Stack, world: World) -> int:
    if not PROGRAM.is_file():
        raise StageFailed("schemathesis beside this Python", f"no {PROGRAM}")
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory) / "schemathesis.toml"
        config.write_text(settings(stack, world))
        # Sessions begin with a form from a page, and ingress takes it.
        command = [str(PROGRAM), "--config-file", str(config), "run", str(DOCUMENT), "--exclude-path-regex", "/sessions"]
        command += ["--checks", ",".join(CHECKS), "--phases", ",".join(PHASES), "--no-color"]
        env = os.environ | {"QUELL_TOKEN": stack.token("ada")}
        return subprocess.run(command, cwd=directory, env=env, stdin=subprocess.DEVNULL).returncode
