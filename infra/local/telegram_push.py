"""Delivers updates to the webhook in order, and again until it answers 2xx, as Telegram does."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from infra.local import net
from infra.local.telegram_bot import Bot, Refused, Webhook

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0


@dataclass
class Push:
    """A thread that empties `bot.pending`."""

    bot: Bot
    lock: threading.RLock
    wake: threading.Event = field(default_factory=threading.Event)
    deliveries: list[dict[str, Any]] = field(default_factory=list)

    def start(self) -> None:
        threading.Thread(target=self._run, name="telegram-push", daemon=True).start()

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            with self.lock:
                webhook = self.bot.webhook
                update = self.bot.pending[0] if self.bot.pending and webhook.url else None
            if update is None:
                self.wake.wait(0.2)
                self.wake.clear()
            elif self._deliver(webhook, update):
                pause = FIRST_PAUSE
            else:
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _deliver(self, webhook: Webhook, update: dict[str, Any]) -> bool:
        headers = {"X-Telegram-Bot-Api-Secret-Token": webhook.secret_token} if webhook.secret_token else {}
        try:
            answer = net.call(webhook.url, update, headers, timeout=60)
        except OSError as problem:
            answer = net.Answer(0, str(problem))
        done = 200 <= answer.status < 300
        with self.lock:
            self.deliveries.append({"update_id": update["update_id"], "status": answer.status, "body": answer.body, "at": time.time()})
            if done:
                if update in self.bot.pending:
                    self.bot.pending.remove(update)
                self._call_from_answer(answer.body)
            else:
                webhook.last_error_date = int(time.time())
                webhook.last_error_message = f"Wrong response from the webhook: {answer.status}" if answer.status else answer.body
        return done

    def _call_from_answer(self, body: str) -> None:
        """A webhook may answer with a method call. Its result cannot be seen by the bot, so errors go nowhere."""
        try:
            call = json.loads(body)
            if isinstance(call, dict) and isinstance(call.get("method"), str):
                self.bot.call(call["method"], {key: value for key, value in call.items() if key != "method"})
        except (ValueError, Refused):
            return
