"""Whom judges ask, within a run: each call is counted into the run's money, tried again when it is refused, and kept by
its content, so that the same question is paid once."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from genaiops.arena._answering import Busy
from genaiops.arena._asking import Ask, asked
from genaiops.arena._bounded import Crowd, Purse
from genaiops.arena._scoring import asks, prepares
from genaiops.checks.metrics import executes, metric, program, scripts_in
from genaiops.core.digest import digest_value
from genaiops.core.errors import LimitReached
from genaiops.domain import Answer, Case, JudgeMember, Script, Suite, SuiteTarget
from genaiops.ports.meteor import Meteor
from genaiops.ports.metrics import LocalModels
from genaiops.ports.runs import Runs
from genaiops.ports.sandbox import Sandbox
from genaiops.ports.scripts import Scripts

_LONGEST_PAUSE: Final = 60.0


def judges_of(suite: Suite) -> Iterable[JudgeMember]:
    """Whom the checks of a suite ask, and who writes the turns of its attacks."""
    if suite.attacker is not None:
        yield suite.attacker
    for check in suite.check:
        made = metric(check.metric, check.options)
        if asks(made) or prepares(made):
            yield from made.members()


def weights_of(suite: Suite) -> Iterable[str]:
    """Which local models the checks of a suite need."""
    for check in suite.check:
        made = metric(check.metric, check.options)
        if asks(made):
            yield from made.weights()


def runs_programs(suite: Suite) -> bool:
    """Whether a check runs what was answered."""
    return any(executes(metric(check.metric, check.options)) for check in suite.check)


def scripts_of(suite: Suite) -> tuple[Script, ...]:
    """Code that the suite brings: of its targets, and of its checks."""
    found: list[Script] = []
    for target in suite.target:
        found += ([] if target.script is None else [target.script]) + list(target.transform)
    for check in suite.check:
        found += scripts_in(metric(check.metric, check.options))
    return tuple(found)


def programs_of(suite: Suite) -> frozenset[str]:
    """Which programs of others say figures of its checks."""
    return frozenset(program(metric(check.metric, check.options)) for check in suite.check) - {""}


def target_of(member: JudgeMember) -> SuiteTarget:
    """A member as a target that can be asked."""
    return SuiteTarget(
        name="judge",
        model=member.model,
        url=member.url,
        python=member.python,
        secret=member.secret,
        parameters={"temperature": 0, **member.parameters},
    )


class Judges:
    """The Means of one run. `ask`: how a target is asked; `local`: models in this process; `sandbox`: where programs
    run that were answered; `meteor`: the program of METEOR 1.5."""

    def __init__(
        self,
        store: Runs,
        suite: Suite,
        ask: Callable[[SuiteTarget], Ask],
        purse: Purse,
        stop: asyncio.Event,
        *,
        local: LocalModels,
        sandbox: Sandbox,
        meteor: Meteor,
    ) -> None:
        self.local = local
        self.sandbox = sandbox
        self.meteor = meteor
        self.scripts: Scripts | None = None
        """Who calls functions of the suite, where its files are."""
        self._store = store
        self._suite = suite
        self._ask = ask
        self._purse = purse
        self._stop = stop
        self._askers: dict[str, tuple[Ask, Crowd]] = {}
        self._under_way: dict[str, asyncio.Lock] = {}

    async def chat(self, member: JudgeMember, messages: Sequence[Mapping[str, Any]], *, within: bool = False) -> Answer:
        case = Case(messages=tuple(dict(message) for message in messages))
        return await self._kept(target_of(member), case, within=within)

    async def _kept(self, target: SuiteTarget, case: Case, *, within: bool = False) -> Answer:
        key = digest_value({"judge": msgspec.to_builtins(target), "asked": asked(target, case)})
        if not self._suite.run.cache or target.python:
            return await self._paid(target, case, within=within)
        async with self._under_way.setdefault(key, asyncio.Lock()):
            known = await asyncio.to_thread(self._store.remembered, key)
            if known is not None:
                return msgspec.structs.replace(known, recalled=True, cost_nano=0)
            answer = await self._paid(target, case, within=within)
            if answer.state == "answered":
                await asyncio.to_thread(self._store.remember, key, answer)
        self._under_way.pop(key, None)
        return answer

    async def post(self, member: JudgeMember, fields: Mapping[str, Any]) -> Answer:
        named = {name: "{{" + name + "}}" for name in fields}
        target = SuiteTarget(name="endpoint", url=member.url, secret=member.secret, request=named, answer=".")
        return await self._kept(target, Case(variables=dict(fields)))

    async def embed(self, member: JudgeMember, texts: Sequence[str]) -> Answer:
        target = SuiteTarget(
            name="embeddings",
            model=member.model,
            url=member.url,
            secret=member.secret,
            request={"model": member.model, "input": "{{texts}}", **member.parameters},
            answer="data",
        )
        return await self._kept(target, Case(variables={"texts": list(texts)}))

    async def _paid(self, target: SuiteTarget, case: Case, *, within: bool) -> Answer:
        ask, crowd = self._asker(target)
        answer = Answer(target=target.name, case="", state="error", error="It was asked no time.")
        for number in range(self._suite.run.retries + 1):
            async with crowd:
                if not await self._purse.may(self._stop, within=within):
                    raise LimitReached(self._purse.reason or "The run is to stop.", limit="run.spend", retry_after=None)
                try:
                    answer = await ask(case, 0)
                    pause = 0.0
                except Busy as busy:
                    answer = busy.answer
                    crowd.refused()
                    pause = min(_LONGEST_PAUSE, busy.after if busy.after is not None else 2.0**number)
                finally:
                    self._purse.back()
            self._purse.paid(answer)
            if answer.state == "answered":
                crowd.answered()
                return answer
            if pause and number < self._suite.run.retries:
                await asyncio.sleep(pause)
        return answer

    def _asker(self, target: SuiteTarget) -> tuple[Ask, Crowd]:
        name = digest_value(target)
        found = self._askers.get(name)
        if found is None:
            found = self._askers[name] = (self._ask(target), Crowd(self._suite.run.concurrency))
        return found
