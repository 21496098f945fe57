"""The bill of materials of a release, as CycloneDX 1.6: every crate that the functions and the command are built from.

Run by the Python of the checks: cyclonedx-python-lib comes with checkov there, pinned with its hashes. It reads what cargo itself resolves, so
that no further tool has to be trusted with the lock file. Development dependencies are left out; build scripts are in, because what they
generate is compiled.

    .local/checks/bin/python -m infra.dist.sbom <file> --root ingress --root …
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
# Both processors of Lambda: the crates of one may differ from those of the other.
TRIPLES = ("aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu")
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"

Package = dict[str, Any]


def resolved(triple: str) -> dict[str, Any]:
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", triple]
    answer = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if answer.returncode:
        sys.exit(f"`cargo metadata` failed: {answer.stderr.strip()[-500:]}")
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def reached(metadata: dict[str, Any], roots: set[str]) -> tuple[dict[str, Package], dict[str, set[str]]]:
    """The packages that are compiled for these roots, and what each of them depends on, by cargo's ids."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    members = set(metadata["workspace_members"])
    open_ids = [name for name, package in packages.items() if package["name"] in roots and name in members]
    needs: dict[str, set[str]] = {}
    while open_ids:
        current = open_ids.pop()
        if current not in needs:
            dependencies = nodes[current]["deps"]
            needs[current] = {each["pkg"] for each in dependencies if any(kind["kind"] != "dev" for kind in each["dep_kinds"])}
            open_ids.extend(needs[current])
    return {name: packages[name] for name in needs}, needs


def checksums() -> dict[tuple[str, str], str]:
    """The hashes of crates in Cargo.lock, by name and version."""
    form = re.compile(r'^name = "([^"]+)"\nversion = "([^"]+)"\nsource = "[^"]+"\nchecksum = "([0-9a-f]{64})"$', re.MULTILINE)
    return {(name, version): found for name, version, found in form.findall((PROJECT / "Cargo.lock").read_text())}


def licence(text: str | None) -> str | None:
    """An expression of SPDX. Older crates write a slash where it has OR."""
    return re.sub(r"\s*/\s*", " OR ", text) if text else None


def document(version: str, packages: dict[str, Package], needs: dict[str, set[str]]) -> str:
    from cyclonedx.factory.license import LicenseFactory
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    hashes, licences = checksums(), LicenseFactory()
    components = {}
    for key, package in packages.items():
        expression, found = licence(package["license"]), hashes.get((package["name"], package["version"]))
        purl = PackageURL("cargo", name=package["name"], version=package["version"]) if package["source"] == CRATES_IO else None
        components[key] = Component(
            type=ComponentType.LIBRARY,
            name=package["name"],
            version=package["version"],
            bom_ref=f"{package['name']}@{package['version']}",
            licenses=[licences.make_from_string(expression)] if expression else [],
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=found)] if found else [],
            purl=purl,
        )
    quell = Component(type=ComponentType.APPLICATION, name="quell-release", version=version, bom_ref="quell-release")
    # No time and no random number: two bills of one lock file are the same bytes.
    named = ",".join(sorted(str(component.bom_ref.value) for component in components.values()))
    made = datetime.datetime(1980, 1, 1, tzinfo=datetime.timezone.utc)
    metadata = BomMetaData(component=quell, timestamp=made)
    bom = Bom(components=components.values(), serial_number=uuid.uuid5(uuid.NAMESPACE_OID, named), metadata=metadata)
    bom.register_dependency(quell, [components[key] for key, package in packages.items() if package["source"] is None])
    for key, component in components.items():
        bom.register_dependency(component, [components[each] for each in needs[key]])
    return JsonV1Dot6(bom).output_as_string(indent=1)


def valid(text: str) -> str | None:
    """What is wrong by CycloneDX's own schema."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    return str(fault) if fault else None


def main() -> int:
    parser = argparse.ArgumentParser(description="The bill of materials of a release.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--root", action="append", required=True, metavar="CRATE")
    given = parser.parse_args()
    packages: dict[str, Package] = {}
    needs: dict[str, set[str]] = {}
    for triple in TRIPLES:
        found, edges = reached(resolved(triple), set(given.root))
        packages |= found
        for key, targets in edges.items():
            needs.setdefault(key, set()).update(targets)
    text = document(given.version, packages, needs)
    if fault := valid(text):
        sys.exit(f"the bill of materials is not valid: {fault}")
    given.file.write_text(text + "\n")
    print(f"sbom: {len(packages)} crates")
    return 0


if __name__ == "__main__":
    sys.exit(main())
