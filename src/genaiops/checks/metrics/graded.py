"""The metric `graded`: what a model says of an answer in points of its own, and whether it passes. Other than `judge`,
whose verdicts are words of a template, it takes prompts of the user's; nothing of it is calibrated."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from genaiops.checks.grading import (
    GRADINGS,
    Graded,
    Grading,
    GradingKind,
    Unread,
    filled,
    read_attributed,
    read_category,
    read_evaluation,
    read_extracted,
    read_grade,
    read_lines,
    read_met,
    read_relevant,
    read_steps,
    read_supported,
)
from genaiops.checks.metrics._metric import Making, has_to_ask, lacks, read_options
from genaiops.checks.metrics._vectors import NoVectors, Vectors, cosine, vectors_of
from genaiops.checks.metrics.tools import steps_of
from genaiops.core.digest import digest_value
from genaiops.core.errors import UsageError
from genaiops.domain import JudgeMember, Measure, MetricCard, Need, Sample
from genaiops.ports.metrics import Consulting, Means

HAS_TO_ASK: Final = "It asks a model: it is measured by a run."
NOT_HELD: Final = "Never held against the labels of people: it informs, and decides nothing on its own."
_PASSES: Final[Mapping[str, float]] = {"A": 1.0, "B": 1.0, "C": 1.0, "D": 0.0, "E": 1.0}
_SELF_SAID: Final = ("rubric", "goal", "factuality", "closed_qa")


class Asking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`by`: who grades. `prompt`: in place of ours, of each call in order. `scores`: worth of the categories A to E.
    `window`: so many rounds of a conversation are looked at together. `vectors`: whose embeddings (the local ones)."""

    kind: GradingKind = "rubric"
    by: JudgeMember | None = None
    prompt: tuple[str | tuple[dict[str, Any], ...] | None, ...] = ()
    scores: dict[str, float] = {}
    window: int = 5
    vectors: Vectors = Vectors()


