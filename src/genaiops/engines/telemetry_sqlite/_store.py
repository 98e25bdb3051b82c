"""The engine: one writer, many readers."""

import fcntl
import threading
import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

from genaiops.core.errors import StoreError, UsageError
from genaiops.domain import (
    Charge,
    Content,
    CostCorrection,
    GuardEvent,
    GuardVerdict,
    Mark,
    PendingJudgement,
    Score,
    Span,
)
from genaiops.engines.telemetry_sqlite import (
    _blobs,
    _corrections,
    _figures,
    _guard_sums,
    _pending,
    _probing,
    _rollups,
    _tallies,
    _trace,
    _verdicts,
)
from genaiops.engines.telemetry_sqlite._connections import store_errors
from genaiops.engines.telemetry_sqlite._figures import FiguresWriter
from genaiops.engines.telemetry_sqlite._files import DAY_US, ContentFile, content_files, remove
from genaiops.engines.telemetry_sqlite._list import decode_cursor, list_by_figures
from genaiops.engines.telemetry_sqlite._matches import match_expression
from genaiops.engines.telemetry_sqlite._payloads import PayloadWriter
from genaiops.engines.telemetry_sqlite._rows import storable
from genaiops.engines.telemetry_sqlite._search import list_by_text
from genaiops.engines.telemetry_sqlite._sessions import Session, SessionPool
from genaiops.ports.telemetry import (
    Batch,
    CorrectionRun,
    Page,
    Paid,
    Rollup,
    RollupQuery,
    SpoolOffset,
    Tallies,
    TallyOrder,
    Trace,
    TraceFilter,
    TraceRow,
    Written,
)
from genaiops.ports.verdicts import GuardMarks, GuardQuery, GuardSums, Probing, VerdictFilter, VerdictPage

_LOCK_SECONDS = 5.0
_LARGEST_PAGE = 1_000


