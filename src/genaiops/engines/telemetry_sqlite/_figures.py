"""Writing figures.db: spans, sums of traces, rollups, scores, ledger and offsets of one batch in one transaction."""

import sqlite3
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from genaiops.domain import (
    WHOLE_POLICY,
    Charge,
    CostCorrection,
    GuardEvent,
    GuardVerdict,
    Mark,
    PendingJudgement,
    Score,
    Span,
    guard_spans,
    verdicts_of,
)
from genaiops.engines.telemetry_sqlite import _corrections, _guard_sums, _pending, _rollups, _rows, _schema, _verdicts
from genaiops.engines.telemetry_sqlite._connections import connect, is_full, store_errors, synced, transaction
from genaiops.engines.telemetry_sqlite._names import NameIds, SeriesIds
from genaiops.engines.telemetry_sqlite._payloads import SpanKey
from genaiops.engines.telemetry_sqlite._placed import Placed
from genaiops.engines.telemetry_sqlite._rollups import MOST_NANO, MOST_TOKENS
from genaiops.engines.telemetry_sqlite._told import Relations
from genaiops.ports.telemetry import Batch, SpoolOffset

_ADD_TO_TRACE = (
    "INSERT INTO traces (trace_id, spans, input_tokens, output_tokens, estimated, cost_nano, cost_unknown)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (trace_id) DO UPDATE SET spans = spans + excluded.spans,"
    " input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens,"
    " estimated = estimated + excluded.estimated,"
    " cost_nano = cost_nano + excluded.cost_nano, cost_unknown = cost_unknown + excluded.cost_unknown"
)
_ADD_SCORE = (
    "INSERT INTO scores (identifier, trace_id, span_id, name, value, label, source, comment, created_us, created_by)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (identifier) DO NOTHING"
)
_ADD_CHARGE = (
    "INSERT INTO ledger (budget_id, window_us, total) VALUES (?, ?, ?)"
    " ON CONFLICT (budget_id, window_us) DO UPDATE SET total = total + excluded.total"
)
_SET_CHARGE = (
    "INSERT INTO ledger (budget_id, window_us, total) VALUES (?, ?, ?)"
    " ON CONFLICT (budget_id, window_us) DO UPDATE SET total = excluded.total"
)
_SET_OFFSET = (
    'INSERT INTO spool_offsets (life, segment, "offset", open) VALUES (?, ?, ?, ?)'
    ' ON CONFLICT (life) DO UPDATE SET segment = excluded.segment, "offset" = excluded."offset", open = excluded.open'
)