class GradedMetric:
    """`request`: it looks at what the target was asked."""

    request = True

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._grading: Grading = GRADINGS[asking.kind]
        self.card = _card(asking, self._grading)
        self._ways: Mapping[str, Callable[[Sample, Means], Awaitable[Graded]]] = {
            "rubric": self._by_rubric,
            "goal": self._by_goal,
            "g_eval": self._in_steps,
            "factuality": self._by_category,
            "closed_qa": self._by_criterion,
            "answer_relevance": self._by_questions,
            "context_recall": self._recalled,
            "context_relevance": self._needed,
            "context_faithfulness": self._faithful,
            "conversation_relevance": self._conversing,
        }

    def measure(self, samples: Sequence[Sample]) -> Sequence[Measure]:
        return has_to_ask(self.card, samples, HAS_TO_ASK)

    def members(self) -> Sequence[JudgeMember]:
        mine = () if self._asking.by is None else (self._asking.by,)
        relevance = self._asking.kind == "answer_relevance" and self._asking.vectors.by is not None
        return (*mine, *((self._asking.vectors.by,) if relevance and self._asking.vectors.by else ()))

    def weights(self) -> Sequence[str]:
        vectors = self._asking.vectors
        return (vectors.encoder,) if self._asking.kind == "answer_relevance" and vectors.by is None else ()

    def labelled(self) -> Sequence[tuple[float, float]]:
        return ()

    async def consult(self, sample: Sample, means: Means) -> Measure:
        if self._asking.by is None:
            return Measure(error="Nobody is named who grades: options = { by = { model = ... } }.")
        lacking = lacks(sample, self.card.needs)
        if lacking:
            return Measure(error=f"The sample has no {lacking[0]}.")
        if sample.media and not sample.output.strip():
            return Measure(error="The answer is an image, and a judge reads text.")
        if self._grading.context and not _context(sample):
            return Measure(error="The case has no context: neither passages, nor a variable context.")
        try:
            said = await self._ways[self._asking.kind](sample, means)
        except (Unread, NoVectors) as error:
            return Measure(error=str(error))
        except UsageError as error:
            return Measure(error=f"The prompt of the judge: {error.message}")
        low, high = self.card.low, self.card.high
        if (low is not None and said.score < low) or (high is not None and said.score > high):
            return Measure(error=f"The judge's score {said.score:g} is not from 0 to 1.")
        return Measure(value=said.score, passes=said.passes, reason=said.reason, evidence=said.evidence)

    async def _ask(
        self, number: int, texts: Mapping[str, str], values: Mapping[str, Any], means: Means, sample: Sample
    ) -> str:
        """What the model says to the call of that number. Unread when it says nothing."""
        by = cast("JudgeMember", self._asking.by)
        given = self._asking.prompt
        prompt = given[number] if number < len(given) else None
        answer = await means.chat(
            by, filled(self._grading.tasks[number], texts, prompt, {**sample.variables, **values})
        )
        if answer.state != "answered":
            raise Unread(f"{by.model or by.url or by.python} gave no answer: {answer.error}")
        return answer.output

    async def _by_rubric(self, sample: Sample, means: Means) -> Graded:
        rubric = sample.expected[0]
        texts = {"rubric": rubric, "output": sample.output}
        return read_grade(await self._ask(0, texts, texts, means, sample))

    async def _by_goal(self, sample: Sample, means: Means) -> Graded:
        made = [{"tool": call.name, "arguments": call.arguments} for call in steps_of(sample)]
        trajectory = msgspec.json.encode(made).decode()
        texts = {"goal": sample.expected[0], "trajectory": trajectory, "output": sample.output}
        return read_grade(await self._ask(0, texts, texts, means, sample))

    async def _in_steps(self, sample: Sample, means: Means) -> Graded:
        grades: list[Graded] = []
        for criteria in sample.expected:
            wanted = {"criteria": criteria}
            steps = read_steps(await self._ask(0, wanted, wanted, means, sample))
            texts = {**wanted, "steps": "\n- ".join(steps), "input": _asked(sample), "output": sample.output}
            grades.append(read_evaluation(await self._ask(1, texts, {**texts, "maxScore": "10"}, means, sample)))
        score = sum(each.score for each in grades) / len(grades)
        return Graded(score=score, reason="\n".join(each.reason for each in grades if each.reason))

    async def _by_category(self, sample: Sample, means: Means) -> Graded:
        asked, reference = _asked(sample), sample.expected[0]
        texts = {"question": asked, "reference": reference, "answer": sample.output}
        values = {"input": asked, "ideal": reference, "completion": sample.output}
        category, reason = read_category(await self._ask(0, texts, values, means, sample))
        score = {**_PASSES, **self._asking.scores}[category]
        return Graded(score=score, passes=score > 0, reason=f"{category}: {reason}")

    async def _by_criterion(self, sample: Sample, means: Means) -> Graded:
        asked, criterion = _asked(sample), sample.expected[0]
        texts = {"question": asked, "criterion": criterion, "answer": sample.output}
        values = {"input": asked, "criteria": criterion, "completion": sample.output}
        return read_met(await self._ask(0, texts, values, means, sample))

    async def _by_questions(self, sample: Sample, means: Means) -> Graded:
        values = {"answer": sample.output}
        said = await self._ask(0, {"text": sample.output}, values, means, sample)
        questions = read_lines(said) if not self._asking.prompt else (" ".join(read_lines(said)),)
        asked, *made = await vectors_of(self._asking.vectors, [_query(sample), *questions], means)
        near = [cosine(asked, each) for each in made]
        return Graded(score=max(0.0, sum(near) / len(near)), evidence=questions)

    async def _recalled(self, sample: Sample, means: Means) -> Graded:
        context = "\n\n".join(_context(sample))
        texts = {"context": context, "right-answer": sample.expected[0]}
        values = {"context": context, "groundTruth": sample.expected[0]}
        return read_attributed(await self._ask(0, texts, values, means, sample))

    async def _needed(self, sample: Sample, means: Means) -> Graded:
        context = _context(sample)
        texts = {"question": _query(sample), "context": "\n\n".join(context)}
        values = {"query": texts["question"], "context": texts["context"]}
        return read_extracted(await self._ask(0, texts, values, means, sample), context)

    async def _faithful(self, sample: Sample, means: Means) -> Graded:
        first = {"question": _query(sample), "answer": sample.output}
        statements = read_lines(await self._ask(0, first, first, means, sample))
        context = "\n\n".join(_context(sample))
        numbered = "\n".join(f"{number}. {each}" for number, each in enumerate(statements, start=1))
        texts = {"context": context, "statements": numbered}
        said = read_supported(await self._ask(1, texts, texts, means, sample), len(statements))
        return msgspec.structs.replace(said, evidence=statements)

    async def _conversing(self, sample: Sample, means: Means) -> Graded:
        rounds = _rounds(sample)
        related, reasons = 0, list[str]()
        for place in range(len(rounds)):
            seen = rounds[max(0, place + 1 - self._asking.window) : place + 1]
            told = "\n".join(f"user: {asked}\nassistant: {said}" for asked, said in seen)
            values = {"messages": [{"input": asked, "output": said} for asked, said in seen]}
            belongs, reason = read_relevant(await self._ask(0, {"conversation": told}, values, means, sample))
            related += belongs
            reasons += [] if belongs else [reason]
        told = f"{related} of {len(rounds)} answers belong to the conversation."
        return Graded(score=related / len(rounds), reason="\n".join((told, *filter(None, reasons))))


