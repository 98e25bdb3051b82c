"""The guard as the gateway knows it: what comes in and what goes out is shown to it, and what it says is done.

It is found by composition: the part `guard` implements this, the gateway is handed one.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from genaiops.domain import (
    SEVERITY,
    Direction,
    GuardAction,
    GuardEvent,
    GuardPolicy,
    GuardVersion,
    HeldPart,
    InForce,
    Operation,
    Span,
)
from genaiops.ports.providers import Dialect, Form

GUARDED_AT_ONCE: Final = 16_384
"""Bytes of a body that a guard looks at without a pause; more are taken in steps, between which others have their
turn."""

WITHHELD: Final = "This answer was withheld."
"""What stands in the place of an answer where its rule has no message."""


class Guarded(msgspec.Struct, frozen=True):
    """The call that a guard is for."""

    trace_id: bytes
    operation: Operation
    dialect: Dialect
    streamed: bool
    tenant_id: str = "default"
    environment_id: str = ""
    key_id: str = ""
    application: str | None = None
    session: str | None = None
    user_id: str | None = None


class Again(msgspec.Struct, frozen=True):
    """A rule wants another answer: `said` is the one that was given, `told` what its model is to hear about it."""

    rule: str
    said: str
    told: str


class ClaimSupport(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence: the characters from `start` up to `end` of the text at `place`. `verdict` and `probability` as
    `checks.facts` has them; `source`: the number of the source that decides, from 1 (None: none is about it), and what
    it says there."""

    place: str
    start: int
    end: int
    text: str
    verdict: str
    probability: float
    source: str | None = None
    quote: str = ""


class Support(msgspec.Struct, frozen=True):
    """How many sentences of an answer were held against what was retrieved, and how many of those it does not support;
    `claims` are the first of these, `cited` all sentences, as far as they are told. `confidence`: the share of them
    that is expected to be supported."""

    sentences: int
    unsupported: int
    claims: tuple[str, ...] = ()
    cited: tuple[ClaimSupport, ...] = ()
    confidence: float | None = None


class SessionLimits(msgspec.Struct, frozen=True):
    """What one policy (`name@digest`) allows in a session: `steps` are model calls, `seconds` count from its first one,
    `cost` is in nano-units of the currency of its prices; None: as much as it likes. What is beyond them has `action`
    (`flag`: it goes on). `required`: a call has to name a session."""

    policy: str
    action: GuardAction
    steps: int | None = None
    seconds: int | None = None
    cost: int | None = None
    required: bool = False

    @property
    def refuses(self) -> bool:
        """Calls beyond them are turned away, not only noted."""
        return SEVERITY[self.action] > SEVERITY["flag"]


class Ruling(msgspec.Struct, frozen=True):
    """What became of a text. `action`: the severest that followed. `body` goes on (of a request: to the provider; of an
    answer: to the client), `kept` is what may be recorded of it (None: the same). Of `block` (which has no body) and
    of `hold`: `rule` and `message`. Of `hold`, `body` is what goes on once a person has released it, and `parts` what
    that person sees; `policy` (`name@digest`) and `found` (kind -> how often) are of the rule that holds it.

    `again`: an answer of which this says what follows if its model is not asked again, or cannot be. `support`: of an
    answer whose client is told."""

    action: GuardAction
    body: bytes
    kept: bytes | None = None
    rule: str = ""
    message: str = ""
    policy: str = ""
    found: dict[str, int] = {}
    parts: tuple[HeldPart, ...] = ()
    again: Again | None = None
    support: Support | None = None

    @property
    def stops(self) -> bool:
        """Nothing goes on, now."""
        return not self.body or self.action == "hold"


class Blocked(Exception):
    """What goes out must not. `rule` and `message` as in Ruling."""

    def __init__(self, action: GuardAction, rule: str, message: str) -> None:
        super().__init__(message)
        self.action: GuardAction = action
        self.rule = rule
        self.message = message


class Withheld(Exception):
    """The whole of an answer is there, and does not go out as it is: it waits for a person, its model is to be asked
    again, or (`replace`) the message goes out in its place."""

    def __init__(self, ruling: Ruling) -> None:
        super().__init__(ruling.message)
        self.ruling = ruling


class StreamGuard(Protocol):
    """Follows one stream of events in the client's dialect, in pieces of whole events.

    Of a guard that `waits` the end comes with `wait_end`, and once `due`, `wait` comes before the next `feed`.
    """

    @property
    def waits(self) -> bool:
        """Somebody else is asked about what goes out."""
        ...

    @property
    def due(self) -> bool:
        """What was fed has to be asked about now."""
        ...

    async def wait(self) -> bytes:
        """What may go out now that somebody was asked. Raises Blocked."""
        ...

    async def wait_end(self) -> bytes:
        """As `end`."""
        ...

    def feed(self, data: bytes) -> bytes:
        """What may go out now. Raises Blocked; what was released before stays released."""
        ...

    def end(self) -> bytes:
        """The rest. Raises Blocked, or Withheld where nothing was released before."""
        ...

    def close(self) -> None:
        """The stream was broken off: what was found so far is to be recorded."""
        ...

    def keep(self) -> bytes:
        """What may be recorded of what went out, bounded."""
        ...

    @property
    def truncated(self) -> bool: ...