class FiguresWriter:
    """Held by the one writer, under its lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = connect(path, writer=True)
        try:
            self.migrate()
        except BaseException:
            self.connection.close()
            raise
        _rollups.prepare_writer(self.connection)
        self._ids = NameIds(self.connection)
        self._series = SeriesIds(self.connection)
        self._relations = Relations(self.connection)

    def migrate(self) -> None:
        _schema.migrate(self.connection, self.path, _schema.FIGURES)

    def close(self) -> None:
        self.connection.close()

    def kept_from_day(self) -> int:
        """Days before this one (counted from the epoch) were purged of content."""
        return kept_from_day(self.connection)

    def keep_from_day(self, day: int) -> None:
        with store_errors(self.path):
            self.connection.execute(
                "INSERT INTO meta VALUES ('content_kept_from_day', ?)"
                " ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
                (day,),
            )

    def write(self, batch: Batch, shed: AbstractSet[SpanKey]) -> int:
        """Commit the batch; how many of its spans were new. After an error nothing of it is there."""
        with store_errors(self.path):
            try:
                new = self._write(batch, shed)
            except sqlite3.OperationalError as error:
                if not is_full(error):
                    raise
                # The log could not grow; what it holds may still fit into the database, and then it begins anew.
                self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                new = self._write(batch, shed)
        self._ids.trim()
        self._series.trim()
        return new

    def _write(self, batch: Batch, shed: AbstractSet[SpanKey]) -> int:
        try:
            with synced(self.connection, durable=batch.durable), transaction(self.connection):
                new = self._add_spans(batch.spans, shed)
                self._add_verdicts(batch.verdicts, new)
                _pending.add(self.connection, batch.pending)
                self._add_scores(batch.scores)
                if batch.ledger and not self._is_replay(batch.offsets):
                    self.connection.executemany(_ADD_CHARGE, _by_window(batch.ledger))
                self._set_offsets(batch.offsets)
        except BaseException:
            self._ids.forget()
            self._series.clear()
            self._relations.forget()
            raise
        return len(new)

    def _add_spans(self, spans: Sequence[Span], shed: AbstractSet[SpanKey]) -> Sequence[Span]:
        """Those that were not there."""
        if not spans:
            return ()
        connection, ids = self.connection, self._ids
        last = connection.execute("SELECT max(id) FROM spans").fetchone()[0] or 0
        placed = self._relations.place(spans)
        rows = [
            _rows.to_row(span, ids, shed=key in shed, standing=placed.standing.get(key))
            for span in spans
            for key in ((span.trace_id, span.span_id),)
        ]
        before = connection.total_changes
        connection.executemany(_rows.INSERT, rows)
        count = connection.total_changes - before
        new: Sequence[Span] = spans
        if count < len(spans):  # some were there already, or are twice in the batch: the first counts
            known = {(span.trace_id, span.span_id): span for span in reversed(spans)}
            inserted = connection.execute("SELECT trace_id, span_id FROM spans WHERE id > ?", (last,))
            new = [known[trace_id, span_id] for trace_id, span_id in inserted.fetchall()]
        if new or placed.changes:
            connection.executemany(_ADD_TO_TRACE, _by_trace(new, placed))
            _rollups.add_spans(connection, new, ids, self._series, placed)
        return new

    def _add_verdicts(self, verdicts: Sequence[GuardVerdict], spans: Sequence[Span]) -> int:
        """Looks of whole policies have no rows: they are new when their call is."""
        if not verdicts:
            return 0
        calls = {(span.trace_id, span.span_id) for span in spans}
        rules = [each for each in verdicts if each.event.rule != WHOLE_POLICY]
        looks = [
            each for each in verdicts if each.event.rule == WHOLE_POLICY and (each.trace_id, each.call_id) in calls
        ]
        new = _verdicts.add(self.connection, rules, self._ids)
        _guard_sums.add(self.connection, [*new, *looks], self._ids)
        return len(new)

    def add_verdicts(self, trace_id: bytes, events: Sequence[GuardEvent], call_id: bytes | None) -> int:
        with store_errors(self.path):
            call = _verdicts.call_of(self.connection, trace_id, call_id)
            try:
                with transaction(self.connection):
                    self._add_spans(guard_spans(call, events, later=True), frozenset())
                    return self._add_verdicts(verdicts_of(call, events), ())
            except BaseException:
                self._ids.forget()
                self._series.clear()
                self._relations.forget()
                raise

    def judged(self, done: Sequence[PendingJudgement]) -> None:
        with store_errors(self.path), transaction(self.connection):
            _pending.remove(self.connection, done)

    def mark(self, verdict: GuardVerdict, mark: Mark | None, at_us: int, by: str) -> GuardVerdict:
        with store_errors(self.path), transaction(self.connection):
            return _verdicts.mark(self.connection, verdict, mark, at_us, by)

    def _add_scores(self, scores: Sequence[Score]) -> None:
        self.connection.executemany(
            _ADD_SCORE,
            [
                (
                    score.identifier,
                    score.trace_id,
                    score.span_id,
                    score.name,
                    score.value,
                    score.label,
                    score.source,
                    score.comment,
                    score.created_us,
                    score.created_by,
                )
                for score in scores
            ],
        )

    def _is_replay(self, offsets: Sequence[SpoolOffset]) -> bool:
        """Charges have no identity, so a batch that brings no spool further than it is already must not charge
        again.
        """
        return bool(offsets) and not any(self._is_progress(offset) for offset in offsets)

    def _is_progress(self, offset: SpoolOffset) -> bool:
        row = self.connection.execute(
            'SELECT segment, "offset", open FROM spool_offsets WHERE life = ?', (offset.life,)
        ).fetchone()
        if row is None or (offset.segment, offset.offset) > row[:2]:
            return True
        return (offset.segment, offset.offset) == row[:2] and offset.open != row[2]

    def _set_offsets(self, offsets: Sequence[SpoolOffset]) -> None:
        self.connection.executemany(
            _SET_OFFSET,
            [
                (offset.life, offset.segment, offset.offset, offset.open)
                for offset in offsets
                if self._is_progress(offset)
            ],
        )

    def add_score(self, score: Score) -> None:
        with store_errors(self.path), transaction(self.connection):
            self._add_scores([score])

    def correct(self, corrections: Sequence[CostCorrection]) -> int:
        with store_errors(self.path):
            try:
                with transaction(self.connection):
                    return _corrections.correct(self.connection, corrections, self._ids, self._series)
            except BaseException:
                self._ids.forget()
                self._series.clear()
                raise

    def drop_offsets(self, lives: Sequence[str]) -> None:
        with store_errors(self.path), transaction(self.connection):
            self.connection.executemany("DELETE FROM spool_offsets WHERE life = ?", [(life,) for life in lives])

    def seed_ledger(self, charges: Sequence[Charge]) -> None:
        with store_errors(self.path), transaction(self.connection):
            self.connection.executemany(
                _SET_CHARGE, [(charge.budget_id, charge.window_us, charge.amount) for charge in charges]
            )


def _by_window(charges: Sequence[Charge]) -> list[tuple[str, int, int]]:
    totals: dict[tuple[str, int], int] = {}
    for charge in charges:
        key = (charge.budget_id, charge.window_us)
        totals[key] = totals.get(key, 0) + charge.amount
    return [(*key, total) for key, total in totals.items()]


def _by_trace(spans: Sequence[Span], placed: Placed) -> list[tuple[object, ...]]:
    sums: dict[bytes, list[int]] = {}
    for span in spans:
        row = sums.setdefault(span.trace_id, [0] * 6)
        row[0] += 1
        standing = placed.standing.get((span.trace_id, span.span_id))
        if span.owns_usage if standing is None else standing.owns:
            _add_owner(row, span, 1)
    for change in placed.changes:
        if change.before.owns != change.now.owns:
            _add_owner(sums.setdefault(change.span.trace_id, [0] * 6), change.span, 1 if change.now.owns else -1)
    return [(trace_id, *row) for trace_id, row in sorted(sums.items())]


def kept_from_day(connection: sqlite3.Connection) -> int:
    """Days before this one (counted from the epoch) were purged of content."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'content_kept_from_day'").fetchone()
    return -(1 << 62) if row is None else int(row[0])


def _add_owner(row: list[int], span: Span, times: int) -> None:
    usage, cost = span.usage, span.cost
    if usage is not None:
        row[1] += times * min(usage.input_tokens, MOST_TOKENS)
        row[2] += times * min(usage.output_tokens, MOST_TOKENS)
        row[3] += times * usage.estimated
    if cost is None or cost.nano is None:
        row[5] += times
    else:
        row[4] += times * min(cost.nano, MOST_NANO)


def offsets(connection: sqlite3.Connection) -> dict[str, SpoolOffset]:
    rows = connection.execute('SELECT life, segment, "offset", open FROM spool_offsets').fetchall()
    return {row[0]: SpoolOffset(*row) for row in rows}


def ledger(connection: sqlite3.Connection) -> Mapping[tuple[str, int], int]:
    rows = connection.execute("SELECT budget_id, window_us, total FROM ledger").fetchall()
    return {(budget_id, window_us): total for budget_id, window_us, total in rows}