class SqliteTelemetry:
    """The Telemetry port on a folder of SQLite files. Safe for threads; a second writer is refused, readers are
    welcome.
    """

    def __init__(self, folder: Path, *, writer: bool, content_floor_bytes: int, clock: Callable[[], int]) -> None:
        self._folder = folder
        self._path = folder / "figures.db"
        self._clock = clock
        self._write_lock = threading.Lock()
        self._writer: Writer | None = None
        if writer:
            folder.mkdir(parents=True, exist_ok=True)
            self._writer = Writer(folder, content_floor_bytes)
        elif not self._path.exists():
            raise StoreError(
                f"There is no telemetry store in {folder}.",
                code="store_missing",
                remedy="Start `genaiops up` once; it makes one.",
            )
        self._readers = SessionPool(folder)

    # --- writing ---

    def write(self, batch: Batch) -> Written:
        """Commit contents, then all else. Also batches that no well-behaved client sends are stored (see
        `storable`).
        """
        with self._write_lock:
            try:
                return self._write(batch)
            except (OverflowError, UnicodeEncodeError):
                return self._write(_storable_batch(batch))

    def _write(self, batch: Batch) -> Written:
        writer = self._the_writer()
        with store_errors(self._path):
            kept_from_day = writer.figures.kept_from_day()
        shed = writer.payloads.write(
            batch.contents, arrival_us=self._clock(), kept_from_day=kept_from_day, durable=batch.durable
        )
        new = writer.figures.write(batch, shed)
        return Written(spans=new, duplicates=len(batch.spans) - new, content_shed=len(shed))

    def add_score(self, score: Score) -> Score:
        with self._write_lock:
            try:
                self._the_writer().figures.add_score(score)
            except (OverflowError, UnicodeEncodeError):
                score = storable(score)
                self._the_writer().figures.add_score(score)
        with store_errors(self._path), self._readers.session() as session:
            return _trace.score_of(session, score.identifier) or score

    def add_verdicts(self, trace_id: bytes, events: Sequence[GuardEvent], *, call_id: bytes | None = None) -> int:
        with self._write_lock:
            try:
                return self._the_writer().figures.add_verdicts(trace_id, events, call_id)
            except (OverflowError, UnicodeEncodeError):
                return self._the_writer().figures.add_verdicts(trace_id, storable(tuple(events)), call_id)

    def mark(self, verdict: GuardVerdict, mark: Mark | None, *, at_us: int, by: str) -> GuardVerdict:
        with self._write_lock:
            return self._the_writer().figures.mark(verdict, mark, at_us, by)

    def correct(self, corrections: Sequence[CostCorrection]) -> int:
        with self._write_lock:
            return self._the_writer().figures.correct(corrections)

    def drop_offsets(self, lives: Sequence[str]) -> None:
        with self._write_lock:
            self._the_writer().figures.drop_offsets(lives)

    def seed_ledger(self, charges: Sequence[Charge]) -> None:
        with self._write_lock:
            self._the_writer().figures.seed_ledger(charges)

    def purge_content(self, before_us: int) -> int:
        """Remove the files of whole days before that time, and of outliers that arrived, or all began, before it.

        Content of such a day that comes later is not kept either. Blobs that the content referred to are no longer
        among `blobs`.
        """
        first_kept = before_us // DAY_US
        with self._write_lock:
            writer = self._the_writer()
            writer.figures.keep_from_day(first_kept)
            dropped: set[int] = set()
            for file in content_files(self._folder):
                if file.day < first_kept or (file.outside and self._ends_before(file, first_kept)):
                    writer.payloads.release(file)
                    remove(file.path(self._folder))
                    dropped.add(file.day)
        return len(dropped)

    def _ends_before(self, file: ContentFile, day: int) -> bool:
        with self._readers.session() as session:
            connection = session.content(file)
            if connection is None:
                return False
            last = connection.execute("SELECT max(id) FROM payloads").fetchone()[0]
        return last is not None and last < file.first_id(day * DAY_US)

    def migrate(self) -> None:
        """Done on opening as writer already; to say so where it belongs."""
        with self._write_lock:
            self._the_writer().figures.migrate()

    # --- reading ---

    def offsets(self) -> Mapping[str, SpoolOffset]:
        with store_errors(self._path), self._readers.session() as session:
            return _figures.offsets(session.figures)

    def ledger(self) -> Mapping[tuple[str, int], int]:
        with store_errors(self._path), self._readers.session() as session:
            return _figures.ledger(session.figures)

    def list(self, where: TraceFilter, *, cursor: str | None = None, limit: int = 50) -> Page:
        """Root spans, newest first. The work for one page is bounded: when conditions that no index serves together are
        met by hardly any span, a page may be short or empty and still have a `next`. UsageError for a cursor that is
        none.
        """
        if not 1 <= limit <= _LARGEST_PAGE:
            raise UsageError(
                f"A page of {limit} traces cannot be read.", remedy=f"Ask for 1 to {_LARGEST_PAGE}.", param="limit"
            )
        where, before = storable(where), None if cursor is None else decode_cursor(cursor)
        with store_errors(self._path), self._readers.session() as session:
            if where.text is not None and match_expression(where.text) is not None:
                return list_by_text(session, where, before, limit)
            return list_by_figures(session, where, before, limit)

    def trace(self, trace_id: bytes) -> Trace | None:
        with store_errors(self._path), self._readers.session() as session:
            return _trace.read_trace(session, trace_id)

    def scores(
        self, since_us: int, until_us: int, *, name: str | None = None, after: tuple[int, str] | None = None, limit: int
    ) -> Sequence[Score]:
        with store_errors(self._path), self._readers.session() as session:
            return _trace.scores(session, (since_us, until_us), name, after, limit)

    def score_place(self) -> int:
        with store_errors(self._path), self._readers.session() as session:
            return _trace.score_place(session)

    def scores_written(
        self, after: int, until: int, *, names: Sequence[str], limit: int = 500
    ) -> tuple[int, Sequence[Score]]:
        with store_errors(self._path), self._readers.session() as session:
            return _trace.scores_written(session, (after, until), names, limit)

    def scores_of(self, trace_ids: Sequence[bytes], *, names: Sequence[str]) -> Sequence[Score]:
        with store_errors(self._path), self._readers.session() as session:
            return _trace.scores_of(session, trace_ids, names)

    def tallies(
        self,
        by: Literal["session_id", "user_id"],
        where: TraceFilter,
        *,
        order: TallyOrder = "last",
        ascending: bool = False,
        offset: int = 0,
        limit: int = 50,
    ) -> Tallies:
        with store_errors(self._path), self._readers.session() as session:
            return _tallies.read(
                session, by, storable(where), order=order, ascending=ascending, offset=offset, limit=limit
            )

    def corrections(self, *, limit: int = 20) -> Sequence[CorrectionRun]:
        with store_errors(self._path), self._readers.session() as session:
            return _corrections.runs(session, limit)

    def paid(self, since_us: int, until_us: int, *, after: int = 0, limit: int = 1000) -> tuple[int, Sequence[Paid]]:
        with store_errors(self._path), self._readers.session() as session:
            return _corrections.paid(session, since_us, until_us, after, limit)

    def blobs(self, *, after: int = 0, limit: int = 1000) -> tuple[int, AbstractSet[str]]:
        with store_errors(self._path), self._readers.session() as session:
            return _blobs.referred(session, after, limit, _figures.kept_from_day(session.figures))

    def rollup(self, query: RollupQuery) -> Sequence[Rollup]:
        with store_errors(self._path), self._readers.session() as session:
            return _rollups.read(session.figures, session.texts, query)

    def verdicts(self, where: VerdictFilter, *, cursor: str | None = None, limit: int = 50) -> VerdictPage:
        if not 1 <= limit <= _LARGEST_PAGE:
            raise UsageError(
                f"A page of {limit} verdicts cannot be read.", remedy=f"Ask for 1 to {_LARGEST_PAGE}.", param="limit"
            )
        with store_errors(self._path), self._readers.session() as session:
            return _verdicts.page(session, storable(where), cursor, limit)

    def verdicts_of(self, trace_ids: Collection[bytes]) -> Sequence[GuardVerdict]:
        with store_errors(self._path), self._readers.session() as session:
            return [each for trace_id in trace_ids for each in _verdicts.of_trace(session, trace_id)]

    def probing(self, since_us: int, until_us: int, *, key_id: str | None = None) -> Sequence[Probing]:
        with store_errors(self._path), self._readers.session() as session:
            return _probing.read(session, since_us, until_us, key_id)

    def pending(self, limit: int) -> Sequence[PendingJudgement]:
        with store_errors(self._path), self._readers.session() as session:
            return _pending.oldest(session, limit)

    def judged(self, done: Sequence[PendingJudgement]) -> None:
        with self._write_lock:
            self._the_writer().figures.judged(done)

    def guard_rollup(self, query: GuardQuery) -> Sequence[GuardSums]:
        with store_errors(self._path), self._readers.session() as session:
            return _guard_sums.read(session.figures, session.texts, query)

    def guard_marks(self, query: GuardQuery) -> Sequence[GuardMarks]:
        with store_errors(self._path), self._readers.session() as session:
            return _verdicts.marks(session, query)

    def head(self) -> int:
        with store_errors(self._path), self._readers.session() as session:
            return _trace.head(session)

    def since(self, head: int, *, limit: int = 500) -> tuple[int, Sequence[TraceRow]]:
        with store_errors(self._path), self._readers.session() as session:
            return _trace.rows_since(session, head, limit)

    def written(self, after: int, *, limit: int = 500) -> tuple[int, Sequence[tuple[Span, Content | None]]]:
        with store_errors(self._path), self._readers.session() as session:
            return _trace.written_since(session, after, limit)

    def place_before(self, start_us: int) -> int:
        with store_errors(self._path), self._readers.session() as session:
            return _trace.place_before(session, start_us)

    # --- for the other fronts of the same files ---

    @contextmanager
    def reading(self) -> Generator[Session]:
        with store_errors(self._path), self._readers.session() as session:
            yield session

    @contextmanager
    def writing(self) -> Generator["Writer"]:
        """Nobody else writes inside."""
        with self._write_lock:
            yield self._the_writer()

    # --- the end ---

    def close(self) -> None:
        self._readers.close()
        with self._write_lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _the_writer(self) -> "Writer":
        if self._writer is None:
            raise StoreError(
                f"The telemetry store in {self._folder} is not open for writing.",
                code="read_only",
                remedy="Only the control process writes; open it with writer=True there.",
            )
        return self._writer


