"""How often the Telegram stand-in lets a bot write.

Source of the limits: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass, field

# One message a second in a chat; the FAQ tolerates "short bursts" without a number.
BURST = 3.0
# Twenty a minute in a group, which has a negative id.
IN_GROUP, GROUP_SECONDS = 20, 60.0
# Thirty a second over all chats.
IN_ALL, ALL_SECONDS = 30, 1.0
# What counts: "messages" are sends and edits.
COUNTED = ("sendmessage", "sendphoto", "editmessagetext")


@dataclass
class Rates:
    """The windows of one bot. Not thread-safe: the server holds a lock around it."""

    on: bool = False
    refused: int = 0
    # The time where it is simulated, in seconds; the machine's without.
    now: float | None = None
    # When each chat's burst is used up no more, and what went out in each window.
    rested_at: dict[int, float] = field(default_factory=dict)
    to_group: dict[int, deque[float]] = field(default_factory=dict)
    to_all: deque[float] = field(default_factory=deque)

    def switch(self, on: bool) -> None:
        """Starts anew, with or without limits."""
        self.on = on
        self.rested_at.clear()
        self.to_group.clear()
        self.to_all.clear()

    def wait(self, chat: int) -> int | None:
        """Counts a message. If it is one too many: the seconds after which it would not be, and it is not counted."""
        if not self.on:
            return None
        now = time.monotonic() if self.now is None else self.now
        rested_at = max(self.rested_at.get(chat, now), now) + 1.0
        windows = [(self.to_all, IN_ALL, ALL_SECONDS)]
        if chat < 0:
            windows.append((self.to_group.setdefault(chat, deque()), IN_GROUP, GROUP_SECONDS))
        late = max(rested_at - now - BURST, *(_late(window, most, seconds, now) for window, most, seconds in windows))
        if late > 0:
            self.refused += 1
            return math.ceil(late)
        self.rested_at[chat] = rested_at
        for window, _, _ in windows:
            window.append(now)
        return None


def _late(window: deque[float], most: int, seconds: float, now: float) -> float:
    """How long a window is still full; 0 if it is not."""
    while window and window[0] <= now - seconds:
        window.popleft()
    return window[0] + seconds - now if len(window) >= most else 0.0
