"""What a grading model's words are read as. Nothing is guessed: what cannot be read is no grade, and never a score.

The forms are those that prompts of promptfoo ask for, so that such a prompt of a user is read as it was meant.
"""

import json
import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final, cast

import msgspec

_THOUGHT: Final = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_LETTER: Final = re.compile(r"\(?\b([A-E])\)", re.IGNORECASE)
_MARKER: Final = re.compile(r"\d+[.)]")
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+")
_VERDICT: Final = re.compile(r"verdict\s*:\s*(yes|no)\b", re.IGNORECASE)
_WORD: Final = re.compile(r"\b(yes|no)\b", re.IGNORECASE)
_YES: Final = frozenset({"true", "yes", "pass", "y"})
_NO: Final = frozenset({"false", "no", "fail", "n"})
_SHOWN: Final = 200
FINAL: Final = "final verdict for each statement in order:"
NOTHING: Final = "Insufficient Information"
ATTRIBUTED: Final = "[Attributed]"
NOT_ATTRIBUTED: Final = "[Not Attributed]"
MOST_POINTS: Final = 10.0


class Unread(Exception):
    """The answer is no grade; the message says why."""


class Graded(msgspec.Struct, frozen=True, kw_only=True):
    """`passes` None: the model said nothing of that."""

    score: float
    passes: bool | None = None
    reason: str = ""
    evidence: tuple[str, ...] = ()


def read_grade(said: str) -> Graded:
    """JSON with `pass`, `score` and `reason`; one of the first two is enough."""
    fields = _object(said)
    passes = _passes(fields.get("pass"))
    score = _number(fields.get("score"))
    if passes is None and score is None:
        raise Unread("The judge's JSON has neither `pass` nor `score`.")
    if fields.get("score") is not None and score is None:
        raise Unread(f"The judge's score {str(fields['score'])[:40]!r} is no number.")
    if fields.get("pass") is not None and passes is None:
        raise Unread(f"The judge's `pass` is {str(fields['pass'])[:40]!r}, and neither true nor false.")
    return Graded(score=float(bool(passes)) if score is None else score, passes=passes, reason=_reason(fields))


def read_category(said: str) -> tuple[str, str]:
    """One of A to E with the reason: JSON with `category`, or `(A)` in a text."""
    text = _text(said)
    if "{" in text:
        fields = _object(said)
        word = str(fields.get("category") or "").strip().upper()
        if word not in {"A", "B", "C", "D", "E"}:
            raise Unread(f"The judge's category {word[:40]!r} is none of A to E.")
        return word, _reason(fields)
    found = {each.upper() for each in _LETTER.findall(text)}
    if len(found) != 1:
        raise Unread(f"The judge names {'no category' if not found else 'several categories'}: {_end(text)!r}.")
    return found.pop(), text


def read_met(said: str) -> Graded:
    """The last letter is Y or N."""
    text = _text(said).rstrip(" \t\r\n.*_`'\")")
    if text[-1:] not in ("Y", "N") or text[-2:-1].isalnum():
        raise Unread(f"The judge's answer does not end with Y or N: {_end(text)!r}.")
    met = text[-1] == "Y"
    return Graded(score=float(met), passes=met, reason=text)


def read_steps(said: str) -> tuple[str, ...]:
    """JSON with `steps`, a list of texts."""
    steps: Any = _object(said).get("steps")
    if not isinstance(steps, list) or not steps:
        raise Unread("The judge's JSON has no list `steps`.")
    named = cast("list[Any]", steps)
    if not all(isinstance(each, str) and each.strip() for each in named):
        raise Unread("The judge's `steps` are not all texts.")
    return tuple(cast("list[str]", steps))


def read_evaluation(said: str) -> Graded:
    """JSON with `score`, 0 to 10, and `reason`; the score as a share."""
    fields = _object(said)
    score = _number(fields.get("score"))
    if score is None or not 0 <= score <= MOST_POINTS:
        raise Unread(f"The judge's score {str(fields.get('score'))[:40]!r} is no number from 0 to 10.")
    return Graded(score=score / MOST_POINTS, reason=_reason(fields))


