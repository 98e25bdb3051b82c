"""Classes, probabilities and numbers: digit for digit what scikit-learn says, and an error where it would guess."""

import math
import random
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.checks.metrics import metric
from genaiops.checks.metrics.calibration import expected_error
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, Sample

CLASSES = ("ham", "spam", "other")
pairs = st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1, max_size=40)
scored = st.lists(st.tuples(st.sampled_from([0, 0.1, 0.25, 0.5, 0.9, 1]), st.booleans()), min_size=2, max_size=40)
numbers = st.floats(-1e6, 1e6).map(lambda value: round(value, 6))


def said(name: str, samples: list[Sample], **options: Any) -> Measure:
    return metric(name, options).measure(samples)[0]


def of(couples: list[tuple[str, str]]) -> list[Sample]:
    return [Sample(id=str(n), output=answer, expected=(truth,)) for n, (answer, truth) in enumerate(couples)]


def reference(name: str, couples: list[tuple[str, str]], **options: Any) -> float:
    from sklearn import metrics as sklearn

    answers, truths = [each[0] for each in couples], [each[1] for each in couples]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(getattr(sklearn, f"{name}_score")(truths, answers, **options))


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
@settings(max_examples=25, deadline=None)
@given(couples=pairs, zero=st.sampled_from([0.0, 1.0]))
def test_averages_are_those_of_scikit_learn(name: str, average: str, couples: Any, zero: float) -> None:
    ours = said(name, of(couples), average=average, zero_division=zero)
    assert ours.value == pytest.approx(reference(name, couples, average=average, zero_division=zero), abs=1e-14)
    assert ours.value is not None
    assert ours.interval is not None
    assert 0 <= ours.interval[0] <= ours.value <= ours.interval[1] <= 1


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
@settings(max_examples=25, deadline=None)
@given(couples=pairs)
def test_one_class_and_all_that_are_named(name: str, couples: Any) -> None:
    of_one = {"labels": ["spam"], "average": "macro", "zero_division": 0.0}
    ours = said(name, of(couples), positive="spam", labels=CLASSES, zero_division=0)
    assert ours.value == pytest.approx(reference(name, couples, **of_one), abs=1e-14)
    of_all = {"labels": list(CLASSES), "average": "macro", "zero_division": 0.0}
    ours = said(name, of(couples), labels=CLASSES, zero_division=0)
    assert ours.value == pytest.approx(reference(name, couples, **of_all), abs=1e-14)


@settings(max_examples=25, deadline=None)
@given(couples=pairs)
def test_matthews_is_that_of_scikit_learn_where_it_is_defined(couples: Any) -> None:
    from sklearn import metrics as sklearn

    ours = said("mcc", of(couples))
    if min(len({each[place] for each in couples}) for place in (0, 1)) == 1:
        assert ours == Measure(error="Only one class was said, or right.")
    else:
        answers, truths = [each[0] for each in couples], [each[1] for each in couples]
        assert ours.value == pytest.approx(sklearn.matthews_corrcoef(truths, answers), abs=1e-12)


def test_what_is_not_defined_is_an_error() -> None:
    couples = [("ham", "ham"), ("ham", "spam")]
    precision = said("precision", of(couples))
    assert precision.value is None
    assert precision.error.startswith("The precision of 'spam' is not defined: never said.")
    assert said("recall", of(couples)).value == 0.5
    assert said("f1", of(couples), positive="other").error == "The class 'other' was neither said nor right."


def test_the_parts_are_the_confusion() -> None:
    parts = said("f1", of([("ham", "ham"), ("ham", "spam"), ("spam", "spam")])).parts
    assert parts == {
        "ham: hits": 1,
        "ham: false": 1,
        "ham: missed": 0,
        "spam: hits": 1,
        "spam: false": 0,
        "spam: missed": 1,
    }


