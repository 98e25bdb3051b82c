"""One target chosen among others: only what is shown dominates, and what is not described is not compared."""

import pytest
from msgspec.structs import replace

from genaiops.arena import Selection, Tables, read_selection, read_suite, select
from genaiops.arena.reports._pareto import told
from genaiops.core.errors import UsageError
from genaiops.domain import Answer, Case, Judged, Suite, Verdict

CASES = 80
RAG = """{chunker = "words/400", embedder = "minilm", index = "flat", k = 5, prompt = "support/answer@1"}"""


def suite(targets: tuple[str, ...] = ("big", "small"), more: str = "") -> Suite:
    named = ", ".join(f'{{name = "{each}", python = "a:b"}}' for each in targets)
    text = f'case = [{{input = "x"}}]\ntarget = [{named}]\ncheck = [{{name = "right", metric = "equals"}}]\n{more}'
    return read_suite(text, "toml").checked()


def chosen(
    right: dict[str, int],
    costs: dict[str, int | None],
    text: str = "",
    *,
    of: Suite | None = None,
    energies: dict[str, int | None] | None = None,
) -> Selection:
    """`right`: of the first so many cases the answer is right; `costs`: nano-units an answer."""
    cases = [Case(id=str(number), input=str(number), expected="y") for number in range(CASES)]
    answers = [
        _used(
            Answer(
                target=target,
                case=case.id,
                state="answered",
                cost_nano=costs[target],
                seconds=1.0 + (index + len(target)) % 4 / 100,
            ),
            (energies or {}).get(target),
        )
        for target in right
        for index, case in enumerate(cases)
    ]
    judged = [
        Judged(
            target=target,
            case=case.id,
            check="right",
            metric="equals/1",
            verdict=Verdict(outcome="pass" if index < number else "fail", measure=float(index < number)),
        )
        for target, number in right.items()
        for index, case in enumerate(cases)
    ]
    found = of or suite(tuple(right))
    asked = read_selection(text, "toml")
    return select(found, Tables(cases, answers, judged), asked, run="run_1", subject="suite/s@sha256:0", name="s")


def _used(answer: Answer, central: int | None) -> Answer:
    if central is None:
        return answer
    return replace(answer, energy_nwh=central, energy_low_nwh=central // 2, energy_high_nwh=central * 2)


def standings(found: Selection) -> dict[str, str]:
    return {each.target: each.standing for each in found.candidates}


def test_better_and_cheaper_dominates() -> None:
    found = chosen({"big": 40, "small": 75}, {"big": 3000, "small": 1000})
    assert standings(found) == {"big": "dominated", "small": "front"}
    assert found.candidates[0].by == ("small",)
    assert found.criteria == ("quality", "cost", "latency")
    assert found.unknown == ("energy", "risk")


def test_better_and_dearer_are_both_on_the_front() -> None:
    found = chosen({"big": 75, "small": 40}, {"big": 3000, "small": 1000})
    assert standings(found) == {"big": "front", "small": "front"}
    words = {pair.criterion: pair.word for pair in found.pairs}
    assert words["quality"] == "better"
    assert words["cost"] == "worse"


def test_a_difference_that_may_be_chance_dominates_nobody() -> None:
    found = chosen({"big": 60, "small": 61}, {"big": 3000, "small": 1000})
    assert standings(found) == {"big": "not_separable", "small": "front"}
    assert {pair.word for pair in found.pairs if pair.criterion == "quality"} == {"not separable"}


def test_a_margin_lets_the_cheaper_one_win() -> None:
    found = chosen({"big": 60, "small": 60}, {"big": 3000, "small": 1000}, "margins = {quality = 0.1}")
    assert standings(found)["big"] == "dominated"


def test_an_unknown_cost_dominates_nobody() -> None:
    found = chosen({"big": 40, "small": 75}, {"big": 3000, "small": None})
    assert standings(found) == {"big": "not_separable", "small": "front"}
    assert "cost" not in found.candidates[1].figures


def test_more_candidates_need_more_cases() -> None:
    two = chosen({"a": 40, "b": 75}, dict.fromkeys("ab", 1))
    three = chosen({"a": 40, "b": 75, "c": 75}, dict.fromkeys("abc", 1))
    assert three.each < two.each < two.alpha


def test_risk_and_licence() -> None:
    text = """
    licences = ["MIT"]
    candidate = [
      {target = "big", licence = "MIT", risk = "high"}, {target = "small", licence = "unheard of", risk = "minimal"}
    ]
    """
    found = chosen({"big": 40, "small": 75}, {"big": 1, "small": 1}, text)
    assert "risk" in found.criteria
    assert found.candidates[0].not_allowed == ""
    assert "unheard of" in found.candidates[1].not_allowed


def test_retrieval_that_is_not_described_is_not_compared() -> None:
    half = RAG.replace("k = 5, ", "")
    with pytest.raises(UsageError, match="big lacks chunker, embedder") as caught:
        chosen({"big": 1, "small": 1}, {"big": 1, "small": 1}, 'candidate = [{target = "big", retrieval = {k = 3}}]')
    assert caught.value.code == "retrieval_not_described"
    with pytest.raises(UsageError, match="big lacks k; small says nothing"):
        chosen({"big": 1, "small": 1}, {"big": 1, "small": 1}, f'candidate = [{{target = "big", retrieval = {half}}}]')
    whole = f'candidate = [{{target = "big", retrieval = {RAG}}}, {{target = "small", retrieval = {{}}}}]'
    found = chosen({"big": 1, "small": 1}, {"big": 1, "small": 1}, whole)
    assert found.candidates[0].retrieval is not None
    assert found.candidates[0].retrieval["k"] == 5


def test_a_suite_of_retrieval_needs_it_of_every_candidate() -> None:
    with pytest.raises(UsageError, match="big says nothing of retrieval"):
        chosen({"big": 1, "small": 1}, {"big": 1, "small": 1}, of=suite(more='task = "retrieval"'))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("check = 'none'", "no check 'none'"),
        ("candidate = [{target = 'x'}]", "no target 'x'"),
        ("\nlicenses = ['MIT']", "line 2"),
        ("candidate = [{target = 'big', risk = 'huge'}]", "huge"),
        ("candidate = [{target = 'big'}, {target = 'big'}]", "twice"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        chosen({"big": 1, "small": 1}, {"big": 1, "small": 1}, text)


def test_one_target_is_no_choice() -> None:
    with pytest.raises(UsageError, match="nothing to choose"):
        chosen({"big": 1}, {"big": 1})


def test_energy_is_an_estimate_with_ends() -> None:
    found = chosen({"big": 60, "small": 60}, {"big": 1, "small": 1}, energies={"big": 5_000_000, "small": None})
    figure = found.candidates[0].figures["energy"]
    assert (figure.mean, figure.ends) == (pytest.approx(0.005), (pytest.approx(0.0025), pytest.approx(0.01)))
    assert told(figure) == "0.005; estimated 0.0025 to 0.01"
    assert "energy" not in found.candidates[1].figures
    assert {pair.word for pair in found.pairs if pair.criterion == "energy"} == {"unknown"}
