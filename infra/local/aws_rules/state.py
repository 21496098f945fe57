"""The rules that are switched on at the moment, and how often each has refused or changed something."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class InvokeFault:
    """What becomes of requests to invoke a function."""

    # The function's whole name.
    function: str
    # A documented error of Invoke, by its name; none lets the function run.
    error: str | None = None
    # How much later than the function the answer comes, before the scale.
    late_seconds: float = 0
    # For so many requests; none is for all.
    times: int | None = None


@dataclass(frozen=True)
class HotKeys:
    """Units that one partition key takes in a second."""

    write_units: float = 1_000
    read_units: float = 3_000


@dataclass(frozen=True)
class Rules:
    """What one request to `control` switches on. The defaults are an AWS without faults."""

    # How long a second of AWS's time limits is here.
    scale: float = 1
    invoke: tuple[InvokeFault, ...] = ()
    # A connection that was silent for so long, before the scale, is cut.
    idle_seconds: float | None = None
    hot_keys: HotKeys | None = None
    # The name of a queue from which every message comes twice to whoever receives from it, and neighbours in another order.
    repeats: str | None = None


class State:
    def __init__(self) -> None:
        self.rules = Rules()
        self.seen: Counter[str] = Counter()
        self._left: dict[InvokeFault, int] = {}

    def switch(self, rules: Rules) -> None:
        self.rules = rules
        self.seen = Counter()
        self._left = {fault: fault.times for fault in rules.invoke if fault.times is not None}

    def fault(self, function: str) -> InvokeFault | None:
        """The fault of this request to invoke a function, which is one less of those that it is for."""
        for fault in self.rules.invoke:
            if fault.function == function and (fault.times is None or self._left[fault] > 0):
                if fault.times is not None:
                    self._left[fault] -= 1
                return fault
        return None


STATE = State()
