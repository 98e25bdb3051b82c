"""The calls of an experiment, folded into its users, and its users into sums: each call, score and user once.

What belongs together commits together (how far was read, the users, the sums), so that ended anywhere it goes on where
it was. A user counts when their time is over and never again, which is what makes every look valid: what was counted
does not change.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from genaiops.checks.statistics import evidence
from genaiops.core.money import NANO
from genaiops.domain import RELEASE_ATTRIBUTE, Content, Experiment, Score, Span
from genaiops.domain.experiments import (
    SCORE_METRIC,
    Arm,
    ArmSums,
    ExperimentTally,
    ExperimentUnit,
    ReadPlace,
    score_of,
)
from genaiops.ports.experiments import ExperimentStore, ExperimentWork
from genaiops.ports.telemetry import Telemetry, TraceFilter

LATE_US: Final = 30_000_000
"""Calls become spans when they have ended: so long it is waited for those of a user whose time is over."""
LONGEST_US: Final = 600_000_000
"""Users whose time is over wait for so long for checks that have not looked at all of their calls."""
_SPANS, _SCORES, _UNITS, _PAST = 500, 500, 2000, 200
_BLOCKED: Final = "content_filter"

_text = msgspec.json.Decoder(str).decode


class _Seen(NamedTuple):
    """Of one user, in order: who, when, by which arm (None: of a span that does not say), what."""

    unit: str
    who: str | None
    at_us: int
    arm: Arm | None
    values: Mapping[str, float]


class ExperimentReader:
    """`machine`: whose telemetry this is."""

    def __init__(self, telemetry: Telemetry, store: ExperimentStore, machine: str) -> None:
        self._telemetry = telemetry
        self._store = store
        self._machine = machine

    def begin(self, experiment: Experiment, head: int, at_us: int) -> None:
        """Read from that place of this machine's telemetry on."""
        typical, scores = self._typical(experiment), self._telemetry.score_place()
        with self._store.work(experiment.id) as work:
            tally = work.tally()
            if self._machine not in tally.places:
                place = ReadPlace(head, at_us, scores=scores, checked=head, ready_us=at_us)
                places = {**tally.places, self._machine: place}
                work.keep(msgspec.structs.replace(tally, places=places, typical=typical))

    def step(self, experiment: Experiment, now_us: int) -> ExperimentTally:
        """Read what came, and count the users whose time is over."""
        assert experiment.started_us is not None
        if self._machine not in self._store.tally(experiment.id).places:
            place = self._telemetry.place_before(experiment.started_us)  # another machine began it, maybe long ago
            self.begin(experiment, place, experiment.started_us)
        until = self._telemetry.score_place()  # before the calls are read, so that those of these scores are known
        while self._read(experiment):
            pass
        self._read_scores(experiment, until, now_us)
        ready_us = self._ready(experiment, now_us)
        while self._count(experiment, ready_us):
            pass
        return self._store.tally(experiment.id)

    # --- calls ---

    def _read(self, experiment: Experiment) -> bool:
        """Whether there may be more."""
        place = self._store.tally(experiment.id).places[self._machine]
        head, found = self._telemetry.written(place.head, limit=_SPANS)
        if head == place.head:
            return False
        seen, nobody, unpriced = _seen(experiment, found)
        past = self._past(experiment, seen)
        early = self._early(experiment, found)
        with self._store.work(experiment.id) as work:
            tally = work.tally()
            there = tally.places[self._machine]
            if there.head != place.head:
                return True  # another reader of the same telemetry was faster
            tally = _entered(experiment, work, tally, seen, past)
            _put(work, early)
            began = min((one.at_us for one in seen if one.arm is not None), default=None)
            places = {**tally.places, self._machine: there.read(head, began if experiment.plan.checks else None)}
            work.keep(
                msgspec.structs.replace(
                    tally, places=places, nobody=tally.nobody + nobody, unpriced=tally.unpriced + unpriced
                )
            )
        return len(found) == _SPANS

    def _past(self, experiment: Experiment, seen: Sequence[_Seen]) -> Mapping[str, float]:
        """Of users that are new: what is known of them from before the start."""
        if not experiment.plan.before_us:
            return {}
        names = {one.unit: one.who for one in seen if one.arm is not None and one.who is not None}
        with self._store.work(experiment.id) as work:
            known = work.units(names)
        found: dict[str, float] = {}
        for unit, who in names.items():
            if unit not in known:
                values = self._before(experiment, who, _PAST)
                if values:
                    found[unit] = sum(values) / len(values)
        return found

    def _before(self, experiment: Experiment, who: str | None, limit: int) -> Sequence[float]:
        assert experiment.started_us is not None
        where = TraceFilter(
            application=experiment.application_id,
            environment_id=experiment.environment_id,
            user_id=who,
            since_us=experiment.started_us - experiment.plan.before_us,
            until_us=experiment.started_us,
        )
        metric = experiment.plan.primary.metric
        found: list[float] = []
        for row in self._telemetry.list(where, limit=limit).rows:
            if not is_clients(row.root):
                continue
            if metric.startswith(SCORE_METRIC):
                trace = self._telemetry.trace(row.root.trace_id)
                name = metric.removeprefix(SCORE_METRIC)
                scores = trace.scores if trace is not None else ()
                found += [one.value for one in scores if one.name == name and one.value is not None]
                continue
            values = {**of_root(row.root), "tokens": float(row.input_tokens + row.output_tokens)}
            if row.cost_nano is not None:
                values["cost"] = row.cost_nano / NANO
            if metric in values:
                found.append(values[metric])
        return found

    def _typical(self, experiment: Experiment) -> float | None:
        if not experiment.plan.before_us:
            return None
        values = self._before(experiment, None, _UNITS // 2)
        return sum(values) / len(values) if values else None

    # --- scores ---

    def _early(self, experiment: Experiment, found: Sequence[tuple[Span, Content | None]]) -> "_Given":
        """Scores of these calls that were there before them: of a trace whose other parts came first."""
        names = _scores_of(experiment)
        calls = {span.trace_id: span for span, _ in found if span.kind == "gateway" and is_of(experiment, span)}
        given: _Given = {}
        if names and calls:
            for score in self._telemetry.scores_of(list(calls), names=names):
                _give(given, unit_of_call(experiment, calls[score.trace_id]), score)
        return given

    def _read_scores(self, experiment: Experiment, until: int, now_us: int) -> None:
        """From where it stopped on. Scores of calls that are not there yet are found when those come."""
        names = _scores_of(experiment)
        place = self._store.tally(experiment.id).places[self._machine]
        if not names or place.scores == until:
            return
        at = place.scores if place.scores < until else 0  # a store that was restored has fewer: what is read twice is
        while at < until:  # the same again
            at, page = self._telemetry.scores_written(at, until, names=names, limit=_SCORES)
            given: _Given = {}
            for score in page:
                trace = self._telemetry.trace(score.trace_id)
                call = next((one for one in (trace.spans if trace else ()) if is_of(experiment, one)), None)
                if call is not None:
                    _give(given, unit_of_call(experiment, call), score)
            with self._store.work(experiment.id) as work:
                _put(work, given)
                tally = work.tally()
                there = msgspec.structs.replace(tally.places[self._machine], scores=at, scores_us=now_us)
                work.keep(msgspec.structs.replace(tally, places={**tally.places, self._machine: there}))

    def _ready(self, experiment: Experiment, now_us: int) -> int:
        """Checks have looked at all calls that began before that time, wherever they were answered."""
        if not experiment.plan.checks:
            return now_us
        with self._store.work(experiment.id) as work:
            tally = work.tally()
            there = tally.places[self._machine].ready(now_us)
            places = {**tally.places, self._machine: there}
            work.keep(msgspec.structs.replace(tally, places=places))
        return min(max(place.ready_us, now_us - LONGEST_US) for place in places.values())

    # --- users whose time is over ---

    def _count(self, experiment: Experiment, now_us: int) -> bool:
        """Whether there may be more."""
        with self._store.work(experiment.id) as work:
            due = work.due(now_us - experiment.plan.window_us - LATE_US, limit=_UNITS)
            if due:
                tally = work.tally()
                work.keep(counted(experiment, tally, due))
                work.put([msgspec.structs.replace(one, open=False, sums={}, scores={}, before=None) for one in due])
        return len(due) == _UNITS


def counted(experiment: Experiment, tally: ExperimentTally, due: Sequence[ExperimentUnit]) -> ExperimentTally:
    """The tally with these users in its sums: each with the mean over its calls, of each metric that it has."""
    plan = experiment.plan
    sums = {metric: dict(arms) for metric, arms in tally.sums.items()}
    over = dict(tally.counted)
    for unit in due:
        over[unit.arm] = over.get(unit.arm, 0) + 1
        values = {name: total / times for name, (total, times) in unit.sums.items() if times}
        for name, given in unit.scores.items():
            values[SCORE_METRIC + name] = sum(value for _, value in given.values()) / len(given)
        for metric in (each.metric for each in plan.metrics):
            if metric not in values:
                continue
            arms = sums.setdefault(metric, {})
            before = unit.before if unit.before is not None else tally.typical
            known = before if before is not None and metric == plan.primary.metric else 0.0
            arms[unit.arm] = arms.get(unit.arm, ArmSums()).plus(values[metric], known)
    return msgspec.structs.replace(tally, sums=sums, counted=over)


def _entered(
    experiment: Experiment,
    work: ExperimentWork,
    tally: ExperimentTally,
    seen: Sequence[_Seen],
    past: Mapping[str, float],
) -> ExperimentTally:
    units = dict(work.units({one.unit for one in seen}))
    entered, crossed, evidence_most = dict(tally.entered), tally.crossed, tally.evidence
    for one in seen:
        unit = units.get(one.unit)
        if unit is None:
            if one.arm is None:
                continue
            unit = ExperimentUnit(unit=one.unit, arm=one.arm, first_us=one.at_us, before=past.get(one.unit))
            entered[one.arm] = entered.get(one.arm, 0) + 1
            share = experiment.plan.share / 100
            now = evidence(entered.get("candidate", 0), entered.get("baseline", 0), share)
            evidence_most = max(evidence_most, now)
        if one.arm not in (None, unit.arm) and not unit.crossed:
            crossed += 1
            unit = msgspec.structs.replace(unit, crossed=True)
        if unit.open and one.at_us < unit.first_us + experiment.plan.window_us:
            unit = msgspec.structs.replace(unit, sums=added(unit.sums, one.values))
        units[one.unit] = unit
    work.put(list(units.values()))
    return msgspec.structs.replace(tally, entered=entered, crossed=crossed, evidence=evidence_most)


_Given = dict[str, dict[str, dict[str, tuple[int, float]]]]
"""User -> name of the score -> who gave it to which trace -> when, and what."""


def _scores_of(experiment: Experiment) -> list[str]:
    named = (score_of(each.metric) for each in experiment.plan.metrics)
    return list(dict.fromkeys(name for name in named if name is not None))


def _give(given: _Given, unit: str | None, score: Score) -> None:
    """Of several by one person the latest counts."""
    if unit is None or score.value is None:
        return
    key = hashlib.blake2b(score.trace_id + score.created_by.encode(), digest_size=9).hexdigest()
    mine = given.setdefault(unit, {}).setdefault(score.name, {})
    mine[key] = max(mine.get(key, (0, 0.0)), (score.created_us, score.value))


def _put(work: ExperimentWork, given: _Given) -> None:
    changed: list[ExperimentUnit] = []
    for unit in work.units(given.keys()).values():
        if unit.open:
            scores = {name: dict(mine) for name, mine in unit.scores.items()}
            for name, more in given[unit.unit].items():
                mine = scores.setdefault(name, {})
                for key, one in more.items():
                    mine[key] = max(mine.get(key, (0, 0.0)), one)
            changed.append(msgspec.structs.replace(unit, scores=scores))
    work.put(changed)


def added(sums: Mapping[str, tuple[float, int]], values: Mapping[str, float]) -> dict[str, tuple[float, int]]:
    made = dict(sums)
    for metric, value in values.items():
        total, times = made.get(metric, (0.0, 0))
        made[metric] = (total + value, times + 1)
    return made


def _seen(experiment: Experiment, found: Sequence[tuple[Span, Content | None]]) -> tuple[list[_Seen], int, int]:
    """Also how many calls are of nobody, and how many paying attempts have no known price."""
    arms = arms_of(experiment)
    seen: list[_Seen] = []
    nobody = unpriced = 0
    for span, content in found:
        if not is_of(experiment, span):
            continue
        unit = unit_of_call(experiment, span)
        if span.kind == "gateway":
            arm = arms.get(release_of(content))
            if arm is None:
                continue
            if unit is None:
                nobody += 1
                continue
            seen.append(_Seen(unit, span.user_id, span.start_us, arm, of_root(span)))
        elif span.owns_usage and unit is not None:
            values = {"tokens": float(span.usage.input_tokens + span.usage.output_tokens)} if span.usage else {}
            if span.cost is not None and span.cost.nano is not None:
                values["cost"] = span.cost.nano / NANO
            else:
                unpriced += 1
            seen.append(_Seen(unit, span.user_id, span.start_us, None, values))
    return seen, nobody, unpriced


def arms_of(experiment: Experiment) -> Mapping[str, Arm]:
    """By the digests of their releases."""
    return {_digest(experiment.candidate): "candidate", _digest(experiment.baseline or ""): "baseline"}


def is_of(experiment: Experiment, span: Span) -> bool:
    return (
        is_clients(span)
        and span.application == experiment.application_id
        and span.environment_id == experiment.environment_id
        and span.start_us >= (experiment.started_us or 0)
    )


def is_clients(span: Span) -> bool:
    """Calls of clients through the gateway: neither copies to a shadow nor what other programs tell of."""
    return span.dialect == "genaiops" and not (span.key_id or "").startswith("shadow/")


def of_root(span: Span) -> dict[str, float]:
    """What a call says of itself. One that its client broke off says nothing of errors and of time."""
    if span.status == "cancelled":
        return {}
    blocked = span.error_type == _BLOCKED
    failed = span.status in ("error", "aborted")
    values = {"blocked": float(blocked), "errors": float(failed and not blocked)}
    if not failed:
        values["latency"] = span.duration_us / 1e6
        if span.first_token_us is not None:
            values["first_token"] = span.first_token_us / 1e6
    return values


def unit_of_call(experiment: Experiment, span: Span) -> str | None:
    """By whom the gateway keeps a release: the user, else the session."""
    who = span.user_id or span.session_id
    return None if not who else _named(experiment.id, who)


def _named(experiment_id: str, who: str) -> str:
    return hashlib.blake2b(f"{experiment_id}\0{who}".encode(), digest_size=16).hexdigest()


def erase_from_experiments(store: ExperimentStore, experiment_ids: Iterable[str], user_id: str) -> int:
    """Forget that this user was in these experiments; in how many they were. One whose time is not over will never be
    counted; what was counted stays in the sums, as nobody's. Who calls again is a new one."""
    gone = 0
    for experiment_id in experiment_ids:
        with store.work(experiment_id) as work:
            gone += work.drop([_named(experiment_id, user_id)])
    return gone


def release_of(content: Content | None) -> str:
    raw = (content.attributes or {}).get(RELEASE_ATTRIBUTE) if content is not None else None
    return "" if raw is None else _text(raw)


def _digest(release_id: str) -> str:
    return release_id.rpartition("@")[2]
