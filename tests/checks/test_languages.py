"""Which languages can be told."""

import pytest
from py3langid import langid

from genaiops.checks.languages import LANGUAGES, letters


def test_they_are_what_the_classifier_tells() -> None:
    known = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    assert frozenset(known.labels) == LANGUAGES


@pytest.mark.parametrize(("text", "count"), [("", 0), ("a1 b!\n", 2), ("你好吗", 3), ("Ünï", 3), ("١٢٣", 0)])
def test_letters_of_all_scripts(text: str, count: int) -> None:
    assert letters(text) == count
