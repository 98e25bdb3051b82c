"""CLIPScore and the Frechet distance of images: our own figures, of vectors that an endpoint of the user's gives."""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, Final, Literal

import msgspec

from genaiops.checks.metrics._asked import NoAnswer, Vectors, image, picture, vectors
from genaiops.checks.metrics._metric import Making, read_options
from genaiops.checks.metrics.endpoint import HAS_TO_ASK, NO_URL, OPTIONS, Endpoint, check_version, member_of
from genaiops.checks.metrics.images import picture_of
from genaiops.checks.statistics.frechet import frechet
from genaiops.core.errors import UsageError
from genaiops.domain import JudgeMember, Measure, MetricCard, Sample
from genaiops.ports.metrics import Consulting, Means, Metric

_SCALE: Final = 2.5


class _Clip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str = ""
    secret: str = ""
    version: str = ""
    text: Literal["input", "expected"] = "input"


class _Fid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str = ""
    secret: str = ""
    version: str = ""


class _ClipScore(Endpoint):
    def __init__(self, card: MetricCard, member: JudgeMember, text: Literal["input", "expected"]) -> None:
        super().__init__(card, member)
        self._text = text

    async def _said(self, sample: Sample, means: Means) -> Measure:
        texts = sample.expected if self._text == "expected" else (sample.input,)
        if not any(texts):
            return Measure(error=f"The sample has no {self._text}.")
        inputs = [picture(sample), *({"kind": "text", "text": each} for each in texts)]
        found = await vectors(self._member, inputs, means)
        check_version(self.card.version, found.model, found.version)
        ours, *theirs = found.vectors
        return Measure(
            value=max(clip_score(ours, each) for each in theirs), evidence=(f"{found.model} {found.version}",)
        )


def clip_score(one: Sequence[float], other: Sequence[float]) -> float:
    """2.5 max(cosine, 0) of the vectors of an image and of a text (Hessel et al., CLIPScore, EMNLP 2021, section 3.1).
    NoAnswer for a vector of length 0."""
    length = sqrt(sum(value * value for value in one) * sum(value * value for value in other))
    if not length:
        raise NoAnswer("The endpoint gave a vector of length 0.")
    return _SCALE * max(0.0, min(1.0, sum(a * b for a, b in zip(one, other, strict=True)) / length))


def _clip(options: Mapping[str, Any]) -> Consulting:
    chosen = read_options(_Clip, options, "clip_score")
    card = MetricCard(
        name="clip_score",
        title="CLIPScore",
        version=f"1/{chosen.version}" if chosen.version else "1",
        high=_SCALE,
        needs=("output",),
        source="2.5 max(cos, 0) of the vectors of the image and of its text (Hessel et al., CLIPScore, EMNLP 2021, "
        "section 3.1, arXiv 2104.08718), by the model of an endpoint. Of several texts the best counts.",
        options={**OPTIONS, "text": "what the image should show: input, or expected (input)"},
        tasks=("image",),
        about="It sees what a picture is of, poorly how many of it, and where. Figures of other models differ.",
    )
    return _ClipScore(card, member_of(chosen.url, chosen.secret), chosen.text)


class _FrechetDistance:
    """Vectors are asked for answer by answer, and kept; the figure is made of those that are there."""

    def __init__(self, card: MetricCard, member: JudgeMember) -> None:
        self.card = card
        self.lacking = "" if member.url else NO_URL
        self._member = member
        self._kept: dict[tuple[str, ...], Vectors | str] = {}

    def members(self) -> Sequence[JudgeMember]:
        return (self._member,) if self._member.url else ()

    async def prepare(self, sample: Sample, means: Means) -> None:
        try:
            if not self._member.url:
                raise NoAnswer(NO_URL)
            if not sample.expected:
                raise NoAnswer(f"The sample {sample.id!r} has no expected.")
            found: Vectors | str = await vectors(
                self._member, [picture(sample), *(image(each) for each in sample.expected)], means
            )
            check_version(self.card.version, found.model, found.version)
        except NoAnswer as error:
            found = str(error)
        self._kept[_key(sample)] = found

    def measure(self, samples: Sequence[Sample]) -> Sequence[Measure]:
        """One that could not be asked makes it an error: without it, it is a figure of other images."""
        if self.lacking:
            return [Measure(error=self.lacking)]
        told = [self._kept.get(_key(sample), HAS_TO_ASK) for sample in samples]
        faults = [each for each in told if isinstance(each, str)]
        if faults or not told:
            return [Measure(error=faults[0] if faults else "There are no samples.")]
        found = [each for each in told if isinstance(each, Vectors)]
        models = sorted({f"{each.model} {each.version}" for each in found})
        if len(models) > 1:
            return [Measure(error=f"Several models answered: {', '.join(models)[:200]}.")]
        ours, theirs = [each.vectors[0] for each in found], [row for each in found for row in each.vectors[1:]]
        try:
            value = frechet(ours, theirs)
        except UsageError as error:
            return [Measure(error=error.message)]
        few, dimensions = min(len(ours), len(theirs)), len(ours[0])
        reason = f"{len(ours)} images, {len(theirs)} references, {dimensions} dimensions, by {models[0]}."
        if few <= dimensions:
            reason += " With no more images than dimensions it is much too large: compare only sets of the same size."
        return [
            Measure(value=value, reason=reason, parts={"images": float(len(ours)), "references": float(len(theirs))})
        ]


def _key(sample: Sample) -> tuple[str, ...]:
    return (picture_of(sample), *sample.expected)


def _fid(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Fid, options, "fid")
    card = MetricCard(
        name="fid",
        title="Frechet distance of images",
        version=f"1/{chosen.version}" if chosen.version else "1",
        high=None,
        better="lower",
        over="corpus",
        needs=("output", "expected"),
        source="Frechet's distance of the vectors of the answers and of their references, each taken for normal "
        "(Heusel et al., NeurIPS 2017, equation 6), by the model of an endpoint: FID where it is Inception's pooling.",
        reference="scipy.linalg.sqrtm, as pytorch-fid has it",
        options=dict(OPTIONS),
        tasks=("image",),
        about="Too large of few images, and more so the fewer: compare only figures of as many. 2,048 dimensions want "
        "10,000 images and more.",
    )
    return _FrechetDistance(card, member_of(chosen.url, chosen.secret))


MAKING: Final[Mapping[str, Making]] = {"clip_score": _clip, "fid": _fid}
