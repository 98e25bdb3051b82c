"""Rules about what a prompt's texts say: secrets, personal data, what was left over, vague and repeated words."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from genaiops.checks.pii import PATTERNS as PERSONAL
from genaiops.checks.prompts._finding import PromptFinding, found
from genaiops.checks.prompts._read import TAG, Prompt, Text
from genaiops.checks.scanning import Scanner
from genaiops.checks.secrets import PATTERNS as SECRETS

_LEFT: Final = re.compile(
    r"\b(?:TODO|FIXME|TBD|XXX)\b|(?i:\blorem ipsum\b)|(?i:[<\[](?:insert|your|add|replace|fill)\b[^>\]\n]{0,60}[>\]])"
    r"|(?i:\b(?:insert|put|add) (?:your )?(?:text|name|content|instructions) here\b)"
)
_FOREIGN: Final = re.compile(
    r"(?<![{\\$\w])\{[A-Za-z_][A-Za-z0-9_.]{0,63}\}(?!\})|\$\{[A-Za-z_][A-Za-z0-9_.]{0,63}\}|\{%.{1,80}?%\}|<%=?.{1,80}?%>"
    r"|(?<![\w%])%\([A-Za-z_]\w{0,63}\)s|\[\[[A-Za-z_]\w{0,63}\]\]"
)
_VAGUE: Final = re.compile(
    r"\b(?:etc\b\.?|and so on|and so forth|as appropriate|if appropriate|appropriately|as needed|if needed|as necessary"
    r"|if possible|where possible|properly|somehow|stuff|good answer|nice|high[- ]quality|try to|do your best"
    r"|reasonable|sufficiently|a few|several)\b",
    re.IGNORECASE,
)
_LONG_LINE: Final = 24
"""Characters from which on a line that stands twice is an instruction, not a heading."""
_SHOWN: Final = 40


@cache
def _scanner(secrets: bool) -> Scanner:
    return Scanner(SECRETS if secrets else PERSONAL, tried=True)


def secrets(prompt: Prompt) -> Iterator[PromptFinding]:
    """The value itself is never told."""
    for text in prompt.texts:
        for one in _scanner(True).find(text.text):
            yield found(
                "secret",
                f"This looks like a secret ({one.kind}).",
                "Take it out and have it replaced where it opens something: it stands in every copy of the prompt.",
                place=text.place,
                line=text.line(one.start),
            )


def personal_data(prompt: Prompt) -> Iterator[PromptFinding]:
    """The value itself is never told."""
    for text in prompt.texts:
        for one in _scanner(False).find(text.text):
            if one.kind in ("url", "date"):
                continue
            yield found(
                "personal-data",
                f"This looks like personal data ({one.kind}).",
                "Make it a variable, or write what is made up.",
                place=text.place,
                line=text.line(one.start),
            )


def left_over(prompt: Prompt) -> Iterator[PromptFinding]:
    for text, plain in _plain(prompt):
        for match in _LEFT.finditer(plain):
            yield found(
                "left-over",
                f"{_short(match[0])!r} was left to be filled in.",
                "Fill it in, or take it out.",
                place=text.place,
                line=text.line(match.start()),
            )
        for match in _FOREIGN.finditer(plain):
            yield found(
                "foreign-placeholder",
                f"{_short(match[0])!r} is no placeholder here, and goes to the model as it stands.",
                "Write {{name}}, and declare the variable; where the text is meant, leave it.",
                place=text.place,
                line=text.line(match.start()),
            )


def vague(prompt: Prompt) -> Iterator[PromptFinding]:
    for text, plain in _plain(prompt):
        if text.role in ("assistant", "tool"):
            continue
        for match in _VAGUE.finditer(plain):
            yield found(
                "vague-word",
                f"{match[0]!r} can mean anything.",
                "Say what is wanted so that it can be checked: a number, a list, an example.",
                place=text.place,
                line=text.line(match.start()),
            )


def repeated(prompt: Prompt) -> Iterator[PromptFinding]:
    seen: dict[str, str] = {}
    for text, plain in _plain(prompt):
        if text.role in ("assistant", "tool"):
            continue
        for number, line in enumerate(plain.split("\n"), start=1):
            key = " ".join(line.casefold().split()).strip("-*• ")
            if len(key) < _LONG_LINE:
                continue
            if key in seen:
                yield found(
                    "repeated-line",
                    f"{_short(key)!r} stands in {seen[key]} already.",
                    "Keep one.",
                    place=text.place,
                    line=number,
                )
            else:
                seen[key] = f"line {number} of {text.place}"


def messages(prompt: Prompt) -> Iterator[PromptFinding]:
    others = False
    for number, message in enumerate(prompt.manifest.messages):
        place = f"messages[{number}]"
        if not message.content and not message.tool_calls:
            yield found("empty-message", "It says nothing.", "Write it, or take it out.", place=place)
        if message.role in ("system", "developer") and others:
            yield found("late-system", f"The message of the {message.role} comes late.", "Put it first.", place=place)
        others = others or message.role not in ("system", "developer")


def _plain(prompt: Prompt) -> Iterator[tuple[Text, str]]:
    """Texts with blanks in place of tags, so that places stay."""
    for text in prompt.texts:
        yield text, TAG.sub(lambda tag: " " * len(tag[0]), text.text)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
