"""The form that writes an experiment down: what people typed as a plan, and faults beside their fields."""

from collections.abc import Mapping
from typing import Final

import msgspec

from genaiops.console._forms import decimal_of, whole_of
from genaiops.console._visit import Form
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain.experiments import (
    ExperimentMetric,
    ExperimentPlan,
    GoodWay,
    GuardMetric,
    live_check_of,
    score_of,
)
from genaiops.hub import NewExperiment, check_plan

GUARDS: Final = (1, 2, 3)
UNITS: Final[Mapping[str, int]] = {"minutes": 60_000_000, "hours": 3_600_000_000, "days": 86_400_000_000}
DEFAULTS: Final[Mapping[str, str]] = {
    "metric": "errors",
    "share": "10",
    "least": "100",
    "most": "10000",
    "alpha": "0.05",
    "window": "1",
    "window_unit": "hours",
}
_OF: Final[Mapping[str, str]] = {
    "release": "candidate",
    "application": "candidate",
    "bounds": "low",
    "better": "metric",
}
"""What errors call a field -> the field of the form."""

Faults = dict[str, str]


class Draft(msgspec.Struct, frozen=True):
    """`values` as they were typed; `faults`: field -> what is wrong with it. `new` None: something is."""

    values: Mapping[str, str]
    faults: Mapping[str, str]
    new: NewExperiment | None


def read(form: Form) -> Draft:
    """Whatever is wrong with single fields is found at once; of the plan as a whole one fault after the other."""
    faults: Faults = {}
    plan = _plan(form, faults)
    application, _, digest = form.get("candidate", "").partition("@")
    if not digest:
        faults["candidate"] = "Choose a release. Make one: genaiops release create NAME --model MODEL"
    if not form.get("name", "").strip():
        faults["name"] = "It needs a name, such as shorter-prompt."
    if faults or plan is None:
        return Draft(form, faults, None)
    new = NewExperiment(
        name=form.get("name", "").strip(),
        application=application,
        environment=form.get("environment", ""),
        candidate=digest,
        hypothesis=form.get("hypothesis", "").strip(),
        plan=plan,
    )
    return Draft(form, {}, new)


def refused(draft: Draft, error: GenaiopsError, field: str = "") -> Draft:
    """The same, with what the records say against it. The error itself when it is of none of the fields."""
    field = field or _OF.get(error.param or "", error.param or "")
    own = {"name", "candidate", "environment", "hypothesis", "effect", "low", "before", "suite", "sample", "spend"}
    if field == "margin":  # of a check whose gate has none
        field = next((f"guard_margin_{n}" for n in GUARDS if not draft.values.get(f"guard_margin_{n}", "").strip()), "")
    if field not in {*DEFAULTS, *own, *(f"guard_margin_{number}" for number in GUARDS)}:
        raise error
    return Draft(draft.values, {**draft.faults, field: str(error)}, None)


def _plan(form: Form, faults: Faults) -> ExperimentPlan | None:
    metric = form.get("metric", "").strip()
    sample = _number(form, "sample", 100.0, faults) / 100 if form.get("sample", "").strip() else None
    primary = ExperimentMetric(
        metric=metric,
        better=_better(metric, lower="lower" in form),
        bounds=_bounds(form, faults),
        sample=sample if live_check_of(metric) is not None else None,
    )
    unit = UNITS.get(form.get("window_unit", "hours"), UNITS["hours"])
    plan = ExperimentPlan(
        primary=primary,
        effect=_number(form, "effect", 0.0, faults),
        share=_whole(form, "share", 10, faults),
        least=_whole(form, "least", 100, faults),
        most=_whole(form, "most", 10_000, faults),
        alpha=_number(form, "alpha", 0.05, faults),
        window_us=int(_number(form, "window", 1.0, faults) * unit),
        before_us=int(_number(form, "before", 0.0, faults) * UNITS["days"]),
        roll_back="roll_back" in form,
        promote="promote" in form,
        suite=form.get("suite", "").strip(),
        spend=form.get("spend", "").strip() or None,
    )
    guards = [(number, guard) for number in GUARDS if (guard := _guard(form, number, sample, faults)) is not None]
    if faults:
        return None
    _tried(plan, None, faults)
    for number, guard in guards:
        if not faults:
            _tried(msgspec.structs.replace(plan, guards=(guard,)), number, faults)
    whole = msgspec.structs.replace(plan, guards=tuple(guard for _, guard in guards))
    if not faults:
        _tried(whole, GUARDS[0], faults)
    return None if faults else whole


def _tried(plan: ExperimentPlan, guard: int | None, faults: Faults) -> None:
    try:
        check_plan(plan)
    except UsageError as error:
        field = _OF.get(error.param or "", error.param or "metric")
        if guard is not None and field != "most":
            field = f"guard_{'margin' if field == 'margin' else 'metric'}_{guard}"
        faults[field] = str(error)


def _guard(form: Form, number: int, sample: float | None, faults: Faults) -> GuardMetric | None:
    metric = form.get(f"guard_metric_{number}", "").strip()
    name = f"guard_margin_{number}"
    if not metric:
        if form.get(name, "").strip():
            faults[f"guard_metric_{number}"] = "Of which metric is that the margin?"
        return None
    check = live_check_of(metric) is not None
    if not form.get(name, "").strip() and not check:
        faults[name] = f"By how much may {metric} be worse at most?"
    margin = _number(form, name, 0.0, faults)
    return GuardMetric(metric=metric, better=_better(metric), margin=margin, sample=sample if check else None)


def _better(metric: str, *, lower: bool = False) -> GoodWay:
    return "lower" if (score_of(metric) is None and live_check_of(metric) is None) or lower else "higher"


def _bounds(form: Form, faults: Faults) -> tuple[float, float] | None:
    if not (form.get("low", "").strip() or form.get("high", "").strip()):
        return None
    if not (form.get("low", "").strip() and form.get("high", "").strip()):
        faults["low"] = "A range has two ends."
    return _number(form, "low", 0.0, faults), _number(form, "high", 1.0, faults)


def _number(form: Form, name: str, missing: float, faults: Faults) -> float:
    try:
        return decimal_of(form, name, missing)
    except UsageError as error:
        faults[name] = str(error)
        return missing


def _whole(form: Form, name: str, missing: int, faults: Faults) -> int:
    try:
        return whole_of(form, name, missing)
    except UsageError as error:
        faults[name] = str(error)
        return missing
