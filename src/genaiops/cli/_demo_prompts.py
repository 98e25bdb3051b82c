"""Which calls the demonstration makes: drawn from prompts in data/demo.toml, the same ones for the same seed."""

import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, Literal

import msgspec

Kind = Literal["chat", "stream", "embeddings", "unknown model", "over budget", "malformed"]

SMALL_BUDGET = "demo-small-budget"
_WEIGHTS: Mapping[Kind, int] = {
    "chat": 32,
    "stream": 34,
    "embeddings": 22,
    "unknown model": 4,
    "over budget": 5,
    "malformed": 3,
}
_LONGEST_ANSWERS = (16, 24, 40, 64)
_USERS = ("ada", "ben", "chidi", "dana", "emre")


class TeamPrompts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one team asks, in the name of which application."""

    title: str
    application: str
    system: str
    prompts: tuple[str, ...]
    follow_ups: tuple[str, ...]
    texts: tuple[str, ...]


class PlannedCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call: with which key, to which path, with which body. `expected`: the statuses that are no surprise."""

    kind: Kind
    key: str
    path: str
    body: dict[str, Any]
    expected: tuple[int, ...]

    @property
    def streams(self) -> bool:
        return self.kind == "stream"


class Models(msgspec.Struct, frozen=True):
    """The names to call; None where the installation has none of the kind."""

    chat: str | None
    embeddings: str | None


def read_prompts() -> Mapping[str, TeamPrompts]:
    """Name of a team -> what it asks."""
    text = files("genaiops.cli").joinpath("data/demo.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, TeamPrompts])


def plan(models: Models, calls: int, seed: int) -> Iterator[PlannedCall]:
    """So many calls. The first ones are one of each kind, so that a short run shows everything, too."""
    chance = random.Random(seed)
    teams = read_prompts()
    kinds: list[Kind] = [kind for kind in _WEIGHTS if _is_possible(kind, models)]
    weights = [_WEIGHTS[kind] for kind in kinds]
    for number in range(calls):
        kind = kinds[number] if number < len(kinds) else chance.choices(kinds, weights)[0]
        name = chance.choice(list(teams))
        yield _call(kind, name, teams[name], models, chance)


def _is_possible(kind: Kind, models: Models) -> bool:
    if kind == "embeddings":
        return models.embeddings is not None
    return models.chat is not None or kind in {"unknown model", "malformed"}


def _call(kind: Kind, team: str, prompts: TeamPrompts, models: Models, chance: random.Random) -> PlannedCall:
    if kind == "embeddings":
        texts = chance.sample(prompts.texts, chance.randint(1, len(prompts.texts)))
        body: dict[str, Any] = {"model": models.embeddings, "input": texts}
        return PlannedCall(kind=kind, key=f"demo-{team}", path="/v1/embeddings", body=body, expected=(200,))
    body = {
        "model": models.chat or "no-such-model",
        "messages": _messages(prompts, chance),
        "max_tokens": chance.choice(_LONGEST_ANSWERS),
        "temperature": round(chance.uniform(0, 1), 1),
        "user": chance.choice(_USERS),
    }
    key, expected = f"demo-{team}", (200,)
    if kind == "stream":
        body["stream"] = True
    elif kind == "unknown model":
        body["model"], expected = "gpt-imaginary", (404,)
    elif kind == "over budget":
        key, expected = SMALL_BUDGET, (429,)
    elif kind == "malformed":
        body["messages"], expected = "not a list", (400,)
    return PlannedCall(kind=kind, key=key, path="/v1/chat/completions", body=body, expected=expected)


def _messages(prompts: TeamPrompts, chance: random.Random) -> Sequence[dict[str, str]]:
    messages = [{"role": "system", "content": prompts.system}]
    messages.append({"role": "user", "content": chance.choice(prompts.prompts)})
    if chance.random() < 0.25:
        messages.append({"role": "assistant", "content": "Of course."})
        messages.append({"role": "user", "content": chance.choice(prompts.follow_ups)})
    return messages
