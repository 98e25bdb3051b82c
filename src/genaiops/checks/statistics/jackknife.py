"""How sure a figure is that is made of all cases at once (an AUC, a corpus BLEU): each group of cases is left out in
turn, and the figures that remain say how much it varies (the delete-a-group jackknife: Kott, "The delete-a-group
jackknife", Journal of Official Statistics 17, 2001). For smooth figures; a median or a maximum is none."""

from collections.abc import Sequence
from math import sqrt
from random import Random
from typing import Final

from genaiops.core.errors import UsageError

GROUPS: Final = 20


def in_groups(clusters: Sequence[str], *, seed: int = 0, most: int = GROUPS) -> list[list[int]]:
    """Places, so that those of one cluster stand in one group, drawn at random; as many groups as there are clusters,
    and at most `most`."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(clusters):
        places.setdefault(name, []).append(place)
    names = list(places)
    Random(seed).shuffle(names)
    number = min(most, len(names))
    return [[place for name in names[at::number] for place in places[name]] for at in range(number)]


def jackknife(whole: float, without: Sequence[float], *, alpha: float = 0.05) -> tuple[float, float]:
    """One-sided bounds, each at 1 - `alpha`, of a figure, by those `without` each group: standard error
    sqrt((G - 1) / G sum (without_g - mean)^2), Student's t with G - 1 degrees. UsageError for fewer than two groups,
    and when all figures are one: nothing that varies says how sure it is."""
    number = len(without)
    if number < 2:
        raise UsageError("One independent case says nothing of how sure its value is.", remedy="Add cases.")
    from scipy.special import stdtrit

    mean = sum(without) / number
    error = sqrt((number - 1) / number * sum((each - mean) ** 2 for each in without))
    if error == 0:
        raise UsageError("The figure is the same whichever cases are left out.", remedy="Add cases that differ.")
    half = float(stdtrit(number - 1, 1 - alpha)) * error
    return whole - half, whole + half
