"""Fails on imports against the layers, on modules that import each other, and on a status that is assigned outside its module.

    python infra/lint/layers.py

It reads the `use` declarations and the paths in the code of every crate, without its tests. A `mod.rs` or `lib.rs` that only
re-exports is passed through to the file that defines the item.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Crates, lowest first. A crate imports only those of the lines above its own.
CRATES = [
    ["domain", "kubernetes", "redaction"],
    ["wire", "settings", "evidence", "chart", "quality", "recipes"],
    ["aws", "playbook_files"],
    ["outbound", "store"],
    ["access", "intake"],
    ["analyzer", "board", "bridge", "console", "ingress", "notifier", "repair", "signals", "signin", "witness"],
    ["quell", "eval", "fuzz", "tests", "schemas", "protocol_models"],
]
# Only for tests: they import nothing of the project, so that every crate's tests can use them.
FOR_TESTS = ["loopback"]
# Folders of the domain, lowest first.
DOMAIN = [
    ["primitives"],
    ["alert", "duty"],
    ["analysis"],
    ["playbook"],
    ["incident"],
    ["policy", "notification", "episode"],
    ["transition"],
]
FOLDERS = {**{name: f"shared/{name}" for row in CRATES[:5] for name in row}, **{name: f"functions/{name}" for name in CRATES[5]}, "quell": "cli", **{name: f"testing/{name}" for name in [*FOR_TESTS, "schemas"]}, "protocol_models": "testing/models"}

# Where the status of an incident may be assigned in product code; the cards' samples are fixtures.
STATUS = re.compile(r"\bincident\.status = ")
STATUS_FILES = ("shared/domain/src/transition/", "functions/notifier/src/render/samples.rs", "tests/")

WORD = re.compile(r"(?:\b|(?<=::))(crate|super|self|[a-z_][a-z0-9_]*)((?:::[A-Za-z_][A-Za-z0-9_]*)+)")
TESTS = re.compile(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*(?:pub(?:\([a-z]+\))? )?mod \w+ *(\{|;)")


def code(file: Path) -> str:
    """A file without its tests, comments and texts."""
    text = file.read_text(encoding="utf-8")
    kept, start = [], 0
    for found in TESTS.finditer(text):
        if found.start() < start:
            continue
        kept.append(text[start : found.start()])
        start = found.end()
        if found.group(1) == "{":
            depth = 1
            while depth and start < len(text):
                depth += {"{": 1, "}": -1}.get(text[start], 0)
                start += 1
    kept.append(text[start:])
    text = "".join(kept)
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r'"(?:\\.|[^"\\])*"', '""', text)
    return braces(text)


def braces(text: str) -> str:
    """`use a::{b, c::d};` as `use a::b; use a::c::d;`, inner braces first."""
    inner = re.compile(r"([A-Za-z_0-9:]+::)\{([^{}]*)\}")
    while True:
        def spread(found: re.Match[str]) -> str:
            names = [name.strip() for name in found.group(2).split(",") if name.strip()]
            return ", ".join(found.group(1) + re.sub(r"\s+as\s+\w+$", "", name) for name in names)

        after = inner.sub(spread, text)
        if after == text:
            return text
        text = after


class Crate:
    """The modules of one crate, by path, and what its façades re-export."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.source = ROOT / FOLDERS.get(name, name) / "src"
        self.modules: dict[tuple[str, ...], Path] = {}
        self.code: dict[tuple[str, ...], str] = {}
        for file in sorted(self.source.rglob("*.rs")):
            path = file.relative_to(self.source).with_suffix("").parts
            if path[-1].endswith("_tests") or path == ("main",) or path[0] == "bin":
                continue
            if path[-1] in {"mod", "lib"}:
                path = path[:-1]
            self.modules[path] = file
            self.code[path] = code(file)

    def re_exports(self, module: tuple[str, ...], item: str | None) -> tuple[str, ...] | None:
        """The module that defines an item which `module` only re-exports."""
        for found in re.finditer(r"pub use ([^;]+);", self.code.get(module, "")):
            for path in found.group(1).split(","):
                parts = [part for part in path.strip().split("::") if part not in {"self", "crate"}]
                base = () if "crate::" in path else module
                target = base + tuple(parts[:-1])
                if target in self.modules and target != module and (parts[-1] == item or (parts[-1] == "*" and defines(self.code[target], item))):
                    return target
        return None

    def resolve(self, module: tuple[str, ...], parts: list[str]) -> tuple[str, ...] | None:
        """The module that a path leads to, seen from `module`."""
        at = list(module)
        while parts and parts[0] in {"crate", "self", "super"}:
            head = parts.pop(0)
            at = [] if head == "crate" else at[:-1] if head == "super" else at
        while parts and tuple(at + [parts[0]]) in self.modules:
            at.append(parts.pop(0))
        found = tuple(at)
        return self.re_exports(found, parts[0] if parts else None) or found


