"""A run as columns: what two runs beside each other say is the same, whether it was read row by row or packed."""

from hypothesis import given
from hypothesis import strategies as some

from genaiops.arena import Packed, Side, Tables, beside, pack, read_suite, unpack
from genaiops.domain import Answer, Case, Judged, Outcome, Verdict

SUITE = read_suite(
    """
case = [{input = "x"}]
target = [{name = "old", recorded = true}, {name = "new", recorded = true}]
check = [{name = "right", metric = "equals", threshold = 1.0}, {name = "length", metric = "word_count"}]
gate.baseline = "old"
""",
    "toml",
).checked()
_Said = tuple[Outcome, float | None]
_Row = tuple[str, set[str], _Said, _Said]
_OUTCOMES = some.sampled_from(["pass", "fail", "warn", "inconclusive", "error"])
_ROW = some.tuples(_OUTCOMES, some.none() | some.floats(0, 9, allow_nan=False))
_CASE = some.tuples(some.sampled_from(["", "a", "b"]), some.sets(some.sampled_from(["odd", "long"])), _ROW, _ROW)


def _judged(target: str, case: str, check: str, said: _Said) -> Judged:
    verdict = Verdict(outcome=said[0], measure=said[1])
    return Judged(target=target, case=case, check=check, metric=f"{check}/1", verdict=verdict)


@given(some.lists(_CASE, max_size=8), some.sampled_from([None, "odd", "never"]))
def test_the_same_is_said(rows: list[_Row], within: str | None) -> None:
    cases = [
        Case(id=f"c{n}", input=f"Question {n}", cluster=row[0], slices=tuple(sorted(row[1])))
        for n, row in enumerate(rows)
    ]
    answers = [Answer(target=name, case=case.id, state="answered") for case in cases for name in ("old", "new")]
    judged = [
        _judged(target, f"c{n}", check, said)
        for n, (_, _, old, new) in enumerate(rows)
        for target, said in (("old", old), ("new", new))
        for check in ("right", "length")
    ]
    tables = Tables(cases, answers, judged)
    packed = unpack(pack(tables))
    assert isinstance(packed, Packed)
    assert packed.slices == sorted({name for case in cases for name in case.slices})
    by_rows = beside(SUITE, Side(tables, "old"), Side(tables, "new"), within)
    assert beside(SUITE, Side(packed, "old"), Side(packed, "new"), within) == by_rows
    assert beside(SUITE, Side(tables, "old"), Side(packed, "new"), within) == by_rows
