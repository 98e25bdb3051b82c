"""Whom guard policies ask, by the settings."""

import pytest

from genaiops.app.guard_settings import NamesService, OwnClassifier, read_classifiers, read_names
from genaiops.core.errors import ConfigError


def test_classifiers_of_ones_own() -> None:
    found = read_classifiers(("a=http://127.0.0.1:8080/predict", "b=secret:hub@https://x.example/m?v=1"))
    assert found == {
        "a": OwnClassifier("http://127.0.0.1:8080/predict"),
        "b": OwnClassifier("https://x.example/m?v=1", "hub"),
    }


@pytest.mark.parametrize(
    "given",
    [
        ("a",),
        ("=http://x/y",),
        ("a=ftp://x/y",),
        ("a=http:///y",),
        ("a=secret:@http://x",),
        ("a=secret:s",),
        ("a=http://x:99999/y",),
        ("a=http://x", "a=http://y"),
    ],
)
def test_what_is_no_classifier(given: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=r"guard\.classifiers"):
        read_classifiers(given)


@pytest.mark.parametrize(
    ("given", "service"),
    [
        ("", None),
        ("spacy", NamesService("spacy")),
        ("spacy:de_core_news_sm", NamesService("spacy", model="de_core_news_sm")),
        ("presidio+http://127.0.0.1:5002/analyze", NamesService("presidio", url="http://127.0.0.1:5002/analyze")),
        ("gliner+https://x.example/find", NamesService("gliner", url="https://x.example/find")),
    ],
)
def test_who_finds_names(given: str, service: NamesService | None) -> None:
    assert read_names(given) == service


@pytest.mark.parametrize("given", ["flair", "presidio", "presidio+", "gliner+ftp://x", "http://x/analyze"])
def test_who_finds_none(given: str) -> None:
    with pytest.raises(ConfigError, match=r"guard\.names"):
        read_names(given)
