"""What people would say of what a judge judged, by the labels that it was held against."""

from collections.abc import Mapping
from typing import Final

import msgspec

from genaiops.arena._gate_subject import Subject
from genaiops.checks.statistics import Level
from genaiops.checks.statistics.corrected import FEWEST, corrected
from genaiops.core.errors import UsageError

NOT_CALIBRATED: Final = "not calibrated"


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Beside the judge's own figure: the one that people would give, with one-sided bounds, `labels` of theirs and the
    `method`. `mean` None: `why` says what stands against it."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    labels: int = 0
    method: str = ""
    why: str = ""


def of_people(subject: Subject, *, passes: bool | None = None) -> People | None:
    """None: it is not by a judge."""
    if not subject.by_judge:
        return None
    if why := distrusted(subject):
        return People(why=why)
    column = subject.column(passes=passes)
    if not column.values:
        return People(why="nothing was judged")
    people = subject.people(passes=passes)
    try:
        said, labels = people_level(subject, column.values, people, missing=len(column.missing), passes=passes)
    except UsageError as error:
        return People(why=f"{error.message} {error.remedy}".rstrip())
    return People(mean=said.mean, low=said.low, high=said.high, labels=labels, method=said.method)


def distrusted(subject: Subject) -> str:
    """Why labels correct nothing that a judge says; "": they do."""
    if not subject.calibrated:
        return NOT_CALIBRATED
    return "" if subject.card.decides else "not shown to agree with people more than chance would"


def people_level(
    subject: Subject,
    values: Mapping[str, float],
    people: Mapping[str, float],
    *,
    missing: int = 0,
    passes: bool | None = None,
) -> tuple[Level, int]:
    """The mean of what people would say of the cases, with its bounds over clusters, and by how many labels. `values`:
    what the judge says of each; `people`: what they said of some. Where that are fewer than ten, labels of other
    answers count as further cases. `missing`: cases without a value, which lie at the worse end for either bound.
    UsageError where labels say nothing of this."""
    if not values:
        raise UsageError("Nothing was judged.", remedy="See which answers are errors.")
    clusters = [*subject.tables.clusters(list(values))]
    judged, labels = list(values.values()), [people.get(case) for case in values]
    known = sum(label is not None for label in labels)
    what = f"{known} labelled cases"
    if known < FEWEST:
        _check_one_each(subject, passes)
        others = subject.elsewhere(passes=subject.passes if passes is None else passes)
        judged += [each.judged for each in others]
        labels += [each.people for each in others]
        clusters += [f"\0label {each.request}" for each in others]
        what = f"{known + len(others)} labelled answers"
    said = corrected(judged, labels, clusters, least=0.0, most=1.0, alpha=subject.alpha)
    n, share = len(values), missing / (missing + len(values))
    own = clusters[:n]
    groups = len({name for name in own if name}) + own.count("")
    over = f" over {groups} clusters" if groups < n else ""
    found = Level(
        n=n,
        clusters=groups,
        mean=said.mean,
        low=(1 - share) * said.low,
        high=(1 - share) * said.high + share,
        alpha=said.alpha,
        method=f"PPI++ over {what}, the judge's weight {said.weight:.2g} (Gaffke){over}",
    )
    return found, said.labels


def _check_one_each(subject: Subject, passes: bool | None) -> None:
    """A label is of one answer, and cases of several repeats that are no mean of them are of another kind."""
    if subject.tables.asked > 1 and ((subject.check.pass_at and passes is None) or passes):
        raise UsageError(
            f"Fewer than {FEWEST} cases have labels of each repeat, and labels of single answers say nothing of these.",
            remedy="Label all repeats of cases that are drawn by lot, and calibrate the judge by them.",
        )
