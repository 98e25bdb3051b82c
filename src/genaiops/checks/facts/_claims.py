# ruff: noqa: RUF001 (the apostrophe as people type it)
"""Claims of an answer held against sources, one sentence each: a verdict, the passage that decides it, a probability.

A claim is `supported` where `checks.grounding` says so, no negation stands against it, and its probability is 0.2 at
least; `refuted` where the nearest
passage has its words and another number, or the opposite of it (a negation in one of the two alone); else there is
`not_enough_evidence`. That is a comparison of words: who did what to whom it cannot tell. How often it is wrong stands
in the card `grounding`.
"""

import re
from collections.abc import Sequence
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from genaiops.checks.facts._corpus import Corpus, Passage
from genaiops.checks.facts._likelihood import features, probability
from genaiops.checks.grounding import Grounding, Sentence, sentences
from genaiops.checks.words import words

ClaimVerdict = Literal["supported", "refuted", "not_enough_evidence"]
"""As people label claims (`domain.CLAIM_VERDICTS`)."""

METHOD: Final = "words"
"""The name of this method, beside those of judges."""
_SUPPORTED_AT: Final = 0.5
_LIKELY: Final = 0.2
"""Below this probability no claim is supported, however many of its words stand somewhere in the sources."""
_SAME_MATTER: Final = 0.6
"""From this share of a claim's words on a passage is about the same, so that another number in it refutes."""
_PASSAGES: Final = 4
"""Pieces of a corpus that one claim is held against."""
_LONGEST_QUOTE: Final = 400
_WINDOW: Final = 2
"""Sentences that are quoted at most."""
_LARGER: Final = 0.1
"""What a second sentence has to bring to be quoted, too: this share of the claim."""
_NEGATION: Final = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|\w+n['’]t|nicht|kein\w*|nie|niemals|niemand|"
    r"nichts|ohne|ne|pas|jamais|aucun\w*|sans|nunca|nadie|ningun\w*|sin|mai|nessun\w*|senza|niet|geen|nooit)\b",
    re.IGNORECASE,
)
_NEAR_NEGATION: Final = 2
"""Words with meaning beside a negation that say what it is about."""
_MARK: Final = re.compile(r"\[(?:\d{1,3}(?:[,;–-] ?\d{1,3})*|unsupported)\]")
_ADDED: Final = re.compile(
    r"(?:\n\nSources:(?:\n\[\d+\] [^\n]*)+)?(?:\n\nNot supported by the sources:(?:\n- [^\n]*)+)?"
    r"(?:\n\nCaution: \d+ of \d+ statements above are not supported[^\n]*)?\Z"
)
_SHORT: Final = 3
_GROUPED: Final = re.compile(r"(?<=\d)[.,'\u00a0\u202f](?=\d{3}(?!\d))")
_DIGITS: Final = re.compile(r"\d")


class Source(msgspec.Struct, frozen=True):
    """A text that claims are held against, under the name that citations give it. `title`: what it is, for people."""

    id: str
    text: str
    title: str = ""


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """The passage of a source that decides a claim: its characters from `start` up to `end`, and what they say (cut
    after 400)."""

    source: str
    start: int
    end: int
    quote: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """The characters from `start` up to `end` of the answer. `support`, from 0 to 1: the share of its words that stand
    in the sources; `missing`: its numbers and names that do not. `probability`, from 0 to 1: that it is supported (see
    `_likelihood`). `citation` None: no passage is about it."""

    start: int
    end: int
    text: str
    verdict: ClaimVerdict
    support: float
    probability: float
    missing: tuple[str, ...] = ()
    citation: Citation | None = None


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """An answer with its claims. `node`: what it is (`trace/HEX`, `run/ID/CASE/TARGET`; "": a text), `nodes`: of
    lineage; `asked`: (role, text) of what was said before it. `sources` are those that its claims were held against (of
    a corpus: only those that are cited). `why`: why there is no claim."""

    answer: str
    claims: tuple[Claim, ...] = ()
    sources: tuple[Source, ...] = ()
    why: str = ""
    node: str = ""
    nodes: tuple[str, ...] = ()
    asked: tuple[tuple[str, str], ...] = ()
    case: str = ""
    target: str = ""
    repeat: int = 0
    traces: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()


def check_facts(
    answer: str,
    sources: Sequence[Source],
    *,
    corpus: Corpus | None = None,
    names: bool = True,
    supported_at: float = _SUPPORTED_AT,
) -> tuple[Claim, ...]:
    """The claims in order; sentences that state nothing ("Yes.") are none. Sources that the answer was given are looked
    at together. Of a `corpus` each claim is held against the pieces that are nearest to it; `sources` may then be
    empty. Marks of citations (`[1]`) state nothing, nor does what the guard put at the end of an answer."""
    said = _said(answer)
    found = (
        _of_sources(said, sources, names, supported_at)
        if corpus is None
        else _of_corpus(said, corpus, names, supported_at)
    )
    return tuple(replace(each, text=answer[each.start : each.end]) for each in found)


def _said(answer: str) -> str:
    """With blanks in the place of what says something of the answer, so that places stay."""
    added = _ADDED.search(answer)
    if added is not None:
        answer = answer[: added.start()] + " " * (len(answer) - added.start())
    return _MARK.sub(lambda match: " " * len(match[0]), answer)


