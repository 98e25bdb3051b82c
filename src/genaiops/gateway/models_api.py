"""`GET /v1/models`: what a key may call, in OpenAI's shape."""

import msgspec

from genaiops.core.errors import NotFound
from genaiops.gateway.admit import Grant
from genaiops.gateway.conditions import near
from genaiops.gateway.plan import Named


class Model(msgspec.Struct, frozen=True):
    """`operations` and `kind` (`route` or `model`) are ours; the rest is OpenAI's."""

    id: str
    object: str
    created: int
    owned_by: str
    kind: str
    operations: tuple[str, ...]


class ModelList(msgspec.Struct, frozen=True):
    object: str
    data: list[Model]


def listing(grant: Grant) -> bytes:
    return msgspec.json.encode(ModelList("list", [_model(named) for named in grant.names()]))


def single(grant: Grant, name: str) -> bytes:
    """NotFound also for a name that exists but this key may not call."""
    named = grant.plan.names.get(name)
    if named is None or not named.lineups or not grant.may_name(named) or not near(named, grant.entry.regions):
        raise NotFound(
            f"There is no model or route {name!r} for this key.",
            remedy="GET /v1/models lists what it may call.",
            code="model_not_found",
            param="model",
        )
    return msgspec.json.encode(_model(named))


def _model(named: Named) -> Model:
    providers = {one.target.provider for lineup in named.lineups.values() for one in lineup.all}
    owner = providers.pop() if len(providers) == 1 else "genaiops"
    kind = "route" if named.route else "model"
    return Model(named.name, "model", named.created_us // 1_000_000, owner, kind, tuple(named.lineups))
