"""`GET /v1/models` and `/v1beta/models`: what a key may call, in OpenAI's shape and in Google's."""

from typing import Any
from urllib.parse import parse_qs

import msgspec

from genaiops.core.clock import now_us
from genaiops.core.errors import GenaiopsError, NotFound, UsageError
from genaiops.domain import Operation
from genaiops.gateway.admit import Grant
from genaiops.gateway.conditions import near
from genaiops.gateway.deployed import PREFIX, Deployed, Released
from genaiops.gateway.endpoints import Place
from genaiops.gateway.failure import of_error
from genaiops.gateway.gemini_speech import GEMINI
from genaiops.gateway.outside import identity, refuse_plainly
from genaiops.gateway.plan import Named, Plan
from genaiops.gateway.releasing import callable_by, reached
from genaiops.http1 import Exchange

_PAGE = 50
_LONGEST_PAGE = 1000
_METHODS: tuple[tuple[Operation, tuple[str, ...]], ...] = (
    ("chat", ("generateContent", "streamGenerateContent", "countTokens")),
    ("embeddings", ("embedContent", "batchEmbedContents")),
)


class Model(msgspec.Struct, frozen=True):
    """`operations` and `kind` (`route`, `model` or `application`) are ours; the rest is OpenAI's."""

    id: str
    object: str
    created: int
    owned_by: str
    kind: str
    operations: tuple[str, ...]


class ModelList(msgspec.Struct, frozen=True):
    object: str
    data: list[Model]


def respond(exchange: Exchange, grant: Grant, place: Place) -> None:
    """All models, or the one that the path names, in the words of the place."""
    gemini = place.speech is GEMINI
    try:
        grant.check(exchange.peer, now_us())
        if place.model is not None:
            data = _one(grant, place.model, gemini=gemini)
        else:
            data = _page(grant, exchange.query) if gemini else listing(grant)
    except GenaiopsError as error:
        refuse_plainly(exchange, of_error(error), speech=place.speech)
        return
    exchange.respond(200, identity()[1], data)


def listing(grant: Grant) -> bytes:
    models = [_model(named) for named in grant.names()]
    models += [
        _application(grant.plan, one, release, name)
        for one, release in callable_by(grant)
        for name in (one.name.partition("@")[0], one.name)
    ]
    return msgspec.json.encode(ModelList("list", models))


def _one(grant: Grant, name: str, *, gemini: bool) -> bytes:
    """An application is told in OpenAI's words by its first release, in Google's by that release's model."""
    if not name.startswith(PREFIX):
        named = _find(grant, name)
        return msgspec.json.encode(_gemini_model(named) if gemini else _model(named))
    deployed = reached(grant, name)
    release = deployed.releases[0]
    if not gemini:
        return msgspec.json.encode(_application(grant.plan, deployed, release, name))
    return msgspec.json.encode(_gemini_model(_find(grant, release.model)) | {"name": f"models/{name}"})


def _find(grant: Grant, name: str) -> Named:
    """NotFound also for a name that exists but this key may not call."""
    named = grant.plan.names.get(name)
    if named is None or not named.lineups or not grant.may_name(named) or not near(named, grant.entry.regions):
        raise NotFound(
            f"There is no model or route {name!r} for this key.",
            remedy="GET /v1/models lists what it may call.",
            code="model_not_found",
            param="model",
        )
    return named


def _application(plan: Plan, one: Deployed, release: Released, name: str) -> Model:
    """Its time is that of the deployment."""
    named = plan.names.get(release.model)
    operations = tuple(named.lineups) if named is not None else ()
    return Model(name, "model", one.since_us // 1_000_000, "genaiops", "application", operations)


def _model(named: Named) -> Model:
    providers = {one.target.provider for lineup in named.lineups.values() for one in lineup.all}
    owner = providers.pop() if len(providers) == 1 else "genaiops"
    kind = "route" if named.route else "model"
    return Model(named.name, "model", named.created_us // 1_000_000, owner, kind, tuple(named.lineups))


def _page(grant: Grant, query: bytes) -> bytes:
    """Google's list: `pageSize` (50, at most 1000) names after `pageToken`, which is the last name before."""
    fields = parse_qs(query.decode("latin-1"))
    size = fields.get("pageSize", [str(_PAGE)])[0]
    if not size.isdecimal() or int(size) < 1:
        raise UsageError("'pageSize' is not a number above 0.", remedy="Send 1 to 1000.", param="pageSize")
    after = fields.get("pageToken", [""])[0]
    able = [one for one in grant.names() if one.name > after and any(name in one.lineups for name, _ in _METHODS)]
    page = able[: min(int(size), _LONGEST_PAGE)]
    made: dict[str, Any] = {"models": [_gemini_model(named) for named in page]}
    if len(page) < len(able):
        made["nextPageToken"] = page[-1].name
    return msgspec.json.encode(made)


def _gemini_model(named: Named) -> dict[str, Any]:
    """What is not known of its limits is left out."""
    targets = [one.target for lineup in named.lineups.values() for one in lineup.all]
    windows = [target.context_window for target in targets if target.context_window is not None]
    made: dict[str, Any] = {
        "name": f"models/{named.name}",
        "displayName": named.name,
        "description": "A route of this gateway." if named.route else "A model behind this gateway.",
        "supportedGenerationMethods": [
            method for operation, methods in _METHODS if operation in named.lineups for method in methods
        ],
    }
    if windows and len(windows) == len(targets):
        made["inputTokenLimit"] = min(windows)
    if "chat" in named.lineups:
        made["outputTokenLimit"] = min(one.target.max_output_tokens for one in named.lineups["chat"].all)
    return made
