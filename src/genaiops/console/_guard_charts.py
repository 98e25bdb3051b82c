"""Charts of guards: what followed from their verdicts over time, and what rules in shadow would have done."""

from collections.abc import Mapping, Sequence
from typing import Final

from genaiops.console._cache_charts import Span
from genaiops.console._charts import Chart, Series, bars
from genaiops.domain import GuardAction
from genaiops.watch import GuardPoint

SHOWN: Final[Mapping[GuardAction, tuple[str, str]]] = {
    "block": ("blocked", "danger"),
    "hold": ("held", "warn"),
    "replace": ("replaced", "series-4"),
    "redact": ("redacted", "accent"),
    "flag": ("only noticed", "accent-soft"),
}
"""Action, the severest first -> what it is called, its colour."""


def done(span: Span, points: Sequence[GuardPoint]) -> Chart:
    return _stacked("What guards did", span, {each.start_us: each.actions for each in points})


def would_have(span: Span, points: Sequence[GuardPoint]) -> Chart:
    return _stacked("What rules in shadow would have done", span, {each.start_us: each.shadow for each in points})


def _stacked(title: str, span: Span, counts: Mapping[int, Mapping[str, int]]) -> Chart:
    """Actions that never followed are left out."""
    each = "an hour" if span.step_us < 86_400_000_000 else "a day"
    seen = {action for actions in counts.values() for action, times in actions.items() if times}
    starts = span.starts_us
    series = [
        Series(name, f"token:{colour}", [counts.get(start, {}).get(action, 0) for start in starts])
        for action, (name, colour) in SHOWN.items()
        if action in seen
    ]
    nothing = [Series("verdicts", "token:muted", [0 for _ in starts])]
    only = f": {series[0].name}" if len(series) == 1 else ""  # one colour has no legend
    return bars(f"{title}{only}, {each}", starts, series or nothing, (), unit="verdicts")
