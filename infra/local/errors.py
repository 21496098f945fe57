"""The one error that the local stack shows to its user: what was expected, what was seen, where to look."""

from __future__ import annotations


class StageFailed(Exception):
    """A stage of the local stack did not do what it should."""

    def __init__(self, expected: str, seen: str, logs: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.seen = seen
        self.logs = logs

    def __str__(self) -> str:
        lines = [f"expected: {self.expected}", f"seen:     {self.seen}"]
        if self.logs:
            lines.append(f"logs:     {self.logs}")
        return "\n".join(lines)


def explain(failure: Exception) -> str:
    """A failure in words. What is not a `StageFailed` came from a program that did not answer as it should."""
    if isinstance(failure, StageFailed):
        return str(failure)
    return str(StageFailed("the programs of the local stack answer", f"{type(failure).__name__}: {failure}"))
