"""Two runs side by side: only what asks the same and was measured alike is compared."""

from collections.abc import Mapping

import msgspec

from genaiops.arena import Beside, Side, Tables, beside, read_suite
from genaiops.domain import Answer, Case, Judged, Suite, Verdict

SUITE: Suite = read_suite(
    """
    case = [{input = "x"}]
    target = [{name = "new", recorded = true}]
    check = [{name = "right", metric = "equals"}, {name = "again", metric = "equals"}]
    """,
    "toml",
).checked()


def side(
    values: dict[str, float],
    *,
    target: str = "new",
    metric: str = "equals/1",
    asks: Mapping[str, str] = {},
    again: Mapping[str, float] = {},
) -> Side:
    """`again`: values of the second check, where they are not those of the first."""
    cases = [Case(id=name, input=asks.get(name, name)) for name in values]
    answers = [Answer(target=target, case=name, state="answered") for name in values]
    judged = [
        Judged(target=target, case=name, check=check, metric=metric, verdict=Verdict(outcome="pass", measure=value))
        for check, measured in (("right", values), ("again", {**values, **again}))
        for name, value in measured.items()
    ]
    return Side(Tables(cases, answers, judged), target)


def compared(before: Side, after: Side) -> Beside:
    return beside(SUITE, before, after)


def test_cases_are_won_and_lost_in_the_order_of_the_suite() -> None:
    found = compared(side({"a": 0, "b": 1, "c": 1}, target="old"), side({"c": 0, "b": 1, "a": 1}))
    assert (found.won, found.lost) == (("a",), ("c",))
    assert found.of("lost", "right") == ("c",)
    assert found.of("lost", "none") == ()
    comparison = found.checks[0].comparison
    assert comparison is not None
    assert (comparison.wins, comparison.losses, comparison.n) == (1, 1, 3)


def test_a_case_that_is_worse_by_any_check_is_lost() -> None:
    found = compared(side({"a": 0, "b": 0}), side({"a": 1, "b": 1}, again={"a": -1.0}))
    assert (found.won, found.lost) == (("b",), ("a",))


def test_what_asks_something_else_is_counted_and_not_compared() -> None:
    found = compared(
        side({"a": 1, "b": 1, "c": 1, "d": 1}), side({"a": 0, "b": 1, "c": 1, "e": 1}, asks={"a": "another"})
    )
    assert (found.alike, found.changed) == (("b", "c"), ("a",))
    assert (found.only_before, found.only_after) == (1, 1)
    assert found.lost == ()


def test_figures_of_two_versions_of_a_metric_are_not_compared() -> None:
    found = compared(side({"a": 0, "b": 0}), side({"a": 1, "b": 1}, metric="equals/2"))
    assert [each.why for each in found.checks] == ["Figures of equals/1 and equals/2 are not compared."] * 2
    assert found.won == ()


def test_what_was_not_judged_and_one_case_alone_say_why() -> None:
    nothing = Side(Tables([Case(id="a", input="a")], [], []), "new")
    assert "Nothing of new was judged" in compared(nothing, side({"a": 1})).checks[0].why
    assert "cannot be compared" in compared(side({"a": 0}), side({"a": 1})).checks[0].why


def test_one_slice_of_the_cases() -> None:
    before, after = side({"a": 0, "b": 0, "c": 1}), side({"a": 1, "b": 1, "c": 0})
    for each in (before, after):
        assert isinstance(each.tables, Tables)
        for name in ("a", "b"):
            case = each.tables.cases[name]
            each.tables.cases[name] = msgspec.structs.replace(case, slices=("short",))
    found = beside(SUITE, before, after, "short")
    assert (found.alike, found.won, found.lost) == (("a", "b"), ("a", "b"), ())
    assert found.words().keys() == {"right", "again"}
    assert beside(SUITE, before, after, "long").words()["right"] == "not compared"


def test_better_is_said_when_it_holds_for_all_checks_together() -> None:
    names = [f"case{number}" for number in range(40)]
    found = compared(side(dict.fromkeys(names, 0.0)), side(dict.fromkeys(names, 1.0), again=dict.fromkeys(names, -1.0)))
    assert found.words() == {"right": "better", "again": "worse"}
