"""What a check of a prompt says, and the rules that there are."""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

LintSeverity = Literal["error", "warning", "note"]


class LintRule(msgspec.Struct, frozen=True, kw_only=True):
    """`why`: what goes wrong where it is not heeded."""

    id: str
    severity: LintSeverity
    title: str
    why: str


class PromptFinding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`place`: a field of the manifest (`messages[0].content`); `line` of the text there, from 1 (None: of no line).
    `file_line`: of the file that it was read from, where that is known."""

    rule: str
    severity: LintSeverity
    message: str
    remedy: str
    why: str
    place: str = ""
    line: int | None = None
    file_line: int | None = None


def _rule(name: str, severity: LintSeverity, title: str, why: str) -> LintRule:
    return LintRule(id=name, severity=severity, title=title, why=why)


_ALL: Final = (
    _rule(
        "template",
        "error",
        "A text is no template",
        "It cannot be pushed, or braces that were meant as text are lost.",
    ),
    _rule("undeclared-variable", "error", "A variable is used and not declared", "The prompt cannot be pushed."),
    _rule(
        "unused-variable",
        "warning",
        "A variable is declared and not used",
        "Callers send what no model ever sees, and believe that it counts.",
    ),
    _rule(
        "undelimited-input",
        "warning",
        "What somebody else wrote stands in the text without a border",
        "The model cannot tell data from instructions (OWASP LLM01:2025, prompt injection).",
    ),
    _rule(
        "untrusted-in-system",
        "warning",
        "What somebody else wrote stands in the system's message",
        "Models obey the system's message before all others, so what is put there commands the model.",
    ),
    _rule(
        "unbounded-input",
        "note",
        "A text from outside has no greatest length",
        "A long one drives instructions out of the window, and is paid for.",
    ),
    _rule(
        "no-output-format",
        "note",
        "Nothing says what the answer looks like",
        "Its form changes from call to call and from model to model, and breaks whoever reads it.",
    ),
    _rule(
        "contradictory-format",
        "warning",
        "Two forms of the answer exclude each other",
        "The model keeps one of them, now this one, now that one.",
    ),
    _rule(
        "contradictory-length",
        "warning",
        "The answer is to be short and long",
        "The model keeps one of them, or is cut off.",
    ),
    _rule(
        "json-unsaid",
        "error",
        "The answer has to be JSON, and no message says so",
        "Providers refuse `json_object` unless a message has the word JSON.",
    ),
    _rule(
        "example-schema",
        "error",
        "An example is not as the answer's schema wants it",
        "The model follows the example, and its answers are refused.",
    ),
    _rule(
        "no-way-out",
        "note",
        "Passages are given, and nothing says what to do when they have no answer",
        "The model makes one up.",
    ),
    _rule(
        "secret",
        "error",
        "A secret stands in the prompt",
        "Everybody who reads the prompt, the provider and whoever talks the model into repeating it have it.",
    ),
    _rule(
        "personal-data",
        "warning",
        "Personal data stand in the prompt",
        "They go to the provider with each call, and stay in every version.",
    ),
    _rule(
        "left-over",
        "error",
        "Something was left to be filled in",
        "The model reads it as it stands.",
    ),
    _rule(
        "foreign-placeholder",
        "warning",
        "A placeholder of another template language",
        "Nothing is put in there: the model sees the braces.",
    ),
    _rule(
        "vague-word",
        "note",
        "A word that means something else to everybody",
        "What it asks for cannot be checked, and models read it differently.",
    ),
    _rule(
        "repeated-line",
        "warning",
        "The same instruction stands there twice",
        "It is paid for twice, and one of the two is forgotten at the next change.",
    ),
    _rule("empty-message", "warning", "A message is empty", "Some providers refuse it."),
    _rule(
        "late-system",
        "warning",
        "A system's message stands behind others",
        "Some providers refuse it, others move it to the front.",
    ),
    _rule(
        "too-long",
        "error",
        "The prompt and its answer do not fit into the model's window",
        "The call is refused, or the answer is cut off.",
    ),
    _rule(
        "long",
        "note",
        "The fixed text takes more than half of the model's window",
        "Little room is left for what is asked, and each call pays for it.",
    ),
)
RULES: Final[Mapping[str, LintRule]] = {rule.id: rule for rule in _ALL}


def found(rule: str, message: str, remedy: str, *, place: str = "", line: int | None = None) -> PromptFinding:
    """A finding with the severity and the reason of its rule."""
    known = RULES[rule]
    return PromptFinding(
        rule=rule, severity=known.severity, why=known.why, message=message, remedy=remedy, place=place, line=line
    )
