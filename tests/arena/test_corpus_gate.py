"""Gates on figures of all answers together: their bounds decide, and differences are made of both."""

from collections.abc import Sequence

import pytest

from genaiops.arena import GateReport, Scorer, Tables, cases_of, judge, read_suite
from genaiops.domain import Answer
from tests.checks.metrics.texts import samples


def gate(check: str, answers: dict[str, Sequence[str]], expected: Sequence[str], more: str = "") -> GateReport:
    cases = "".join(f"[[case]]\nid = '{n}'\nexpected = '''{text}'''\n" for n, text in enumerate(expected))
    targets = "".join(f'[[target]]\nname = "{name}"\nrecorded = true\n' for name in answers)
    baseline = '[gate]\nbaseline = "old"\n' if "old" in answers else "[gate]\n"
    suite = read_suite(f"{cases}{targets}[[check]]\n{check}\n{baseline}{more}", "toml").checked()
    given = [
        Answer(target=name, case=str(n), repeat=0, state="answered", output=text)
        for name, texts in answers.items()
        for n, text in enumerate(texts)
    ]
    all_cases = cases_of(suite, folder=None)
    judged = list(Scorer(suite, all_cases).together(given, at_us=1))
    return judge(suite, Tables(all_cases, given, judged))


MADE = samples(60, seed=7, references=1)
WANTED = [sample.expected[0].replace("\n", " ") for sample in MADE]
SAID = [sample.output.replace("\n", " ") for sample in MADE]


@pytest.mark.parametrize(("floor", "outcome"), [(20, "pass"), (99, "fail")])
def test_a_floor_is_held_against_the_bound(floor: float, outcome: str) -> None:
    [line] = gate(f'metric = "corpus_bleu"\nfloor = {floor}', {"new": SAID}, WANTED).lines
    assert line.verdict.outcome == outcome
    assert line.verdict.interval is not None
    low, high = line.verdict.interval
    assert low < (line.verdict.measure or 0) < high


def test_a_floor_between_the_bounds_decides_nothing() -> None:
    [line] = gate('metric = "corpus_bleu"\nfloor = 1', {"new": SAID}, WANTED).lines
    assert line.verdict.measure is not None
    [near] = gate(f'metric = "corpus_bleu"\nfloor = {line.verdict.measure - 0.5}', {"new": SAID}, WANTED).lines
    assert near.verdict.outcome == "inconclusive"


def test_of_what_should_be_low_the_upper_bound_counts() -> None:
    [good] = gate('metric = "corpus_ter"\nfloor = 95', {"new": SAID}, WANTED).lines
    [bad] = gate('metric = "corpus_ter"\nfloor = 5', {"new": SAID}, WANTED).lines
    assert (good.verdict.outcome, bad.verdict.outcome) == ("pass", "fail")


def test_the_bounds_are_at_the_alpha_of_the_gate() -> None:
    check = 'metric = "corpus_bleu"\nfloor = 1'
    [usual] = gate(check, {"new": SAID}, WANTED).lines
    [strict] = gate(check, {"new": SAID}, WANTED, "alpha = 0.001\n").lines
    assert usual.verdict.interval is not None
    assert strict.verdict.interval is not None
    assert strict.verdict.interval[0] < usual.verdict.interval[0]


@pytest.mark.parametrize("metric", ["corpus_bleu", "corpus_ter"])
def test_a_margin_is_held_against_the_bounds_of_both(metric: str) -> None:
    worse = ["nothing of that kind"] * len(SAID)
    for old, new, margin, outcome in (
        (SAID, SAID, 60, "pass"),
        (SAID, SAID, 1, "inconclusive"),
        (SAID, worse, 5, "fail"),
        (worse, SAID, 5, "pass"),
    ):
        [line] = gate(f'metric = "{metric}"\nmargin = {margin}', {"old": old, "new": new}, WANTED).lines
        assert (line.kind, line.target, line.verdict.outcome) == ("margin", "new", outcome), line.verdict.reason


def test_one_case_decides_nothing() -> None:
    report = gate('metric = "corpus_bleu"\nfloor = 10', {"new": ["a b c d e"]}, ["a b c d e"])
    assert report.verdict.outcome == "inconclusive"
    assert "ne independent case" in report.lines[0].verdict.reason


@pytest.mark.parametrize("condition", ["improves = true", "tolerance = 0.1", "negate = true"])
def test_conditions_that_one_figure_cannot_have(condition: str) -> None:
    read = read_suite(
        '[[target]]\nname = "a"\nrecorded = true\n[[check]]\nmetric = "corpus_bleu"\n'
        f'{condition}\n[gate]\nbaseline = "a"\n',
        "toml",
    )
    assert any("is one figure" in fault.message for fault in read.faults)
