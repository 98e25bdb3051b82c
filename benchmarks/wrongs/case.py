"""The words of this benchmark: a case, the targets and keys it needs, and what was found."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Literal, Protocol

import msgspec

from benchmarks.wrongs.client import Reply
from benchmarks.wrongs.upstream import Script, Upstream

Provider = Literal["openai", "anthropic"]
Word = Literal["right", "wrong", "not supported", "needs a database", "unclear"]

OPENAI_MODEL = "gpt-4o-mini"
ANTHROPIC_MODEL = "claude-sonnet-4-5"

RATES: Mapping[str, Decimal] = {
    "input": Decimal(1),
    "output": Decimal(10),
    "cache_read": Decimal("0.1"),
    "cache_write": Decimal("1.25"),
    "cache_write_1h": Decimal(2),
}
"""USD a million tokens, of every target that has a price: the same in each gateway."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A model that clients call by `name` (of the whole benchmark: one word, no slash), and the script behind it.
    `upstream_model` is the provider's name for it; where `same_name`, clients call it by that."""

    name: str
    script: Script
    provider: Provider = "openai"
    upstream_model: str = ""
    priced: bool = True
    fallback: str | None = None
    retries: int = 0
    embeddings: bool = False

    @property
    def model(self) -> str:
        return self.upstream_model or (OPENAI_MODEL if self.provider == "openai" else ANTHROPIC_MODEL)


class KeyWish(msgspec.Struct, frozen=True, kw_only=True):
    """A virtual key with a hard budget in USD, or a list of models."""

    name: str
    budget: str | None = None
    models: tuple[str, ...] = ()


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway noted of a call. `cost` in USD; None: it says that it does not know. `who`: whose call it was;
    `user`: an end user it takes for established."""

    ok: bool
    cost: Decimal | None
    input_tokens: int
    output_tokens: int
    status: str
    who: str
    user: str | None = None

    def __str__(self) -> str:
        cost = "unknown" if self.cost is None else f"{self.cost.normalize():f} USD"
        return f"noted as {self.status}, {self.input_tokens} + {self.output_tokens} tokens, {cost}"


class Gateway(Protocol):
    """What a case may do with a gateway. `key` raises Unsupported where it has no such keys."""

    name: str
    version: str
    setup: str
    upstream: Upstream

    def post(
        self,
        path: str,
        body: Any,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        until: bytes = b"",
    ) -> Reply: ...

    def at_once(self, count: int, path: str, body: Any, *, key: str) -> list[Reply]: ...
    def key(self, wish: str) -> str: ...
    def records(self, model: str, count: int = 1) -> list[Record]: ...
    def restart(self) -> None: ...


class Finding(msgspec.Struct, frozen=True):
    word: Word
    seen: str


class Unsupported(Exception):
    """The gateway has no such thing; the word says why."""

    def __init__(self, word: Word, why: str) -> None:
        super().__init__(why)
        self.word: Word = word


Check = Callable[[Gateway], Finding]


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """`source`: whose users complained about it, or what says that it should be so."""

    name: str
    what: str
    source: str
    check: Check
    targets: tuple[Target, ...] = ()
    keys: tuple[KeyWish, ...] = ()


def judged(right: bool, seen: object) -> Finding:
    return Finding("right" if right else "wrong", str(seen))


def price_of(**tokens: int) -> Decimal:
    """USD of so many tokens by bucket: `price_of(input=200, cache_read=800, output=100)`."""
    return sum((RATES[bucket] * count for bucket, count in tokens.items()), Decimal(0)) / 1_000_000
