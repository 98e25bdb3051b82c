"""What the address of the list of traces says of scores."""

import pytest

from genaiops.console._filters import read_filter
from genaiops.core.errors import UsageError
from genaiops.ports.telemetry import ScoreIs


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("feedback", ScoreIs("feedback")),
        ("feedback=down", ScoreIs("feedback", "=", "down")),
        ("quality<=0.5", ScoreIs("quality", "<=", 0.5)),
        ("answer quality>=0", ScoreIs("answer quality", ">=", 0.0)),
        ("exact=a=b", ScoreIs("exact", "=", "a=b")),
    ],
)
def test_a_score_by_name_label_or_value(text: str, wanted: ScoreIs) -> None:
    assert read_filter({"score": text}, 0).scores == (wanted,)


@pytest.mark.parametrize("text", ["=down", "quality>=much", "<=0.5", "quality>0.5"])
def test_what_is_no_condition_is_refused_in_words(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_filter({"score": text}, 0)
    assert refused.value.param == "score"
