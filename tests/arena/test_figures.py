"""What checks measured, and where no bounds of it are known."""

import pytest

from genaiops.arena import Tables, figures, read_suite
from genaiops.domain import Answer, Case, Judged, Verdict


@pytest.mark.parametrize(
    ("metric", "values", "bounded"),
    [("mae", (0.0, 0.0), False), ("mae", (2.0,) * 9, False), ("mae", (0.0, 1.0), True), ("equals", (1.0, 1.0), True)],
)
def test_values_that_are_all_equal_have_no_bounds_without_a_range(
    metric: str, values: tuple[float, ...], bounded: bool
) -> None:
    text = f'case = [{{input = "x"}}]\ntarget = [{{name = "t", recorded = true}}]\ncheck = [{{metric = "{metric}"}}]'
    judged = [
        Judged(
            target="t", case=str(at), check=metric, metric=f"{metric}/1", verdict=Verdict(outcome="pass", measure=value)
        )
        for at, value in enumerate(values)
    ]
    cases = [Case(id=each.case, input="x") for each in judged]
    answers = [Answer(target="t", case=each.id, state="answered") for each in cases]
    [figure] = figures(read_suite(text, "toml").checked(), Tables(cases, answers, judged))
    assert figure.mean == sum(values) / len(values)
    assert (figure.low is not None, figure.high is not None) == (bounded, bounded)
