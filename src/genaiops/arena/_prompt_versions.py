"""Two versions of a prompt on the rows of a dataset, as a suite."""

from collections.abc import Sequence
from typing import Any, Final

BEFORE: Final = "before"
AFTER: Final = "after"
MARGIN: Final = 0.1
"""So much worse the later version may be, with 95 % confidence, before the gate fails it."""


def side_by_side(
    before: str, after: str, *, dataset: str, metrics: Sequence[str], model: str, variables: Sequence[str], limit: int
) -> dict[str, Any]:
    """The document of a suite: `after` is held against `before` (both `NAME@sha256:...`), over at most `limit` rows of
    `dataset` (`NAME@...`). Columns that are called as variables of the prompt are these."""
    asked = {"model": model} if model else {}
    return {
        "description": "Two versions of a prompt side by side",
        "target": [{"name": BEFORE, "prompt": before, **asked}, {"name": AFTER, "prompt": after, **asked}],
        "cases": [
            {"dataset": dataset, "limit": limit, "fields": {f"variables:{name}": name for name in variables}},
        ],
        "check": [{"metric": name, "margin": MARGIN} for name in metrics],
        "gate": {"baseline": BEFORE},
    }
