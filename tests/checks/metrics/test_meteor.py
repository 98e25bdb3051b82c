"""METEOR: nltk's figures, on synonyms that are looked up in WordNet's files as they lie."""

import gc
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genaiops.arena import read_suite
from genaiops.checks.metrics import metric, unready
from genaiops.checks.metrics._wordnet import PLACES, WordNet
from genaiops.core.errors import NotFound
from genaiops.domain import Measure, Sample
from tests.checks.metrics.texts import samples
from tests.conftest import Require

SPEECH = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
MEANINGS = {
    "noun": [("guide", "guidebook"), ("army", "troops", "ground_forces"), ("goose",), ("Party", "group")],
    "verb": [("hear", "heed"), ("insure", "ensure", "guarantee"), ("go", "travel")],
    "adj": [("big", "large"), ("afraid(p)", "fearful")],
    "adv": [("always", "forever")],
}
EXCEPTIONS = {"noun": "geese goose\n", "verb": "went go\n", "adj": "biggest big\n", "adv": ""}
FULL = "It is a guide to action which ensures that the military always obeys the commands of the party"
WANTED = "It is a guide to action that ensures that the military will forever heed Party commands"


def write(folder: Path) -> Path:
    """A small WordNet in the formats of wndb(5WN)."""
    for speech, letter in SPEECH.items():
        data, index = "  1 WordNet 9.1 Copyright of nobody  \n", {}
        for words in MEANINGS[speech]:
            offset = len(data)
            names = " ".join(f"{word} 0" for word in words)
            data += f"{offset:08d} 00 {letter} {len(words):02x} {names} 001 ~ 00000000 {letter} 0000 | a gloss; guide\n"
            for word in words:
                index.setdefault(word.split("(")[0].lower(), []).append(offset)
        lines = [
            f"{word} {letter} {len(places)} 1 ~ {len(places)} 0 {' '.join(f'{each:08d}' for each in places)}  "
            for word, places in sorted(index.items())
        ]
        (folder / f"data.{speech}").write_text(data)
        (folder / f"index.{speech}").write_text("  1 a licence  \n" + "\n".join(lines) + "\n")
        (folder / f"{speech}.exc").write_text(EXCEPTIONS[speech])
    unknown(folder)
    return folder


def unknown(folder: Path) -> None:
    """What nltk opens, and METEOR does not ask: Debian's package has them not."""
    for name, text in (("index.sense", ""), ("lexnames", "".join(f"{n:02d}\tname{n}\t1\n" for n in range(45)))):
        if not (folder / name).exists():
            (folder / name).write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "corpora" / "wordnet").mkdir(parents=True)
    return write(tmp_path / "corpora" / "wordnet")


def nltk_reader(root: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """That of nltk, which reads only below its own path. It leaves files open: they are closed here, while nobody is
    warned, and not whenever the collector comes by."""
    import nltk.data
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

    monkeypatch.setattr(nltk.data, "path", [str(root)])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The multilingual functions", UserWarning)
        warnings.simplefilter("ignore", ResourceWarning)
        reader: Any = WordNetCorpusReader(nltk.data.find("corpora/wordnet"), None)
        for letter in SPEECH.values():
            reader._data_file(letter)
        gc.collect()
        return reader


def close(reader: Any) -> None:
    for each in reader._data_file_map.values():
        each.close()


@pytest.fixture
def reader(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    made = nltk_reader(folder.parents[1], monkeypatch)
    yield made
    close(made)


def theirs(reader: Any, word: str) -> frozenset[str]:
    return frozenset(
        lemma.name() for each in reader.synsets(word) for lemma in each.lemmas() if "_" not in lemma.name()
    )


def say(sample: Sample, **options: Any) -> Measure:
    [said] = metric("meteor", options).measure([sample])
    return said


_WORDS = """
guide guides Guides guidebook geese goose army armies ground_forces troops party heed heeds hears went going goes
biggest bigger big afraid fearful always forever ensured insuring guarantees nothing a zz 日本 naïve s es
"""


def test_synonyms_are_those_that_nltk_reads(folder: Path, reader: Any) -> None:
    ours = WordNet(folder)
    assert ours.version == "9.1"
    for word in (*_WORDS.split(), "", " ", "guide\n"):
        assert ours.synonyms(word) == theirs(reader, word), word
    assert ours.synonyms("guides") == {"guide", "guidebook"}
    assert ours.synonyms("went") == {"go", "travel"}
    assert ours.synonyms("fearful") == {"afraid", "fearful"}


def test_nltk_has_the_same_digits(folder: Path, reader: Any) -> None:
    from nltk.translate.meteor_score import meteor_score

    for sample in samples(60, seed=4):
        wanted = [each.split() for each in sample.expected]
        said = say(sample, wordnet=str(folder), tokenize="none")
        assert said.value == meteor_score(wanted, sample.output.split(), wordnet=reader)


def test_the_example_that_is_published(folder: Path) -> None:
    """Of nltk's documentation: 0.6944 with all of WordNet, of which these words need what the small one has."""
    said = say(Sample(output=FULL, expected=("nothing at all", WANTED)), wordnet=str(folder))
    assert said.value == pytest.approx(0.6944, abs=5e-5)
    assert metric("meteor", {"wordnet": str(folder)}).card.version == "1+wordnet-9.1"
    sentence = Sample(output="The party hear", expected=("the party heed",))
    assert say(sentence, wordnet=str(folder)).value == pytest.approx(1 - 0.5 / 27)  # all match, in one piece
    assert say(Sample(output="", expected=("",)), wordnet=str(folder)).value == 0


def test_what_is_not_there(tmp_path: Path) -> None:
    said = say(Sample(output="a", expected=("a",)), wordnet=str(tmp_path))
    assert said.value is None
    assert "apt-get install wordnet-base" in said.error
    assert str(tmp_path) in unready(metric("meteor", {"wordnet": str(tmp_path)}))
    read = read_suite(f'[[check]]\nmetric = "meteor"\noptions = {{wordnet = "{tmp_path}"}}\n', "toml")
    [fault] = [each for each in read.faults if each.path == "check[0].metric"]
    assert "wordnet-base" in fault.message
    assert fault.line == 2
    with pytest.raises(NotFound, match="are not in"):
        WordNet(tmp_path)


@pytest.mark.slow  # all words of WordNet are looked up twice
def test_all_of_wordnet_is_read_as_nltk_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, require: Require
) -> None:
    found = [path for path in (Path(each).expanduser() for each in PLACES) if (path / "data.noun").is_file()]
    require(bool(found), "WordNet's files", "apt-get install wordnet-base")
    place = tmp_path / "corpora" / "wordnet"
    shutil.copytree(found[0], place)
    unknown(place)
    reader = nltk_reader(tmp_path, monkeypatch)
    ours = WordNet(place)
    words = [line.split(" ")[0] for speech in SPEECH for line in (place / f"index.{speech}").read_text().splitlines()]
    words += [line.split()[0] for speech in SPEECH for line in (place / f"{speech}.exc").read_text().splitlines()]
    words += [f"{word}{ending}" for word in words[::40] for ending in ("s", "ed", "ing", "er", "est", "men", "ies")]
    assert len(words) > 100_000
    for word in words:
        assert ours.synonyms(word) == theirs(reader, word), word
    close(reader)
    said = say(Sample(output=FULL, expected=(WANTED,)), wordnet=str(place))
    assert said.value == pytest.approx(0.6944, abs=5e-5)
