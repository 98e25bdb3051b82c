"""Secrets by Kingfisher's rules (Apache-2.0, https://github.com/mongodb/kingfisher) in this process, and by a guard
server that runs them.

It only looks: whether a key is valid is never asked of whoever issued it, so nothing leaves the machine.
"""

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from genaiops.core.errors import ConfigError, TimedOut, TooLarge, UpstreamError
from genaiops.domain import Finding
from genaiops.ports.classifiers import Ask

MODULE: Final = "kingfisher_sdk"
EXTRA_MISSING: Final = "Run: pip install 'genaiops[kingfisher]'"
MOST_CHARACTERS: Final = 2_000_000
"""Of a text in which secrets are looked for."""
_KIND: Final = 62
"""Characters of a kind: as many as a placeholder holds."""


class Place(msgspec.Struct, frozen=True):
    """Where a secret stands, in characters, and by which rule."""

    start: int
    end: int
    kind: str


class KingfisherSecrets:
    """The rules that come with the package, with its own confidence (`medium`). ConfigError without it (the extra
    `kingfisher`). Compiling them takes some 20 s of CPU, once for each version: they are kept in the folder `cache`,
    from which they load in 2 s. A KB takes about 0.01 ms, outside the interpreter's lock."""

    def __init__(self, cache: Path | None = None, *, most: int = MOST_CHARACTERS) -> None:
        try:
            import kingfisher_sdk
        except ImportError as error:
            raise ConfigError(
                f"Kingfisher cannot be imported: {error}.", remedy=EXTRA_MISSING, code="extra_missing"
            ) from error
        sdk = cast("Any", kingfisher_sdk)
        if cache is not None:
            cache.mkdir(parents=True, exist_ok=True, mode=0o700)  # it loads from no folder that others can write
        rules = sdk.Rules(cache_dir=cache) if cache is not None else sdk.Rules(cache=False)
        self._scanner = sdk.Scanner(rules)
        self.name = f"kingfisher {sdk.__version__}"
        self._most = most

    def find(self, text: str) -> list[Finding]:
        """From left to right, none within another; of those that overlap, the longer. TooLarge beyond the bound."""
        _bounded(text, self._most)
        data = text.encode("utf-8", "replace")  # a lone surrogate becomes one byte and stays one character
        spans = [
            (each.location["start_offset"], each.location["end_offset"], kind_of(each.rule_id))
            for each in self._scanner.scan(data)
            if each.visible
        ]
        return [Finding(start, end, kind, "secret") for start, end, kind in _in_characters(data, _apart(spans))]


class SecretsService:
    """The same asked of a guard server (see ports.names.Names); light enough for a gateway worker."""

    def __init__(self, ask: Ask, *, seconds: float = 5.0, most: int = MOST_CHARACTERS) -> None:
        self.name = "kingfisher at the guard server"
        self._ask = ask
        self._seconds = seconds
        self._most = most

    async def find(self, text: str) -> list[Finding]:
        _bounded(text, self._most)
        plain = text.encode("utf-8", "replace").decode()
        try:
            async with asyncio.timeout(self._seconds):
                status, answer = await self._ask(msgspec.json.encode({"text": plain}))
        except TimeoutError as error:
            raise TimedOut(f"Kingfisher did not answer within {self._seconds:g} s.") from error
        if status != 200:
            raise _wrong(f"the guard server answered with {status}", status)
        try:
            places = msgspec.json.decode(answer, type=list[Place])
        except msgspec.DecodeError as error:
            raise _wrong(f"its answer is no list of places ({error})") from error
        for each in places:
            if not 0 <= each.start < each.end <= len(text):
                raise _wrong(f"it found something from {each.start} to {each.end} in {len(text)} characters")
        return [Finding(each.start, each.end, each.kind, "secret") for each in places]


def kind_of(rule_id: str) -> str:
    """Of `betterleaks.github-pat` it is `github_pat`, of `veles.secrets/pypi` `pypi`: what a placeholder can say."""
    name = re.sub(r"\.\d+\Z", "", rule_id.rpartition("/")[2].removeprefix("betterleaks."))
    kind = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:_KIND]
    return kind if kind[:1].isalpha() else f"secret_{kind}".rstrip("_")[:_KIND]


def _apart(spans: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    kept: list[tuple[int, int, str]] = []
    for start, end, kind in sorted(spans, key=lambda each: (each[0] - each[1], each)):
        if all(end <= first or start >= last for first, last, _ in kept):
            kept.append((start, end, kind))
    return sorted(kept)


def _in_characters(data: bytes, spans: Iterable[tuple[int, int, str]]) -> Iterable[tuple[int, int, str]]:
    """Places in bytes become places in characters. `spans` are in order and do not overlap."""
    done, at = 0, 0
    for start, end, kind in spans:
        at += len(data[done:start].decode("utf-8", "ignore"))
        length = len(data[start:end].decode("utf-8", "ignore"))
        yield at, at + length, kind
        at, done = at + length, end


def _bounded(text: str, most: int) -> None:
    if len(text) > most:
        raise TooLarge(f"Kingfisher looks at no more than {most} characters, and this text has {len(text)}.")


def _wrong(why: str, status: int = 0) -> UpstreamError:
    return UpstreamError(f"Kingfisher gave no usable answer: {why}.", upstream_status=status)
