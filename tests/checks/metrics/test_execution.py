"""Programs and statements, as metrics: what is run of an answer, and what its result is held against."""

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.metrics import executes, metric
from genaiops.checks.metrics._metric import Asking
from genaiops.checks.metrics.execution import fenced, is_ordered
from genaiops.checks.statistics import pass_at
from genaiops.domain import Measure, Sample
from genaiops.engines.sandbox import Processes
from tests.checks.metrics.test_meaning import Alone, Toy

SCHEMA = "CREATE TABLE people (name TEXT, age)"
PEOPLE = {"people": [["Ada", 36], ["Grace", 85.0], ["Tim", None]]}


async def measured(name: str, output: str, options: dict[str, Any] | None = None, **fields: Any) -> Measure:
    found = metric(name, options)
    assert isinstance(found, Asking)
    assert executes(found)
    return await found.consult(Sample(output=output, **fields), Alone(Toy()))


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.data())
def test_pass_at_k_is_the_share_of_all_draws_of_k_with_one_that_passes(passed: list[bool], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(passed)))
    draws = list(combinations(passed, k))
    assert pass_at(sum(passed), len(passed), k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_pass_at_k_of_fewer_tries_is_not_known() -> None:
    with pytest.raises(ValueError, match="pass@3"):
        pass_at(1, 2, 3)


def test_what_is_run_of_an_answer() -> None:
    answer = "So:\n```text\nno\n```\nThen\n  ```python\nx = 1\n```\n```py\nx = 2\n```"
    assert fenced(answer, ("python", "py")) == "x = 1\n"
    assert fenced("```\nx\n", ("python",)) == "x\n"
    assert fenced("x = 1", ("python",)) == "x = 1"


async def test_a_program_passes_its_tests() -> None:
    tests = {"test_list": ["assert f(1) == 2", "assert f(2) == 3"], "head": "import math"}
    options = {"test": "test_list", "setup": "head"}
    good = await measured("code", "```python\ndef f(x):\n    return x + 1\n```", options, metadata=tests)
    assert (good.value, good.reason) == (1.0, "")
    bad = await measured("code", "def f(x): return 2", options, metadata=tests)
    assert (bad.value, bad.reason) == (0.0, "AssertionError (line 2 of the test)")
    goes_on = {"test": "def check(candidate):\n    assert candidate(1) == 2", "entry_point": "f"}
    said = await measured("code", "    return x + 1", {"after_input": True}, input="def f(x):\n", metadata=goes_on)
    assert said.value == 1.0


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({}, "no tests"),
        ({"test": 3}, "neither a text"),
        ({"io": [{"in": "x"}]}, "no list of"),
        ({"test": "x("}, "broken"),
    ],
)
async def test_a_case_that_cannot_be_tested_is_an_error(metadata: dict[str, Any], said: str) -> None:
    found = await measured("code", "x = 1", metadata=metadata)
    assert found.value is None
    assert said in found.error


SAME = {
    "SELECT name FROM people ORDER BY name DESC": (1.0, ("SELECT name FROM people",), {}),
    "SELECT name FROM people ORDER BY rowid DESC": (0.0, ("SELECT name FROM people ORDER BY rowid",), {}),
    "SELECT name, age FROM people WHERE age > 40": (1.0, ("SELECT name, 85 FROM people WHERE name = 'Grace'",), {}),
    "SELECT CAST(age AS TEXT) FROM people": (0.0, ("SELECT age FROM people",), {}),
    "SELECT name FROM people UNION ALL SELECT 'Ada'": (0.0, ("SELECT name FROM people",), {}),
    "SELECT name AS who FROM people": (0.0, ("SELECT name FROM people",), {"columns": True}),
    "SELECT age FROM people WHERE name = 'Tim'": (1.0, ("SELECT 0", "SELECT NULL"), {}),
    "SELECT sum(age) / 3.0 FROM people": (1.0, ("SELECT (36 + 85) / 3.0",), {}),
    "DROP TABLE people": (0.0, ("SELECT 1",), {}),
    "```sql\nSELECT 1;\n```": (1.0, ("SELECT 1.0",), {}),
}


@pytest.mark.parametrize("statement", SAME)
async def test_results_are_compared(statement: str) -> None:
    value, expected, options = SAME[statement]
    said = await measured(
        "sql", statement, options, expected=expected, metadata={"schema": SCHEMA, "rows": PEOPLE}
    )  # fmt: skip
    assert said.value == value, said
    assert bool(said.reason) is (value == 0.0)


async def test_rows_themselves_are_a_reference_and_a_broken_one_is_an_error() -> None:
    base = {"schema": SCHEMA, "rows": PEOPLE}
    said = await measured("sql", "SELECT age FROM people", metadata={**base, "result": [[85], [None], [36]]})
    assert said.value == 1.0
    broken = await measured("sql", "SELECT 1", expected=("SELECT x",), metadata=base)
    assert "does not run" in broken.error
    assert "neither a statement" in (await measured("sql", "SELECT 1", metadata=base)).error
    assert "no tables" in (await measured("sql", "SELECT 1", expected=("SELECT 1",), metadata={"rows": 3})).error


def test_an_order_of_its_own() -> None:
    assert is_ordered("SELECT a FROM t ORDER\n BY a")
    assert not is_ordered("SELECT * FROM (SELECT a FROM t ORDER BY a)")
    assert not is_ordered("SELECT 'order by', \"order by\" FROM t -- order by a")


def test_the_sandbox_is_that_of_the_machine() -> None:
    assert Processes().isolation.in_force
