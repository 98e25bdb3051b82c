"""Runs: executions of work, and what an evaluation leaves."""

from typing import Any, Literal

import msgspec

from genaiops.domain._sample import ToolCall
from genaiops.domain._verdict import Verdict

RunKind = Literal["evaluation", "scan", "index", "tuning", "pipeline"]
RunState = Literal["waiting", "running", "done", "stopped", "failed"]
AnswerState = Literal["answered", "error", "timeout", "unreadable", "over_budget"]
"""Only what was `answered` is scored. `unreadable`: an answer came that is none of its dialect."""


class Run(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One execution of work. `subject`: what it is about (`suite/answers@sha256:...`). `inputs` are pinned: what they
    are for -> a node of lineage; `outputs` likewise. `environment`: versions of what ran it, commit, branch, pull
    request. A run that was interrupted is `waiting` again, and goes on where it was. `done`, `failed` and `total` count
    its steps; `cost_nano` and `energy_nwh` are what is known (None: nothing is), `unpriced` how many steps have no
    known price."""

    id: str
    kind: RunKind
    tenant_id: str = "default"
    subject: str
    name: str = ""
    state: RunState = "waiting"
    inputs: dict[str, str] = {}
    outputs: dict[str, str] = {}
    environment: dict[str, str] = {}
    seed: int = 0
    total: int | None = None
    done: int = 0
    failed: int = 0
    cost_nano: int | None = None
    unpriced: int = 0
    energy_nwh: int | None = None
    verdict: Verdict | None = None
    error: str = ""
    created_us: int
    created_by: str = ""
    started_us: int | None = None
    ended_us: int | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a target said to a case, once. `recalled`: it is that of an earlier run, from the cache by content. `model`
    and `fingerprint` are what the answer itself says of what made it. `energy_nwh` is the central figure of an estimate
    with its ends. Of a case that went on, `turns` are the messages after those of the case, and `tool_calls` all that
    were made. `media`: images that came beside the text, as data URLs. `logprob`: the mean of the logarithms of its
    tokens' probabilities, where it brings them. `guard`: what the gateway's guard did to the call ("": nothing).
    `structured`: the output is JSON of what was no text."""

    target: str
    case: str
    repeat: int = 0
    state: AnswerState
    output: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = ""
    seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_nano: int | None = None
    energy_nwh: int | None = None
    energy_low_nwh: int | None = None
    energy_high_nwh: int | None = None
    trace_id: str = ""
    error: str = ""
    recalled: bool = False
    turns: tuple[dict[str, Any], ...] = ()
    at_us: int = 0
    model: str = ""
    fingerprint: str = ""
    media: tuple[str, ...] = ()
    structured: bool = False
    logprob: float | None = None
    guard: str = ""


class Judged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a check says of one answer (`case` "": of all answers of the target together). `against`: of a comparison,
    the other target. `metric`: its name and version, for figures of two versions are not compared."""

    target: str
    case: str
    repeat: int = 0
    check: str
    metric: str
    verdict: Verdict
    against: str = ""
    slice: str = ""
    at_us: int = 0
