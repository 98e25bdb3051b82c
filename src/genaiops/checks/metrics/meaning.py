"""Metrics by small models on this machine, and by the passages an answer was given: how near in meaning, how much is
supported, how toxic, how much like an injection."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from genaiops.checks.cards import cards
from genaiops.checks.facts import Source, check_facts
from genaiops.checks.metrics._metric import Asking, Making, OfEach, read_options
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Consulting, Means, Metric

Vectors = Sequence[Sequence[float]]
_ENCODER: Final = "minilm-int8"
_ENCODERS: Final = {"minilm": "all-MiniLM-L6-v2, fp32", "minilm-int8": "all-MiniLM-L6-v2, int8"}
_CUT: Final = "Only the first 256 tokens were read."
_ASKS: Final = "It asks a model of this machine"
_MOST_SHOWN: Final = 200


class _Encoding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    encoder: Literal["minilm", "minilm-int8"] = _ENCODER


_ENCODER_OPTION: Final = {"encoder": f"minilm or minilm-int8 ({_ENCODER}); figures of the two are not compared"}


def _similarity(options: Mapping[str, Any]) -> Consulting:
    chosen = read_options(_Encoding, options, "similarity")

    def one(sample: Sample, means: Means) -> Measure:
        found = means.local.vectors(chosen.encoder, [sample.output, *sample.expected])
        ours, *theirs = found.vectors
        near = [sum(a * b for a, b in zip(ours, other, strict=True)) for other in theirs]
        return Measure(value=max(-1.0, min(1.0, max(near))), reason=_CUT if found.truncated else "")

    card = MetricCard(
        name="similarity",
        title="Similarity in meaning",
        version=f"1/{chosen.encoder}",
        unit="cosine",
        low=-1.0,
        source="Cosine of sentence embeddings (Reimers and Gurevych, Sentence-BERT, EMNLP 2019), the largest over the "
        f"references, by {_ENCODERS[chosen.encoder]}.",
        reference="sentence-transformers util.cos_sim, with the fp32 version",
        options=_ENCODER_OPTION,
        tasks=("answering", "summarisation", "translation"),
        about="A contradiction is about the same matter, and has a high cosine, too: it does not show who is right.",
    )
    return Asking(card, one, asks=_ASKS, weights=(chosen.encoder,))


def _bertscore(options: Mapping[str, Any]) -> Consulting:
    chosen = read_options(_Encoding, options, "bertscore")

    def one(sample: Sample, means: Means) -> Measure:
        ours = means.local.token_vectors(chosen.encoder, sample.output)
        theirs = [means.local.token_vectors(chosen.encoder, each) for each in sample.expected]
        scores = [greedy_match(ours.vectors, other.vectors) for other in theirs]
        found = [each for each in scores if each is not None]
        if len(found) < len(scores):
            return Measure(error="The answer, or a reference, has no token.")
        precision, recall, f1 = max(found, key=lambda each: each[2])
        cut = ours.truncated or any(each.truncated for each in theirs)
        return Measure(value=f1, reason=_CUT if cut else "", parts={"precision": precision, "recall": recall})

    card = MetricCard(
        name="bertscore",
        title="BERTScore (F1)",
        version=f"1/{chosen.encoder}",
        low=-1.0,
        source="Zhang et al., BERTScore, ICLR 2020, section 3 (arXiv 1904.09675): greedy matching of token vectors by "
        f"their cosine, without idf and without rescaling; last layer of {_ENCODERS[chosen.encoder]}. The largest F1 "
        "over the references.",
        options=_ENCODER_OPTION,
        tasks=("summarisation", "translation"),
        about="Figures of other encoders differ: compare only those of one.",
    )
    return Asking(card, one, asks=_ASKS, weights=(chosen.encoder,))


def greedy_match(ours: Vectors, theirs: Vectors) -> tuple[float, float, float] | None:
    """Precision, recall and F1 of token vectors, (tokens, d) each, the marks of beginning and end first and last.

    As in the authors' program the marks count for nothing, and others may be matched with them. None: one of the two
    texts has no token."""
    import numpy as np

    first, second = (np.asarray(each, dtype=np.float64) for each in (ours, theirs))
    if len(first) < 3 or len(second) < 3:
        return None
    first, second = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (first, second))
    near = first @ second.T
    precision, recall = float(near.max(axis=1)[1:-1].mean()), float(near.max(axis=0)[1:-1].mean())
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else 0.0


_SAID: Final = {"refuted": "refuted", "not_enough_evidence": "unsupported"}


class _Supporting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    supported_at: float = 0.5
    names: bool = True


def _groundedness(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Supporting, options, "groundedness")

    def one(sample: Sample) -> Measure:
        sources = [Source(str(number), text) for number, text in enumerate(sample.context, 1)]
        said = check_facts(sample.output, sources, names=chosen.names, supported_at=chosen.supported_at)
        if not said:
            return Measure(error="The answer has no sentence that could be looked up.")
        bad = [each for each in said if each.verdict != "supported"]
        return Measure(
            value=1 - len(bad) / len(said),
            reason=f"{len(said) - len(bad)} of {len(said)} sentences are supported.",
            parts={"sentences": float(len(said)), "supported": float(len(said) - len(bad))},
            evidence=tuple(f"{_SAID[each.verdict]}: {each.text[:_MOST_SHOWN]}" for each in bad),
        )

    card = MetricCard(
        name="groundedness",
        title="Groundedness by words",
        version="2",
        unit="share",
        threshold=1.0,
        needs=("output", "context"),
        source="Share of sentences whose words, neighbouring words, numbers and names stand in the passages, and that "
        "no negation stands against: our own, that of the guard's rule grounding.",
        options={
            "supported_at": "from which support on a sentence counts, 0 to 1 (0.5)",
            "names": "a name that stands nowhere makes a sentence unsupported (true)",
        },
        tasks=("answering_from_context", "summarisation"),
        about=_measured_grounding(),
    )
    return OfEach(card, one)


def _measured_grounding() -> str:
    figures = cards()["grounding"].figures
    said = "; ".join(
        f"{each.measure} of {each.of}: {each.value:.3f} ({each.low:.3f} to {each.high:.3f}, n {each.n})"
        for each in figures
    )
    return f"It shows what an answer is about, not whether it is true to the passages. Measured: {said}."


def _classifying(name: Literal["toxicity", "injection"]) -> Making:
    def made(options: Mapping[str, Any]) -> Consulting:
        from genaiops.checks.classifying import packaged

        read_options(_Nothing, options, name)
        about = packaged(name).card

        def one(sample: Sample, means: Means) -> Measure:
            found = means.local.classified(name, sample.output)
            return Measure(value=found.score, reason=f"Characters {found.start} to {found.end} speak for it most.")

        figures = "; ".join(
            f"{each.measure} {each.result.value:.3f} ({each.result.low:.3f} to {each.result.high:.3f}) of "
            f"{each.tested_on}"
            for each in about.metrics
            if each.kind == "across_sources"
        )
        card = MetricCard(
            name=name,
            title=f"{name.capitalize()} by the classifier of the guard",
            version=about.version.removeprefix("sha256:")[:12],
            better="lower",
            threshold=about.threshold.value,
            needs=("output",),
            source=f"{about.question} A classifier of our own over {about.encoder}; see its card.",
            about=f"On texts of sources that it was not trained on: {figures}." if figures else "",
        )
        return Asking(card, one, asks=_ASKS, weights=(_ENCODER,))

    return made


class _Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No options."""


MAKING: Final[Mapping[str, Making]] = {
    "bertscore": _bertscore,
    "groundedness": _groundedness,
    "injection": _classifying("injection"),
    "similarity": _similarity,
    "toxicity": _classifying("toxicity"),
}
