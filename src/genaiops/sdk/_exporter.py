"""Ended spans and scores on their way to the server: a bounded queue, sent by a thread in the background.

The application never waits and never fails for it. What cannot be sent now is tried again; what does not fit into the
queue, or is refused, is counted and told once, through the logger `genaiops`.
"""

import logging
import threading
import time
import zlib
from collections import deque
from typing import Any, NamedTuple

import msgspec

from genaiops.core.errors import GenaiopsError, NotFound
from genaiops.sdk._client import Answer, Client
from genaiops.sdk._failures import failure, seconds
from genaiops.sdk._otlp import request
from genaiops.sdk._settings import Settings
from genaiops.sdk._span import Span

_log = logging.getLogger("genaiops")

_BATCH = 512
_BATCH_SIZE = 1_000_000
_SIZE = 64_000_000
"""Characters that may wait, all spans together."""
_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_TIMEOUT = 10.0
_SCORE_PATIENCE = 60.0
"""Seconds in which the trace of a score may still arrive."""
_AGAIN = {408, 429, 500, 502, 503, 504}


class Counts(NamedTuple):
    """What became of spans and scores so far. `waiting` are still here."""

    sent: int
    dropped: int
    waiting: int


class PendingScore(NamedTuple):
    trace_id: str
    body: dict[str, Any]
    until: float


class _PartialSuccess(msgspec.Struct, rename="camel"):
    rejected_spans: int | str = 0
    error_message: str = ""


class _Response(msgspec.Struct, rename="camel"):
    partial_success: _PartialSuccess | None = None


class _Later(Exception):
    """Not now: `pause` in seconds is what the server asked for, None when it did not say."""

    def __init__(self, why: str, pause: float | None) -> None:
        super().__init__(why)
        self.pause = pause