def _of_sources(answer: str, sources: Sequence[Source], names: bool, supported_at: float) -> list[Claim]:
    held = Grounding([each.text for each in sources], names=names)
    pool, windows = Corpus([(each.id, each.text) for each in sources]), _Windows()
    found: list[Claim] = []
    for each in held.check(answer):
        near = pool.nearest(answer[each.start : each.end], _PASSAGES)
        found.append(_claim(answer, each, windows.nearest(near, answer[each.start : each.end]), supported_at))
    return found


def confidence(claims: Sequence[Claim]) -> float | None:
    """The mean of their probabilities: the share of them that is expected to be supported. None: there is none."""
    return sum(each.probability for each in claims) / len(claims) if claims else None


def tally(claims: Sequence[Claim]) -> dict[ClaimVerdict, int]:
    """Verdict -> how many."""
    found: dict[ClaimVerdict, int] = {"supported": 0, "refuted": 0, "not_enough_evidence": 0}
    for each in claims:
        found[each.verdict] += 1
    return found


def _of_corpus(answer: str, corpus: Corpus, names: bool, supported_at: float) -> list[Claim]:
    found: list[Claim] = []
    windows = _Windows()
    for start, end in sentences(answer):
        near = corpus.nearest(answer[start:end], _PASSAGES)
        held = Grounding([each.text for each in near], names=names)
        for one in held.check(answer[start:end]):
            moved = _moved(one, start)
            found.append(_claim(answer, moved, windows.nearest(near, answer[moved.start : moved.end]), supported_at))
    return found


def _moved(one: Sentence, by: int) -> Sentence:
    missing = tuple(replace(each, start=each.start + by, end=each.end + by) for each in one.missing)
    return Sentence(one.start + by, one.end + by, one.support, missing)


class _Windows:
    """The one or two neighbouring sentences of passages, each split once for all claims."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], list[tuple[int, int, int, frozenset[str]]]] = {}

    def nearest(self, passages: Sequence[Passage], claim: str) -> Passage | None:
        """Those that have most of the claim; None: none has a word of it."""
        said = set(words(claim).texts)
        best: tuple[float, Passage, int, int] | None = None
        for passage in passages:
            for start, end, size, known in self._of(passage):
                score = len(said & known) / max(1, len(said)) - _LARGER * (size - 1)
                if score > 0 and (best is None or score > best[0]):
                    best = score, passage, start, end
        if best is None:
            return None
        _, passage, start, end = best
        return Passage(passage.source, passage.start + start, passage.start + end, passage.text[start:end])

    def _of(self, passage: Passage) -> list[tuple[int, int, int, frozenset[str]]]:
        key = passage.source, passage.start
        found = self._known.get(key)
        if found is None:
            spans = sentences(passage.text)
            sets = [frozenset(words(passage.text[start:end]).texts) for start, end in spans]
            found = self._known[key] = [
                (spans[at][0], spans[at + size - 1][1], size, frozenset[str]().union(*sets[at : at + size]))
                for at in range(len(spans))
                for size in range(1, min(_WINDOW, len(spans) - at) + 1)
            ]
        return found


def _claim(answer: str, sentence: Sentence, passage: Passage | None, supported_at: float) -> Claim:
    text = answer[sentence.start : sentence.end]
    said = words(_plain(text)).texts
    near = [] if passage is None else words(_plain(passage.text)).texts
    support = 0.0 if sentence.missing else sentence.support
    refuted = passage is not None and _refutes(text, said, sentence, passage.text, near)
    likely = probability(features(said, near, support))
    good = sentence.supported(supported_at) and likely >= _LIKELY
    verdict: ClaimVerdict = "supported" if good else "not_enough_evidence"
    return Claim(
        start=sentence.start,
        end=sentence.end,
        text=text,
        verdict="refuted" if refuted else verdict,
        support=sentence.support,
        probability=min(likely, 1 - likely) if refuted else likely,
        missing=tuple(answer[each.start : each.end] for each in sentence.missing),
        citation=None
        if passage is None
        else Citation(source=passage.source, start=passage.start, end=passage.end, quote=passage.text[:_LONGEST_QUOTE]),
    )


def _plain(text: str) -> str:
    """Without what sets thousands apart."""
    return _GROUPED.sub("", text)


def _refutes(text: str, said: list[str], sentence: Sentence, passage: str, near: list[str]) -> bool:
    """Whether a passage about the same matter says another number, or the opposite."""
    known = set(near)
    plain = [word for word in said if not _DIGITS.search(word)]
    if not plain or sum(word in known for word in plain) / len(plain) < _SAME_MATTER:
        return False
    own = {word for word in said if _DIGITS.search(word)}
    if any(each.kind == "number" for each in sentence.missing) and any(
        _DIGITS.search(word) and word not in own for word in near
    ):
        return True
    return _denies(text, known) != _denies(passage, set(said))


def _denies(text: str, shared: set[str]) -> bool:
    """Whether a negation stands beside words that both texts have."""
    for match in _NEGATION.finditer(text):
        after = [word for word in words(text[match.end() :]).texts if len(word) > _SHORT][:_NEAR_NEGATION]
        before = [word for word in words(text[: match.start()]).texts if len(word) > _SHORT][-1:]
        if (after and all(word in shared for word in after)) or (not after and before and before[0] in shared):
            return True
    return False
