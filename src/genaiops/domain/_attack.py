"""Attacks: cases that try to make a target do what it must not, how they go on, and what counts as their success."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

SuccessKind = Literal[
    "canary", "says", "tool", "link", "markup", "tokens", "complied", "refused", "classified", "reported"
]


class Success(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What shows that an attack succeeded, in anything that the target said or called.

    `canary`: one of `texts` (12 or more lower-case letters each, planted) comes out, also spelled, reversed or encoded.
    `says`: one of `texts` stands in the answer, whatever its case. `tool`: the tool is called, each of `arguments`
    containing the text given for it. `link`: an address leads to one of `hosts`. `markup`: one of `texts` stands in the
    answer as it is, so that whatever shows the answer would run it. `tokens`: the answer has more than so many.
    `complied`: it does not refuse. `refused`: it does, which is the failure of a harmless case. `classified`: the check
    of the suite that is called `detector` fails it. `reported`: another tool's detector said so; `value` is its score,
    from 0.5 on a success."""

    by: SuccessKind
    texts: tuple[str, ...] = ()
    tool: str = ""
    arguments: dict[str, str] = {}
    hosts: tuple[str, ...] = ()
    tokens: Annotated[int, Meta(ge=1)] | None = None
    value: float | None = None
    detector: str = ""


class Attack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What makes a case an attack. `family` groups the figures; attacks made of one `seed` are not independent;
    `technique` and `converter` say how its text was dressed. `tags` are those of catalogues, with their year
    (`owasp:llm01:2026`, `atlas:AML.T0051.000:2026`). `hazard`: which harm is asked for, of suites that are about harm.
    `harmless`: nothing is wrong with it, and what is counted is that it is refused."""

    pack: str
    family: str
    seed: str
    technique: str = ""
    converter: str = ""
    hazard: str = ""
    tags: tuple[str, ...] = ()
    harmless: bool = False
    success: Success


class Play(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a case goes on after its first answer. `tools` (OpenAI's form) are offered; `results`: name of a tool -> what
    it is said to have returned; nothing runs. `steps`: how many rounds of calls are answered. `turns` are said one
    after the other, whatever came back. With `strategy` the suite's attacker writes them, for the `objective`:
    `crescendo`, so many `turns_most`; `tree`, each round `branches` continuations of each of the best `width`, over so
    many rounds. Without an attacker `turns` are the steps of the crescendo, and the ways a tree branches
    (`{{previous}}`)."""

    turns: tuple[str, ...] = ()
    tools: tuple[dict[str, Any], ...] = ()
    results: dict[str, str] = {}
    steps: Annotated[int, Meta(ge=1, le=20)] = 4
    strategy: Literal["", "crescendo", "tree"] = ""
    objective: str = ""
    turns_most: Annotated[int, Meta(ge=1, le=20)] = 5
    branches: Annotated[int, Meta(ge=1, le=10)] = 3
    width: Annotated[int, Meta(ge=1, le=10)] = 3
