"""The two records of a call in a worker's spool: admitted (before dispatch) and settled (before the last byte). A call
that is answered from memory has both in one.

Bodies are not inside these structs: they follow the record as raw bytes of the same frame (see
`genaiops.ports.spool`), so that a 200 KB prompt is written without being copied into a message first.
"""

from typing import Literal

import msgspec

from genaiops.domain._guard import Direction, GuardEvent, InForce
from genaiops.domain._limits import Cost, Usage
from genaiops.domain._prompt import PromptUse
from genaiops.domain._provenance import ImageMark
from genaiops.domain._routing import Operation
from genaiops.domain._trace import Status


class Charge(msgspec.Struct, frozen=True, array_like=True):
    """An amount on the counter of one budget in one of its windows: what is reserved, later what is settled."""

    budget_id: str
    window_us: int
    amount: int


class Decision(msgspec.Struct, frozen=True, array_like=True):
    """Why a try went where it went. `strategy` chose among `candidates` (ids of targets; those that could take the
    call). `passed_over`: other targets of the line-up, each with the reason. `note`: what else counted."""

    strategy: str
    candidates: tuple[str, ...] = ()
    passed_over: tuple[tuple[str, str], ...] = ()
    note: str = ""


class Admitted(msgspec.Struct, frozen=True, array_like=True, tag="admitted"):
    """A call that passed the limits and is about to be dispatched. `sequence` counts the worker's calls from 1.
    `shadow_of`: the trace of the call that it copies. `properties`: what its client said about it, beyond what has a
    field. `prompt`: what its body was made of. `release` (its digest) and `deployment`: those of the application that
    it named (empty: it named a model or a route). `dialect`: of its body (empty: an older program wrote this).
    `policies`: the guard policies that held for it, all of them together; None: nobody looked which (or an older
    program wrote this)."""

    sequence: int
    trace_id: bytes
    span_id: bytes
    parent_id: bytes | None
    request_id: str
    start_us: int
    operation: Operation
    model: str
    route_id: str | None
    streamed: bool
    key_id: str
    key_name: str
    actor_id: str
    tenant_id: str
    team_id: str | None
    environment_id: str
    application: str | None
    user_id: str | None
    user_verified: bool
    session_id: str | None
    peer: str
    snapshot_version: int
    capture: Literal["full", "preview", "off"]
    reserved: tuple[Charge, ...]
    properties: dict[str, str] = {}
    shadow_of: bytes | None = None
    prompt: PromptUse | None = None
    release: str = ""
    deployment: str = ""
    dialect: str = ""
    policies: tuple[InForce, ...] | None = None


class Attempt(msgspec.Struct, frozen=True, array_like=True):
    """One try at a provider. `pays`: this attempt owns usage and cost of the call (of a hedged one both tries do).
    `decision` is None where there was nothing to choose. `busy_us`: how long the model's own clock says that it worked
    (None: it says nothing)."""

    span_id: bytes
    target_id: str
    provider: str
    upstream_model: str
    start_us: int
    duration_us: int
    first_token_us: int | None
    status: Status
    http_status: int | None
    error_type: str | None
    error_message: str | None
    pays: bool
    usage: Usage | None
    cost: Cost | None
    response_id: str | None
    response_model: str | None
    finish_reason: str | None
    reason: str
    server_address: str | None = None
    server_port: int | None = None
    decision: Decision | None = None
    busy_us: int | None = None


class Lookup(msgspec.Struct, frozen=True, array_like=True):
    """What the cache said to a call. Of a hit: `age_us`, `source` (the trace whose answer it was) and what was saved;
    of a semantic one `similarity` (of a miss: of the nearest). `note`: why it was not asked, or could not say."""

    span_id: bytes
    outcome: Literal["hit", "miss"]
    how: Literal["exact", "semantic"]
    namespace: str
    start_us: int
    duration_us: int
    age_us: int | None = None
    source: bytes | None = None
    similarity: float | None = None
    usage: Usage | None = None
    cost: Cost | None = None
    response_model: str | None = None
    finish_reason: str | None = None
    note: str | None = None


class Settled(msgspec.Struct, frozen=True, array_like=True, tag="settled"):
    """How the call of the same `sequence` ended. `http_status` is what the client got.
    `output_sha256` (hex) stands in for a body that must not be kept. `judge`: rules of guard policies that look at the
    call now that it has ended (`name@digest#rule`). `marks`: what became of the images of its answer."""

    sequence: int
    trace_id: bytes
    end_us: int
    first_token_us: int | None
    status: Status
    http_status: int
    error_type: str | None
    error_message: str | None
    attempts: tuple[Attempt, ...]
    charged: tuple[Charge, ...]
    output_truncated: bool = False
    cache: str | None = None
    output_sha256: str | None = None
    lookup: Lookup | None = None
    guard: tuple[GuardEvent, ...] = ()
    judge: tuple[str, ...] = ()
    marks: tuple[ImageMark, ...] = ()


class Refused(msgspec.Struct, frozen=True, array_like=True, tag="refused"):
    """A call that was turned away before dispatch by a known key's limits or scope, or for a bad body: it costs
    nothing, and is seen.
    """

    admitted: Admitted
    end_us: int
    http_status: int
    error_type: str
    error_message: str
    guard: tuple[GuardEvent, ...] = ()


class Held(msgspec.Struct, frozen=True, array_like=True, tag="held"):
    """An answer (or, `direction` "in", a request) that waits for a person. It is written before its client is told so;
    the body of its frame is a sealed `HeldBody`. `request` (hex) stands for the body and key of a held request."""

    id: str
    trace_id: bytes
    at_us: int
    key_id: str
    actor_id: str
    tenant_id: str
    environment_id: str
    application: str | None
    operation: Operation
    model: str
    direction: Direction
    policy: str
    rule: str
    message: str
    found: dict[str, int]
    request: str = ""


class Recalled(msgspec.Struct, frozen=True, array_like=True, tag="recalled"):
    """A call that was answered from memory: nothing was dispatched, so both its records are written at once. The body
    of its frame is the request's, of `input_bytes`, then the answer's."""

    admitted: Admitted
    settled: Settled
    input_bytes: int


CallRecord = Admitted | Settled | Refused | Recalled | Held
