"""The leader board: ranks are ranges where bounds tell nobody apart, and only what was asked alike is ranked."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.arena import TARGET, Board, Ran, Reads, Tables, board, cases_digest, read_suite
from genaiops.checks.statistics.ranking import rank_ranges
from genaiops.core.errors import UsageError
from genaiops.domain import Answer, Case, Judged, Run, Suite, Verdict

CASES = [Case(id=str(number), input=str(number), expected="y") for number in range(200)]


def suite(targets: tuple[str, ...], metric: str = 'metric = "equals"') -> Suite:
    named = ", ".join(f'{{name = "{each}", model = "{each}"}}' for each in targets)
    text = f'case = [{{input = "x"}}]\ntarget = [{named}]\ncheck = [{{name = "right", {metric}}}]\n'
    return read_suite(text, "toml").checked()


class Played:
    """Runs, the newest first, of targets that are right in the first so many cases; `None`: no answer is judged."""

    def __init__(self, *runs: dict[str, int | None], cases: list[Case] = CASES) -> None:
        self.ran: list[Ran] = []
        self.tables: dict[str, Tables] = {}
        self.cases: dict[str, str] = {}
        for right in runs:
            self.add(suite(tuple(right)), right, cases)

    def add(self, asked: Suite, right: dict[str, int | None], cases: list[Case], *, missing: int = 0) -> None:
        run = Run(id=f"run_{len(self.ran)}", kind="evaluation", subject="suite/s@sha256:0", created_us=-len(self.ran))
        judged = [
            Judged(
                target=target,
                case=case.id,
                check="right",
                metric="equals/1",
                verdict=Verdict(outcome="pass" if at < number else "fail", measure=float(at < number)),
            )
            for target, number in right.items()
            if number is not None
            for at, case in enumerate(cases[missing:])
        ]
        answers = [
            Answer(target=target, case=case.id, state="answered", cost_nano=2_000_000, seconds=0.5)
            for target in right
            for case in cases
        ]
        self.tables[run.id] = Tables(cases, answers, judged)
        self.cases[run.id] = cases_digest(cases)
        self.ran.append(Ran(run=run, suite=asked))

    def board(self, check: str = "") -> Board:
        reads = Reads(cases=lambda run: self.cases[run.id], tables=lambda run: self.tables[run.id])
        return board("s", self.ran, check, reads)


def ranks(found: Board) -> dict[str, tuple[int | None, int | None]]:
    return {each.target: (each.first, each.last) for each in found.entries}


def test_what_bounds_cannot_tell_apart_shares_a_range() -> None:
    found = Played({"best": 190, "worst": 40}, {"good": 185, "worst": 190}).board()
    assert ranks(found) == {"best": (1, 2), "good": (1, 2), "worst": (3, 3)}
    assert [each.run.id for each in found.entries] == ["run_0", "run_1", "run_0"]  # each by its newest
    first = found.entries[0]
    assert first.asked == "best"
    assert first.cost is not None
    assert first.cost.mean == pytest.approx(0.002)
    assert first.latency is not None
    assert first.latency.mean == pytest.approx(0.5)
    assert (found.check, found.runs, found.each) == ("right", 2, pytest.approx(0.05 / 6))


def test_the_same_name_for_something_else_stands_for_itself() -> None:
    played = Played({"served": 190})
    other = suite(("served",))
    other = msgspec.structs.replace(other, target=(msgspec.structs.replace(other.target[0], model="older"),))
    played.add(other, {"served": 20}, CASES)
    found = played.board()
    assert [(each.asked, each.first) for each in found.entries] == [("served", 1), ("older", 2)]


def test_versions_that_runs_pinned_stand_for_themselves() -> None:
    played = Played()
    asked = suite(("served",))
    asked = msgspec.structs.replace(asked, target=(msgspec.structs.replace(asked.target[0], prompt="p@prod"),))
    for number, right in enumerate((190, 20, 10)):
        played.add(asked, {"served": right}, CASES)
        pin = f"prompt/p@sha256:{min(number, 1)}"
        run = msgspec.structs.replace(played.ran[-1].run, inputs={f"{TARGET}served": pin})
        played.ran[-1] = msgspec.structs.replace(played.ran[-1], run=run)
    found = [(each.asked, each.run.id, each.first) for each in played.board().entries]
    assert found == [("prompt/p@sha256:0, served", "run_0", 1), ("prompt/p@sha256:1, served", "run_1", 2)]


def test_other_cases_and_other_measures_are_not_ranked() -> None:
    played = Played({"new": 100})
    played.add(suite(("few",)), {"few": 50}, CASES[:50])
    played.add(suite(("strict",), 'metric = "equals", expected = "z"'), {"strict": 200}, CASES)
    played.add(suite(("silent",)), {"silent": None}, CASES)
    found = played.board()
    assert ranks(found) == {"new": (1, 1), "strict": (None, None), "few": (None, None), "silent": (None, None)}
    told = {each.target: each.apart for each in found.entries}
    assert told == {"new": "", "strict": "measured otherwise", "few": "other cases", "silent": "no value"}


def test_what_has_no_value_widens_the_range() -> None:
    played = Played({"sure": 150})
    played.add(suite(("lucky",)), {"lucky": 100}, CASES, missing=100)
    found = played.board()
    assert ranks(found) == {"lucky": (1, 2), "sure": (1, 2)}
    lucky = found.entries[0].quality
    assert lucky is not None
    assert (lucky.mean, lucky.missing, lucky.low is not None and lucky.low < 0.5) == (1.0, 100, True)


def test_nothing_ran_and_no_such_check() -> None:
    assert Played().board() == Board(suite="s")
    with pytest.raises(UsageError, match="no check 'wrong'"):
        Played({"a": 1}).board("wrong")


def test_less_is_better() -> None:
    assert rank_ranges([(1, 2), (3, 4), (3.5, 5)], falling=True) == [(1, 1), (2, 3), (2, 3)]
    assert rank_ranges([(1, 2), (3, 4), (None, None)]) == [(2, 3), (1, 2), (1, 3)]


BOUNDS = st.lists(st.tuples(st.floats(-5, 5), st.floats(0, 3), st.floats(0, 1)), min_size=1, max_size=12)


@given(BOUNDS)
def test_ranges_hold_the_ranks_of_all_values_within_the_bounds(drawn: list[tuple[float, float, float]]) -> None:
    bounds = [(low, low + width) for low, width, _ in drawn]
    values = [low + width * share for low, width, share in drawn]
    for falling in (False, True):
        for value, (first, last) in zip(values, rank_ranges(bounds, falling=falling), strict=True):
            better = sum(other < value if falling else other > value for other in values)
            ties = sum(other == value for other in values)
            assert first <= 1 + better + ties - 1
            assert 1 + better <= last
