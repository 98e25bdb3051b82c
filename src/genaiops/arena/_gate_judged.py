"""Differences by a judge, corrected by what people said of both answers of some of the cases."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from genaiops.arena._gate_subject import Subject
from genaiops.arena._tables import Column
from genaiops.checks.statistics import Comparison
from genaiops.checks.statistics.corrected import FEWEST, Corrected, corrected
from genaiops.core.errors import UsageError


def judged_against(subject: Subject, baseline: str) -> tuple[Comparison, int] | str:
    """The difference that people would see, and how many cases have no value; a text says why it is not known. More is
    better in the difference and its bounds. Cases without a value lie at the end of the range that is worse for what is
    to be shown."""
    return judged_difference(subject, Beyond(subject.column(), subject.people()), _of(subject, baseline), subject.ids)


class Beyond(NamedTuple):
    """Of one side: what the judge says, and people of some of it."""

    column: Column
    people: Mapping[str, float]


def _of(subject: Subject, target: str) -> Beyond:
    return Beyond(subject.column(target), subject.people(target))


def judged_difference(
    subject: Subject, ours: Beyond, theirs: Beyond, wanted: Sequence[str]
) -> tuple[Comparison, int] | str:
    """Likewise, of two sides that may be of two runs, over the cases `wanted`."""
    mine, other = ours.column, theirs.column
    both_lack = mine.missing & other.missing
    missing = len((mine.missing | other.missing) - both_lack)
    ids = [each for each in wanted if each in mine.values and each in other.values]
    sign = -1.0 if subject.falling else 1.0
    judged = [sign * (mine.values[each] - other.values[each]) for each in ids]
    people = [
        sign * (ours.people[each] - theirs.people[each]) if each in ours.people and each in theirs.people else None
        for each in ids
    ]
    labelled = sum(each is not None for each in people)
    if labelled < FEWEST:
        return (
            f"Of {labelled} of {len(ids)} cases people labelled both answers. A judge's difference is corrected by "
            f"{FEWEST} at least: label both answers of cases that are drawn by lot, and calibrate the judge by them. "
            'With judges = "as_said" in [gate] its own verdicts are compared.'
        )
    share = missing / (missing + len(ids))
    reached = share / (1 - share)
    clusters = subject.tables.clusters(ids)
    try:
        said = corrected(judged, people, clusters, least=-1.0, most=1.0, alpha=subject.alpha, at=reached)
    except UsageError as error:
        return error.message
    means = _mean(mine.values, ids), _mean(other.values, ids)
    return _comparison(means, judged, said, share), missing


def _mean(values: Mapping[str, float], ids: Sequence[str]) -> float:
    return sum(values[each] for each in ids) / len(ids)


def _comparison(means: tuple[float, float], judged: Sequence[float], said: Corrected, share: float) -> Comparison:
    """`share`: of the cases, that without a value. Wins, losses and both `means` are the judge's."""
    over = f" over {said.clusters} clusters" if said.clusters < said.n else ""
    wins, losses = sum(each > 0 for each in judged), sum(each < 0 for each in judged)
    return Comparison(
        n=said.n,
        clusters=said.clusters,
        candidate=means[0],
        baseline=means[1],
        difference=said.mean,
        low=(1 - share) * said.low - share,
        high=(1 - share) * said.high + share,
        alpha=said.alpha,
        wins=wins,
        losses=losses,
        ties=said.n - wins - losses,
        p_better=said.p_above,
        method=f"PPI++ over {said.labels} labelled cases, the judge's weight {said.weight:.2g} (Gaffke){over}",
    )
