"""A stand-in for the Telegram Bot API: the documented contract over HTTP, and `/_control/` for what people do."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.parse
from dataclasses import dataclass, field

from infra.local import stand_in
from infra.local.stand_in import StandIn
from infra.local.telegram_bot import Bot, Parameters, Refused
from infra.local.telegram_push import Push
from infra.local.telegram_rates import COUNTED, Rates

# What a proxy in front of the real service answers when there is nothing behind it.
OUTAGE = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n"


@dataclass
class Fault:
    """An error for the next calls of a method (every method when empty)."""

    method: str
    error: Refused
    count: int
    # The call takes effect and only its answer is lost: what a timeout looks like from outside.
    apply: bool
    delay_seconds: float
    # Only calls for this chat, if one is named.
    chat_id: int | None


@dataclass
class Service:
    bot: Bot
    rates: Rates = field(default_factory=Rates)
    # Chats whose limits are their own: a story that writes much in simulated time keeps no other from writing.
    own_rates: dict[int, Rates] = field(default_factory=dict)
    outage: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)
    faults: list[Fault] = field(default_factory=list)
    calls: list[Parameters] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.push = Push(self.bot, self.lock)

    def api(self, token: str, method: str, given: Parameters) -> tuple[int, Parameters | str]:
        status, body = (502, OUTAGE) if self.outage else self._call(token, method, given)
        with self.lock:
            self.calls.append({"method": method, "parameters": given, "status": status, "at": time.time()})
        return status, body

    def _call(self, token: str, method: str, given: Parameters) -> tuple[int, Parameters]:
        try:
            if token != self.bot.token:
                raise Refused(401, "Unauthorized")
            fault = self._fault(method, given)
            if fault:
                time.sleep(fault.delay_seconds)
            with self.lock:
                self._count(method, given)
                result = None if fault and not fault.apply else self.bot.call(method, given)
            # With 200 the call is only slow.
            if fault and fault.error.code != 200:
                raise fault.error
            return 200, {"ok": True, "result": result}
        except Refused as refused:
            return refused.code, refused.body()

    def _count(self, method: str, given: Parameters) -> None:
        if method.lower() not in COUNTED:
            return
        chat = self.bot.chat(given)
        if seconds := self.own_rates.get(chat, self.rates).wait(chat):
            raise Refused(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})

    def _fault(self, method: str, given: Parameters) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                # A form carries the id as text.
                if fault.chat_id is not None and str(fault.chat_id) != str(given.get("chat_id")):
                    continue
                if fault.count > 0 and fault.method.lower() in ("", method.lower()):
                    fault.count -= 1
                    return fault
        return None

    def control(self, action: str, given: Parameters) -> tuple[int, Parameters]:
        handlers = {
            "messages": self._messages,
            "callback_answers": lambda _: {"callback_answers": self.bot.callback_answers},
            "calls": lambda _: {"calls": self.calls},
            "deliveries": lambda _: {"deliveries": self.push.deliveries, "pending": self.bot.pending},
            "press": self._press,
            "redeliver": self._redeliver,
            "fail": self._fail,
            "rates": self._rates,
            "clock": self._clock,
            "refused": lambda given: {"refused": self._rates_of(given).refused},
            "outage": self._outage,
            "join": lambda given: self.bot.join(int(given["chat_id"])),
            "topic": lambda given: self.bot.topic(int(given["chat_id"]), int(given["topic"]), str(given.get("state", "open"))),
            "migrate": lambda given: self.bot.migrate(int(given["chat_id"]), int(given["to"])),
            "heal": self._heal,
            "delete": lambda given: self.bot.delete(int(given["chat_id"]), given["message_id"]),
        }
        if action not in handlers:
            return 404, {"error": f"no such control; there are {sorted(handlers)}"}
        try:
            with self.lock:
                # A copy, because the answer is written after the lock is gone.
                answer = json.loads(json.dumps(handlers[action](given)))
            self.push.wake.set()
            return 200, answer
        except Refused as refused:
            return refused.code, {"error": refused.description}
        except (KeyError, TypeError, ValueError) as problem:
            return 400, {"error": f"{type(problem).__name__}: {problem}"}

    def _messages(self, given: Parameters) -> Parameters:
        chat = given.get("chat_id")
        return {"messages": [m for m in self.bot.messages if chat is None or m["chat_id"] == int(chat)]}

    def _press(self, given: Parameters) -> Parameters:
        sender = {"id": int(given["from_id"]), "username": str(given.get("username", "person"))}
        if given.get("language_code"):
            sender["language_code"] = str(given["language_code"])
        return self.bot.press(int(given["chat_id"]), given["message_id"], str(given["data"]), sender, bool(given.get("stale")))

    def _redeliver(self, given: Parameters) -> Parameters:
        """Telegram delivers an update again when it did not see the answer."""
        wanted = int(given["update_id"])
        for query in self.bot.callback_queries.values():
            if query["id"] == f"{wanted}0042":
                self.bot.pending.append({"update_id": wanted, "callback_query": query})
                return {"queued": wanted}
        raise Refused(404, f"there was no update {wanted}")

    def _fail(self, given: Parameters) -> Parameters:
        code = int(given.get("error_code", 429))
        parameters = dict(given.get("parameters") or {})
        if code == 429:
            parameters.setdefault("retry_after", int(given.get("retry_after", 1)))
        fallback = f"Too Many Requests: retry after {parameters['retry_after']}" if code == 429 else "Internal Server Error"
        error = Refused(code, str(given.get("description", fallback)), parameters)
        chat = None if given.get("chat_id") is None else int(given["chat_id"])
        count, delay = int(given.get("count", 1)), float(given.get("delay_seconds", 0))
        fault = Fault(str(given.get("method", "")), error, count, bool(given.get("apply")), delay, chat)
        self.faults.append(fault)
        return {"faults": len(self.faults)}

    def _rates_of(self, given: Parameters) -> Rates:
        """The limits of the chat that is named, which has its own from then on; else those of the bot."""
        chat = given.get("chat_id")
        return self.rates if chat is None else self.own_rates.setdefault(int(chat), Rates())

    def _rates(self, given: Parameters) -> Parameters:
        rates = self._rates_of(given)
        rates.switch(bool(given["on"]))
        return {"on": rates.on}

    def _clock(self, given: Parameters) -> Parameters:
        """The limits count by this time, in seconds, which stands still until the next call; null is the machine's."""
        rates = self._rates_of(given)
        rates.now = None if given["now"] is None else float(given["now"])
        return {"now": rates.now}

    def _outage(self, given: Parameters) -> Parameters:
        self.outage = bool(given["on"])
        return {"on": self.outage}

    def _heal(self, given: Parameters) -> Parameters:
        """The faults of a chat are over."""
        self.faults = [fault for fault in self.faults if fault.chat_id != int(given["chat_id"])]
        return {"faults": len(self.faults)}


class Handler(StandIn):
    service: Service  # Set on the subclass that `bound` makes.

    def route(self, address: urllib.parse.SplitResult) -> None:
        try:
            given = self.given(address)
        except ValueError:
            return self.answer(400, Refused(400, "Bad Request: can't parse request body").body())
        if control := re.fullmatch(r"/_control/([a-z_]+)", address.path):
            return self.answer(*self.service.control(control.group(1), given))
        if call := re.fullmatch(r"/bot([0-9]+:[A-Za-z0-9_-]+)/([A-Za-z]+)", urllib.parse.unquote(address.path)):
            return self.answer(*self.service.api(call.group(1), call.group(2), given))
        return self.answer(404, Refused(404, "Not Found").body())

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        # The path holds the token, so only the method's name is logged.
        self.log_message("%s %s %s", self.command, self.path.split("?")[0].rsplit("/", 1)[-1], str(code))


def serve(token: str, chats: set[int], bind: str, port: int, rates: bool) -> None:
    service = Service(Bot(token, chats), Rates(rates))
    service.push.start()
    stand_in.serve(stand_in.bound(Handler, service, bind, port))
