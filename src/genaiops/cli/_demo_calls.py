"""Making the demonstration's calls: a few at a time, at a bounded rate, for a bounded time."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import msgspec

from genaiops.cli._demo_prompts import PlannedCall
from genaiops.core.errors import GenaiopsError
from genaiops.sdk import Client

_AT_A_TIME = 2
"""The embedded model has one thread; more would only wait in its queue."""

_SILENCE_SECONDS = 120.0


class Tally(msgspec.Struct):
    """What came of the calls. `outcomes`: (kind, `ok` or a status) -> how many; `surprises`: errors not planned for."""

    outcomes: Counter[tuple[str, str]]
    surprises: list[str]
    answered: int = 0

    @property
    def made(self) -> int:
        return sum(self.outcomes.values())


class Traffic:
    """Runs a plan. `advanced` is called after each call, from the thread that made it."""

    def __init__(self, clients: Mapping[str, Client], advanced: Callable[[], None]) -> None:
        self._clients = clients
        self._advanced = advanced
        self._lock = threading.Lock()
        self._tally = Tally(Counter(), [])
        self._stop = threading.Event()

    def run(self, calls: Iterator[PlannedCall], *, seconds: float, rate: float | None) -> Tally:
        """Begin no call after `seconds`, and at most `rate` a second (None: as fast as they are answered)."""
        end = time.monotonic() + seconds
        pace = _Pace(calls, end, rate, self._stop)
        threads = [threading.Thread(target=self._work, args=(pace,), daemon=True) for _ in range(_AT_A_TIME)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        finally:
            self._stop.set()  # Ctrl-C: no call begins any more
        return self._tally

    def _work(self, pace: "_Pace") -> None:
        for call in pace:
            outcome, surprise = self._make(call)
            with self._lock:
                self._tally.outcomes[call.kind, outcome] += 1
                self._tally.answered += outcome == "ok"
                if surprise is not None:
                    self._tally.surprises.append(f"{call.kind}: {surprise}")
                self._advanced()

    def _make(self, call: PlannedCall) -> tuple[str, str | None]:
        """(outcome, what was not planned for)."""
        client = self._clients[call.key]
        try:
            if call.streams:
                with client.stream("POST", call.path, call.body, timeout=_SILENCE_SECONDS) as stream:
                    for _ in stream:
                        pass
            else:
                client.request("POST", call.path, call.body)
        except GenaiopsError as error:
            return str(error.status), None if error.status in call.expected else error.message
        return "ok", None if 200 in call.expected else "it was answered, and should have been refused"


class _Pace:
    """Hands out calls to several threads, each at its time."""

    def __init__(self, calls: Iterator[PlannedCall], end: float, rate: float | None, stop: threading.Event) -> None:
        self._calls = calls
        self._end = end
        self._gap = 1 / rate if rate else 0.0
        self._stop = stop
        self._lock = threading.Lock()
        self._next = time.monotonic()

    def __iter__(self) -> Iterator[PlannedCall]:
        while not self._stop.is_set():
            with self._lock:
                begin = max(self._next, time.monotonic())
                if begin >= self._end:
                    return
                call = next(self._calls, None)
                if call is None:
                    return
                self._next = begin + self._gap
            if self._stop.wait(max(0.0, begin - time.monotonic())):
                return
            yield call
