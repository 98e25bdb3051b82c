"""From cases to families of a case and its perturbations: changes of the text that should change no answer."""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from genaiops.arena._suite_text import identified
from genaiops.arena.counterfactuals._expand import Expanded, Left
from genaiops.core.errors import NotFound, UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import Case

ORIGINAL: Final = "original"
KEY: Final = "perturbation"
MOST_CUES: Final = 20
_OWN: Final = ("family", "varies", KEY)
_LONG_WORD: Final = re.compile(r"\b[a-z]{5,}\b")
_OPTION: Final = re.compile(r"^(\s*\(?)([A-Z])([).:])( +)(.+)$", re.MULTILINE)
_EACH: Final = 12
"""One typo in so many words, and at least one."""


class Perturbed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`kinds`: names of perturbations. `cues`: texts without a bearing on the answer, each of which is put before what
    is asked. `seed`: of the typos."""

    kinds: tuple[str, ...] = ()
    cues: tuple[str, ...] = ()
    seed: int = 0


_Change = Callable[[str, random.Random], str]


def _typos(text: str, chance: random.Random) -> str:
    """Two letters within a word change places."""
    words = [found.span() for found in _LONG_WORD.finditer(text)]
    letters = list(text)
    for start, end in chance.sample(words, min(len(words), max(1, len(text.split()) // _EACH))):
        place = chance.randrange(start + 1, end - 2)
        letters[place], letters[place + 1] = letters[place + 1], letters[place]
    return "".join(letters)


def _reordered(text: str) -> tuple[str, Mapping[str, str]]:
    """The text with the options of its question (`A) ...` on lines of their own) in the other order, and letter -> the
    letter that its option has now; the letters stay where they are."""
    found = list(_OPTION.finditer(text))
    letters = [each[2] for each in found]
    if len(found) < 2 or letters != [chr(ord("A") + place) for place in range(len(found))]:
        return text, {}
    said = iter([each[5] for each in reversed(found)])
    changed = _OPTION.sub(lambda each: f"{each[1]}{each[2]}{each[3]}{each[4]}{next(said)}", text)
    return changed, dict(zip(letters, reversed(letters), strict=True))


CHANGES: Final[Mapping[str, _Change]] = {
    "typos": _typos,
    "lower_case": lambda text, _: text.lower(),
    "upper_case": lambda text, _: text.upper(),
    "whitespace": lambda text, _: "  " + re.sub(r" +", "  ", text) + " \n",
    "no_final_mark": lambda text, _: text.rstrip().rstrip(".?!"),
    "politeness": lambda text, _: f"Hello! {text} Thank you very much.",
    "question": lambda text, _: f"I have a question, and would be glad of an answer: {text}",
    "options_order": lambda text, _: _reordered(text)[0],
}


def perturbed(cases: Sequence[Case], wanted: Perturbed) -> Expanded:
    """Each case as a family: as it is, and once with each perturbation that changes it. NotFound for a perturbation
    that there is not, UsageError when there is nothing to do."""
    for kind in wanted.kinds:
        if kind not in CHANGES:
            raise NotFound(
                f"There is no perturbation {kind!r}.", remedy=suggestion(kind, list(CHANGES)), param="perturbations"
            )
    if not wanted.kinds and not wanted.cues:
        raise UsageError("What is changed?", remedy=f"Name perturbations: {', '.join(CHANGES)}.", param="perturbations")
    if len(wanted.cues) > MOST_CUES or not all(cue.strip() for cue in wanted.cues):
        raise UsageError(f"Cues are 1 to {MOST_CUES} texts that are not empty.", remedy="Name fewer.", param="cues")
    made: list[Case] = []
    left: list[Left] = []
    families = 0
    for case in identified(cases):
        clash = next((key for key in _OWN if key in case.metadata), None)
        if clash is not None:
            left.append(Left(case.id, f"its metadata has a {clash!r} already. Call that another name."))
            continue
        members = list(_members(case, wanted))
        if not members:
            left.append(Left(case.id, "none of these changes it."))
            continue
        made += [_member(case, ORIGINAL, case), *members]
        families += 1
    if not made:
        raise UsageError("No case is changed by any of these.", remedy=left[0].why if left else None, param="cases")
    return Expanded(cases=tuple(made), families=families, left=tuple(left))


def _members(case: Case, wanted: Perturbed) -> Iterator[Case]:
    for kind in dict.fromkeys(wanted.kinds):
        chance = random.Random(f"{wanted.seed}/{case.id}/{kind}")
        changed = _asked(case, lambda text, kind=kind, chance=chance: CHANGES[kind](text, chance))
        if changed == case:
            continue
        if kind == "options_order":
            changed = _answers(changed, _letters(case))
        yield _member(case, kind, changed)
    for cue in dict.fromkeys(wanted.cues):
        changed = _asked(case, lambda text, cue=cue: f"{cue} {text}")
        if changed != case:
            yield _member(case, f"cue: {cue}", changed)


def _asked(case: Case, change: Callable[[str], str]) -> Case:
    """What is asked last, changed: of a prompt's variables, the longest text."""
    if case.input:
        return msgspec.structs.replace(case, input=change(case.input))
    for place in range(len(case.messages) - 1, -1, -1):
        content = case.messages[place].get("content")
        if case.messages[place].get("role") == "user" and isinstance(content, str):
            messages = list(case.messages)
            messages[place] = {**messages[place], "content": change(content)}
            return msgspec.structs.replace(case, messages=tuple(messages))
    texts: dict[str, Any] = {name: value for name, value in case.variables.items() if isinstance(value, str)}
    if not texts:
        return case
    longest = max(texts, key=lambda name: len(texts[name]))
    return msgspec.structs.replace(case, variables={**case.variables, longest: change(texts[longest])})


def _letters(case: Case) -> Mapping[str, str]:
    """Letter -> letter, of the options that were reordered."""
    found: dict[str, str] = {}

    def look(text: str) -> str:
        found.update(_reordered(text)[1])
        return text

    _asked(case, look)
    return found


def _answers(case: Case, letters: Mapping[str, str]) -> Case:
    """With the letters of the right options."""
    expected, label = case.expected, case.label
    if isinstance(expected, str):
        expected = letters.get(expected, expected)
    else:
        expected = tuple(letters.get(each, each) for each in expected)
    return msgspec.structs.replace(case, expected=expected, label=label and letters.get(label, label))


def _member(case: Case, kind: str, changed: Case) -> Case:
    return msgspec.structs.replace(
        changed,
        id=f"{case.id}[{kind}]"[:200],
        cluster=case.cluster or case.id,
        slices=(*case.slices, f"{KEY}:{kind}"),
        metadata={**case.metadata, "family": case.id, "varies": [KEY], KEY: kind},
    )
