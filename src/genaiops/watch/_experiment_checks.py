"""Calls of an experiment that checks are to look at: which wait, and what became of them, each once.

What the checks said, and how far they have looked, commits together; ended in between, the same calls wait again.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from genaiops.domain import Content, Experiment, Span
from genaiops.domain.experiments import Arm, CheckedCalls, ExperimentTally, LiveState
from genaiops.ports.experiments import ExperimentStore
from genaiops.ports.telemetry import Telemetry
from genaiops.watch._experiments import added, arms_of, is_of, release_of, unit_of_call

TRUNCATED: Final = "genaiops.output.truncated"
_ANSWERS: Final = ("chat", "text_completion")


class WaitingCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that checks have not looked at. `state` None: they can; else what has become of it already."""

    unit: str
    arm: Arm
    span: Span
    content: Content | None
    state: LiveState | None = None


class WaitingCalls(msgspec.Struct, frozen=True):
    """Those behind the place `after`, up to `until`; calls of nobody, and of other experiments, are not among them."""

    after: int
    until: int
    calls: Sequence[WaitingCall]


class LookedAt(msgspec.Struct, frozen=True, kw_only=True):
    """What checks say of one call: metric -> its value (None: it has none), and what became of it."""

    unit: str
    said: Mapping[str, tuple[LiveState, float | None]]


def calls_to_check(
    telemetry: Telemetry, store: ExperimentStore, experiment: Experiment, machine: str, *, limit: int
) -> WaitingCalls | None:
    """The next ones of this machine that its reader has read, at most about `limit` spans; None: there are none."""
    place = store.tally(experiment.id).places.get(machine)
    if place is None or place.checked >= place.head:
        return None
    until, found = telemetry.written(place.checked, limit=min(limit, place.head - place.checked))
    if until > place.head:
        return None  # the reader is soon there, too
    arms = arms_of(experiment)
    seen: list[tuple[str, Arm, Span, Content | None]] = []
    for span, content in found:
        if span.kind != "gateway" or not is_of(experiment, span) or span.operation not in _ANSWERS:
            continue
        unit, arm = unit_of_call(experiment, span), arms.get(release_of(content))
        if unit is not None and arm is not None:
            seen.append((unit, arm, span, content))
    with store.work(experiment.id) as work:
        units = work.units({unit for unit, *_ in seen})
    calls: list[WaitingCall] = []
    for unit, _, span, content in seen:
        there = units.get(unit)  # one that was erased is not there any more
        if there is not None and span.start_us < there.first_us + experiment.plan.window_us:
            state: LiveState | None = "late" if not there.open else _state(span, content)
            calls.append(WaitingCall(unit=unit, arm=there.arm, span=span, content=content, state=state))
    return WaitingCalls(place.checked, until, calls)


def _state(span: Span, content: Content | None) -> LiveState | None:
    if span.status != "ok":
        return "unanswered"
    if content is None or (content.output is None and content.output_blob is None):
        return "unkept"
    return "unkept" if bytes((content.attributes or {}).get(TRUNCATED, b"")) == b"true" else None


def keep_looked_at(
    store: ExperimentStore,
    experiment: Experiment,
    machine: str,
    waiting: WaitingCalls,
    looked: Sequence[LookedAt],
    faults: Mapping[str, str],
) -> bool:
    """Whether it was kept: not where somebody else has kept the same calls meanwhile."""
    with store.work(experiment.id) as work:
        tally = work.tally()
        place = tally.places[machine]
        if place.checked != waiting.after:
            return False
        units = dict(work.units({one.unit for one in looked}))
        for one in looked:
            unit = units.get(one.unit)
            if unit is None:
                continue
            said: Mapping[str, tuple[LiveState, float | None]] = one.said
            if not unit.open:
                said = dict.fromkeys(one.said, ("late", None))
            values = {name: value for name, (_, value) in said.items() if value is not None}
            if values:
                units[one.unit] = unit = msgspec.structs.replace(unit, sums=added(unit.sums, values))
            tally = _counted(tally, unit.arm, {name: state for name, (state, _) in said.items()})
        work.put([unit for unit in units.values() if unit.open])
        places = {**tally.places, machine: msgspec.structs.replace(place, checked=waiting.until)}
        work.keep(msgspec.structs.replace(tally, places=places, faults={**tally.faults, **faults}))
    return True


def _counted(tally: ExperimentTally, arm: Arm, states: Mapping[str, LiveState]) -> ExperimentTally:
    checked = {metric: dict(arms) for metric, arms in tally.checked.items()}
    for metric, state in states.items():
        arms = checked.setdefault(metric, {})
        arms[arm] = arms.get(arm, CheckedCalls()).plus(state)
    return msgspec.structs.replace(tally, checked=checked)


def keep_spent(store: ExperimentStore, experiment_id: str, nano: int) -> None:
    """What a model that judges has cost more."""
    with store.work(experiment_id) as work:
        tally = work.tally()
        work.keep(msgspec.structs.replace(tally, spent_nano=tally.spent_nano + nano))
