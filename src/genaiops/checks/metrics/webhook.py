"""The metric `webhook`: whether an endpoint of the user's says that an answer passes, in promptfoo's form."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from genaiops.checks.metrics._metric import Making, read_options
from genaiops.checks.metrics.endpoint import HAS_TO_ASK, NO_URL, member_of
from genaiops.domain import JudgeMember, Measure, MetricCard, Sample
from genaiops.ports.metrics import Consulting, Means

_SHOWN: Final = 200


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str = ""
    secret: str = ""


class _Said(msgspec.Struct, frozen=True, rename={"passes": "pass"}):
    passes: bool
    score: float | None = None
    reason: str = ""


class Webhook:
    request = True

    def __init__(self, member: JudgeMember) -> None:
        self.lacking = "" if member.url else NO_URL
        self._member = member
        self.card = MetricCard(
            name="webhook",
            title="Passes by a webhook",
            version="1",
            threshold=0.0,
            needs=("output",),
            source='What the endpoint answers to {"output": ..., "context": {"prompt": ..., "vars": ...}}: '
            '{"pass": true, "score": 1, "reason": ""}. '
            "pass alone decides; score (1 or 0 where it is left "
            "out) is the measure.",
            options={
                "url": "where it is asked, by POST",
                "secret": "the name of the variable, or of the server's secret, that is its key (none)",
            },
        )

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
        context = {"prompt": sample.prompt or sample.input, "vars": sample.variables}
        answer = await means.post(self._member, {"output": sample.output, "context": context})
        if answer.state != "answered":
            return Measure(error=f"The webhook gave no answer: {answer.error[:_SHOWN]}")
        try:
            said = msgspec.json.decode(answer.output, type=_Said)
        except (msgspec.DecodeError, UnicodeError) as error:
            return Measure(error=f"The webhook's answer is none: {str(error)[:_SHOWN]}.")
        score = float(said.passes) if said.score is None else said.score
        if not 0 <= score <= 1:
            return Measure(error=f"The webhook's score {score:g} is not from 0 to 1.")
        return Measure(value=score, passes=said.passes, reason=said.reason)


def _webhook(options: Mapping[str, Any]) -> Consulting:
    chosen = read_options(_Options, options, "webhook")
    return Webhook(member_of(chosen.url, chosen.secret))


MAKING: Final[Mapping[str, Making]] = {"webhook": _webhook}
