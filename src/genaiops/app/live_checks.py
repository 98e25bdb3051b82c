"""Checks of suites on the calls of experiments that run: in the background, one batch of calls after another.

What was read, and what the checks said, stands in the store of experiments, so that a restart goes on where it was.
Each value is a score of its trace, too, whose identifier says what was judged: it is written once, and a model that has
judged an answer is not asked again.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from genaiops.app.fact_checking import FactChecking
from genaiops.app.live_judges import LiveJudges, LivePurse
from genaiops.arena import LIVE, LiveCheck, live_checks, read_suite_document, with_judges
from genaiops.core.errors import GenaiopsError, LimitReached
from genaiops.domain import Answer, Case, Experiment, Measure, Score, Span, Suite, ToolCall
from genaiops.domain.experiments import LiveState
from genaiops.hub import Hub
from genaiops.ports.blobs import Blobs
from genaiops.ports.experiments import ExperimentStore
from genaiops.ports.telemetry import Batch, Telemetry, Trace
from genaiops.watch import (
    LookedAt,
    WaitingCall,
    WaitingCalls,
    calls_to_check,
    keep_looked_at,
    keep_spent,
    row_of,
    trace_example,
)

_log = logging.getLogger("genaiops.control")

IDLE_SECONDS: Final = 1.0
_PURE, _ASKING = 200, 40
"""Spans at once: of checks that compute, and where any asks somebody."""
_AT_ONCE: Final = 4
_LONGEST_REASON: Final = 2000
_Said = tuple[LiveState, float | None]


class _Checks(msgspec.Struct, frozen=True):
    """What looks at the calls of one experiment: metric -> its check, and the share of calls that it looks at."""

    suite: Suite
    each: Mapping[str, LiveCheck]
    samples: Mapping[str, float]

    @property
    def judged(self) -> bool:
        return any(check.judged for check in self.each.values())

    @property
    def through_gateway(self) -> bool:
        members = [one for each in self.each.values() if each.consulting for one in each.consulting.members()]
        return any(member.model and not member.url for member in members)


class _Call(msgspec.Struct, frozen=True):
    """A call as metrics look at it. `known`: scores of it that are there already, by identifier."""

    waiting: WaitingCall
    case: Case
    answer: Answer
    known: Mapping[str, Score]


class LiveChecks:
    """Belongs to the control process. `machine`: whose telemetry this is."""

    def __init__(
        self,
        hub: Hub,
        store: ExperimentStore,
        telemetry: Telemetry,
        blobs: Blobs,
        facts: FactChecking,
        judges: LiveJudges,
        *,
        machine: str,
        clock: Callable[[], int],
    ) -> None:
        self._hub = hub
        self._store = store
        self._telemetry = telemetry
        self._blobs = blobs
        self._facts = facts
        self._judges = judges
        self._machine = machine
        self._clock = clock
        self._made: dict[str, _Checks] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def ready(self, experiment: Experiment) -> None:
        """GenaiopsError when a check of it lacks something on this machine, such as weights."""
        if experiment.suite_id is None:
            return
        for check in self._checks(experiment).each.values():
            for weights in check.consulting.weights() if check.consulting is not None else ():
                self._judges.check(weights)

    async def run(self) -> None:
        """For ever. One experiment whose judges are slow holds up no other."""
        try:
            while True:
                try:
                    for experiment in await self._running():
                        if experiment.id not in self._tasks:
                            self._tasks[experiment.id] = asyncio.create_task(self._attend(experiment))
                except GenaiopsError as error:
                    _log.error("calls of experiments cannot be looked at: %s", error)
                await asyncio.sleep(IDLE_SECONDS)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            await self._judges.aclose()

    async def step(self) -> int:
        """Look at all that waits; how many batches there were."""
        return sum([await self._look(experiment) for experiment in await self._running()])

    async def _running(self) -> Sequence[Experiment]:
        def read() -> Sequence[Experiment]:
            found = [each for each in self._hub.experiments.in_state("running") if each.suite_id is not None]
            running = {each.id for each in found}
            self._judges.leave(running)
            self._made = {name: made for name, made in self._made.items() if name in running}
            return found

        return await asyncio.to_thread(read)

    async def _attend(self, experiment: Experiment) -> None:
        try:
            await self._look(experiment)
        except (GenaiopsError, OSError) as error:
            _log.error("calls of the experiment %s cannot be looked at: %s", experiment.id, error)
        except Exception:  # noqa: BLE001 (a fault of one round must not end all that would come)
            _log.exception("calls of the experiment %s cannot be looked at", experiment.id)
        finally:
            self._tasks.pop(experiment.id, None)

    async def _look(self, experiment: Experiment) -> int:
        checks = await asyncio.to_thread(self._checks, experiment)
        limit = _ASKING if checks.judged else _PURE
        rounds = 0
        while True:
            waiting = await asyncio.to_thread(
                calls_to_check, self._telemetry, self._store, experiment, self._machine, limit=limit
            )
            if waiting is None:
                return rounds
            await self._batch(experiment, checks, waiting)
            rounds += 1

    def _checks(self, experiment: Experiment) -> _Checks:
        known = self._made.get(experiment.id)
        if known is None:
            assert experiment.suite_id is not None
            suite = read_suite_document(self._hub.artifacts.resolve(experiment.suite_id).manifest).checked()
            pinned = {name: self._hub.artifacts.resolve(judge).manifest for name, judge in experiment.judges.items()}
            suite = with_judges(suite, lambda check, _: pinned.get(check))
            metrics = experiment.plan.checks
            made = live_checks(suite, [each.metric for each in metrics])
            samples = {each.metric: 1.0 if each.sample is None else each.sample for each in metrics}
            known = self._made[experiment.id] = _Checks(suite, made, samples)
        return known

    # --- one batch ---

    async def _batch(self, experiment: Experiment, checks: _Checks, waiting: WaitingCalls) -> None:
        said: list[dict[str, _Said]] = []
        faults: dict[str, str] = {}
        scores: list[Score] = []

        def read() -> list[_Call | LiveState]:
            return [self._read(experiment, checks, each) for each in waiting.calls]

        calls = await asyncio.to_thread(read)
        to_ask: list[tuple[dict[str, _Said], _Call, str]] = []
        for each, call in zip(waiting.calls, calls, strict=True):
            wanted = [name for name, share in checks.samples.items() if _drawn(experiment, name, each.span, share)]
            mine: dict[str, _Said] = {}
            said.append(mine)
            for name in wanted:
                if not isinstance(call, _Call):
                    mine[name] = _without(call)
                elif checks.each[name].lacks(call.case, call.answer):
                    mine[name] = _without("lacking")
                elif checks.each[name].judged:
                    to_ask.append((mine, call, name))
                else:
                    found = await asyncio.to_thread(checks.each[name].measured, call.case, call.answer)
                    mine[name] = _state(checks.each[name], found, name, faults)
                    scores += _score(experiment, call.waiting.span, name, found, mine[name][1], self._clock())
        if scores:
            await asyncio.to_thread(self._telemetry.write, Batch(scores=scores))
        if to_ask:
            await self._ask(experiment, checks, to_ask, faults)
        looked = [LookedAt(unit=each.unit, said=mine) for each, mine in zip(waiting.calls, said, strict=True) if mine]
        await asyncio.to_thread(keep_looked_at, self._store, experiment, self._machine, waiting, looked, faults)

    async def _ask(
        self,
        experiment: Experiment,
        checks: _Checks,
        to_ask: Sequence[tuple[dict[str, _Said], _Call, str]],
        faults: dict[str, str],
    ) -> None:
        tally = await asyncio.to_thread(self._store.tally, experiment.id)
        purse = await self._judges.of(
            experiment, checks.suite, asks=checks.through_gateway, spent_nano=tally.spent_nano
        )
        queue = list(reversed(to_ask))

        async def work() -> None:
            while queue:
                mine, call, name = queue.pop()
                mine[name] = await self._asked(experiment, checks.each[name], call, name, purse, faults)

        await asyncio.gather(*(work() for _ in range(min(_AT_ONCE, len(queue)))))

    async def _asked(
        self,
        experiment: Experiment,
        check: LiveCheck,
        call: _Call,
        name: str,
        purse: LivePurse,
        faults: dict[str, str],
    ) -> _Said:
        span = call.waiting.span
        before = call.known.get(identifier(experiment, span, name))
        if before is not None and before.value is not None:
            return "scored", before.value  # the process ended before it was counted
        try:
            found = await check.consulted(call.case, call.answer, purse.means)
        except LimitReached as error:
            faults[name] = error.message
            return "unpaid", None
        except Exception as error:  # noqa: BLE001 (a plugin may raise anything)
            found = Measure(error=f"The metric {check.card.name!r} failed: {type(error).__name__}: {error}")
        state = _state(check, found, name, faults)
        more = purse.spent()
        if more:
            await asyncio.to_thread(keep_spent, self._store, experiment.id, more)
        scores = _score(experiment, span, name, found, state[1], self._clock(), source="model")
        if scores:
            await asyncio.to_thread(self._telemetry.write, Batch(scores=scores))
        return state

    def _read(self, experiment: Experiment, checks: _Checks, waiting: WaitingCall) -> _Call | LiveState:
        if waiting.state is not None:
            return waiting.state
        if waiting.content is not None and (blob := waiting.content.output_blob) and not self._blobs.exists(blob):
            return "unkept"
        trace = self._telemetry.trace(waiting.span.trace_id)
        if trace is None:
            return "unkept"
        own = _own(trace, waiting.span)
        row = trace_example(own, self._blobs)
        if row is None:
            return "unkept"
        needs_context = any("context" in check.card.needs for check in checks.each.values())
        context = self._facts.passages(own) if needs_context else ()
        case = Case(id=trace.trace_id.hex(), messages=tuple(row["input"]), context=context)
        names = {identifier(experiment, waiting.span, name) for name in checks.each}
        known = {score.identifier: score for score in trace.scores if score.identifier in names}
        return _Call(waiting, case, _answer(own, waiting.span, row), known)


def _own(trace: Trace, call: Span) -> Trace:
    """The call with what belongs to it: a trace of an agent has several."""
    inside = {call.span_id}
    more = True
    while more:
        found = {span.span_id for span in trace.spans if span.parent_id in inside} - inside
        inside |= found
        more = bool(found)
    spans = tuple(span for span in trace.spans if span.span_id in inside)
    first = msgspec.structs.replace(call, parent_id=None)
    return msgspec.structs.replace(
        trace, spans=(first, *(span for span in spans if span.span_id != call.span_id)), recorded={}, verdicts=()
    )


def _answer(trace: Trace, call: Span, row: Mapping[str, Any]) -> Answer:
    sums = row_of(trace)
    return Answer(
        target=LIVE,
        case=trace.trace_id.hex(),
        state="answered",
        output=row["output"],
        tool_calls=tuple(_tool_call(each) for each in row.get("tool_calls", ())),
        finish_reason=call.finish_reason or "",
        seconds=call.duration_us / 1e6,
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
        cost_nano=sums.cost_nano,
        trace_id=trace.trace_id.hex(),
    )


def _tool_call(called: Mapping[str, Any]) -> ToolCall:
    text = called["arguments"]
    if isinstance(text, dict):
        return ToolCall(name=called["name"], arguments=msgspec.convert(text, dict[str, Any]))
    try:
        return ToolCall(name=called["name"], arguments=msgspec.json.decode(text, type=dict[str, Any]))
    except (msgspec.MsgspecError, TypeError):
        return ToolCall(name=called["name"], arguments=None, text=str(text))


def _drawn(experiment: Experiment, metric: str, call: Span, share: float) -> bool:
    """By lot, the same for the same call, whatever arm it is of."""
    if share >= 1:
        return True
    said = hashlib.blake2b(f"{experiment.id}\0{metric}\0".encode() + call.trace_id + call.span_id, digest_size=8)
    return int.from_bytes(said.digest(), "big") < share * 2**64


def identifier(experiment: Experiment, call: Span, metric: str) -> str:
    """Of the score that says what a check found of a call."""
    what = f"{experiment.id}\0{experiment.suite_id}\0{metric}\0".encode() + call.trace_id + call.span_id
    return "check-" + hashlib.blake2b(what, digest_size=16).hexdigest()


def _without(state: LiveState) -> _Said:
    return state, None


def _state(check: LiveCheck, said: Measure, metric: str, faults: dict[str, str]) -> _Said:
    value = check.value(said)
    if value is None:
        faults[metric] = said.error[:_LONGEST_REASON]
        return "errors", None
    return "scored", value


def _score(
    experiment: Experiment,
    call: Span,
    metric: str,
    said: Measure,
    value: float | None,
    at_us: int,
    source: Any = "code",
) -> list[Score]:
    """An error is no score."""
    if value is None:
        return []
    return [
        Score(
            identifier=identifier(experiment, call, metric),
            trace_id=call.trace_id,
            name=metric,
            value=value,
            source=source,
            comment=said.reason[:_LONGEST_REASON],
            created_us=at_us,
            created_by=f"experiment/{experiment.id}",
        )
    ]
