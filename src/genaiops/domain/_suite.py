"""Suites: cases, what answers them, what is checked of the answers, and what has to hold before a change goes on."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from genaiops.domain._attack import Attack, Play
from genaiops.domain._judge import JudgeMember
from genaiops.domain._sample import ToolCall
from genaiops.domain._script import Script

_Name = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_.:/@ -]{0,127}$")]
_Share = Annotated[float, Meta(ge=0, le=1)]

SuiteTask = Literal[
    "answering",
    "classification",
    "extraction",
    "regression",
    "summarisation",
    "translation",
    "retrieval",
    "answering_from_context",
    "conversation",
    "agent",
    "code",
    "sql",
    "transcription",
    "image",
]


JudgesCompared = Literal["corrected", "as_said", "uncalibrated"]


class Shot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An example in a prompt: what was asked, and the answer that is right."""

    input: Annotated[str, Meta(min_length=1)]
    output: Annotated[str, Meta(min_length=1)]


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something to be answered. `id` is made of the content where none is given. What is asked stands in `input`, in
    `messages` (OpenAI's chat), or in `variables` of the target's prompt. `prompt_messages`: how many of `messages`,
    from the first, a prompt brought when they were recorded; targets that bring one are asked without them. `output`:
    an answer that was recorded, for targets that only replay it. Cases of one `cluster` (a document, a user) are not
    independent; `slices` are the groups whose figures are shown apart. `play`: how it goes on after the first answer;
    `attack`: what it tries to do, and what shows that it did. `shots`: examples for it, the best first; targets say how
    many they take."""

    id: Annotated[str, Meta(max_length=200)] = ""
    input: str = ""
    messages: tuple[dict[str, Any], ...] = ()
    prompt_messages: Annotated[int, Meta(ge=0)] = 0
    variables: dict[str, Any] = {}
    expected: str | tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    relevant: dict[str, float] = {}
    expected_tools: tuple[ToolCall, ...] = ()
    label: str | None = None
    number: float | None = None
    output: str | None = None
    cluster: str = ""
    slices: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    play: Play | None = None
    attack: Attack | None = None
    shots: tuple[Shot, ...] = ()


class CaseSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where further cases come from: one of `file` (JSONL, CSV, JSON or YAML beside the suite), `dataset`
    (`NAME@alias` or a digest) and `traces` (a filter, as `genaiops trace list` has it). `fields`: field of a case ->
    column (default: columns of the same names); `variables:NAME` is one variable. `limit`: at most so many, drawn with
    the suite's seed."""

    file: str = ""
    dataset: str = ""
    traces: dict[str, Any] = {}
    fields: dict[str, str] = {}
    limit: Annotated[int, Meta(ge=1)] | None = None
    slices: tuple[str, ...] = ()


class SuiteShots(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where examples for prompts come from: one of `file` and `dataset`, as cases have it (`fields` likewise). An
    example is a row with an `input` and what is right (`expected`, else `label`, `number` or `output`). `pick`: the
    `first` of them, `random` ones with the suite's seed (both the same for all cases), or those whose input is most
    `similar` to the case's. `own`: a case among the examples is refused, or `left_out` of its own (its input, or its
    cluster)."""

    file: str = ""
    dataset: str = ""
    fields: dict[str, str] = {}
    pick: Literal["first", "random", "similar"] = "first"
    own: Literal["refused", "left_out"] = "refused"


class SuiteTarget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What answers: exactly one of `model` (a model or route of the gateway), `prompt` (`NAME@alias`, with `model` or
    the prompt's own), `application` (`app/NAME@ENVIRONMENT`), `release` (`APP@DIGEST`), `url` (an endpoint that speaks
    OpenAI's chat, or `request` and `answer` say what it speaks), `python` (`module:function`, in the command's own
    process), `script` (a function that the suite brings, in a process of its own) and `recorded` (what the cases
    bring). `transform`: functions that make of each answer what is kept, one after the other. `template`: a text or
    messages that the case is put into before; `{{NAME}}` alone, of a list of messages, becomes these
    (`{{input}}`, `{{NAME}}` of its variables). `secret`: name of the secret that is the endpoint's key. `shots`: so
    many of the case's examples stand before the question (None: all that it has), `passages`: so many of its context,
    the first ones (None: all), `context_tokens`: whole passages of at most so many tokens together, as estimated.
    `refused`: a call that the gateway's guard refused is an `error`, or `answered` without a word."""

    name: _Name
    model: str = ""
    prompt: str = ""
    application: str = ""
    release: str = ""
    url: str = ""
    python: str = ""
    script: Script | None = None
    transform: tuple[Script, ...] = ()
    recorded: bool = False
    system: str = ""
    template: str | tuple[dict[str, Any], ...] = ""
    parameters: dict[str, Any] = {}
    request: dict[str, Any] = {}
    answer: str = ""
    secret: str = ""
    refused: Literal["error", "answered"] = "error"
    shots: Annotated[int, Meta(ge=0, le=200)] | None = None
    passages: Annotated[int, Meta(ge=0, le=1000)] | None = None
    context_tokens: Annotated[int, Meta(ge=0, le=10_000_000)] | None = None


class SuiteCheck(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A metric, when a case passes, and what the gate wants of it.

    `threshold`: a case passes from there on, in the metric's direction (None: the metric's own, or the case has no
    pass). `negate`: it passes when it would fail. `expected`: in place of that of the cases. For the gate: `floor`, the
    bound of confidence of the mean (of the share that passed, where there is a threshold) has to reach it; `margin`,
    it is worse than the baseline by less than that; `improves`, it is better than the baseline (claims of a suite are
    corrected for their number by Holm's method); `tolerance`, the upper bound of the share that failed stays below it.
    `pass_at` k: in place of its mean, a case counts with the chance that one of k of its repeats passes (pass@k).
    Without any of these a check informs, and decides nothing. `slices`: only cases of these. `policy`: a policy of the
    organisation that it shows to be kept; reports list each with its verdict.
    """

    name: str = ""
    metric: str
    options: dict[str, Any] = {}
    expected: str | tuple[str, ...] | None = None
    threshold: float | None = None
    negate: bool = False
    weight: Annotated[float, Meta(ge=0)] = 1.0
    floor: float | None = None
    margin: Annotated[float, Meta(gt=0)] | None = None
    improves: bool = False
    tolerance: _Share | None = None
    pass_at: Annotated[int, Meta(ge=1, le=1000)] | None = None
    slices: tuple[str, ...] = ()
    policy: Annotated[str, Meta(max_length=200)] = ""


class SuiteGate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`baseline`: the target that others are compared with, `prod` for what an application runs on there. `alpha`: the
    chance of each one-sided mistake. `errors`: the share of answers that may be missing before nothing is decided.
    `judges`: differences by a judge are `corrected` by what people said of both answers of some cases, and decide
    nothing without that; or they are taken `as_said`. `uncalibrated`: likewise, and judges that were never held
    against people decide, too; each line says so. `usable`: a margin says nothing of how good a candidate is, so
    where its check has neither a floor nor a tolerance, some case has to pass (be better than the worst there is, where
    nothing passes or fails), and it must not be shown that fewer than this share do; 0 asks for nothing."""

    baseline: str = ""
    alpha: Annotated[float, Meta(gt=0, lt=0.5)] = 0.05
    errors: _Share = 0.05
    judges: JudgesCompared = "corrected"
    usable: Annotated[float, Meta(ge=0, le=1)] = 0.05


class SuiteRunning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`repeats` of each case, each asked anew; `concurrency` at most at once; `spend`: no call is begun that could take
    the run beyond this much money (decimal, in the currency of the prices)."""

    repeats: Annotated[int, Meta(ge=1, le=1000)] = 1
    concurrency: Annotated[int, Meta(ge=1, le=1000)] = 8
    timeout_s: Annotated[float, Meta(gt=0, le=3600)] = 60.0
    retries: Annotated[int, Meta(ge=0, le=20)] = 2
    seed: int = 0
    spend: str | None = None
    cache: bool = True


class SuiteWatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A golden set that is asked again and again on the server, by the version that the alias prod names: `every` so
    often (`15m`, `6h`, `1d`), in that `environment`. `alarms`: the greatest chance that a hundred of its runs raise an
    alarm although what answers is what it was."""

    every: Annotated[str, Meta(pattern="^[1-9][0-9]{0,3}[mhd]$")]
    environment: Annotated[str, Meta(max_length=128)] = "dev"
    alarms: Annotated[float, Meta(gt=0, le=0.5)] = 0.01


class Suite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A version of the artifact `suite/NAME`. `case` are written into it, `cases` say where further ones come from.
    `protects`: what moves only to what it has passed for (`prompt/NAME@prod`, `app/NAME@prod`). `attacker`: who writes
    the turns of cases whose play has a strategy. `watch`: how often it is asked by itself. `shots`: where examples
    for prompts come from."""

    kind: Literal["suite"] = "suite"
    description: Annotated[str, Meta(max_length=4000)] = ""
    task: SuiteTask | None = None
    case: tuple[Case, ...] = ()
    cases: tuple[CaseSource, ...] = ()
    target: Annotated[tuple[SuiteTarget, ...], Meta(max_length=50)] = ()
    check: Annotated[tuple[SuiteCheck, ...], Meta(max_length=200)] = ()
    run: SuiteRunning = SuiteRunning()
    gate: SuiteGate = SuiteGate()
    attacker: JudgeMember | None = None
    protects: tuple[str, ...] = ()
    watch: SuiteWatch | None = None
    shots: SuiteShots | None = None
    tags: tuple[str, ...] = ()