def defines(text: str, item: str | None) -> bool:
    return item is not None and re.search(rf"\b(?:struct|enum|trait|type|const|static|fn|union)\s+{item}\b", text) is not None


def is_own(crate: Crate, module: tuple[str, ...], name: str, text: str) -> bool:
    """Whether a name that a crate has too is a module of this one: a child, or one that is imported."""
    return (*module, name) in crate.modules or re.search(rf"use (?:crate|super)[\w:]*::{name};", text) is not None


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected parts of more than one module (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for after in sorted(graph.get(node, ())):
            if after not in index:
                visit(after)
                low[node] = min(low[node], low[after])
            elif after in stack:
                low[node] = min(low[node], index[after])
        if low[node] == index[node]:
            part = []
            while True:
                part.append(stack.pop())
                if part[-1] == node:
                    break
            if len(part) > 1:
                found.append(sorted(part))

    sys.setrecursionlimit(10_000)
    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def main() -> int:
    rank = {**dict.fromkeys(FOR_TESTS, -1), **{name: row for row, names in enumerate(CRATES) for name in names}}
    inner = {name: row for row, names in enumerate(DOMAIN) for name in names}
    crates = {name: Crate(name) for name in rank}
    graph: dict[str, set[str]] = {}
    against: set[str] = set()
    for crate in crates.values():
        for module, text in crate.code.items():
            file = str(crate.modules[module].relative_to(ROOT))
            graph.setdefault(file, set())
            if STATUS.search(text) and not file.startswith(STATUS_FILES):
                against.add(f"{file}: only domain::transition assigns the status of an incident")
            text = re.sub(r"pub use [^;]+;", "", text)
            for found in WORD.finditer(text):
                head, parts = found.group(1), found.group(2)[2:].split("::")
                if head in {"crate", "super", "self"}:
                    to, target = crate, crate.resolve(module, [head, *parts])
                elif head in crates and head != crate.name and not is_own(crate, module, head, text):
                    to, target = crates[head], crates[head].resolve((), parts)
                    if rank[head] >= rank[crate.name] and not (crate.name in CRATES[6] and head in CRATES[5]):
                        against.add(f"{file}: {crate.name} must not import {head}")
                else:
                    continue
                if target is None or target not in to.modules or to.modules[target] == crate.modules[module]:
                    continue
                goal = str(to.modules[target].relative_to(ROOT))
                graph[file].add(goal)
                if to is crate and crate.name == "domain" and module and target:
                    a, b = module[0], target[0]
                    if a != b and inner[b] >= inner[a]:
                        against.add(f"{file}: {a} must not import {b} ({goal})")
    loops = cycles(graph)
    for line in sorted(against):
        print(line)
    for loop in loops:
        print("a loop:")
        for file in loop:
            print(f"  {file} -> {', '.join(sorted(graph[file] & set(loop)))}")
    if against or loops:
        print(f"{len(against)} imports against the layers, {len(loops)} loops (the layers: {Path(__file__).relative_to(ROOT)})")
        return 1
    print(f"layers: {len(graph)} modules in {len(crates)} crates, {sum(map(len, graph.values()))} imports, none against the layers, no loop")
    return 0


if __name__ == "__main__":
    sys.exit(main())