def _asked(sample: Sample) -> str:
    return sample.prompt or sample.input


def _query(sample: Sample) -> str:
    query = sample.variables.get("query")
    return query if isinstance(query, str) else _asked(sample)


def _context(sample: Sample) -> tuple[str, ...]:
    """The passages of the case, else its variable `context`, a text or a list of texts."""
    if sample.context:
        return sample.context
    given: Any = sample.variables.get("context")
    listed = cast("list[Any]", given) if isinstance(given, list) else [given]
    return tuple(each for each in listed if isinstance(each, str) and each.strip())


def _rounds(sample: Sample) -> list[tuple[str, str]]:
    """What was asked and answered, in order: of the variable `_conversation`, else of this answer alone."""
    given: Any = sample.variables.get("_conversation")
    found: list[tuple[str, str]] = []
    for each in cast("list[Any]", given) if isinstance(given, list) else []:
        if isinstance(each, Mapping):
            fields = cast("Mapping[str, Any]", each)
            found.append((str(fields.get("input", "")), str(fields.get("output", ""))))
    return found or [(_asked(sample), sample.output)]


def _card(asking: Asking, grading: Grading) -> MetricCard:
    needs: Sequence[Need] = ("output", "expected") if grading.valued else ("output",)
    free = asking.kind in ("rubric", "goal") and bool(asking.prompt)
    own = bool(asking.scores) and max(asking.scores.values()) > 1
    digest = digest_value(msgspec.to_builtins(asking)).removeprefix("sha256:")[:12]
    return MetricCard(
        name="graded",
        title=grading.title,
        version=f"1/{digest}",
        low=None if free else 0.0,
        high=None if free or own else 1.0,
        threshold=grading.threshold,
        needs=needs,
        source=grading.source,
        options={
            "kind": f"{', '.join(GRADINGS)} (rubric)",
            "by": "who grades: model, or url with secret, and parameters",
            "prompt": "prompts in place of ours, one for each call of its kind",
            "scores": "of factuality: what the categories A to E are worth",
            "window": "of conversation_relevance: so many rounds are looked at together (5)",
            "vectors": "of answer_relevance: encoder, or by, whose model of embeddings is asked (minilm-int8)",
        },
        tasks=("answering", "conversation", "answering_from_context", "agent"),
        decides=False,
        about=NOT_HELD,
    )


def _graded(options: Mapping[str, Any]) -> Consulting:
    return GradedMetric(read_options(Asking, options, "graded"))


MAKING: Final[Mapping[str, Making]] = {"graded": _graded}
