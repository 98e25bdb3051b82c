"""Metrics: measures of answers, each with a card."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from genaiops.domain import Answer, JudgeMember, Measure, MetricCard, Sample
from genaiops.ports.meteor import Meteor
from genaiops.ports.sandbox import Sandbox
from genaiops.ports.scripts import Scripts


class Metric(Protocol):
    """`checks.metrics` makes them, with their options already in. Pure, but for those whose card says otherwise (a
    judge asks a model); may be called from any thread."""

    @property
    def card(self) -> MetricCard: ...

    def measure(self, samples: Sequence[Sample]) -> Sequence[Measure]:
        """One for each sample, in order; of a metric over the corpus one for all of them. A sample that lacks what the
        card needs has a Measure with an error; nothing is raised for it."""
        ...


class Encoded(msgspec.Struct, frozen=True):
    """Vectors of a text or of its tokens. `truncated`: the model read only the beginning."""

    vectors: Sequence[Sequence[float]]
    truncated: bool


class Classified(msgspec.Struct, frozen=True):
    """`score` 0 to 1; `start` and `end`: the characters that speak for it most."""

    score: float
    start: int
    end: int


class LocalModels(Protocol):
    """Models in this process, each loaded when it is first asked. Slow: not for an event loop; from any thread."""

    def check(self, weights: str) -> None:
        """GenaiopsError when they are not installed, with the command that pulls them."""
        ...

    def vectors(self, weights: str, texts: Sequence[str]) -> Encoded:
        """One of unit length for each text."""
        ...

    def token_vectors(self, weights: str, text: str) -> Encoded:
        """One for each token, the marks of beginning and end among them."""
        ...

    def classified(self, classifier: str, text: str) -> Classified:
        """By one of the classifiers that ship."""
        ...


class Means(Protocol):
    """What metrics may use that are not pure. Each costs something: money, or seconds of a processor."""

    @property
    def local(self) -> LocalModels: ...

    @property
    def sandbox(self) -> Sandbox: ...

    @property
    def meteor(self) -> Meteor: ...

    @property
    def scripts(self) -> Scripts | None:
        """Who calls functions of the suite (None: nobody, where its files are not)."""
        ...

    async def chat(self, member: JudgeMember, messages: Sequence[Mapping[str, Any]], *, within: bool = False) -> Answer:
        """What that model says to messages of OpenAI's chat; its cost is counted into the run. An Answer, whatever
        happened. LimitReached when the run may not spend what the call could cost, or is to stop. `within`: it is asked
        while another call that may spend is under way and waits for it, so it must not wait for that one's cost."""
        ...

    async def post(self, member: JudgeMember, fields: Mapping[str, Any]) -> Answer:
        """What the endpoint of a member (`url`, `secret`) answers to these fields as JSON, as the text of an Answer;
        counted and bounded likewise."""
        ...

    async def embed(self, member: JudgeMember, texts: Sequence[str]) -> Answer:
        """Vectors of texts by a model of embeddings, as the text of an Answer: OpenAI's list of `embedding` as JSON;
        counted and bounded likewise."""
        ...


class Preparing(Protocol):
    """A metric over the corpus that has to ask somebody of each sample before it can measure."""

    def members(self) -> Sequence[JudgeMember]:
        """Whom it asks."""
        ...

    async def prepare(self, sample: Sample, means: Means) -> None:
        """Ask, and keep what was said, or why nothing was. LimitReached as for `chat`."""
        ...


class Consulting(Protocol):
    """A metric of single samples that asks somebody. Its `measure` says of every sample that it has to ask."""

    @property
    def card(self) -> MetricCard: ...

    def measure(self, samples: Sequence[Sample]) -> Sequence[Measure]: ...

    def members(self) -> Sequence[JudgeMember]:
        """Whom it asks, so that they can be looked up before anything is spent."""
        ...

    def weights(self) -> Sequence[str]:
        """Which local models it needs, likewise."""
        ...

    def labelled(self) -> Sequence[tuple[float, float]]:
        """What it and people said of the same answers, which corrects what it says of others; () where nobody did."""
        ...

    async def consult(self, sample: Sample, means: Means) -> Measure:
        """A Measure, whatever happened."""
        ...


class Among(Consulting, Protocol):
    """A metric that holds the answers of all targets to a case against each other."""

    async def consult_among(self, samples: Sequence[Sample], place: int, means: Means) -> Measure:
        """What it says of the sample at that place. A Measure, whatever happened."""
        ...
