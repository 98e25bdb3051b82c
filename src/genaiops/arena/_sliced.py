"""What checks measured, group by group: by fields of the cases' metadata, and by slices (`race:black` is the group
`black` by `race`; a slice without a colon is a group by `slice`)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from genaiops.arena._rescoring import Figure, figures
from genaiops.arena._tables import Tables
from genaiops.core.errors import UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import Suite

BARE: Final = "slice"
_MOST: Final = 20
_MOST_ASKED: Final = 200


class Sliced(msgspec.Struct, frozen=True, kw_only=True):
    """A group of `cases` cases, and what a check measured of a target in it, with bounds of its own."""

    by: str
    group: str
    cases: int
    figure: Figure


def sliced(suite: Suite, tables: Tables, by: Sequence[str] = ()) -> list[Sliced]:
    """By each of `by`; without any, by all that tells 2 to 20 groups apart. Metrics over all cases together are left
    out: those of groups say their groups themselves. UsageError for what tells no groups, or more than 200."""
    found = _groups(tables)
    for name in by:
        if name not in found:
            raise UsageError(
                f"No case has {name[:80]!r} in its metadata, nor among its slices.",
                remedy=suggestion(name, set(found)) if found else "Give cases metadata, or slices such as race:black.",
                param="by",
            )
        if len(found[name]) > _MOST_ASKED:
            raise UsageError(
                f"{name!r} tells {len(found[name])} groups apart, and a table has {_MOST_ASKED} at most.",
                remedy="Take a field of fewer values.",
                param="by",
            )
    least = {BARE: 1}
    chosen = by or [name for name, groups in found.items() if least.get(name, 2) <= len(groups) <= _MOST]
    return [
        Sliced(by=name, group=group, cases=len(ids), figure=figure)
        for name in dict.fromkeys(chosen)
        for group, ids in sorted(found[name].items())
        for figure in figures(suite, tables, within=set(ids))
        if figure.n or figure.missing  # of a check of other slices there is nothing to say
    ]


def _groups(tables: Tables) -> Mapping[str, Mapping[str, Mapping[str, None]]]:
    """What tells groups apart -> group -> its cases."""
    found: dict[str, dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for case in tables.cases.values():
        for name, value in case.metadata.items():
            if isinstance(value, str | int):
                found[name][str(value)][case.id] = None
        for each in case.slices:
            name, mark, value = each.partition(":")
            found[name if mark else BARE][value if mark else name][case.id] = None
    return found
