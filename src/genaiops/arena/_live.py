"""Checks of suites on live calls: which of them can look at calls that nobody wrote an expectation for, and what they
say of one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from genaiops.arena._gate_subject import by_passes
from genaiops.arena._scoring import asks, sample_of, threshold_of, verdict_of
from genaiops.arena._suite_text import read_suite_document
from genaiops.checks.judging import read_judge_document
from genaiops.checks.metrics import executes, lacks, metric, unready
from genaiops.checks.metrics.judges import NAME as JUDGE
from genaiops.checks.metrics.judges import is_duel, judge_of
from genaiops.core.errors import UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import Answer, Case, Measure, MetricCard, Need, Sample, Suite, SuiteCheck, ToolCall
from genaiops.domain.experiments import CHECK_METRIC, LiveFacts
from genaiops.ports.metrics import Consulting, Means, Metric

TARGET: Final = "live"
_WRITTEN: Final[tuple[Need, ...]] = ("expected", "relevant", "retrieved", "expected_tools", "label", "number", "media")
"""What somebody has to have written beside a question; and images, which checks do not look at here."""
_CALLED: Final[Mapping[str, str]] = {"expected": "a reference answer", "media": "an image"}
_PLAIN: Final = Sample(
    id="plain",
    input="What does it cost to send a parcel back, and how long does it take?",
    output="Sending it back is free. It takes 3 days, and the money is returned within 14 days of that.",
    context=("Sending a parcel back is free. It takes 3 days.",),
    tool_calls=(ToolCall(name="find"),),
    finish_reason="stop",
    seconds=1.0,
    input_tokens=10,
    output_tokens=10,
    cost_nano=1,
    energy_nwh=1,
)
"""A call that has all that calls have. A check that cannot say anything of it can of none."""


def live_facts(manifest: Mapping[str, Any], name: str, judge: Callable[[str], Mapping[str, Any]]) -> LiveFacts:
    """What a check of that suite is on live calls. `judge`: the manifest of a version of a judge, by its reference.
    UsageError says why it cannot look at them, and what to do."""
    suite = with_judges(
        read_suite_document(dict(manifest)).checked(), lambda check, named: judge(named) if check == name else None
    )
    check = _named(suite, name)
    made = metric(check.metric, check.options)
    reason = _cannot(check, made)
    if reason:
        raise UsageError(
            f"The check {name!r} cannot look at live calls: {reason}.",
            remedy=f"Choose another check of the suite as {CHECK_METRIC}NAME: {_could(suite)}.",
            param="metric",
            code="check_not_live",
        )
    card, share = made.card, by_passes(check, made.card)
    bounds = (0.0, 1.0) if share else None if card.low is None or card.high is None else (card.low, card.high)
    return LiveFacts(
        better="lower" if card.better == "lower" and not share else "higher",
        bounds=bounds,
        unit="share that passed" if share else card.unit or "points",
        margin=check.margin,
        pays=asks(made) and bool(made.members()),
    )


def with_judges(suite: Suite, read: Callable[[str, str], Mapping[str, Any] | None]) -> Suite:
    """With the judges of the Hub in it that checks name: `read` is asked for a check's name and the reference, and says
    None for one that is not wanted."""
    return msgspec.structs.replace(suite, check=tuple(_with_judge(check, read) for check in suite.check))


def _with_judge(check: SuiteCheck, read: Callable[[str, str], Mapping[str, Any] | None]) -> SuiteCheck:
    named = judge_of(check.options) if check.metric == JUDGE else None
    if not isinstance(named, str) or "@" not in named:  # a file is not here: `_silent` says so
        return check
    found = read(check.name, named.removeprefix("judge/"))
    if found is None:
        return check
    judge = read_judge_document(dict(found)).checked()
    options = {**check.options, "judge": msgspec.json.decode(msgspec.json.encode(judge))}
    return msgspec.structs.replace(check, options=options)


def _named(suite: Suite, name: str) -> SuiteCheck:
    found = next((check for check in suite.check if check.name == name), None)
    if found is None:
        raise UsageError(
            f"The suite has no check {name!r}.",
            remedy=suggestion(name, [check.name for check in suite.check]),
            param="metric",
            code="no_check",
        )
    return found


def _could(suite: Suite) -> str:
    found = [check.name for check in suite.check if not _cannot(check, metric(check.metric, check.options))]
    return ", ".join(found) if found else "there is none that could"


def _cannot(check: SuiteCheck, made: Metric) -> str:
    """Why it says nothing of a call; empty: it does."""
    card, given = made.card, check.expected is not None
    needed = [need for need in card.needs if need in _WRITTEN and not (need == "expected" and given)]
    if needed:
        word = _CALLED.get(needed[0]) or needed[0].replace("_", " ")
        return f"it needs {word}, which a call does not bring"
    if card.over == "corpus":
        return "it is one figure of all answers, not of each"
    if is_duel(made):
        return "it holds an answer against another one to the same question"
    if check.slices:
        return f"it looks only at cases of {', '.join(check.slices)}, and calls have no slices"
    if check.pass_at is not None and check.pass_at > 1:
        return "it takes repeats, and calls are made once"
    if by_passes(check, card) and threshold_of(check, card) is None:
        return "it neither passes nor fails: it has no threshold"
    if executes(made):
        return "it runs programs that were answered, which is done of no live call"
    return unready(made).rstrip(".") or _silent(check, made)


def _silent(check: SuiteCheck, made: Metric) -> str:
    if asks(made):
        named = judge_of(check.options) if check.metric == JUDGE else None
        if isinstance(named, str) and "@" not in named:
            return "its judge is a file; push it, and name it as NAME@alias"
        if any(member.python for member in made.members()):
            return "it asks a function of your own, which is not on the server"
        return ""
    said = made.measure([_with_expected(_PLAIN, check)])[0]
    return said.error.rstrip(".") if said.value is None else ""


def _with_expected(sample: Sample, check: SuiteCheck) -> Sample:
    expected = check.expected or ()
    return msgspec.structs.replace(sample, expected=(expected,) if isinstance(expected, str) else expected)


class LiveCheck:
    """One check of a suite, made once. `judged`: it asks somebody, with means."""

    def __init__(self, suite: Suite, name: str) -> None:
        self.check = _named(suite, name)
        self._made = metric(self.check.metric, self.check.options)
        self.card: MetricCard = self._made.card
        self.judged = asks(self._made)

    @property
    def consulting(self) -> Consulting | None:
        return self._made if asks(self._made) else None

    def lacks(self, case: Case, answer: Answer) -> bool:
        """Whether that call has not what the check needs, such as passages."""
        return bool(lacks(sample_of(case, answer, self.check), self.card.needs))

    def measured(self, case: Case, answer: Answer) -> Measure:
        """Of one that asks nobody."""
        sample = sample_of(case, answer, self.check)
        try:
            return self._made.measure([sample])[0]
        except Exception as error:  # noqa: BLE001 (a plugin may raise anything)
            return Measure(error=f"The metric {self.card.name!r} failed: {type(error).__name__}: {error}")

    async def consulted(self, case: Case, answer: Answer, means: Means) -> Measure:
        """Of one that asks somebody. LimitReached when nobody may pay for it."""
        assert asks(self._made)
        return await self._made.consult(sample_of(case, answer, self.check), means)

    def value(self, said: Measure) -> float | None:
        """What counts of it, as the gate of the suite counts: whether it passed, or the measure. None: an error."""
        verdict = verdict_of(self.check, self.card, said)
        if verdict.measure is None:
            return None
        return float(verdict.outcome == "pass") if by_passes(self.check, self.card) else verdict.measure


def live_checks(suite: Suite, names: Sequence[str]) -> Mapping[str, LiveCheck]:
    """By the metrics of an experiment that they are."""
    return {name: LiveCheck(suite, name.removeprefix(CHECK_METRIC)) for name in names}
