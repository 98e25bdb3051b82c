"""Canonical rows and chunks."""

import datetime
import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import TooLarge, UsageError
from genaiops.core.rows import CHUNK_BYTES, LARGEST_ROW, TableDigest, canonical_row, chunks, joined, row_digest

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3))
)
ROWS = st.dictionaries(st.text(max_size=8), VALUES, max_size=5)


def turned(value: Any) -> Any:
    """The same with keys in the other order and whole numbers as floats."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [turned(each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53:
        return float(value)
    return value


@given(ROWS)
def test_neither_order_nor_the_writing_of_numbers_matters(row: dict[str, Any]) -> None:
    made = canonical_row(row)
    assert canonical_row(turned(row)) == made
    assert json.loads(made) == row
    assert canonical_row(json.loads(made)) == made


@given(ROWS, ROWS)
def test_what_differs_differs(one: dict[str, Any], other: dict[str, Any]) -> None:
    # In Python True == 1, in JSON they differ; so the comparison is by text.
    same = json.dumps(turned(one), sort_keys=True) == json.dumps(turned(other), sort_keys=True)
    if not same:
        equal_numbers = one == other  # -0.0 == 0.0
        assert canonical_row(one) != canonical_row(other) or equal_numbers


def test_numbers() -> None:
    assert canonical_row({"b": 1.0, "a": -0.0, "c": 1e16, "d": 1.5, "e": math.nan}) == (
        b'{"a":0,"b":1,"c":10000000000000000,"d":1.5,"e":null}'
    )
    assert canonical_row({"text": "1.0, 2e5"}) == b'{"text":"1.0, 2e5"}'


def test_what_tables_hold_besides() -> None:
    when = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    assert canonical_row({"at": when, "day": when.date(), "sum": Decimal("1.10")}) == (
        b'{"at":"2026-01-02T03:04:05Z","day":"2026-01-02","sum":"1.10"}'
    )


@pytest.mark.parametrize("value", [object(), "\ud800", {(1, 2): 3}])
def test_what_json_has_no_words_for(value: object) -> None:
    with pytest.raises(UsageError, match="cannot be written as JSON"):
        canonical_row({"a": value})


def test_a_row_too_large() -> None:
    with pytest.raises(TooLarge, match="The row has"):
        canonical_row({"a": "x" * LARGEST_ROW})


@given(st.lists(st.integers(0, 5000).map(lambda n: canonical_row({"n": n})), max_size=300))
def test_chunks_hold_every_row_once_in_order(rows: list[bytes]) -> None:
    assert [row for chunk in chunks(rows) for row in chunk] == rows


def test_a_table_with_one_row_more_shares_the_other_chunks() -> None:
    rows = [canonical_row({"n": n}) for n in range(20_000)]
    before = {joined(chunk) for chunk in chunks(rows)}
    after = {joined(chunk) for chunk in chunks([*rows[:7000], canonical_row({"new": 1}), *rows[7000:]])}
    assert len(before) > 20
    assert len(after - before) <= 2


def test_chunks_are_bounded() -> None:
    rows = [canonical_row({"n": n, "x": "y" * 300_000}) for n in range(10)]
    assert max(len(joined(chunk)) for chunk in chunks(rows)) <= CHUNK_BYTES + len(rows)
    assert max(len(chunk) for chunk in chunks([canonical_row({})] * 5000)) == 2048


def test_the_digest_of_a_table_is_of_its_rows_in_order() -> None:
    def digest(*rows: dict[str, Any]) -> str:
        table = TableDigest()
        for row in rows:
            table.add(row_digest(canonical_row(row)))
        return table.text

    assert digest({"a": 1}, {"a": 2}) != digest({"a": 2}, {"a": 1})
    assert digest({"a": 1, "b": 2.0}) == digest({"b": 2, "a": 1})
