"""What a judge's words are read as: a verdict that stands where it was asked for, or none."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from genaiops.domain import JudgeChoice

_VERDICT: Final = re.compile(
    r"[ \t*_>#`]*verdict[*_`]*[ \t]*:[ \t*_`'\"(]*([A-Za-z0-9_-]+)[ \t*_`'\").]*", re.IGNORECASE
)
_MOST_SHOWN: Final = 200
_THOUGHT: Final = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
MOST_CLAIMS: Final = 100


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """`choice` None: the words are no verdict, and `error` says why. An error is never a score."""

    choice: JudgeChoice | None = None
    reason: str = ""
    error: str = ""


class _Claims(msgspec.Struct, frozen=True):
    claims: tuple[str, ...]


def read_opinion(said: str, choices: Sequence[JudgeChoice]) -> Opinion:
    """The last line that has words is `Verdict: WORD` and no other line is, or all is JSON with `verdict` and `reason`.
    Nothing is guessed: neither a word somewhere in the text, nor two verdicts, nor one that was not offered."""
    text = _THOUGHT.sub("", said).strip()
    if not text:
        return Opinion(error="The judge said nothing.")
    if text.startswith("{"):
        return _of_json(text, choices)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = [match[1] for line in lines if (match := _VERDICT.fullmatch(line)) is not None]
    if len(found) > 1:
        return Opinion(error=f"The judge gave {len(found)} verdicts: {', '.join(found)[:_MOST_SHOWN]}.")
    if not found or _VERDICT.fullmatch(lines[-1]) is None:
        return Opinion(error=f"The judge's answer does not end with a verdict: {_end(text)!r}.")
    return _chosen(found[0], choices, "\n".join(lines[:-1]))


def read_claims(said: str) -> tuple[str, ...] | None:
    """Claims, one of a line that begins with a dash, or JSON with `claims`; () for `none`; None: it is neither."""
    text = _THOUGHT.sub("", said).strip()
    if text.startswith("{"):
        try:
            listed = msgspec.json.decode(text, type=_Claims).claims
        except msgspec.DecodeError:
            return None
        found = tuple(dict.fromkeys(each.strip() for each in listed if each.strip()))
        return found if len(found) <= MOST_CLAIMS else None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if [line.casefold().strip("'.") for line in lines] == ["none"]:
        return ()
    if not lines or len(lines) > MOST_CLAIMS or not all(line.startswith(("- ", "* ")) for line in lines):
        return None
    return tuple(line[2:].strip() for line in lines)


def _of_json(text: str, choices: Sequence[JudgeChoice]) -> Opinion:
    try:
        document: Any = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return Opinion(error=f"The judge's answer begins as JSON and is none: {_end(text)!r}.")
    fields = cast("Mapping[str, Any]", document)
    word, reason = fields.get("verdict"), fields.get("reason", "")
    if not isinstance(word, str) or not isinstance(reason, str):
        return Opinion(error="The judge's JSON has no text `verdict`.")
    return _chosen(word, choices, reason)


def _chosen(word: str, choices: Sequence[JudgeChoice], reason: str) -> Opinion:
    found = next((each for each in choices if each.word.casefold() == word.casefold()), None)
    if found is None:
        offered = ", ".join(each.word for each in choices)
        return Opinion(error=f"The judge's verdict {word[:40]!r} is none of {offered}.")
    return Opinion(choice=found, reason=reason.strip())


def _end(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else "..." + text[-_MOST_SHOWN:]
