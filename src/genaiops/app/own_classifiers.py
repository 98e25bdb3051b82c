"""The classifiers that come with the program, as models of the Hub: their cards are the manifests of their versions."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Final, cast

import msgspec

from genaiops.core.digest import digest_bytes
from genaiops.hub import OwnModel

_PLACE: Final = ("genaiops.checks", "classifying", "data")
_LICENCE: Final = "Apache-2.0"
"""Of the weights, which are part of this program; those of what they were trained on stand beside each source."""


def own_classifiers() -> Iterator[OwnModel]:
    """One for each card. What they were trained on, how good they are and where they fail stands in the manifest."""
    folder = files(_PLACE[0]).joinpath(*_PLACE[1:])
    for place in sorted(folder.iterdir(), key=lambda each: each.name):
        if place.name.endswith(".json"):
            raw = place.read_bytes()
            card = _card(msgspec.json.decode(raw, type=dict[str, Any]))
            beside = folder.joinpath(place.name.replace(".json", ".npz"))
            weights = (
                {"name": beside.name, "digest": digest_bytes(beside.read_bytes())}
                if beside.is_file()
                else {
                    "name": place.name,
                    "digest": digest_bytes(raw),
                }
            )
            manifest = {"kind": "classifier", "licence": _LICENCE, "files": [weights], "card": card}
            yield OwnModel(
                name=f"guard-{card['name']}",
                title=f"Classifier of the guard: {card['question']}",
                manifest=manifest,
                trained_on=tuple(
                    f"package/{source['origin'].partition(':')[0].strip().replace(' ', '@')}"
                    for source in card["sources"]
                    if source["used_for"] == "training" and source["origin"].partition(":")[0].count(" ") == 1
                ),
            )


def _card(document: dict[str, Any]) -> dict[str, Any]:
    """A card may stand beside a few numbers of what it is about."""
    return cast("dict[str, Any]", document.get("card", document))
