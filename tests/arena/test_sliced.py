"""What checks measured by group: of metadata and of slices, with bounds of each."""

import msgspec
import pytest

from genaiops.arena import Tables, read_suite, sliced
from genaiops.core.errors import UsageError
from genaiops.domain import Answer, Case, Judged, Suite, Verdict

SUITE: Suite = read_suite(
    """
    case = [{input = "x"}]
    target = [{name = "t", recorded = true}]
    check = [
        {name = "right", metric = "equals"},
        {metric = "demographic_parity_difference", options = {by = "race", positive = "a", labels = ["a", "b"]}},
    ]
    """,
    "toml",
).checked()
CASES = [
    Case(
        id=str(at), input="x", metadata={"race": "black" if at % 2 else "white", "row": at}, slices=("age:old", "hard")
    )
    for at in range(40)
]


@pytest.fixture(scope="module")
def tables() -> Tables:
    """Of black people a quarter is right, of white people all."""
    judged = [
        Judged(
            target="t",
            case=case.id,
            check="right",
            metric="equals/1",
            verdict=Verdict(outcome="pass", measure=float(at % 2 == 0 or at % 8 == 1)),
        )
        for at, case in enumerate(CASES)
    ]
    return Tables(CASES, [Answer(target="t", case=case.id, state="answered") for case in CASES], judged)


def test_each_group_has_its_figures(tables: Tables) -> None:
    black, white = sliced(SUITE, tables, ["race"])
    assert (black.group, black.cases, black.figure.check, black.figure.mean) == ("black", 20, "right", 0.25)
    assert (white.group, white.cases, white.figure.mean) == ("white", 20, 1.0)
    assert black.figure.high is not None
    assert white.figure.low is not None
    assert black.figure.high < 0.5 < white.figure.low


def test_a_check_of_other_slices_says_nothing_of_a_group(tables: Tables) -> None:
    elsewhere = msgspec.structs.replace(SUITE.check[0], slices=("soft",))
    suite = msgspec.structs.replace(SUITE, check=(SUITE.check[0], elsewhere))
    assert {each.figure.check for each in sliced(suite, tables)} == {"right"}
    alone = msgspec.structs.replace(SUITE, check=(elsewhere,))
    assert sliced(alone, tables, ["race"]) == []


def test_without_a_name_by_all_that_tells_groups_apart(tables: Tables) -> None:
    """Neither by what each case has of its own, nor by what all have alike; a bare slice is a group of itself."""
    assert {(each.by, each.group) for each in sliced(SUITE, tables)} == {
        ("race", "black"),
        ("race", "white"),
        ("slice", "hard"),
    }


def test_what_tells_no_groups_is_refused(tables: Tables) -> None:
    with pytest.raises(UsageError) as error:
        sliced(SUITE, tables, ["rase"])
    assert error.value.param == "by"
    assert "race" in (error.value.remedy or "")
