"""WordNet's files (Fellbaum, "WordNet: an electronic lexical database", MIT Press, 1998; formats in its wndb(5WN)):
which words mean the same as a word. They are looked up where they lie, and only the lists of exceptions are loaded."""

import mmap
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from genaiops.core.errors import NotFound

_SPEECH: Final = ("noun", "verb", "adj", "adv")
_ENDINGS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "noun": (
        ("s", ""),
        ("ses", "s"),
        ("ves", "f"),
        ("xes", "x"),
        ("zes", "z"),
        ("ches", "ch"),
        ("shes", "sh"),
        ("men", "man"),
        ("ies", "y"),
    ),
    "verb": (
        ("s", ""),
        ("ies", "y"),
        ("es", "e"),
        ("es", ""),
        ("ed", "e"),
        ("ed", ""),
        ("ing", "e"),
        ("ing", ""),
    ),
    "adj": (("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
    "adv": (),
}
"""Rules of detachment, by morphy(7WN)."""
_MARKER: Final = re.compile(r"\([a-z]+\)$")
_VERSION: Final = re.compile(rb"WordNet ([0-9.]+[0-9]) Copyright")
PLACES: Final = ("/usr/share/wordnet", "~/nltk_data/corpora/wordnet", "/usr/share/nltk_data/corpora/wordnet")
REMEDY: Final = "Install them (Debian: apt-get install wordnet-base), or name their folder in the option wordnet."


class WordNet:
    """`version` is that of the data, "3.0". May be used from any thread."""

    def __init__(self, folder: Path) -> None:
        """NotFound when its files are not all there."""
        self._index: dict[str, mmap.mmap] = {}
        self._data: dict[str, mmap.mmap] = {}
        self._exceptions: dict[str, dict[str, list[str]]] = {}
        try:
            for speech in _SPEECH:
                self._index[speech] = _mapped(folder / f"index.{speech}")
                self._data[speech] = _mapped(folder / f"data.{speech}")
                lines = (folder / f"{speech}.exc").read_text(encoding="latin-1").splitlines()
                self._exceptions[speech] = {words[0]: words[1:] for words in map(str.split, lines) if words}
        except (OSError, ValueError) as error:
            raise NotFound(f"WordNet's files are not in {folder}: {error}.", remedy=REMEDY, param="wordnet") from None
        found = _VERSION.search(self._data["noun"][:4096])
        self.version = found.group(1).decode() if found else "unknown"

    def synonyms(self, word: str) -> frozenset[str]:
        """Of all meanings of all base forms of a word, as they are written there. None has a space, or `_` for it."""
        return frozenset(
            name
            for speech in _SPEECH
            for form in self._forms(word.lower(), speech)
            for offset in self._offsets(form, speech)
            for name in self._names(offset, speech)
            if "_" not in name
        )

    def _forms(self, word: str, speech: str) -> Iterable[str]:
        irregular = self._exceptions[speech].get(word)
        if irregular is not None:
            return dict.fromkeys((word, *irregular))
        regular = (
            word[: len(word) - len(ending)] + other for ending, other in _ENDINGS[speech] if word.endswith(ending)
        )
        return dict.fromkeys((word, *regular))

    def _offsets(self, form: str, speech: str) -> list[int]:
        """Where the meanings of a form are described. The line of its index says how many, last."""
        line = _line(self._index[speech], form)
        if not line:
            return []
        fields = line.split()
        return [int(each) for each in fields[len(fields) - int(fields[2]) :]]

    def _names(self, offset: int, speech: str) -> Iterator[str]:
        data = self._data[speech]
        fields = data[offset : data.find(b"\n", offset)].split(b" | ")[0].decode("latin-1").split(" ")
        for name in fields[4 : 4 + 2 * int(fields[3], 16) : 2]:
            yield _MARKER.sub("", name)


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _line(index: mmap.mmap, word: str) -> str:
    """The line that begins with a word, by halving: lines are sorted by their bytes. Empty: there is none."""
    try:
        wanted = word.encode("ascii")
    except UnicodeEncodeError:
        return ""
    if not wanted or b" " in wanted or b"\n" in wanted:
        return ""
    low, high = 0, len(index)
    while low < high:
        middle = (low + high) // 2
        start = index.rfind(b"\n", 0, middle) + 1
        end = index.find(b"\n", middle)
        end = len(index) if end < 0 else end
        line = index[start:end]
        first = line.split(b" ", 1)[0]
        if first == wanted:
            return line.decode("latin-1")
        if first < wanted:
            low = end + 1
        else:
            high = start
    return ""


@cache
def opened(folder: str) -> WordNet:
    """NotFound when there is none in it; of "" when there is none in the usual places."""
    if folder:
        return WordNet(Path(folder).expanduser())
    for place in PLACES:
        path = Path(place).expanduser()
        if (path / "data.noun").is_file():
            return WordNet(path)
    raise NotFound(f"WordNet's files are in none of {', '.join(PLACES)}.", remedy=REMEDY, param="wordnet")


@lru_cache(maxsize=50_000)
def synonyms(folder: str, word: str) -> frozenset[str]:
    """Of `opened(folder)`."""
    return opened(folder).synonyms(word)