def test_bounds_hold_what_was_not_seen() -> None:
    """30 of 30 right: a bootstrap alone would say 1 to 1."""
    said_all = said("f1", of([("ham", "ham"), ("spam", "spam")] * 15))
    assert said_all.interval == pytest.approx((0.05 ** (1 / 30), 1.0))
    one_cluster = [
        Sample(output=answer, expected=(truth,), cluster="c")
        for answer, truth in [("ham", "ham"), ("spam", "spam")] * 15
    ]
    assert said("f1", one_cluster).interval == pytest.approx((0.05, 1.0))


def test_clusters_widen_the_bounds() -> None:
    draw = random.Random(3)
    alone: list[Sample] = []
    for document in range(40):
        right = draw.random() < 0.7
        for _ in range(5):
            truth = draw.choice(["a", "b"])
            answer = truth if right else {"a": "b", "b": "a"}[truth]
            alone.append(Sample(output=answer, expected=(truth,), cluster=str(document)))
    together = said("f1", alone)
    apart = said("f1", [Sample(output=each.output, expected=each.expected) for each in alone])
    assert together.interval is not None
    assert apart.interval is not None
    assert together.interval[1] - together.interval[0] > 1.5 * (apart.interval[1] - apart.interval[0])


@pytest.mark.parametrize(
    ("options", "output", "label"),
    [
        ({}, " Spam.\n", "spam"),
        ({"labels": ["spam", "not spam"]}, "This is **not spam**, I think.", "not spam"),
        ({"labels": ["A", "B"]}, "Answer: (B)", "b"),
        ({"labels": ["A", "B"], "ignore_case": False}, "A b", "A"),
        ({"labels": ["C++", "C"]}, "It is C++.", "c++"),
        ({"pattern": "class=(\\w+)"}, "thought... class=ham end", "ham"),
        ({"pattern": "ham|spam"}, "some ham", "ham"),
        ({"field": "result.label"}, '{"result": {"label": "ham"}}', "ham"),
        ({"field": "label"}, '{"label": 3}', "3"),
    ],
)
def test_a_class_is_read(options: dict[str, Any], output: str, label: str) -> None:
    assert said("accuracy", [Sample(output=output, expected=(label,))], **options) == Measure(value=1.0)
    assert said("accuracy", [Sample(output="?", label=label, expected=(label,))], **options) == Measure(value=1.0)


@pytest.mark.parametrize(
    ("options", "output", "why"),
    [
        ({}, "  ", "The answer is empty."),
        ({"labels": ["ham", "spam"]}, "ham or spam", "The answer names 2 classes: ham, spam."),
        ({"labels": ["ham", "spam"]}, "hamster", "The answer names no class: 'hamster'"),
        ({"pattern": "class=(\\w+)"}, "ham", "The pattern is not found: 'ham'"),
        ({"pattern": "(x)|ham"}, "ham", "What the pattern finds is empty."),
        ({"field": "label"}, "ham", "The answer is no JSON: 'ham'"),
        ({"field": "label"}, "[1]", "The answer has no field 'label'."),
    ],
)
def test_what_cannot_be_read_is_an_error_and_never_a_class(options: dict[str, Any], output: str, why: str) -> None:
    sample = Sample(id="7", output=output, expected=("ham",))
    assert said("accuracy", [sample], **options) == Measure(error=why)
    assert said("f1", [sample], **options) == Measure(error=f"The sample '7': {why}")
    wrong = said("accuracy", [sample], **options, unreadable="wrong")
    assert wrong == Measure(value=0.0, reason=why)


