"""Cards of detectors: what is read, and what is none."""

import json
from typing import Any, get_args

import pytest

from genaiops.checks.cards import cards, read_card
from genaiops.checks.proportion import wilson
from genaiops.core.errors import UsageError
from genaiops.domain import DetectorName


def card(**figure: Any) -> bytes:
    known = {"measure": "recall", "of": "all", "dataset": "ours", "n": 10}
    return json.dumps({"detector": "pii", "figures": [{**known, **figure}]}).encode()


def test_every_card_that_comes_with_the_program_is_read() -> None:
    found = cards()
    for name in ("pii", "secret", "markup", "control", "code", "refusal", "grounding", "verbatim", "canary"):
        assert name in found, name
    for one in found.values():
        for figure in one.figures:
            assert 0 <= figure.low <= figure.value <= figure.high <= 1
            assert figure.n > 0
            assert figure.dataset
            assert figure.date is not None
        assert one.figures or one.limits


def test_the_bounds_of_a_count_are_computed() -> None:
    (figure,) = read_card(card(hits=7)).figures
    assert (figure.value, figure.low, figure.high) == (0.7, *wilson(7, 10))
    assert figure.licence is None


@pytest.mark.parametrize(
    "figure",
    [
        {},
        {"hits": 7, "value": 0.7, "low": 0.1, "high": 0.9},
        {"value": 0.7, "low": 0.8, "high": 0.9},
        {"hits": 3, "n": 0},
        {"hits": 7, "measure": "quality"},
        {"hits": 7, "colour": "green"},
    ],
)
def test_what_is_no_figure_is_refused(figure: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"odd\.json is no card"):
        read_card(card(**figure), name="odd.json")


@pytest.mark.parametrize("raw", [b"", b"[]", b'"x"', b"{}", b'{"card": 5}'])
def test_what_is_no_card_is_refused(raw: bytes) -> None:
    with pytest.raises(UsageError, match="no card"):
        read_card(raw)


def test_the_card_of_a_classifier_is_read() -> None:
    metric = {
        "measure": "recall",
        "kind": "across_sources",
        "trained_on": "A",
        "tested_on": "B",
        "result": {"value": 0.8, "low": 0.7, "high": 0.9, "n": 50},
        "threshold": 0.5,
    }
    document = {
        "name": "injection",
        "version": "sha256:00",
        "date": "2026-11-21",
        "made_by": "python -m training.injection",
        "question": "?",
        "sources": [{"name": "B", "licence": "MIT", "used_for": "evaluation"}],
        "metrics": [metric],
        "limits": ["English"],
    }
    for written in (document, {"slope": 1, "card": document}):
        found = read_card(json.dumps(written).encode())
        assert (found.detector, found.version, found.limits) == ("injection", "sha256:00", ("English",))
        (figure,) = found.figures
        assert (figure.dataset, figure.licence, figure.n, figure.of) == (
            "B",
            "MIT",
            50,
            "trained on A, at the threshold 0.5",
        )


def test_every_detector_has_a_card_and_what_can_be_wrong_has_figures() -> None:
    """The others count, compare or look up: right by what they are."""
    exact = {"words", "size", "schema", "disclosure", "tools"}
    found = cards()
    assert set(get_args(DetectorName)) <= set(found)
    assert {name for name in get_args(DetectorName) if not found[name].figures} == exact
