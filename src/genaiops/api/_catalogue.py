"""`/api/catalogue`, `/api/presets`: facts that come with the program, to make targets from."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from genaiops.api._access import needs
from genaiops.api._checking import choices
from genaiops.api._documents import Listing
from genaiops.core.errors import UsageError
from genaiops.domain import Operation
from genaiops.hub import (
    Ability,
    CatalogueModel,
    ModelState,
    Preset,
    catalogue_checked,
    catalogue_model,
    preset,
    presets,
)
from genaiops.hub import catalogue as all_models


class CatalogueDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A model under its provider's name; null: not known. An ability that is not listed may be there all the same.
    `checked` is the day whose facts these are, `retires` the day from which its provider does not answer for it."""

    name: str
    maker: str
    provider: str
    presets: Sequence[str]
    operations: Sequence[str]
    context_window: int | None
    max_output: int | None
    abilities: Sequence[Ability]
    open_weights: bool | None
    licence: str | None
    state: ModelState
    retires: str | None
    note: str
    source: str
    checked: str


class PresetDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a target at a service needs besides its model. `REGION` in `base_url` is the caller's to replace; `secret`
    is the usual name of the credential."""

    name: str
    title: str
    provider: str
    base_url: str
    secret: str | None
    operations: Sequence[Operation]
    settings: dict[str, str]
    stream_usage: bool
    note: str
    source: str


class CatalogueController(Controller):
    path = "/catalogue"
    tags = ("Models",)

    @get(
        summary="List known models",
        guards=[needs("read")],
    )
    async def list(
        self,
        provider: FromQuery[str | None] = None,
        preset: FromQuery[str | None] = None,
        ability: FromQuery[str | None] = None,
    ) -> Listing[CatalogueDocument]:
        """Facts about models, whether or not a target serves them; all given conditions hold together."""
        _check("provider", provider, {model.provider for model in all_models()})
        _check("preset", preset, {each.name for each in presets()})
        _check("ability", ability, get_args(Ability))
        return Listing(
            [
                _shown(model)
                for model in all_models()
                if provider in {None, model.provider}
                and (preset is None or preset in model.presets)
                and (ability is None or ability in model.abilities)
            ]
        )

    @get(
        "/{name:path}",
        summary="One known model",
        guards=[needs("read")],
    )
    async def one(self, name: FromPath[str]) -> CatalogueDocument:
        """By its provider's name."""
        return _shown(catalogue_model(name[1:]))


class PresetsController(Controller):
    path = "/presets"
    tags = ("Models",)

    @get(
        summary="List presets",
        guards=[needs("read")],
    )
    async def list(self) -> Listing[PresetDocument]:
        """Services that a target can be made for by their name."""
        return Listing([_shown_preset(each) for each in presets()])

    @get(
        "/{name:str}",
        summary="One preset",
        guards=[needs("read")],
    )
    async def one(self, name: FromPath[str]) -> PresetDocument:
        """By its name."""
        return _shown_preset(preset(name))


def _check(param: str, value: str | None, known: Collection[str]) -> None:
    if value is not None and value not in known:
        raise UsageError(f"The catalogue knows no {param} {value!r}.", remedy=choices(value, known), param=param)


def _shown(model: CatalogueModel) -> CatalogueDocument:
    fields: dict[str, Any] = msgspec.structs.asdict(model)
    del fields["retired"]
    fields["retires"] = model.retires.isoformat() if model.retires is not None else None
    today = datetime.now(UTC).date()
    return CatalogueDocument(**fields, state=model.state(today), checked=catalogue_checked().isoformat())


def _shown_preset(found: Preset) -> PresetDocument:
    return PresetDocument(**msgspec.structs.asdict(found))
