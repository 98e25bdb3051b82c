"""Judges: models that say how good an answer is, and what is known of how far they can be believed."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

JudgeTemplate = Literal["rubric", "factuality", "closed_qa", "refusal", "toxicity", "bias", "groundedness", "pairwise"]


class JudgeMember(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who is asked: exactly one of `model` (a model or route of the gateway), `url` (an endpoint that speaks OpenAI's
    chat; `secret` names the variable with its key) and `python` (`module:function`). `parameters` go into each call."""

    model: str = ""
    url: str = ""
    python: str = ""
    secret: str = ""
    parameters: dict[str, Any] = {}


class JudgeChoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the verdicts that a judge may give: the word it writes, what it is worth, and what it means."""

    word: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,20}$")]
    value: Annotated[float, Meta(ge=0, le=1)]
    means: str


class JudgeExample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A case that was judged by people, shown to the judge before its own."""

    input: str = ""
    output: str
    expected: str = ""
    context: tuple[str, ...] = ()
    verdict: str
    reason: str = ""


class JudgeRate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A figure with its bounds of 95 % confidence, over `n`. None: not known."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0


class Calibration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a judge's verdicts lie beside those of people on the same answers. `judge`: digest of the judge that was
    measured; `labels`: digest of the file. `agreement`: Krippendorff's alpha (interval) of the judge and the people's
    mean. `accused`: of what people pass, the share that the judge fails; `missed`: of what people fail, the share that
    it passes. `swapped`: of pairs, the share that keeps its verdict in the other order. `length`: rank correlation of
    the judge's error with the length of the answer (of a pair: with how much longer it is), `style`: with its marks of
    form (headings, lists, bold, code). `groups`: requests that the answers belong to; the bounds draw these. `pairs`:
    what the judge and people said of each, in order, which corrects what it says of others, `answers`: which answer
    each is of (`checks.judging.answer_key`), and `requests`: a number for the request that it belongs to. `unread`:
    answers of the judge that were no verdict."""

    judge: str
    labels: str
    at_us: int
    n: int
    unread: int = 0
    agreement: JudgeRate
    accused: JudgeRate = JudgeRate()
    missed: JudgeRate = JudgeRate()
    swapped: JudgeRate = JudgeRate()
    length: JudgeRate = JudgeRate()
    style: JudgeRate = JudgeRate()
    groups: int | None = None
    pairs: tuple[tuple[float, float], ...] = ()
    answers: tuple[str, ...] = ()
    requests: tuple[int, ...] = ()


class Judge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A version of the artifact `judge/NAME`.

    `template`: what it is asked. `model` is who is asked, or the `panel`, whose mean counts. `rubric`: what is to be
    judged, in words (`rubric`, `closed_qa` and `pairwise` need it). `choices`: in place of the template's.
    `constrained`: the endpoint is asked for JSON of the verdict's form (`response_format`). `calibration`: what was
    measured of exactly this judge."""

    kind: Literal["judge"] = "judge"
    description: Annotated[str, Meta(max_length=4000)] = ""
    template: JudgeTemplate = "rubric"
    model: str = ""
    panel: Annotated[tuple[JudgeMember, ...], Meta(max_length=9)] = ()
    parameters: dict[str, Any] = {}
    rubric: Annotated[str, Meta(max_length=20_000)] = ""
    choices: Annotated[tuple[JudgeChoice, ...], Meta(max_length=20)] = ()
    examples: Annotated[tuple[JudgeExample, ...], Meta(max_length=50)] = ()
    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None
    constrained: bool = False
    calibration: Calibration | None = None

    def members(self) -> tuple[JudgeMember, ...]:
        """Whom it asks."""
        return self.panel or (JudgeMember(model=self.model, parameters=self.parameters),)
