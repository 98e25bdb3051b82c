"""The settings of whom guard policies ask, where their texts have a form of their own."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from genaiops.core.errors import ConfigError

SPACY: Final = "spacy"
SPACY_WEIGHTS: Final = "en-core-web-sm"
"""The weights that come along."""


class OwnClassifier(msgspec.Struct, frozen=True):
    """An endpoint that answers labels. `secret`: the name of the one that is its bearer token (empty: none)."""

    url: str
    secret: str = ""


class NamesService(msgspec.Struct, frozen=True):
    """Who finds names: `spacy` with `model` (empty: the one that comes along), or a service at `url`."""

    shape: Literal["spacy", "presidio", "gliner"]
    url: str = ""
    model: str = ""


def read_classifiers(given: Sequence[str]) -> Mapping[str, OwnClassifier]:
    """Of `guard.classifiers`: `NAME=URL` or `NAME=secret:NAME@URL`. ConfigError when it is neither."""
    found: dict[str, OwnClassifier] = {}
    for entry in given:
        name, _, rest = entry.partition("=")
        secret, url = "", rest
        if rest.startswith("secret:"):
            secret, _, url = rest.removeprefix("secret:").partition("@")
        if not name.strip() or not _is_http(url) or name in found or (rest.startswith("secret:") and not secret):
            raise ConfigError(
                f"guard.classifiers holds {entry!r}, which is no classifier, or one of a name that is there.",
                remedy="Write NAME=http://HOST:PORT/predict, or NAME=secret:SECRET@https://HOST/predict.",
                param="guard.classifiers",
            )
        found[name.strip()] = OwnClassifier(url, secret)
    return found


def read_names(given: str) -> NamesService | None:
    """Of `guard.names`; None: nobody finds names. ConfigError when it is none."""
    if not given:
        return None
    shape, _, rest = given.partition(":")
    if shape == SPACY:
        return NamesService("spacy", model=rest)
    for service in ("presidio", "gliner"):
        if given.startswith(f"{service}+") and _is_http(given.removeprefix(f"{service}+")):
            return NamesService(service, url=given.removeprefix(f"{service}+"))
    raise ConfigError(
        f"guard.names is {given!r}, and there is no such finder of names.",
        remedy="Write spacy, spacy:MODEL, presidio+http://HOST:PORT/analyze or gliner+http://HOST:PORT/PATH.",
        param="guard.names",
    )


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
