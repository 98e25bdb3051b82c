"""Texts that stand in two corpora: the same jailbreak travels, and a test must not have been seen."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from genaiops.checks.classifying._ngrams import plain
from training.corpora import Corpus

RUN = 8
"""Words."""
MOST = 0.3


def without_overlap(corpus: Corpus, others: Sequence[Corpus]) -> Corpus:
    """`corpus` without the texts that are in `others` too, or share 30 % of their runs of eight words with them."""
    whole = {_digest(text) for other in others for text, _ in other.rows}
    runs = {run for other in others for text, label in other.rows if label for run in _runs(text)}
    rows = [
        (text, label) for text, label in corpus.rows if _digest(text) not in whole and _share(_runs(text), runs) <= MOST
    ]
    return msgspec.structs.replace(corpus, rows=rows)


def _runs(text: str) -> Iterator[bytes]:
    words = plain(text).split()
    for start in range(len(words) - RUN + 1):
        yield _digest(" ".join(words[start : start + RUN]))


def _share(mine: Iterable[bytes], others: set[bytes]) -> float:
    found = [run in others for run in mine]
    return sum(found) / len(found) if found else 0.0


def _digest(text: str) -> bytes:
    return hashlib.blake2b(plain(text).encode("utf-8", "surrogatepass"), digest_size=16).digest()
