"""Facts about models and about services, as they come with the program: what could be called, and how to begin.

They are data (`hub/data/catalogue.toml`, `hub/data/presets.toml`). A target is made from them and then stands for
itself: a newer catalogue changes no target.
"""

import tomllib
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Literal, TypeVar

import msgspec

from genaiops.core.errors import NotFound
from genaiops.core.suggesting import suggestion
from genaiops.domain import Operation

Ability = Literal[
    "vision",
    "audio",
    "documents",
    "tools",
    "json_schema",
    "reasoning",
    "prompt_cache",
    "code",
    "fill_in_the_middle",
]
"""What a model takes or does; one that is not listed may be there all the same."""

ModelState = Literal["current", "ending", "retired"]


class CatalogueModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model under its provider's name. None: not known.

    `operations` may name some that no target takes yet. `presets`: services that have it under the same name. Windows
    and outputs are in tokens. `retires`: from that day on the provider does not answer for it.
    """

    name: str
    maker: str
    provider: str
    presets: tuple[str, ...] = ()
    operations: tuple[str, ...]
    context_window: int | None = None
    max_output: int | None = None
    abilities: tuple[Ability, ...] = ()
    open_weights: bool | None = None
    licence: str | None = None
    retires: date | None = None
    retired: bool = False
    note: str = ""
    source: str

    def state(self, today: date) -> ModelState:
        if self.retired or (self.retires is not None and self.retires <= today):
            return "retired"
        return "current" if self.retires is None else "ending"


class Preset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target at a service needs besides its model. `REGION` in `base_url` stands for the caller's. `secret` is
    the usual name of the credential (None: none is needed)."""

    name: str = ""
    title: str
    provider: str = "openai"
    base_url: str
    secret: str | None = None
    operations: tuple[Operation, ...]
    settings: dict[str, str] = {}
    stream_usage: bool = True
    note: str = ""
    source: str


class _Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    checked: date
    model: list[CatalogueModel]


class _Presets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    checked: date
    preset: dict[str, Preset]


Table = TypeVar("Table", _Catalogue, _Presets)


def _read(name: str, kind: type[Table]) -> Table:
    text = files("genaiops.hub").joinpath(f"data/{name}.toml").read_text(encoding="utf-8")
    found: dict[str, Any] = tomllib.loads(text)
    return msgspec.convert(found, kind)


@cache
def _catalogue() -> _Catalogue:
    return _read("catalogue", _Catalogue)


def catalogue() -> Sequence[CatalogueModel]:
    """All models, by maker as in the file."""
    return _catalogue().model


def catalogue_checked() -> date:
    """The day whose facts the catalogue has."""
    return _catalogue().checked


def catalogue_model(name: str) -> CatalogueModel:
    """NotFound with the nearest name."""
    return _named(name, catalogue(), "model in the catalogue")


@cache
def presets() -> Sequence[Preset]:
    """All presets, by name."""
    found = _read("presets", _Presets).preset
    return [msgspec.structs.replace(preset, name=name) for name, preset in sorted(found.items())]


def preset(name: str) -> Preset:
    """NotFound with the nearest name."""
    return _named(name, presets(), "preset")


Named = TypeVar("Named", CatalogueModel, Preset)


def _named(name: str, entries: Iterable[Named], word: str) -> Named:
    known = {entry.name: entry for entry in entries}
    if name not in known:
        raise NotFound(f"There is no {word} named {name!r}.", remedy=suggestion(name, known), param="name")
    return known[name]
