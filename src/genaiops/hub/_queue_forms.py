"""What is asked of each item of a queue, and whether an answer to it can be one."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast, get_args

import msgspec

from genaiops.core.errors import UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import CLAIM_VERDICTS, Item, Label, Option, Preference, Question
from genaiops.hub._validation import no_duplicates

MOST_QUESTIONS: Final = 12
MOST_OPTIONS: Final = 20
LONGEST_TEXT: Final = 20_000
LONGEST_GUIDELINES: Final = 50_000
SIDES: Final[Mapping[str, Preference]] = {"left": "first", "right": "second"}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_OPTION = re.compile(r"[^\W_][\w .:/+-]{0,39}")


class Given(msgspec.Struct, frozen=True):
    """An answer to all questions as it is kept: what is counted, and what was written."""

    values: dict[str, str | int]
    texts: dict[str, str]


def checked_questions(questions: Sequence[Question]) -> tuple[Question, ...]:
    """UsageError names the question at fault."""
    if not questions:
        raise _wrong("The queue asks nothing.", "Name a question, grade:choice=bad,good, or make it a duel (--duel).")
    if len(questions) > MOST_QUESTIONS:
        raise _wrong(f"A queue of {len(questions)} questions.", f"Ask 1 to {MOST_QUESTIONS}.")
    no_duplicates([each.name for each in questions], param="questions")
    if sum(each.kind == "preference" for each in questions) > 1:
        raise _wrong("Two questions ask which answer is better.", "Ask it once.")
    return tuple(_checked(each) for each in questions)


def options_of(question: Question) -> tuple[str, ...]:
    """What may be said, in order; of a scale its numbers, of a preference both sides as they are kept."""
    if question.kind == "scale":
        return tuple(str(number) for number in range(question.least, question.most + 1))
    if question.kind == "preference":
        return get_args(Preference)
    named = tuple(each.name for each in question.options)
    return named or (CLAIM_VERDICTS if question.kind == "claims" else ())


def worth_of(question: Question, value: str | int) -> float | None:
    """A figure from 0 to 1; None: it stands for none."""
    if question.kind == "scale" and isinstance(value, int):
        return (value - question.least) / (question.most - question.least)
    return next((each.worth for each in question.options if each.name == value), None)


def read_answers(questions: Sequence[Question], item: Item, answers: Mapping[str, Any], *, swapped: bool) -> Given:
    """What was sent, as it is kept. UsageError names the question at fault."""
    unknown = sorted(set(answers) - {each.name for each in questions})
    if unknown:
        remedy = suggestion(unknown[0], [each.name for each in questions])
        raise _wrong(f"The queue asks nothing called {unknown[0][:40]!r}.", remedy, f"answers.{unknown[0][:40]}")
    found = Given({}, {})
    for question in questions:
        answer = answers.get(question.name)
        if answer is None or answer in ("", []):
            if question.optional or (question.kind == "claims" and not item.claims):
                continue
            raise _wrong(f"{question.name} is not answered.", "Answer it, or skip the item.", _place(question))
        _READERS[question.kind](question, item, answer, swapped, found)
    return found


def shown_answers(questions: Sequence[Question], item: Item, label: Label, texts: Mapping[str, str]) -> dict[str, Any]:
    """A label as its author sent it."""
    found: dict[str, Any] = {}
    for question in questions:
        name = question.name
        if question.kind == "claims":
            kept = [
                {"verdict": label.values[f"{name}.{at}"], "source": texts.get(f"{name}.{at}", "")}
                for at in range(item.claims)
                if f"{name}.{at}" in label.values
            ]
            found |= {name: kept} if kept else {}
        elif question.kind == "preference" and name in label.values:
            found[name] = as_shown(label.values[name], swapped=label.swapped)
        elif name in label.values:
            found[name] = label.values[name]
        elif name in texts:
            found[name] = texts[name]
    return found


def as_shown(value: str | int, *, swapped: bool) -> str:
    """`left` or `right` for the side that a preference was seen at."""
    sides = {"first": "right", "second": "left"} if swapped else {"first": "left", "second": "right"}
    return sides.get(str(value), str(value))


def differ(questions: Sequence[Question], labels: Sequence[Label]) -> bool:
    """Whether labels of one item are not one."""
    for question in questions:
        if question.kind in ("text", "correction"):
            continue
        names = {name for each in labels for name in each.values if name.partition(".")[0] == question.name}
        for name in names:
            said = [each.values.get(name) for each in labels]
            if question.kind == "scale":
                numbers = [each for each in said if isinstance(each, int)]
                if len(numbers) < len(said) or max(numbers) - min(numbers) > question.tolerance:
                    return True
            elif len(set(said)) > 1:
                return True
    return False


def _checked(question: Question) -> Question:
    if _NAME.fullmatch(question.name) is None:
        what = f"{question.name[:60]!r} cannot be the name of a question."
        raise _wrong(what, "Use 1 to 40 lower case letters, digits and _, a letter first.")
    where = f"The question {question.name}"
    if len(question.title) > 500:
        raise _wrong(f"{where} has a title of {len(question.title)} characters.", "Use at most 500.")
    if question.kind == "scale":
        if not 0 <= question.least < question.most <= 100:
            raise _wrong(
                f"{where} goes from {question.least} to {question.most}.",
                "Give the lower end first, from 0 to 100: s:scale=1-5.",
            )
        if not 0 <= question.tolerance <= question.most - question.least:
            raise _wrong(f"{where} tolerates {question.tolerance}.", "Use a part of its range.")
    if question.options and question.kind not in ("choice", "claims"):
        raise _wrong(f"{where} is a {question.kind} and has options.", "Leave them out.")
    if question.kind == "choice" and len(question.options) < 2:
        raise _wrong(f"{where} leaves no choice.", "Give it at least two options: grade:choice=bad,good.")
    if len(question.options) > MOST_OPTIONS:
        raise _wrong(f"{where} has {len(question.options)} options.", f"Give at most {MOST_OPTIONS}.")
    no_duplicates([each.name for each in question.options], param="questions")
    for option in question.options:
        _check_option(where, option)
    return question


def _check_option(where: str, option: Option) -> None:
    if _OPTION.fullmatch(option.name) is None:
        raise _wrong(
            f"{where} has an option {option.name[:60]!r}.", "Use 1 to 40 letters, digits, blanks and . : / + - _."
        )
    if option.worth is not None and not 0 <= option.worth <= 1:
        raise _wrong(f"{where}: {option.name} is worth {option.worth}.", "Use a number from 0 to 1.")


def _choice(question: Question, item: Item, answer: Any, swapped: bool, found: Given) -> None:  # noqa: ARG001
    found.values[question.name] = _one_of(question, answer, options_of(question), _place(question))


def _scale(question: Question, item: Item, answer: Any, swapped: bool, found: Given) -> None:  # noqa: ARG001
    number = answer
    if isinstance(answer, str) and re.fullmatch(r"[0-9]{1,3}", answer):
        number = int(answer)
    if isinstance(answer, float) and math.isfinite(answer) and answer.is_integer():
        number = int(answer)
    if isinstance(number, bool) or not isinstance(number, int) or not question.least <= number <= question.most:
        what = f"{question.name} is {str(answer)[:40]!r}."
        raise _wrong(what, f"Use a whole number from {question.least} to {question.most}.", _place(question))
    found.values[question.name] = number


def _text(question: Question, item: Item, answer: Any, swapped: bool, found: Given) -> None:  # noqa: ARG001
    found.texts[question.name] = checked_long(answer, _place(question))


def _preference(question: Question, item: Item, answer: Any, swapped: bool, found: Given) -> None:  # noqa: ARG001
    said = _one_of(question, answer, ("left", "right", "tie", "both_bad"), _place(question))
    kept: str = SIDES.get(said, cast(Preference, said))
    if swapped and said in SIDES:
        kept = SIDES["right" if said == "left" else "left"]
    found.values[question.name] = kept


def _claims(question: Question, item: Item, answer: Any, swapped: bool, found: Given) -> None:  # noqa: ARG001
    if not isinstance(answer, list) or len(cast("list[Any]", answer)) != item.claims:
        what = f"{question.name} is no list of {item.claims} verdicts."
        raise _wrong(what, "Give one for each claim, in their order.", _place(question))
    for at, each in enumerate(cast("list[Any]", answer)):
        where = f"{_place(question)}[{at}]"
        given = cast("dict[str, Any]", each) if isinstance(each, dict) else {"verdict": each}
        if set(given) - {"verdict", "source"}:
            raise _wrong(f"{where} has more than verdict and source.", "Leave the rest out.", where)
        found.values[f"{question.name}.{at}"] = _one_of(question, given.get("verdict"), options_of(question), where)
        source = given.get("source", "")
        if source:
            found.texts[f"{question.name}.{at}"] = checked_long(source, where)


_READERS = {
    "choice": _choice,
    "scale": _scale,
    "text": _text,
    "correction": _text,
    "claims": _claims,
    "preference": _preference,
}


def _one_of(question: Question, answer: Any, options: Sequence[str], where: str) -> str:
    if not isinstance(answer, str) or answer not in options:
        what = f"{question.name}: {str(answer)[:60]!r} is none of its answers."
        raise _wrong(what, f"Use one of: {', '.join(options)}.", where)
    return answer


def checked_long(text: Any, where: str) -> str:
    """A text of many lines."""
    if not isinstance(text, str) or len(text) > LONGEST_TEXT or not is_storable(text):
        raise _wrong(f"{where} is no text of up to {LONGEST_TEXT:,} characters.", "Shorten it.", where)
    return text


def is_storable(text: str) -> bool:
    """Whether it is Unicode without lone surrogates and without NUL."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _place(question: Question) -> str:
    return f"answers.{question.name}"


def _wrong(what: str, remedy: str, param: str = "questions") -> UsageError:
    return UsageError(what, remedy=remedy, param=param)
