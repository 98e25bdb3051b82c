"""The examples of docs/content-checks.md say what they say."""

import doctest
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "content-checks.md"


def test_the_examples_are_true() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False)
    assert result.failed == 0
    assert result.attempted > 30
