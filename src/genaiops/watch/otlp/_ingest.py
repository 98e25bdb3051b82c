"""Spans that other programs send, on their way into the telemetry: quota, translation, sampling, and one durable write
for all that wait."""

import collections
import logging
import threading
from collections.abc import Callable, Mapping, Sequence

import msgspec

from genaiops.core.errors import GenaiopsError, LimitReached, Unavailable
from genaiops.domain import Price
from genaiops.ports.blobs import Blobs
from genaiops.ports.telemetry import Batch, Telemetry
from genaiops.watch.otlp._answers import with_answers
from genaiops.watch.otlp._sampling import Sampler, Told
from genaiops.watch.otlp._translate import Sender, Translator, fault
from genaiops.watch.otlp._wire import Group, count

_log = logging.getLogger("genaiops.ingest")

AT_ONCE = 4_000
"""Spans written in one transaction, so that one sync of the disk serves all that wait."""

WAITING = 20_000
"""Spans that may wait for it; more are refused until later."""

RETRY_SECONDS = 5
WRITE_SECONDS = 60.0


class Taken(msgspec.Struct, frozen=True):
    """`stored` spans are on the disk (`duplicates` of them were before), `left_out` were not in the share that is kept;
    `rejected` can never be taken, for `reason`."""

    stored: int
    left_out: int
    rejected: int
    reason: str


class Counts(msgspec.Struct):
    """Since the start."""

    stored: int = 0
    left_out: int = 0
    rejected: int = 0
    refused: int = 0


class _Job:
    def __init__(self, told: Sequence[Told]) -> None:
        self.told = told
        self.done = threading.Event()
        self.error: BaseException | None = None


class Ingest:
    """Safe for threads; `take` waits for the disk."""

    def __init__(
        self,
        telemetry: Telemetry,
        blobs: Blobs,
        prices: Callable[[], Sequence[Price]],
        *,
        spans_per_minute: int,
        shares: Mapping[str, float],
        clock: Callable[[], int],
    ) -> None:
        self.counts = Counts()
        self._telemetry = telemetry
        self._blobs = blobs
        self._prices = prices
        self._clock = clock
        self._quota = Quota(spans_per_minute)
        self._sampler = Sampler(shares)
        self._translator: tuple[Sequence[Price], Translator] | None = None
        self._waiting: collections.deque[_Job] = collections.deque()
        self._size = 0
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, and end."""
        with self._lock:
            self._stopped = True
            self._work.notify()
        if self._thread.is_alive():
            self._thread.join()

    def take(self, groups: tuple[Group, ...], sender: Sender) -> Taken:
        """Returns when the spans are on the disk. LimitReached over the key's quota, Unavailable when too many wait or
        they cannot be written: nothing of the request is taken then."""
        try:
            self._admit(count(groups), sender)
        except GenaiopsError:
            with self._lock:
                self.counts.refused += count(groups)
            raise
        translator = self._translating()
        told: list[Told] = []
        rejected, reason = 0, ""
        for group in groups:
            for span in group.spans:
                wrong = fault(span)
                if wrong is None:
                    told.append(translator.span(span, group, sender))
                else:
                    rejected += 1
                    reason = reason or f"{wrong} (span {span.name[:60]!r})"
        told = with_answers(told)
        with self._lock:
            kept = self._sampler.kept(told, sender)
        if kept:
            self._store(kept)
        left_out = max(0, len(told) - len(kept))
        with self._lock:
            self.counts.stored += len(kept)
            self.counts.left_out += left_out
            self.counts.rejected += rejected
        return Taken(len(kept), left_out, rejected, reason)

    def _admit(self, spans: int, sender: Sender) -> None:
        with self._lock:
            if self._stopped or self._size + spans > max(WAITING, spans):
                raise Unavailable(
                    f"{self._size} spans wait to be written.", remedy="Send these again later.", code="ingest_busy"
                )
            wait = self._quota.take(sender.key_id, spans, self._clock())
        if wait:
            raise LimitReached(
                f"The key {sender.key_name!r} may send {self._quota.per_minute} spans a minute.",
                limit="ingest.spans_per_minute",
                retry_after=wait,
                remedy="Send these again later, sample at the source, or raise ingest.spans_per_minute.",
                code="ingest_quota",
            )

    def _translating(self) -> Translator:
        prices = self._prices()
        if self._translator is None or self._translator[0] is not prices:
            self._translator = prices, Translator(prices, self._blobs, self._clock)
        return self._translator[1]

    def _store(self, told: Sequence[Told]) -> None:
        job = _Job(told)
        with self._lock:
            self._waiting.append(job)
            self._size += len(told)
            self._work.notify()
        if not job.done.wait(WRITE_SECONDS):
            raise Unavailable("The disk did not answer in time.", remedy="Send these again later.", code="ingest_slow")
        if job.error is not None:
            raise Unavailable(
                f"The spans cannot be stored: {job.error}", remedy="Send these again later.", code="ingest_failed"
            ) from job.error

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._waiting and not self._stopped:
                    self._work.wait()
                if not self._waiting:
                    return
                jobs = [self._waiting.popleft()]
                size = len(jobs[0].told)
                while self._waiting and size + len(self._waiting[0].told) <= AT_ONCE:
                    size += len(self._waiting[0].told)
                    jobs.append(self._waiting.popleft())
            self._write(jobs)
            with self._lock:
                self._size -= size

    def _write(self, jobs: Sequence[_Job]) -> None:
        told = [one for job in jobs for one in job.told]
        batch = Batch(
            spans=[span for span, _ in told],
            contents=[content for _, content in told if content.attributes or content.input or content.output],
            durable=True,
        )
        try:
            self._telemetry.write(batch)
        except Exception as error:  # noqa: BLE001 (the thread must outlive whatever one batch does; its senders are told)
            _log.error("%d spans cannot be stored: %s", len(told), error)
            for job in jobs:
                job.error = error
        for job in jobs:
            job.done.set()


class Quota:
    """So many spans a minute of each key, with a minute's worth at once (a leaky bucket). A request is taken while
    anything is left, so that none is too large for ever."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._used: dict[str, tuple[float, int]] = {}

    def take(self, key_id: str, spans: int, now_us: int) -> float:
        """Seconds to wait; 0: taken."""
        if not self.per_minute:
            return 0.0
        used, at = self._used.get(key_id, (0.0, now_us))
        used = max(0.0, used - (now_us - at) * self.per_minute / 60_000_000)
        if used >= self.per_minute:
            return (used - self.per_minute) * 60 / self.per_minute + 1
        self._used[key_id] = used + spans, now_us
        return 0.0
