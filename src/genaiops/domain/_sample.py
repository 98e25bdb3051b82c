"""What metrics look at, and what they say."""

from typing import Any, Literal

import msgspec

from genaiops.domain._attack import Attack

Better = Literal["higher", "lower", "neither"]
Need = Literal[
    "input",
    "output",
    "expected",
    "context",
    "retrieved",
    "relevant",
    "tool_calls",
    "expected_tools",
    "label",
    "number",
    "usage",
    "media",
]


class ToolCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A call that a model asked for. `arguments` as it wrote them, decoded (None: they are no JSON; then `text`)."""

    name: str
    arguments: dict[str, Any] | None = {}
    text: str = ""


class Sample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answer with all that it can be measured by.

    `expected`: references, any of which is right. `context`: passages that the answer should rest on. `retrieved`: ids
    in their rank; `relevant`: id -> grade (above 0: relevant). `label` and `number`: what the answer was read as, of
    tasks whose answers are classes or figures; `probability`: of the positive class. `steps`: what an agent did, in
    order. `seconds` until the whole answer was there, `energy_nwh` in 10^-9 Wh. None: not known, never 0.
    """

    id: str = ""
    input: str = ""
    output: str = ""
    expected: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    retrieved: tuple[str, ...] = ()
    relevant: dict[str, float] = {}
    tool_calls: tuple[ToolCall, ...] = ()
    expected_tools: tuple[ToolCall, ...] = ()
    steps: tuple[ToolCall, ...] = ()
    label: str | None = None
    number: float | None = None
    probability: float | None = None
    finish_reason: str = ""
    seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_nano: int | None = None
    energy_nwh: int | None = None
    media: tuple[str, ...] = ()
    """Images that belong to the answer, as data URLs."""
    asked_media: tuple[str, ...] = ()
    """Images that stand in the question, as data URLs or addresses."""
    other_media: tuple[str, ...] = ()
    """Of a pair: images that belong to the other answer, which stands in `expected`."""
    cluster: str = ""
    """Samples of one cluster (a document, a user, a seed) are not independent of each other."""
    slices: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    attack: Attack | None = None
    said: tuple[str, ...] = ()
    """All that the target said, turn by turn, of a case that went on."""
    prompt: str = ""
    """What the target was asked, whole, where its template made it; `variables`: what the template was filled with."""
    variables: dict[str, Any] = {}
    structured: bool = False
    """The output is JSON of what was no text."""
    tools: tuple[dict[str, Any], ...] = ()
    """Which tools the target was offered, as OpenAI's chat has them."""
    logprob: float | None = None
    """The mean of the logarithms of its tokens' probabilities."""
    guard: str = ""
    """What the gateway's guard did to the call: flagged, redacted, replaced, released, refused; "": nothing."""


class Measure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a metric says of one sample, or of all together. `value` None: it could not say, and `error` is why; an
    error is never a score. `parts`: what the value was made of (precision and recall of an F1); of a metric over the
    corpus, `low` and `high` are one-sided bounds of confidence, at 1 - `alpha` of its options. `interval`: such bounds
    where they are no parts. `evidence`: what was looked at, with what was found (claims and the passages that state
    them). `passes`: what is measured says itself whether that is enough (a judge does); it passes when that is so and
    the threshold is reached."""

    value: float | None = None
    error: str = ""
    reason: str = ""
    parts: dict[str, float] = {}
    evidence: tuple[str, ...] = ()
    interval: tuple[float, float] | None = None
    passes: bool | None = None


class MetricCard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is said of a metric beside each of its figures.

    `low` and `high`: its range (None: no bound on that side). `version` changes whenever a value may: figures of
    different versions are not compared. `threshold`: from where on a sample passes when a suite says nothing (None: it
    then neither passes nor fails). `over`: of each sample, or only of all together (AUC, corpus BLEU). `needs`: fields
    of a Sample without which it cannot say. `reference`: the implementation whose digits it equals. `options`: name ->
    what it does and its default. `extra`: what has to be installed for it. `decides` False: it informs, and no gate
    rests on it (a judge that was never held against people).
    """

    name: str
    title: str
    version: str
    unit: str = ""
    low: float | None = 0.0
    high: float | None = 1.0
    better: Better = "higher"
    threshold: float | None = None
    over: Literal["sample", "corpus"] = "sample"
    needs: tuple[Need, ...] = ("output", "expected")
    source: str
    reference: str = ""
    options: dict[str, str] = {}
    tasks: tuple[str, ...] = ()
    extra: str = ""
    decides: bool = True
    about: str = ""
