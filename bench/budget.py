"""`make budget`: whether ingress is as small as bench/budget.json says: its binary, its zip and its crates.

Written in Python because the zip is made by Python's zipfile, as the SAM CLI makes it, and so that it builds nothing but ingress.
"""

import json
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
BUDGET = PROJECT / "bench" / "budget.json"
sys.path.insert(0, str(PROJECT / "bench" / "python"))

from package_size import zipped  # noqa: E402  (the path has to be there first)


def crates(package: str) -> dict[tuple[str, str], set[str]]:
    """The crates that a package is built from, by name and version, with the features that are on."""
    command = ["cargo", "tree", "--locked", "--package", package, "--edges", "normal", "--prefix", "none", "--format", "{p}\t{f}"]
    tree = subprocess.run(command, cwd=PROJECT, check=True, text=True, stdout=subprocess.PIPE).stdout
    found: dict[tuple[str, str], set[str]] = {}
    for line in tree.splitlines():
        crate, features = line.removesuffix(" (*)").split("\t")
        name, version, *_ = crate.split(" ")
        found.setdefault((name, version), set()).update(filter(None, features.strip().split(",")))
    return found


def over(package: str, what: str, measured: int, limit: int, unit: str, field: str, first: str) -> list[str]:
    """Prints a line of the table; says what to do where the limit is broken."""
    print(f"  {what:<16} {measured:>7,}{unit:<4} {limit:>7,}{unit}")
    if measured <= limit:
        return []
    more = measured - limit
    return [
        f"{package}: {what}: {measured:,}{unit} is {more:,}{unit} ({more / limit:.1%}) over the limit of {limit:,}{unit}.\n"
        f"  {first}\n"
        f'  If it is worth it, raise "{field}" in bench/budget.json, with the reason in the commit message.'
    ]


def main() -> int:
    try:
        budget = json.loads(BUDGET.read_text())
        package, most, forbidden = budget["package"], budget["most"], budget["forbidden"]
        limits = {field: int(most[field]) for field in ("binary_kib", "zip_kib", "crates")}
        named = [(entry["crate"], entry.get("feature"), entry["reason"]) for entry in forbidden]
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"bench/budget.json: {type(error).__name__}: {error}: it needs package, most.binary_kib, most.zip_kib, most.crates "
              "and a list forbidden of crate, reason and, where only that is forbidden, feature", file=sys.stderr)
        return 2
    binary = Path(sys.argv[1] if len(sys.argv) > 1 else "target/release") / package
    if not binary.is_file():
        print(f"{binary} is not there: build it (make budget does), or name the directory: bench/budget.py DIR", file=sys.stderr)
        return 2
    found = crates(package)

    print(f"{package:<18} measured       limit")
    grown = f"See what came in: git diff Cargo.lock, and cargo bloat --release --crates --package {package}."
    broken = [
        *over(package, "stripped binary", -(-binary.stat().st_size // 1024), limits["binary_kib"], " KiB", "binary_kib", grown),
        *over(package, "zip", -(-zipped(binary) // 1024), limits["zip_kib"], " KiB", "zip_kib", grown),
        *over(package, "crates", len(found), limits["crates"], "", "crates",
              f"See who brings the new ones: cargo tree --package {package} --edges normal, and git diff Cargo.lock."),
    ]
    unwanted = 0
    for crate, feature, reason in named:
        for (name, version), features in found.items():
            if name == crate and (feature is None or feature in features):
                unwanted += 1
                what = f"{name} {version}" + (f" with its feature {feature}" if feature else "")
                tree = f"cargo tree --package {package} --edges normal{',features' if feature else ''} --invert {name}@{version[1:]}"
                broken.append(f"{package}: {what} is forbidden: {reason}.\n  See who brings it: {tree}\n  and turn that off.")
    print(f"  {'forbidden crates':<16} {unwanted:>7,}     {0:>7,}  (of {len(named)} that are looked for)")

    for message in broken:
        print(f"\nover budget: {message}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
