"""Checks the relative links of every Markdown file: the file and, where a link names one, the heading have to be there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(file: Path) -> set[str]:
    """The headings as GitHub makes anchors of them: lower case, no punctuation, a hyphen for each space."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", file.read_text()), re.MULTILINE)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


def broken(file: Path) -> list[str]:
    found = []
    for target in LINK.findall(FENCE.sub("", file.read_text())):
        path, _, anchor = target.partition("#")
        if "://" in path or path.startswith("mailto:"):
            continue
        to = (file.parent / path).resolve() if path else file
        if not to.exists():
            found.append(f"{file.relative_to(PROJECT)}: {target}: no such file")
        elif anchor and to.suffix == ".md" and anchor not in anchors(to):
            found.append(f"{file.relative_to(PROJECT)}: {target}: no such heading")
    return found


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=PROJECT, check=True, capture_output=True, text=True)
    files = [PROJECT / name for name in listed.stdout.split()]
    faults = [fault for file in files for fault in broken(file)]
    print("\n".join(faults) if faults else f"links: {len(files)} documents, no broken link")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