class Exporter:
    """One for a process. `put` and `put_score` return at once; `flush` sends in the caller's thread."""

    def __init__(self, settings: Settings, version: str) -> None:
        self._settings = settings
        self._version = version
        # Re-entrant: a signal handler or a finalizer may end a span while this thread is in here.
        self._lock = threading.RLock()
        self._sending = threading.Lock()
        self._wake = threading.Event()
        self._full = threading.Event()
        self._closed = False
        self._spans: deque[Span] = deque()
        self._scores: deque[PendingScore] = deque()
        self._size = 0
        self._sent = self._dropped = 0
        self._told: set[str] = set()
        self._thread: threading.Thread | None = None
        self._client: Client | None = None
        self._flying = 0
        """Taken out of the queues, and not settled yet."""
        self._failures = 0
        self._asked: float | None = None

    @property
    def counts(self) -> Counts:
        with self._lock:
            return Counts(self._sent, self._dropped, len(self._spans) + len(self._scores) + self._flying)

    def put(self, span: Span) -> None:
        with self._lock:
            size = _size(span)
            if len(self._spans) >= self._settings.queue or self._size + size > _SIZE:
                self._drop(1, "full", "more spans wait than the queue holds")
                return
            self._spans.append(span)
            self._size += size
            full = len(self._spans) >= _BATCH
        self._start()
        self._wake.set()
        if full:
            self._full.set()

    def put_score(self, trace_id: str, body: dict[str, Any]) -> None:
        with self._lock:
            if len(self._scores) >= self._settings.queue:
                self._drop(1, "full", "more scores wait than the queue holds")
                return
            self._scores.append(PendingScore(trace_id, body, time.monotonic() + _SCORE_PATIENCE))
        self._start()
        self._wake.set()

    def flush(self, timeout: float) -> bool:
        """Send what waits, for at most about `timeout` seconds. False: not all of it got there."""
        end = time.monotonic() + timeout
        while self.counts.waiting:
            left = end - time.monotonic()
            if left <= 0 or not self._sending.acquire(timeout=left):
                return False
            try:
                moved = self._send(min(_TIMEOUT, left))
            finally:
                self._sending.release()
            if moved or not self.counts.waiting:
                continue
            # A score's trace is on its way; else the server said when to come again, or nothing answers, and then
            # waiting at the end of a program helps nobody.
            pause = 0.1 if self._failures == 0 else self._asked
            if pause is None or pause > end - time.monotonic():
                break
            time.sleep(pause)
        return self.counts.waiting == 0

    def close(self) -> None:
        """Its thread ends; what still waits is dropped with it."""
        self._closed = True
        self._wake.set()
        self._full.set()

    def tell(self, kind: str, message: str) -> None:
        """A warning, once for each kind."""
        with self._lock:
            if kind in self._told:
                return
            self._told.add(kind)
        _log.warning("%s", message)

    # -- the thread

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            self._thread = threading.Thread(target=self._run, name="genaiops-export", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # the interpreter is ending; the flush at exit sends
                self._thread = None

    def _run(self) -> None:
        while True:
            self._wake.wait()
            if self._failures:
                time.sleep(max(min(_PAUSE * 2**self._failures, _LONGEST_PAUSE), self._asked or 0.0))
            else:
                self._full.wait(_PAUSE)
            self._wake.clear()
            self._full.clear()
            if self._closed:
                return
            with self._sending:
                while self._send(_TIMEOUT):
                    pass
            if self.counts.waiting:
                self._wake.set()

    # -- sending, by who holds `_sending`

    def _send(self, timeout: float) -> bool:
        """One batch of spans, else the scores. False: nothing is left that could be sent now."""
        batch = self._take()
        try:
            if batch:
                self._send_spans(batch, timeout)
                batch = []
            else:
                return self._send_scores(timeout)
        except _Later as later:
            self._put_back(batch)
            self._failures = min(self._failures + 1, 8)
            self._asked = later.pause
            self.tell("away", f"Traces cannot be sent now and are kept for later, within bounds: {later}")
            return False
        except Exception as error:  # noqa: BLE001 (the thread outlives whatever a span or the network brings)
            self._drop(len(batch), "failed", f"{type(error).__name__}: {error}")
        finally:
            with self._lock:
                self._flying = 0
        self._failures = 0
        return True

    def _send_spans(self, batch: list[Span], timeout: float) -> None:
        data = zlib.compress(request(batch, self._settings, self._version), 1, 31)
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        answer = self._post("/v1/traces", data, headers, timeout)
        if answer.status >= 300:
            self._drop(len(batch), "refused", str(failure(answer.status, answer.headers, answer.body)))
            return
        rejected = _rejected(answer.body)
        with self._lock:
            self._sent += len(batch) - min(rejected.number, len(batch))
        if rejected.number:
            self._drop(min(rejected.number, len(batch)), "rejected", rejected.why)

    def _send_scores(self, timeout: float) -> bool:
        """True: one was sent or given up. Those whose trace is not there yet wait."""
        moved = False
        for _ in range(len(self._scores)):
            with self._lock:
                score = self._scores.popleft()
                self._flying = 1
            data = msgspec.json.encode(score.body)
            path = f"/api/traces/{score.trace_id}/scores"
            try:
                answer = self._post(path, data, {"content-type": "application/json"}, timeout)
            except _Later:
                with self._lock:
                    self._scores.append(score)
                    self._flying = 0
                raise
            if answer.status < 300:
                moved = True
                with self._lock:
                    self._sent += 1
                continue
            error = failure(answer.status, answer.headers, answer.body)
            if isinstance(error, NotFound) and time.monotonic() < score.until:
                with self._lock:
                    self._scores.append(score)
                    self._flying = 0
                continue
            moved = True
            self._drop(1, "score", str(error))
        return moved

    def _post(self, path: str, data: bytes, headers: dict[str, str], timeout: float) -> Answer:
        try:
            if self._client is None:
                self._client = Client(self._settings.url, self._settings.api_key)
            answer = self._client.exchange("POST", path, data, headers, timeout=timeout)
        except GenaiopsError as error:
            raise _Later(str(error), None) from error
        if answer.status in _AGAIN:
            pause = seconds(answer.headers.get("retry-after"))
            raise _Later(str(failure(answer.status, answer.headers, answer.body)), pause)
        return answer

    def _take(self) -> list[Span]:
        with self._lock:
            batch: list[Span] = []
            size = 0
            while self._spans and len(batch) < _BATCH and (not batch or size + _size(self._spans[0]) <= _BATCH_SIZE):
                span = self._spans.popleft()
                batch.append(span)
                size += _size(span)
            self._size -= size
            self._flying = len(batch)
            return batch

    def _put_back(self, batch: list[Span]) -> None:
        with self._lock:
            self._spans.extendleft(reversed(batch))
            self._flying = 0
            self._size += sum(map(_size, batch))

    def _drop(self, number: int, kind: str, why: str) -> None:
        with self._lock:
            self._dropped += number
        self.tell(kind, f"Traces or scores were dropped, and will be without further notice: {why}")


class _Rejected(NamedTuple):
    number: int
    why: str


def _rejected(body: bytes) -> _Rejected:
    try:
        found = msgspec.json.decode(body, type=_Response).partial_success if body else None
        return _Rejected(int(found.rejected_spans), found.error_message) if found else _Rejected(0, "")
    except (msgspec.MsgspecError, ValueError):
        return _Rejected(0, "")


def _size(span: Span) -> int:
    texts = sum(len(value) for value in span.attributes.values() if isinstance(value, str))
    return texts + 512 + 4_096 * len(span.events)
