"""Where a call may go at all: regions that a route or a key insists on, tags that a request asks for. They only ever
take targets away, and when none is left the call is refused: never served elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any

from genaiops.core.errors import Forbidden, Unavailable, UsageError
from genaiops.domain import KeyEntry, Target
from genaiops.gateway.plan import Lineup, Named

HEADER = b"x-genaiops-tags"
METADATA = "genaiops_tags"
"""Of OpenAI's `metadata`, whose values are texts: tags with commas between them."""
_MOST = 16
_LONGEST = 1024


def tags_of(header: bytes | None, metadata: Mapping[str, Any] | None) -> frozenset[str]:
    """What a request asks for: in the header, in the body, or both (then for all of it)."""
    texts = [] if header is None else [header.decode("latin-1")]
    if metadata is not None and METADATA in metadata:
        texts.append(_in_metadata(metadata[METADATA]))
    tags = frozenset(tag for text in texts for tag in (part.strip() for part in text.split(",")) if tag)
    if len(tags) > _MOST or sum(map(len, texts)) > _LONGEST:
        raise UsageError(
            f"The request asks for more than {_MOST} tags.",
            remedy="Ask for fewer.",
            param=METADATA,
            code="invalid_value",
        )
    return tags


def _in_metadata(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    raise UsageError(
        f"`metadata.{METADATA}` is no text.",
        remedy="Write the tags with commas between them.",
        param=f"metadata.{METADATA}",
        code="invalid_value",
    )


def labels(target: Target) -> frozenset[str]:
    """The target's tags; its region is one, as `region:NAME`."""
    own = () if target.region is None else (f"region:{target.region}",)
    return frozenset((*target.tags, *own))


def with_tags(lineup: Lineup, key: KeyEntry, tags: frozenset[str]) -> Lineup:
    """Forbidden for tags that are not the key's, Unavailable when no target has all of them."""
    beyond = sorted(tags.difference(key.tags)) if key.tags else []
    if beyond:
        raise Forbidden(
            f"The API key {key.key_name!r} may not ask for the tag {beyond[0]!r}.",
            remedy=f"It may ask for {_listed(key.tags)}.",
            code="tag_not_allowed",
            param=METADATA,
        )
    found = lineup.only(frozenset(one.target.id for one in lineup.all if tags <= labels(one.target)))
    if found.all:
        return found
    known = sorted({label for one in lineup.all for label in labels(one.target)})
    raise Unavailable(
        f"No target of {lineup.name!r} that this key may use has the tags {_listed(sorted(tags))}.",
        remedy=f"There are {_listed(known)}." if known else "Its targets have no tags.",
        code="no_target_with_tags",
        param=METADATA,
    )


def in_regions(lineup: Lineup, key: KeyEntry) -> Lineup:
    """Forbidden when no target is in the key's regions."""
    found = lineup.only(frozenset(one.target.id for one in lineup.all if one.target.region in key.regions))
    if found.all:
        return found
    raise Forbidden(
        f"The API key {key.key_name!r} may only be used in the region {_listed(key.regions)}, and no target of "
        f"{lineup.name!r} is there.",
        remedy="Call another model, or have a target there made.",
        code="region_not_allowed",
        param="model",
    )


def near(named: Named, regions: Sequence[str]) -> bool:
    """Whether some target behind the name is in these regions (empty: anywhere)."""
    return not regions or any(one.target.region in regions for lineup in named.lineups.values() for one in lineup.all)


def no_region(name: str, regions: Sequence[str]) -> Unavailable:
    return Unavailable(
        f"{name!r} is only served from the region {_listed(regions)}, and no target there is enabled.",
        remedy="Enable one there.",
        code="region_unavailable",
        param="model",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
