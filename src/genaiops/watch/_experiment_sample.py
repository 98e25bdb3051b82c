"""The traffic that an experiment would meet: how many users come, and how their values vary."""

from collections.abc import Mapping, Sequence
from typing import Final

from genaiops.core.money import NANO
from genaiops.domain.experiments import ArmSums, ExperimentPlan, TrafficSample, score_of
from genaiops.ports.telemetry import Telemetry, TraceFilter, TraceRow
from genaiops.watch._experiments import is_clients, of_root

_PAGE, _MOST_CALLS, _MOST_SCORES = 500, 5_000, 5_000
_DAY_US: Final = 86_400_000_000
_LEAST_US: Final = 3_600_000_000
"""Of a shorter time it cannot be told how many users come in a day."""


def traffic(
    telemetry: Telemetry, application_id: str, environment_id: str, plan: ExperimentPlan, *, days: float, now_us: int
) -> TrafficSample:
    """Of the last `days`, at most the newest five thousand calls; then the days are fewer."""
    since_us = now_us - int(days * _DAY_US)
    rows, since_us = _rows(telemetry, application_id, environment_id, since_us)
    names = [plan.primary.metric, *(guard.metric for guard in plan.guards)]
    scores = {name: _scores(telemetry, score, since_us, now_us) for name in names if (score := score_of(name))}
    users: dict[str, list[TraceRow]] = {}
    nobody = 0
    for row in reversed(rows):
        who = row.root.user_id or row.root.session_id
        if who is None or not who:
            nobody += 1
        else:
            users.setdefault(who, []).append(row)
    sums: dict[str, ArmSums] = {}
    for mine in users.values():
        inside = [row for row in mine if row.root.start_us < mine[0].root.start_us + plan.window_us]
        for name in names:
            values = [value for row in inside for value in _values(row, name, scores)]
            if values:
                sums[name] = sums.get(name, ArmSums()).plus(sum(values) / len(values))
    seen = max(now_us - since_us, _LEAST_US) / _DAY_US
    return TrafficSample(users=len(users), days=seen, calls=len(rows), nobody=nobody, metrics=sums)


def _rows(
    telemetry: Telemetry, application_id: str, environment_id: str, since_us: int
) -> tuple[Sequence[TraceRow], int]:
    """Newest first, and since when they are all."""
    where = TraceFilter(application=application_id, environment_id=environment_id, since_us=since_us)
    found: list[TraceRow] = []
    cursor: str | None = None
    while True:
        page = telemetry.list(where, cursor=cursor, limit=_PAGE)
        found += [row for row in page.rows if is_clients(row.root)]
        cursor = page.next
        if cursor is None:
            first = found[-1].root.start_us if found else since_us
            return found, max(since_us, first - _LEAST_US)
        if len(found) >= _MOST_CALLS:
            return found, found[-1].root.start_us


def _scores(telemetry: Telemetry, name: str, since_us: int, until_us: int) -> Mapping[bytes, Sequence[float]]:
    """By trace. Of several by one person the latest counts."""
    given: dict[tuple[bytes, str], float] = {}
    after: tuple[int, str] | None = None
    while len(given) < _MOST_SCORES:
        page = telemetry.scores(since_us, until_us, name=name, after=after, limit=_PAGE)
        if not page:
            break
        for score in page:
            if score.value is not None:
                given[score.trace_id, score.created_by] = score.value
        after = page[-1].created_us, page[-1].identifier
    found: dict[bytes, list[float]] = {}
    for (trace_id, _), value in given.items():
        found.setdefault(trace_id, []).append(value)
    return found


def _values(row: TraceRow, name: str, scores: Mapping[str, Mapping[bytes, Sequence[float]]]) -> Sequence[float]:
    if name in scores:
        return scores[name].get(row.root.trace_id, ())
    if name == "tokens":
        return (float(row.input_tokens + row.output_tokens),)
    if name == "cost":
        return () if row.cost_nano is None else (row.cost_nano / NANO,)
    values = of_root(row.root)
    return (values[name],) if name in values else ()
