"""Running a suite: every case asked of every target, bounded, within its money, and from where it broke off.

Answers and what checks say of them are committed together, a few times a second: a crash loses at most the answers of
that moment, and those alone are asked again. What failed is kept as failed; a run that goes on asks it once more.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from genaiops.arena._answering import Busy
from genaiops.arena._asking import Ask, asked
from genaiops.arena._bounded import Crowd, Purse
from genaiops.arena._playing import Attacker, played
from genaiops.arena._scoring import Scorer, said
from genaiops.core.digest import digest_value
from genaiops.core.errors import LimitReached, UsageError
from genaiops.core.money import to_nano
from genaiops.domain import Answer, Case, Judged, Run, Suite, SuiteTarget
from genaiops.ports.metrics import Means
from genaiops.ports.runs import Runs

COMMIT_SECONDS: Final = 0.2
COMMIT_ANSWERS: Final = 256
_LONGEST_PAUSE: Final = 60.0


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """`left_s`: seconds that it will likely take (None: nothing is known yet); `cost_nano` of what is known so far, and
    `expected_nano` of the whole."""

    done: int
    total: int
    failed: int
    cost_nano: int | None
    expected_nano: int | None
    left_s: float | None
    at_once: int


class Piece(msgspec.Struct, frozen=True):
    """`answer`: it is there already, and only these `checks` have to ask about it."""

    target: SuiteTarget
    case: Case
    repeat: int
    answer: Answer | None = None
    checks: Sequence[str] = ()


Told = Callable[[Progress], None]


def replayed(known: Answer, target: str, case: str) -> Answer:
    """An answer of an earlier run: it costs nothing again, and uses nothing."""
    return msgspec.structs.replace(
        known,
        target=target,
        case=case,
        repeat=0,
        recalled=True,
        cost_nano=0,
        energy_nwh=None if known.energy_nwh is None else 0,
        energy_low_nwh=None if known.energy_low_nwh is None else 0,
        energy_high_nwh=None if known.energy_high_nwh is None else 0,
    )


class Runner:
    """One run of one suite. `ask`: how each target is asked, by its name. `means`: whom checks ask that are not pure,
    paid from the run's purse."""

    def __init__(
        self,
        store: Runs,
        run: Run,
        suite: Suite,
        cases: Sequence[Case],
        ask: Mapping[str, Ask],
        *,
        told: Told | None = None,
        means: "Callable[[Purse, asyncio.Event], Means] | None" = None,
        clock_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._store = store
        self._run = run
        self._suite = suite
        self._cases = cases
        self._ask = ask
        self._told = told
        self._clock_us = clock_us
        self._scorer = Scorer(suite, cases)
        self._purse = Purse(None if suite.run.spend is None else to_nano(suite.run.spend))
        self._crowd = Crowd(suite.run.concurrency)
        self._fresh: list[Answer] = []
        self._fresh_judged: list[Judged] = []
        self._unjudged = 0
        self._known: dict[str, Answer] = {}
        self._new: dict[str, Answer] = {}
        self._answers: dict[tuple[str, str, int], Answer] = {}
        self._duelling = False
        self._said: Mapping[tuple[str, str, int], set[str]] = {}
        self._began = 0.0
        self._before = 0
        self._stop = asyncio.Event()
        self._means = None if means is None else means(self._purse, self._stop)
        if self._means is None and (self._scorer.asking or suite.attacker is not None):
            raise UsageError(
                "A check or a case asks somebody, and there is nobody to ask.", remedy="Hand in the means."
            )
        self._wake = asyncio.Event()
        self._closing = False
        self._failed = 0

    def stop(self) -> None:
        """Begin nothing more; what is asked already is waited for and kept."""
        self._stop.set()
        self._crowd.free()
        self._purse.wake()

    async def __call__(self) -> Run:
        """The run as it ended: `done`, or `stopped` by its money or by `stop`."""
        pieces = await self._left()
        self._known = await asyncio.to_thread(self._recalled, pieces)
        total = len(self._suite.target) * len(self._cases) * self._suite.run.repeats
        self._before = len(self._answers)
        self._began = time.monotonic()
        self._run = msgspec.structs.replace(
            self._run, state="running", total=total, started_us=self._run.started_us or self._clock_us(), error=""
        )
        await asyncio.to_thread(self._store.update, self._counted())
        writer = asyncio.create_task(self._write_on())
        try:
            ended = await self._worked(pieces)
            if not any(isinstance(each, BaseException) for each in ended):
                self._duelling = True
                ended += await self._worked(self._duels())
        finally:
            self._closing = True
            self._wake.set()
            await writer
        fault = next((each for each in ended if isinstance(each, BaseException)), None)
        if fault is not None:
            self._run = msgspec.structs.replace(self._run, state="failed", error=f"{type(fault).__name__}: {fault}")
            await asyncio.to_thread(self._store.update, self._counted())
            raise fault
        return await self._end()

    async def _worked(self, pieces: Sequence[Piece]) -> list[BaseException | None]:
        queue = deque(pieces)
        workers = [self._work(queue) for _ in range(min(self._suite.run.concurrency, len(pieces)))]
        return await asyncio.gather(*workers, return_exceptions=True)

    def _duels(self) -> list[Piece]:
        """What is held against answers of other targets, when all are there."""
        targets, cases = {each.name: each for each in self._suite.target}, {each.id: each for each in self._cases}
        pieces: list[Piece] = []
        for place, answer in self._answers.items():
            checks = self._scorer.to_duel(answer, self._said.get(place, ()))
            if checks:
                pieces.append(Piece(targets[answer.target], cases[answer.case], answer.repeat, answer, checks))
                self._unjudged += len(checks)
        return pieces

    async def _left(self) -> list[Piece]:
        """What is to be asked, in the order of cases, so that early figures are of all targets alike."""
        for answer in await asyncio.to_thread(self._store.answered, self._run.id):
            if answer.state == "answered":
                self._keep(answer)
        self._purse.had(self._run.cost_nano, self._run.energy_nwh)
        known = said(await asyncio.to_thread(self._store.judged, self._run.id)) if self._answers else {}
        self._said = known
        left: list[Piece] = []
        for repeat in range(self._suite.run.repeats):
            for case in self._cases:
                for target in self._suite.target:
                    place = target.name, case.id, repeat
                    answer = self._answers.get(place)
                    checks = () if answer is None else self._scorer.to_ask(answer, known.get(place, ()))
                    if answer is None or checks:
                        left.append(Piece(target, case, repeat, answer, checks))
                    self._unjudged += len(checks)
        return left

    def _keep(self, answer: Answer) -> None:
        self._answers[answer.target, answer.case, answer.repeat] = answer
        self._failed += answer.state != "answered"
        self._purse.paid(answer)

    async def _work(self, queue: deque[Piece]) -> None:
        try:
            await self._work_on(queue)
        except BaseException:
            self.stop()  # a fault of ours: begin nothing more
            raise

    async def _work_on(self, queue: deque[Piece]) -> None:
        while queue and not self._stop.is_set():
            piece = queue.popleft()
            answer = piece.answer
            if answer is None:
                async with self._crowd:
                    if self._stop.is_set() or not await self._purse.may(self._stop):
                        return
                    answer = await self._answer(piece)
                self._purse.back()
                answer = msgspec.structs.replace(answer, at_us=self._clock_us())
                self._keep(answer)
            judged = await self._consulted(piece, answer)
            if piece.answer is None or not self._duelling:
                self._fresh.append(answer)
            self._fresh_judged += judged  # committed with its answer
            if len(self._fresh) >= COMMIT_ANSWERS:
                self._wake.set()

    async def _consulted(self, piece: Piece, answer: Answer) -> Sequence[Judged]:
        """What those say whom checks ask about an answer."""
        names = piece.checks or self._scorer.to_ask(answer)
        if not names or self._means is None:
            return ()
        self._unjudged += 0 if piece.checks else len(names)
        places = [(target.name, answer.case, answer.repeat) for target in self._suite.target]
        beside = [self._answers[place] for place in places if place in self._answers] if self._duelling else []
        judged = await self._scorer.consulted(answer, names, self._means, at_us=self._clock_us, beside=beside)
        self._unjudged -= len(judged)
        return judged

    def _recalled(self, pieces: Sequence[Piece]) -> dict[str, Answer]:
        """What earlier runs know of these, read at once: a look for each case would cost more than the call."""
        keys = dict.fromkeys(key for piece in pieces if (key := self._key(piece)) is not None)
        return dict(self._store.recalled(tuple(keys)))

    async def _answer(self, piece: Piece) -> Answer:
        key = self._key(piece)
        known = None if key is None else self._known.get(key)
        if known is not None:
            return replayed(known, piece.target.name, piece.case.id)
        answer = await self._tried(piece)
        if key is not None and answer.state == "answered":
            self._known[key] = self._new[key] = msgspec.structs.replace(answer, at_us=self._clock_us())
        return answer

    def _key(self, piece: Piece) -> str | None:
        """What an answer is kept under: repeats are asked anew, for a copy says nothing of how answers vary."""
        target = piece.target
        if (
            not self._suite.run.cache
            or self._suite.run.repeats > 1
            or target.recorded
            or target.python
            or target.script
        ):
            return None
        if piece.case.play is not None or piece.case.attack is not None:
            return None  # it depends on more than its first request: on guards, which are no part of it
        return digest_value(
            {"to": target.url or "gateway", "asked": asked(target, piece.case), "pinned": self._run.inputs}
        )

    async def _asked(self, piece: Piece) -> Answer:
        ask, case = self._ask[piece.target.name], piece.case
        if case.play is None or piece.target.recorded:
            return await ask(case, piece.repeat)
        return await played(ask, case, piece.repeat, Attacker(self._suite.attacker, self._means))

    async def _tried(self, piece: Piece) -> Answer:
        tries = self._suite.run.retries + 1
        answer: Answer | None = None
        for number in range(tries):
            try:
                answer = await self._asked(piece)
            except Busy as busy:
                answer = busy.answer
                self._crowd.refused()
                if number + 1 < tries:
                    await asyncio.sleep(min(_LONGEST_PAUSE, busy.after if busy.after is not None else 2.0**number))
                continue
            if answer.state == "answered":
                self._crowd.answered()
                return answer
        if answer is None:
            raise UsageError("A case was asked no time.", remedy="Set run.retries to 0 or more.")
        return answer

    # --- keeping ---

    async def _write_on(self) -> None:
        while not self._closing or self._fresh or self._fresh_judged:
            try:
                async with asyncio.timeout(COMMIT_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            await self._write()

    async def _write(self) -> None:
        if not self._fresh and not self._fresh_judged:
            return
        fresh, self._fresh = self._fresh, []
        judged, self._fresh_judged = self._fresh_judged, []
        new, self._new = self._new, {}
        await asyncio.to_thread(self._judge_and_add, fresh, judged, new)
        if self._told is not None:
            self._told(self.progress())

    def _judge_and_add(self, answers: Sequence[Answer], consulted: Sequence[Judged], new: Mapping[str, Answer]) -> None:
        judged = self._scorer.each(answers, at_us=self._clock_us())
        self._store.add(self._run.id, answers, [*judged, *consulted], remember=new)
        self._store.update(self._counted())

    def _counted(self) -> Run:
        return msgspec.structs.replace(
            self._run,
            done=len(self._answers),
            failed=self._failed,
            cost_nano=self._purse.known,
            unpriced=self._purse.unpriced,
            energy_nwh=self._purse.energy,
        )

    def progress(self) -> Progress:
        run = self._counted()
        total = run.total or 0
        fresh = run.done - self._before
        taken = time.monotonic() - self._began
        whole = None if run.cost_nano is None or not run.done else run.cost_nano * total // run.done
        return Progress(
            done=run.done,
            total=total,
            failed=run.failed,
            cost_nano=run.cost_nano,
            expected_nano=whole,
            left_s=taken / fresh * (total - run.done) if fresh else None,
            at_once=self._crowd.limit,
        )

    async def _end(self) -> Run:
        complete = len(self._answers) == (self._run.total or 0) and not self._unjudged
        complete = complete and await self._prepared()
        if complete:
            judged = await asyncio.to_thread(self._together)
            await asyncio.to_thread(self._store.add, self._run.id, (), judged)
        reason = self._purse.reason if not complete else ""
        run = self._counted()
        run = msgspec.structs.replace(
            run, state="done" if complete else "stopped", error=reason, ended_us=self._clock_us()
        )
        await asyncio.to_thread(self._store.update, run)
        return run

    async def _prepared(self) -> bool:
        """Whether checks over all answers have what they need."""
        if self._means is None:
            return True
        try:
            await self._scorer.prepare(list(self._answers.values()), self._means, self._suite.run.concurrency)
        except LimitReached:
            return False
        return True

    def _together(self) -> list[Judged]:
        return list(self._scorer.together(list(self._answers.values()), at_us=self._clock_us()))
