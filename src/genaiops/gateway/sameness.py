"""What two questions must have in common, beside near embeddings, to share an answer: the words that carry meaning, in
their order.

An embedding hardly tells "convert euros to dollars" from "convert dollars to euros", or 2014 from 2018. So only what
frames a question may differ: articles, "please", "how do I" or "what is the way to", endings of words, and a few words
that mean the same. The frame is English; in other languages hardly anything may differ.
"""

import re

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*|\d+(?:[.,:/-]\d+)*|[<>=≠≤≥%$€£¥+*/^&|#@-]")
_QUOTED = re.compile(r"\"([^\"]*)\"|“([^”]*)”|`+([^`]*)`+|«([^»]*)»")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")

_FRAMING = (
    "a an the is are am be been being do does it its this that these those there of in at for to with by on and as"
    " i me my mine myself you your yours we us our i'm i'd i've i'll you're what's it's that's there's how's"
    " how what which can could may would please kindly tell explain describe show give know want wish like let"
    " way ways step steps procedure method possible able allowed help hello hi thanks thank just so now get have has"
    " using some any also exactly really actually"
)
_FRAME = frozenset(_FRAMING.split())
_SAME = {
    word: words.split()[0]
    for words in (
        "not cannot can't don't doesn't isn't aren't won't wouldn't shouldn't haven't hasn't",
        "zero 0", "one 1", "two 2", "three 3", "four 4", "five 5", "six 6", "seven 7", "eight 8", "nine 9", "ten 10",
        "twelve 12 dozen", "hundred 100", "thousand 1000", "million 1000000",
        "why reason", "mean meaning", "large big", "fast quick quickly", "begin start", "buy purchase", "fix repair",
        "delete remove erase", "change update modify", "cancel terminate", "email mail e-mail", "colleague coworker",
        "holiday vacation", "enable activate", "disable deactivate", "movie film", "phone telephone", "photo picture",
        "configure setup", "kilometer km kilometre", "author writer", "error failure",
    )
    for word in words.split()
}  # fmt: skip
_VOWELS = frozenset("aeiouy")
_ENDINGS = ("ing", "ed", "es", "s")


def marks(text: str) -> list[str]:
    """The words that carry meaning, as stems, in their order; then what is quoted, as it stands."""
    found: list[str] = []
    for word in _WORD.findall(_THOUSANDS.sub("", text)):
        small = word.lower().replace("\u2019", "'")
        if small in _FRAME and (word != "A" or not found):  # "from A to B"
            continue
        small: str = _SAME.get(small, small)
        if small.endswith("n't"):
            small = "not"
        small = small.removesuffix("'s")
        stem = _stem(small)
        found.append(_SAME.get(stem, stem))
    return [*found, *("'" + "".join(one) for one in _QUOTED.findall(text))]


def _stem(word: str) -> str:
    """Without a plural's or a verb's ending. Rough, and the same for both questions."""
    if not word.isascii() or len(word) < 4 or word.endswith("ss"):
        return word
    for ending in _ENDINGS:
        short = word.removesuffix(ending)
        if short == word or len(short) < 3 or _VOWELS.isdisjoint(short) or (ending == "ed" and short[-1] == "e"):
            continue
        doubled = ending in {"ing", "ed"} and len(short) > 3 and short[-1] == short[-2] and short[-1] not in "lsz"
        word = short[:-1] if doubled else short
        break
    if word.endswith("i"):
        word = word[:-1] + "y"
    return word.removesuffix("e") if len(word) > 4 else word
