"""Judges of pairs against the baseline of the same run: both orders, ties, bounds, what is missing, what goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from genaiops.arena import GateReport, Judges, Rescorer, Runner, Tables, cases_of, judge, read_suite
from genaiops.arena.reports import Reported, html, markdown, pdf
from genaiops.domain import Run, Suite
from genaiops.engines.runs_sql import open_runs
from genaiops.ports.runs import Runs
from tests.arena.test_judges import FUNCTIONS, LOCAL, METEOR, SANDBOX, ask_of
from tests.arena.test_report_pdf import read

CASES = {"a": ("ab", "abc"), "b": ("abc", "ab"), "c": ("ab", "xy"), "d": ("ab", "abcd"), "e": ("ab", "a?")}
"""Case -> what the old and the new one say."""
DUEL = (
    'metric = "judge"\noptions = {against = "baseline", judge = {template = "pairwise", rubric = "Longer.", '
    f'panel = [{{python = "{FUNCTIONS}:longer"}}]}}}}'
)


def a_suite(check: str = "", *, baseline: str = 'baseline = "old"', cluster: str = "") -> Suite:
    cases = "".join(
        f'[[case]]\nid = "{name}"\nvariables = {{old = "{old}", new = "{new}"}}\n{cluster}\n'
        for name, (old, new) in CASES.items()
    )
    targets = "".join(f'[[target]]\nname = "{name}"\npython = "{__name__}:{name}"\n' for name in ("new", "old"))
    text = f"{cases}{targets}[[check]]\n{DUEL}\n{check}\n[gate]\n{baseline}\n"
    return read_suite(text, "toml").checked()


def old(case: dict[str, dict[str, str]]) -> str:
    return case["variables"]["old"]


def new(case: dict[str, dict[str, str]]) -> str:
    return case["variables"]["new"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Runs]:
    opened = open_runs(f"sqlite:///{tmp_path / 'runs.db'}")
    yield opened
    opened.close()


async def ran(store: Runs, suite: Suite, run_id: str = "run_1") -> Run:
    cases = cases_of(suite, folder=None)
    try:
        run = store.get(run_id)
    except Exception:  # noqa: BLE001
        run = Run(id=run_id, kind="evaluation", subject="suite/x", created_us=1)
        store.create(run, cases)
    means = lambda purse, stop: Judges(store, suite, ask_of, purse, stop, local=LOCAL, sandbox=SANDBOX, meteor=METEOR)  # noqa: E731
    asks = {target.name: ask_of(target) for target in suite.target}
    return await Runner(store, run, suite, cases, asks, means=means)()


def report_of(store: Runs, suite: Suite, run_id: str = "run_1") -> GateReport:
    return judge(suite, Tables(store.cases(run_id), store.answered(run_id), store.judged(run_id)))


async def test_pairs_of_one_run_are_held_against_each_other(store: Runs) -> None:
    suite = a_suite()
    run = await ran(store, suite)
    assert run.state == "done"
    judged = {each.case: each for each in store.judged("run_1")}
    assert {case: each.verdict.measure for case, each in judged.items()} == {
        "a": 1,
        "b": 0,
        "c": 0.5,
        "d": 1,
        "e": None,
    }
    assert {each.target for each in judged.values()} == {"new"}
    assert judged["c"].verdict.evidence == ("changes with the order: prefers what stands first",)
    [said] = report_of(store, suite).duels
    assert (said.wins, said.losses, said.ties, said.missing) == (2, 1, 1, 1)
    assert (said.win_rate, said.changed, said.first, said.second, said.order_p) == (0.625, 1, 1, 0, 1.0)
    assert said.low < 0.625 < said.high
    assert (said.won, said.lost, said.tied) == (("a", "d"), ("b",), ("c",))


async def test_what_has_no_verdict_is_asked_again_and_nothing_else(store: Runs) -> None:
    suite = a_suite()
    await ran(store, suite)
    before = {each.case: each.at_us for each in store.judged("run_1")}
    again = await ran(store, suite)
    after = {each.case: each.at_us for each in store.judged("run_1")}
    assert again.state == "done"
    assert [case for case in after if after[case] != before[case]] == ["e"]


async def test_old_answers_are_held_against_each_other(store: Runs) -> None:
    plain = read_suite(
        "".join(
            f'[[case]]\nid = "{name}"\nvariables = {{old = "{a}", new = "{b}"}}\n' for name, (a, b) in CASES.items()
        )
        + "".join(f'[[target]]\nname = "{name}"\npython = "{__name__}:{name}"\n' for name in ("new", "old"))
        + '[[check]]\nmetric = "length"\n',
        "toml",
    ).checked()
    await ran(store, plain)
    suite = a_suite()
    means = lambda purse, stop: Judges(store, suite, ask_of, purse, stop, local=LOCAL, sandbox=SANDBOX, meteor=METEOR)  # noqa: E731
    await Rescorer(store, "run_1", suite, means)()
    [said] = report_of(store, suite).duels
    assert (said.wins, said.losses, said.ties) == (2, 1, 1)


async def test_clusters_widen_and_reports_tell_each_case(store: Runs) -> None:
    await ran(store, a_suite())
    alone = report_of(store, a_suite()).duels[0]
    suite = a_suite(cluster='cluster = "one"')
    run = await ran(store, suite, "run_2")
    report = report_of(store, suite, "run_2")
    assert report.duels[0].clusters == 1
    assert report.duels[0].low < alone.low
    judged = {(each.target, each.case): [each] for each in store.judged("run_2")}
    answers = {(each.target, each.case): [each] for each in store.answered("run_2")}
    said = Reported(
        run=run, suite=suite, report=report, cases=store.cases("run_2"), answers=answers, judged=judged, corpus=()
    )
    assert [case.id for case in said.lost("new")] == ["b"]
    assert [case.id for case in said.won("new")] == ["a", "d"]
    for text in (html(said), markdown(said), read(pdf(said))):
        assert "62.50%" in text
        assert "1 verdict changed with the order" in text


@pytest.mark.parametrize(
    ("check", "baseline", "says"),
    [
        ("", "", "no baseline that it could be held against"),
        ("margin = 0.1", 'baseline = "old"', "its figure is the rate of winning"),
        ("improves = true", 'baseline = "old"', "its figure is the rate of winning"),
    ],
)
def test_what_a_duel_cannot_be(check: str, baseline: str, says: str) -> None:
    with pytest.raises(Exception, match=says):
        a_suite(check, baseline=baseline)


def test_only_judges_of_pairs_hold_two_answers() -> None:
    text = (
        '[[case]]\ninput = "x"\n[[target]]\nname = "t"\nrecorded = true\n[[check]]\nmetric = "judge"\n'
        'options = {against = "baseline", judge = {template = "bias", model = "m"}}\n[gate]\nbaseline = "t"\n'
    )
    with pytest.raises(Exception, match="looks at one answer, not at two"):
        read_suite(text, "toml").checked()
