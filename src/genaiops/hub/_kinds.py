"""What the Hub knows of each kind of artifact: how manifests are checked, completed, compared and made of others."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from genaiops.core.errors import UsageError
from genaiops.domain import ArtifactKind, Relation
from genaiops.domain.experiments import LiveFacts
from genaiops.ports.records import View

Manifest = Mapping[str, Any]


def _as_it_is(_: View, __: str, manifest: Manifest) -> dict[str, Any]:
    return dict(manifest)


def _whole(manifest: Manifest) -> Manifest:
    return manifest


def _alone(_: Manifest) -> Sequence[tuple[Relation, str]]:
    return ()


def _free(_: View, __: str) -> None:
    """Nothing needs it."""


def _not_live(_: Manifest, name: str, __: Callable[[str], Manifest]) -> LiveFacts:
    raise UsageError(f"{name!r} is nothing that could look at live calls.", remedy="Name a suite.", param="suite")


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """`prepare(view, name, manifest)`: the manifest that is kept, or a UsageError. `compared`: what of it a diff looks
    at. `made_of`: ids of versions that it is made of, and how. `check_alias_removal(view, alias_id)`: Conflict while
    something needs that alias. `live(manifest, check, judge)`: what a check of it is on live calls, or a UsageError;
    `judge` reads a version of a judge."""

    prepare: Callable[[View, str, Manifest], dict[str, Any]] = _as_it_is
    compared: Callable[[Manifest], Manifest] = _whole
    made_of: Callable[[Manifest], Sequence[tuple[Relation, str]]] = _alone
    check_alias_removal: Callable[[View, str], None] = _free
    live: Callable[[Manifest, str, Callable[[str], Manifest]], LiveFacts] = _not_live


PLAIN = Kind()
"""Of a kind that nobody declared: any manifest will do."""

_STORED = frozenset({"chunks", "format"})
"""How the rows of a dataset are kept, which says nothing to people; their diff is one of rows."""


def _described(manifest: Manifest) -> Manifest:
    return {name: value for name, value in manifest.items() if name not in _STORED}


DATASET = Kind(compared=_described)
Kinds = Mapping[ArtifactKind, Kind]
NO_KINDS: Kinds = MappingProxyType({})
