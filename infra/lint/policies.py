"""Runs checkov on the template, and compares what fails with the reviewed list in checkov.yaml.

checkov ends with 0 where it cannot parse a template, and its parser takes a YAML merge for a key that is there twice. It therefore gets the
template as CloudFormation does, with aliases and merges written out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from samcli.yamlhelper import yaml_dump, yaml_parse

PROJECT = Path(__file__).resolve().parents[2]
REVIEWED = PROJECT / "infra" / "lint" / "checkov.yaml"


def results(checkov: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        template = Path(directory) / "template.yaml"
        template.write_text(yaml_dump(yaml_parse((PROJECT / "template.yaml").read_text())))
        command = [str(checkov), "--framework", "cloudformation", "--skip-download", "--output", "json", "--file", str(template)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found: dict[str, Any] = json.loads(answer.stdout)
    except ValueError:
        sys.exit(f"checkov gave no result: {answer.stderr.strip()[-500:]}")
    return found


def main() -> int:
    found = results(Path(sys.argv[1]))
    summary, reviewed = found.get("summary", {}), yaml.safe_load(REVIEWED.read_text())
    if summary.get("parsing_errors", 1) or not summary.get("passed"):
        print(f"checkov did not look at the template: {summary}")
        return 1
    failed = [(check["check_id"], check["resource"], check["check_name"]) for check in found["results"]["failed_checks"]]
    faults = [f"{check} fails for {resource}: {name}" for check, resource, name in failed if check not in reviewed]
    faults += [f"{check} passes: take it out of {REVIEWED.name}" for check in sorted(set(reviewed) - {check for check, _, _ in failed})]
    print("\n".join(faults) or f"checkov: {summary['passed']} checks passed, {len(reviewed)} left out for a reason")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
