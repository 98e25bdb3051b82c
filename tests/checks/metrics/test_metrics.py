"""The menu of metrics: every one has a card that says all, and takes what it says it takes."""

import pytest

from genaiops.checks.metrics import METRICS, cards, metric, metric_names, unready
from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import Sample


@pytest.mark.parametrize("name", metric_names())
def test_a_card_says_all(name: str) -> None:
    card = metric(name).card
    assert card.name == name
    assert card.title
    assert card.source
    assert card.version
    assert card.low is None or card.high is None or card.low < card.high


def test_names_stand_once() -> None:
    every = [name for names in METRICS.values() for name in names]
    assert sorted(every) == sorted(set(every))
    assert [card.name for card in cards()] == list(metric_names())


@pytest.mark.parametrize("name", metric_names())
def test_what_lacks_is_an_error_and_never_a_score(name: str) -> None:
    found = metric(name)
    if not {"output", "input"}.issuperset(found.card.needs):
        [said] = found.measure([Sample(id="a", output="text")])
        assert said.value is None
        assert said.error == unready(found) or "has no" in said.error or "measured by a run" in said.error


@pytest.mark.parametrize("name", metric_names())
def test_options_that_are_none(name: str) -> None:
    with pytest.raises(UsageError, match=name) as caught:
        metric(name, {"no such option": 1})
    assert caught.value.remedy is not None


def test_a_name_that_is_none() -> None:
    with pytest.raises(NotFound, match="There is no metric 'equal'") as caught:
        metric("equal")
    assert caught.value.remedy == "Did you mean 'equals'?"


def test_equals() -> None:
    samples = [
        Sample(output=" yes ", expected=("no", "yes")),
        Sample(output="Yes", expected=("yes",)),
        Sample(output="", expected=("",)),
    ]
    assert [each.value for each in metric("equals").measure(samples)] == [1.0, 0.0, 1.0]
    loose = metric("equals", {"ignore_case": True, "strip": False})
    assert [each.value for each in loose.measure(samples)] == [0, 1, 1]