class Writer:
    """The lock that makes it the only one, and what it holds open. The lock dies with the process."""

    def __init__(self, folder: Path, content_floor_bytes: int) -> None:
        self._lock = _lock(folder / "writer.lock")
        try:
            self.figures = FiguresWriter(folder / "figures.db")
        except BaseException:
            self._lock.close()
            raise
        self.payloads = PayloadWriter(folder, floor_bytes=content_floor_bytes)

    def close(self) -> None:
        self.payloads.close()
        self.figures.close()
        self._lock.close()


def _lock(path: Path) -> IO[bytes]:
    file = path.open("ab")
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                file.close()
                raise StoreError(
                    f"Another process writes to the telemetry store in {path.parent}.",
                    code="locked",
                    remedy="Stop the other `genaiops up` on this data directory.",
                ) from None
            time.sleep(0.02)
        else:
            return file


def _storable_batch(batch: Batch) -> Batch:
    return Batch(
        spans=[storable(span) for span in batch.spans],
        contents=[storable(content) for content in batch.contents],
        scores=[storable(score) for score in batch.scores],
        ledger=[storable(charge) for charge in batch.ledger],
        offsets=batch.offsets,
        durable=batch.durable,
        verdicts=[storable(verdict) for verdict in batch.verdicts],
        pending=batch.pending,
    )
