"""Guard policies: which detectors look at which texts of a call, and what follows from what they find."""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

Provenance = Literal[
    "system",
    "developer",
    "user",
    "assistant",
    "retrieved",
    "tool_result",
    "tool_arguments",
    "tool_definition",
    "reasoning",
    "model_output",
    "other",
]
"""Where a text of a call comes from: `assistant` is an earlier answer that the client sends along, `model_output` the
answer itself."""

GuardAction = Literal["allow", "flag", "redact", "replace", "hold", "block"]
"""What follows, from the mildest to the severest. `allow` says that a finding is none (an exception for other rules);
`redact` takes the finding out, `replace` the whole answer; `hold` keeps the answer until a person releases it."""

SEVERITY: Final[dict[GuardAction, int]] = {"allow": 0, "flag": 1, "redact": 2, "replace": 3, "hold": 4, "block": 5}

Direction = Literal["in", "out"]

DetectorName = Literal[
    "pii",
    "secret",
    "markup",
    "control",
    "code",
    "words",
    "size",
    "canary",
    "prompt_leak",
    "verbatim",
    "schema",
    "disclosure",
    "injection",
    "toxicity",
    "language",
    "topics",
    "names",
    "refusal",
    "grounding",
    "tools",
]

_Name = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9_.-]{0,63}$")]
_Share = Annotated[float, Meta(ge=0, le=1)]


class GuardRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One detector at work. `kinds`: only findings of these kinds count (patterns with `*`; empty: of all), none of
    `excepted`; `provenance`: only in texts from there (empty: from anywhere).

    `on_error`: what follows when the detector fails or is late: `closed` refuses the call, `open` lets it go on and
    raises an alert (None: closed for `pii` and `secret`, and whatever is no classifier; open for those). `shadow`: the
    share of calls for which the rule only notes what it would have done; `sample`: the share that a detector which
    works behind the answer looks at. `threshold`: of a score, from which on it counts as found (None: the detector's).
    `when`: `before` the text goes on, or `after` the call has ended, then it can only flag (None: the detector's own).

    `reversible`: what is redacted of a request is put back into the answer. `message` is what the client is told, or
    the text that replaces an answer. `options` belong to the detector.
    """

    id: _Name
    detector: DetectorName
    direction: Literal["in", "out", "both"] = "both"
    action: GuardAction = "flag"
    kinds: tuple[str, ...] = ()
    excepted: tuple[str, ...] = ()
    provenance: tuple[Provenance, ...] = ()
    on_error: Literal["closed", "open"] | None = None
    timeout_ms: Annotated[int, Meta(ge=1, le=60_000)] = 250
    shadow: _Share = 0.0
    sample: _Share = 1.0
    threshold: _Share | None = None
    when: Literal["before", "after"] | None = None
    reversible: bool = False
    message: Annotated[str, Meta(max_length=2000)] = ""
    options: dict[str, Any] = {}


class ToolRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a model may call. `allowed`: names (patterns with `*`; None: all), `denied` never; `schemas`: name -> JSON
    Schema that its arguments must meet. `sends`: tools that bring things out; once untrusted text (of tools, of
    retrieval) is in the context, `untrusted` follows for them. Limits of a session (`genaiops.session` of the calls),
    by the day (UTC): `steps` of the model, `seconds` from its first call, `cost` in the currency of its prices. Beyond
    them `flag` notes the call, and what is severer refuses it. `session`: whether a call that names none is refused, or
    goes on without such limits."""

    allowed: tuple[str, ...] | None = None
    denied: tuple[str, ...] = ()
    schemas: dict[str, dict[str, Any]] = {}
    sends: tuple[str, ...] = ()
    action: GuardAction = "block"
    untrusted: GuardAction = "flag"
    steps: Annotated[int, Meta(ge=1)] | None = None
    seconds: Annotated[int, Meta(ge=1)] | None = None
    cost: str | None = None
    session: Literal["optional", "required"] = "optional"


class GuardPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A version of the artifact `policy/NAME`. `spotlight`: how untrusted text is marked for the model (Hines et al.,
    2024, arXiv 2403.14720): `delimit` puts it between marks that the request makes up, `mark` puts one between its
    words, `encode` sends it as base64. `longest`: characters that the texts of a request may have together."""

    kind: Literal["guard"] = "guard"
    description: Annotated[str, Meta(max_length=2000)] = ""
    rules: Annotated[tuple[GuardRule, ...], Meta(max_length=200)] = ()
    tools: ToolRules | None = None
    spotlight: Literal["off", "delimit", "mark", "encode"] = "off"
    longest: Annotated[int, Meta(ge=1)] | None = None


class GuardVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version as the gateway's workers need it; `aliases` are those that point to it."""

    name: str
    digest: str
    aliases: tuple[str, ...] = ()
    policy: GuardPolicy


class InForce(msgspec.Struct, frozen=True, array_like=True):
    """A guard policy that held for a call. `reference`: as a key, an environment, a route or a release names it
    (`strict@current`, `strict@sha256:...`); `digest`: of the version that this was then."""

    reference: str
    digest: str

    @property
    def name(self) -> str:
        return self.reference.partition("@")[0]


class GuardEvent(msgspec.Struct, frozen=True, array_like=True):
    """What one rule said of one call in one direction. `action` is what followed (`allow`: nothing was found, which is
    only noted when the rule was slow or failed); of a rule in shadow, what would have. `kinds`: what was found -> how
    often. `places`: where, for people. `score`: of a classifier. `error`: why it could not say."""

    policy: str
    """name@digest"""
    rule: str
    detector: str
    direction: Direction
    action: GuardAction
    kinds: dict[str, int] = {}
    provenance: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    shadow: bool = False
    score: float | None = None
    duration_us: int = 0
    error: str | None = None


class PendingJudgement(msgspec.Struct, frozen=True):
    """A call that has ended and that rules (`name@digest#rule`) have yet to look at. `call_id`: its root span."""

    trace_id: bytes
    call_id: bytes
    start_us: int
    rules: tuple[str, ...]


SESSION_RULE = "tools.session"
"""The id under which the limits of a session stand in events."""

DEFAULT_GUARD = "default"
"""The policy (`policy/default@current`) of keys and environments that name none."""