def read_attributed(said: str) -> Graded:
    """Of the lines that end with one of the two marks, the share of those that are attributed."""
    lines = [line.strip() for line in _text(said).splitlines()]
    marked = [line for line in lines if ATTRIBUTED.casefold() in line.casefold() or _lacks(line)]
    if not marked:
        raise Unread(f"No line of the judge's answer has {ATTRIBUTED} or {NOT_ATTRIBUTED}.")
    held = [line for line in marked if not _lacks(line)]
    reason = f"{len(held)} of {len(marked)} sentences are attributed to the context."
    return Graded(score=len(held) / len(marked), reason=reason, evidence=tuple(line for line in marked if _lacks(line)))


def _lacks(line: str) -> bool:
    return NOT_ATTRIBUTED.casefold() in line.casefold()


def read_extracted(said: str, context: Sequence[str]) -> Graded:
    """How many of the context's units were found to be needed: the passages, or, of one, its lines or sentences."""
    text = _text(said)
    lines = [line.strip() for line in context[0].splitlines() if line.strip()] if len(context) == 1 else []
    segmented = len(context) > 1 or len(lines) > 1
    units = (
        [each for each in context if each.strip()]
        if len(context) > 1
        else lines
        if segmented
        else _sentences(text="".join(context))
    )
    if not units:
        raise Unread("The context has no words.")
    if not text:
        raise Unread("The judge said nothing.")
    if NOTHING in text:
        return Graded(score=0.0, reason="Nothing of the context is needed for the question.")
    parts = [line.strip() for line in text.splitlines() if line.strip()] if segmented else _sentences(text)
    needed = min(len(dict.fromkeys(parts)), len(units))
    return Graded(score=needed / len(units), reason=f"{needed} of {len(units)} parts of the context are needed.")


def _sentences(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.strip()]
    parts = lines if len(lines) > 1 else _SENTENCE.split(text)
    return [each.strip() for each in parts if each.strip() and not _MARKER.fullmatch(each.strip())]


def read_lines(said: str) -> tuple[str, ...]:
    """One of each line that has words."""
    found = tuple(line.strip() for line in _text(said).splitlines() if line.strip())
    if not found:
        raise Unread("The judge said nothing.")
    return found


def read_supported(said: str, statements: int) -> Graded:
    """`Final verdict for each statement in order: Yes. No.`, or as many `Verdict: Yes`; one for each statement."""
    text = _text(said)
    _, found, rest = text.casefold().partition(FINAL)
    verdicts = _WORD.findall(rest) if found else _VERDICT.findall(text.casefold())
    if len(verdicts) != statements:
        raise Unread(f"The judge gave {len(verdicts)} verdicts of {statements} statements.")
    held = sum(each == "yes" for each in verdicts)
    return Graded(score=held / statements, reason=f"{held} of {statements} statements are supported by the context.")


def read_relevant(said: str) -> tuple[bool, str]:
    """JSON with `verdict`, yes or no."""
    fields = _object(said)
    if fields.get("verdict") not in ("yes", "no"):
        raise Unread(f"The judge's verdict {str(fields.get('verdict'))[:40]!r} is neither yes nor no.")
    return fields["verdict"] == "yes", _reason(fields)


def read_choice(said: str, many: int) -> int:
    """The first number, which has to be a place."""
    text = _text(said)
    found = re.search(r"\d+", text)
    if found is None or int(found[0]) >= many:
        raise Unread(f"The judge names none of the answers 0 to {many - 1}: {_end(text)!r}.")
    return int(found[0])


def _text(said: str) -> str:
    return _THOUGHT.sub("", said).strip()


def _object(said: str) -> Mapping[str, Any]:
    """The first object of JSON in a text."""
    text = _text(said)
    if not text:
        raise Unread("The judge said nothing.")
    decoder = json.JSONDecoder(strict=False)
    place = text.find("{")
    while place >= 0:
        try:
            found, _ = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place = text.find("{", place + 1)
            continue
        return cast("Mapping[str, Any]", found)
    raise Unread(f"The judge's answer has no JSON: {_end(text)!r}.")


def _passes(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold()
    return True if word in _YES or value == 1 else False if word in _NO or value == 0 else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if isfinite(number) else None


def _reason(fields: Mapping[str, Any]) -> str:
    reason = fields.get("reason")
    return reason.strip() if isinstance(reason, str) else ""


def _end(text: str) -> str:
    return text if len(text) <= _SHOWN else "..." + text[-_SHOWN:]
