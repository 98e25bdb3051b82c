"""The metric `endpoint`: a score that an endpoint of the user's gives to each answer."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from genaiops.checks.metrics._asked import NoAnswer, scored
from genaiops.checks.metrics._metric import Making, read_options
from genaiops.core.errors import UsageError
from genaiops.domain import JudgeMember, Measure, MetricCard, Sample
from genaiops.ports.metrics import Consulting, Means

HAS_TO_ASK: Final = "It asks an endpoint: it is measured by a run."


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str = ""
    secret: str = ""
    version: str = ""
    low: float | None = 0.0
    high: float | None = 1.0
    better: Literal["higher", "lower"] = "higher"


class Endpoint:
    """A metric that asks an endpoint about each answer."""

    def __init__(self, card: MetricCard, member: JudgeMember) -> None:
        self.card = card
        self.lacking = "" if member.url else NO_URL
        self._member = member

    def measure(self, samples: Sequence[Sample]) -> Sequence[Measure]:
        return [Measure(error=HAS_TO_ASK) for _ in samples]

    def members(self) -> Sequence[JudgeMember]:
        return (self._member,) if self._member.url else ()

    def weights(self) -> Sequence[str]:
        return ()

    def labelled(self) -> Sequence[tuple[float, float]]:
        return ()

    async def consult(self, sample: Sample, means: Means) -> Measure:
        if not self._member.url:
            return Measure(error=NO_URL)
        try:
            return await self._said(sample, means)
        except NoAnswer as error:
            return Measure(error=str(error))

    async def _said(self, sample: Sample, means: Means) -> Measure:
        """NoAnswer where nothing usable came."""
        found = await scored(self._member, sample, means)
        low, high = self.card.low, self.card.high
        if (low is not None and found.score < low) or (high is not None and found.score > high):
            raise NoAnswer(f"The endpoint's score {found.score:g} is not from {low} to {high}.")
        check_version(self.card.version, found.model, found.version)
        return Measure(value=found.score, reason=found.reason, evidence=(f"{found.model} {found.version}",))


NO_URL: Final = 'No endpoint is named: options = { url = "http://..." }.'


def check_version(wanted: str, model: str, version: str) -> None:
    """NoAnswer when the endpoint is another than the one that the suite names."""
    named = wanted.partition("/")[2]
    if named and named != f"{model} {version}":
        raise NoAnswer(f"The endpoint is {model} {version}, and the suite wants {named}.")


def member_of(url: str, secret: str) -> JudgeMember:
    """UsageError for what is no address."""
    if url and not url.startswith(("http://", "https://")):
        raise UsageError(
            f"{url[:80]!r} is no address of an endpoint.",
            remedy="Write url = http://... or https://...",
            param="options",
        )
    return JudgeMember(url=url, secret=secret)


OPTIONS: Final = {
    "url": "where it is asked, by POST; the contract stands in docs/metrics-of-answers.md",
    "secret": "the name of the variable, or of the server's secret, that is its key (none)",
    "version": "the model and version that have to answer, as one text; others are an error (any)",
}


def _endpoint(options: Mapping[str, Any]) -> Consulting:
    chosen = read_options(_Options, options, "endpoint")
    card = MetricCard(
        name="endpoint",
        title="Score of an endpoint",
        version=f"1/{chosen.version}" if chosen.version else "1",
        low=chosen.low,
        high=chosen.high,
        better=chosen.better,
        needs=("output",),
        source="What the endpoint says; its model and version stand in the evidence of each verdict.",
        options={
            **OPTIONS,
            "low": "the least score there is (0)",
            "high": "the greatest score there is (1)",
            "better": "higher, or lower (higher)",
        },
        tasks=("image",),
        about="Scores of two models are not compared: name the one that has to answer (version).",
    )
    return Endpoint(card, member_of(chosen.url, chosen.secret))


MAKING: Final[Mapping[str, Making]] = {"endpoint": _endpoint}