def test_of_no_class_is_missed_by_its_class_and_no_false_alarm_of_another() -> None:
    couples = of([("ham", "ham"), ("?", "ham"), ("spam", "spam")])
    parts = said("f1", couples, labels=["ham", "spam"], unreadable="wrong").parts
    assert (parts["ham: missed"], parts["spam: false"], parts["ham: false"]) == (1, 0, 0)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("accuracy", {"pattern": "(a"}, r"is no regular expression: missing \)"),
        ("accuracy", {"labels": ["a", "A"]}, "written alike"),
        ("accuracy", {"labels": [""]}, "length"),
        ("f1", {"average": "binary"}, "needs to know the positive class"),
        ("f1", {"positive": "x", "labels": ["a", "b"]}, "'x' of the metric 'f1' is none of its labels"),
        ("auc_roc", {"positive": "x", "labels": ["a", "b"]}, "is none of its labels"),
        ("f1", {"zero_division": 2}, "zero_division"),
        ("ece", {"bins": 0}, "bins"),
    ],
)
def test_wrong_options(name: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        metric(name, options)


def test_references_that_are_no_class() -> None:
    assert said("f1", [Sample(output="a", expected=("a", "b"))]).error.endswith("there are 2 references.")
    wrong = said("f1", [Sample(output="a", expected=("c",))], labels=["a", "b"])
    assert "'c' is none of the classes a, b" in wrong.error


@settings(max_examples=40, deadline=None)
@given(scored)
def test_areas_and_losses_are_those_of_scikit_learn(couples: list[tuple[float, bool]]) -> None:
    from sklearn import metrics as sklearn

    truths, scores = [each[1] for each in couples], [each[0] for each in couples]
    samples = [Sample(probability=p, expected=("yes" if truth else "no",)) for p, truth in couples]
    area = said("auc_roc", samples, positive="yes")
    if all(truths) or not any(truths):
        assert area.value is None
        assert "sample is of the class 'yes'" in area.error
    else:
        assert area.value == pytest.approx(sklearn.roc_auc_score(truths, scores), abs=1e-14)
        assert area.value is not None
        assert area.interval is not None
        assert 0 <= area.interval[0] <= area.value <= area.interval[1] <= 1
    for name, theirs in (
        ("log_loss", sklearn.log_loss(truths, scores, labels=[False, True])),
        ("brier", sklearn.brier_score_loss(truths, scores, labels=[False, True], pos_label=True)),
    ):
        ours = [each.value or 0.0 for each in metric(name, {"positive": "yes"}).measure(samples)]
        assert sum(ours) / len(ours) == pytest.approx(theirs, rel=1e-12, abs=1e-15)


def test_bounds_of_an_area_are_those_of_delong() -> None:
    """Variances by the paper's equation, up to its n / (n - 1)."""
    draw = random.Random(5)
    up, down = ([draw.gauss(mean, 1) for _ in range(200)] for mean in (1, 0))
    samples = [Sample(probability=1 / (1 + math.exp(-x)), expected=("1",)) for x in up]
    samples += [Sample(probability=1 / (1 + math.exp(-x)), expected=("0",)) for x in down]
    ours = said("auc_roc", samples, positive="1")
    above = [sum(x > y for y in down) / 200 for x in up]
    below = [sum(x > y for x in up) / 200 for y in down]
    area = sum(above) / 200
    variance = sum(sum((each - area) ** 2 for each in part) / 199 / 200 for part in (above, below))
    assert ours.interval is not None
    odds = [math.log(each / (1 - each)) for each in (ours.interval[0], area, ours.interval[1])]
    half = 1.6448536 * math.sqrt(variance) / (area * (1 - area))
    assert odds[1] - odds[0] == pytest.approx(half, rel=0.005)
    assert odds[2] - odds[1] == pytest.approx(half, rel=0.005)


def test_probabilities_are_read_and_bounded() -> None:
    read = said("brier", [Sample(output='{"p": 0.8}', expected=("spam",))], positive="spam", field="p")
    assert read.value == pytest.approx(0.04)
    assert said("brier", [Sample(output="1.2", expected=("a",))], positive="a").error == "1.2 is no probability."
    assert "positive class is not named" in said("auc_roc", [Sample(output="1", expected=("a",))]).error
    assert "positive class is not named" in said("log_loss", [Sample(output="1", expected=("a",))]).error


def plain_error(couples: list[tuple[float, bool]], bins: int) -> float:
    """Guo's equation, bin by bin."""
    total = 0.0
    for place in range(bins):
        low, high = place / bins, (place + 1) / bins
        held = [each for each in couples if low < each[0] <= high or (place == 0 and each[0] == 0)]
        if held:
            share = sum(right for _, right in held) / len(held)
            total += len(held) / len(couples) * abs(share - sum(sure for sure, _ in held) / len(held))
    return total


@given(scored, st.sampled_from([1, 2, 4, 8]))
def test_calibration_is_guos_equation(couples: list[tuple[float, bool]], bins: int) -> None:
    assert expected_error(couples, bins) == pytest.approx(plain_error(couples, bins), abs=1e-12)


def test_calibration_of_answers_that_say_how_sure_they_are() -> None:
    sure = [Sample(output=f'{{"c": "{each}", "sure": 0.9}}', expected=("a",)) for each in "ab"]
    assert said("ece", sure, field="c", confidence="sure").value == pytest.approx(0.4)
    two = [Sample(output="0.1", expected=("no",)), Sample(output="0.9", expected=("yes",))]
    assert said("ece", two, positive="yes").value == pytest.approx(0.1)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=30))