class Guard(Protocol):
    """Of one call. Synchronous methods return within about a millisecond, however long the text is that they get."""

    @property
    def events(self) -> list[GuardEvent]:
        """What was said of it, for the record: a stream that is under way is over with this."""
        ...

    @property
    def limits(self) -> tuple[SessionLimits, ...]:
        """What its policies allow in a session, one for each that says something of it."""
        ...

    @property
    def judge(self) -> tuple[str, ...]:
        """The rules that look at this call when it has ended (`name@digest#rule`); drawn by their samples."""
        ...

    @property
    def reversible(self) -> bool:
        """Something was taken out of the request that belongs into the answer: nobody else may get that answer."""
        ...

    @property
    def waits(self) -> bool:
        """Answers have to be waited for: `answer` says None of them, or that they are held."""
        ...

    def ask(self, raw: bytes | bytearray, form: Form | None) -> Ruling | None:
        """Of a request. None: it has to be waited for, with `wait`. UsageError for what cannot be read."""
        ...

    async def wait(self, raw: bytes | bytearray, form: Form | None) -> Ruling: ...

    def answer(self, body: bytes, content_type: bytes) -> Ruling | None:
        """Of an answer that is not a stream. None: it has to be waited for, with `wait_answer`. UpstreamError for what
        cannot be read."""
        ...

    async def wait_answer(self, body: bytes, content_type: bytes) -> Ruling: ...

    def ask_again(self, again: Again) -> None:
        """Its model is asked for another answer, which comes next."""
        ...

    def keep_answer(self) -> None:
        """No other answer came: the one before it is the answer."""
        ...

    def clean(self, text: str, direction: Direction) -> str:
        """A text beside the bodies, by the rules that look for patterns: a label that its client gave (`in`), the
        message of an error that is no answer (`out`). Empty where one of them stops it; of a long text its beginning
        counts."""
        ...

    def stream(self) -> StreamGuard | None:
        """None: nothing looks at what goes out."""
        ...


class GuardPlan(Protocol):
    """The policies of a Snapshot, made ready."""

    def guard(self, references: Sequence[str], call: Guarded) -> Guard | None:
        """`references`: `name`, `name@alias`, `name@sha256:...` of the policies that hold for it, all of them together.
        None: none of their rules concerns such a call. NotFound for one that is not there."""
        ...

    def in_force(self, references: Sequence[str]) -> tuple[InForce, ...]:
        """Which versions those are, for the record. NotFound likewise."""
        ...

    def digest(self, references: Sequence[str]) -> str:
        """Stands for all that these policies say now (for the keys of caches)."""
        ...


class Judged(msgspec.Struct, frozen=True):
    """What a policy says of a call: `events`, and the bodies that go on (None: nothing does, or there is none)."""

    events: Sequence[GuardEvent]
    request: bytes | None
    answer: bytes | None


class Judge(Protocol):
    """The engine without a call: what a policy would say of one that was recorded, or made up."""

    def check(self, policy: GuardPolicy) -> None:
        """UsageError when a detector cannot do what the policy asks of it; `param` is the place:
        `rules[2].options.words`."""
        ...

    # size: a call is its operation, dialect, request and answer
    def judge(
        self,
        policies: Sequence[GuardVersion],
        operation: Operation,
        dialect: Dialect,
        request: bytes,
        answer: bytes | None,
        *,
        shadows: bool = False,
    ) -> Sequence[GuardEvent]:
        """What they say together of a request, and of its answer (None: there is none; events of a stream are one).
        `shadows`: rules that are in shadow for all calls only note, as in life; else they count as if they were
        enforced. Classifiers that work behind the answer are asked as well. UsageError for what cannot be read. May
        take as long as its detectors."""
        ...

    def rule(
        self, policy: GuardVersion, operation: Operation, dialect: Dialect, request: bytes, answer: bytes | None
    ) -> Judged:
        """As `judge`, with what becomes of the bodies. Of an answer that is a stream of events nothing is told."""
        ...


class Policies(Protocol):
    """What is known of guard policies beside the calls."""

    def kept(self, name: str, digest: str) -> GuardVersion | None:
        """None: there is no such version, or not any more."""
        ...

    def standing(self, call: Span, release: str | None) -> Sequence[InForce]:
        """What would hold now for a call with such a key, environment and route, served by the release of that
        digest."""
        ...


class Guards(Protocol):
    """A worker's."""

    def ready(self, versions: Sequence[GuardVersion]) -> bool:
        """Whether `adopt` would return at once. If not they are being made ready elsewhere from now on: ask again."""
        ...

    async def prepare(self, versions: Sequence[GuardVersion]) -> None:
        """Return when they are ready."""
        ...

    def adopt(self, versions: Sequence[GuardVersion]) -> GuardPlan:
        """Those that have not changed are kept as they are."""
        ...

    async def aclose(self) -> None: ...