def test_distances_are_those_of_scikit_learn(couples: list[tuple[float, float]]) -> None:
    from sklearn import metrics as sklearn

    answers, truths = [each[0] for each in couples], [each[1] for each in couples]
    samples = [Sample(output=repr(answer), expected=(repr(truth),)) for answer, truth in couples]
    for name, theirs in (
        ("mae", sklearn.mean_absolute_error(truths, answers)),
        ("mse", sklearn.mean_squared_error(truths, answers)),
    ):
        ours = [each.value or 0.0 for each in metric(name).measure(samples)]
        assert sum(ours) / len(ours) == pytest.approx(theirs, rel=1e-12)
    root = said("rmse", samples)
    assert root.value == pytest.approx(sklearn.root_mean_squared_error(truths, answers), rel=1e-12)
    explained = said("r2", samples)
    if len(set(truths)) > 1:
        assert explained.value == pytest.approx(sklearn.r2_score(truths, answers), rel=1e-9)
    else:
        assert "nothing to explain" in explained.error


@pytest.mark.parametrize(
    ("output", "value"),
    [("42", 0), ("It is 41.", 1), ("-3e1", 72), ("about .5", 41.5), ('{"n": 42}', 0)],
)
def test_a_number_is_read(output: str, value: float) -> None:
    options = {"field": "n"} if output.startswith("{") else {}
    assert said("mae", [Sample(output=output, expected=("42",))], **options).value == value


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("none", "The answer holds no number: 'none'"),
        ("3 or 4", "The answer holds 2 numbers: '3 or 4'"),
        ("nan", "nan is no finite number."),
    ],
)
def test_what_is_no_number(output: str, why: str) -> None:
    assert said("mae", [Sample(output=output, expected=("42",))]) == Measure(error=why)
    assert "The reference is no number" in said("mae", [Sample(output="4", expected=(output,))]).error


def test_bounds_of_numbers_hold_the_figure_and_of_one_cluster_nothing_is_known() -> None:
    draw = random.Random(9)
    truths = [draw.gauss(0, 1) for _ in range(80)]
    samples = [Sample(number=truth + draw.gauss(0, 0.5), expected=(repr(truth),)) for truth in truths]
    for name in ("rmse", "r2"):
        found = said(name, samples)
        assert found.interval is not None
        assert found.value is not None
        assert found.interval[0] < found.value < found.interval[1]
        assert found.interval[1] - found.interval[0] < 0.4
    one = [Sample(number=each.number, expected=each.expected, cluster="c") for each in samples]
    found = said("rmse", one)
    assert found.interval is not None
    assert found.interval[0] == 0
    assert found.interval[1] > 1e300
