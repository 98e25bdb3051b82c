"""Rules about the answer that a prompt asks for: its form, its length, its examples, and whether it fits."""

import re
from collections.abc import Iterator
from typing import Any, Final, cast

from genaiops.checks.prompts._finding import PromptFinding, found
from genaiops.checks.prompts._read import TAG, Prompt, from_outside
from genaiops.checks.structured import Broken, Schema, parse
from genaiops.checks.tokens import Estimator
from genaiops.core.errors import UsageError

_USUAL_OUTPUT: Final = 300
"""Tokens of an answer without a cap."""
_DEMANDS: Final = re.compile(
    r"\b(?:answer|reply|respond|return|output|write|give|produce|format|present|only|as|in)\b[^.\n]{0,60}?\b"
    r"(json|xml|yaml|csv|markdown|html|plain text|prose|bullet(?:s| points| list)?|table|numbered list)\b"
)
_FAMILY: Final = {"table": "markdown", "numbered list": "markdown", "prose": "plain text"} | dict.fromkeys(
    ("bullet", "bullets", "bullet points", "bullet list"), "markdown"
)
_NOT: Final = re.compile(r"\b(?:no|not|never|without|instead of|rather than|don't|from|into|parse)\b[^.\n]{0,24}$")
_FORM: Final = re.compile(
    r"\b(?:json|xml|yaml|csv|markdown|html|format|list|bullets?|table|sentences?|words?|paragraphs?|lines?|brief|short"
    r"|concise|yes or no|true or false|label|category|score|number|only with|exactly|letter|code|sql|reply with"
    r"|answer with|respond with|return|output)\b"
)
_SHORT: Final = re.compile(
    r"\b(?:be (?:very )?(?:brief|concise|short)|briefly|concisely|(?:one|a single) (?:sentence|word|line))\b"
)
_LONG: Final = re.compile(
    r"\b(?:in (?:great |full )?detail|detailed|comprehensive|thorough(?:ly)?|exhaustive|at length|elaborate)\b"
)
_AT_LEAST: Final = re.compile(r"\b(?:at least|minimum of|no fewer than) (\d{1,5}) words\b")
_AT_MOST: Final = re.compile(r"\b(?:at most|maximum of|no more than|up to|under|within) (\d{1,5}) words\b")
_WAY_OUT: Final = re.compile(
    r"\b(?:don't know|do not know|not know|cannot (?:answer|find|tell)|can't (?:answer|find|tell)|no answer|not (?:in|"
    r"contain|mentioned|found|answer|enough|say|given)|unknown|unsure|n/a|none|insufficient|otherwise|if (?:it|they|the"
    r") [^.\n]{0,40}\bnot|only (?:use|from|on|what|the))\b"
)
_PASSAGES: Final = frozenset(
    re.findall(r"\w+", "context contexts passage passages doc docs document documents source sources fact facts")
)
_FENCED: Final = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)


def formats(prompt: Prompt) -> Iterator[PromptFinding]:
    wanted = prompt.manifest.response_format
    kind = (wanted or {}).get("type")
    words = prompt.words
    if kind == "json_object" and "json" not in words:
        yield found(
            "json-unsaid",
            "response_format is json_object, and no message has the word JSON.",
            "Write into a message: Answer with a JSON object.",
            place="response_format",
        )
    asked: dict[str, tuple[str, int]] = (
        {"json": ("response_format", 0)} if kind in ("json_object", "json_schema") else {}
    )
    for text in prompt.texts:
        if text.role not in ("system", "developer", "user"):
            continue
        plain = TAG.sub(lambda tag: " " * len(tag[0]), text.text).casefold()
        for match in _DEMANDS.finditer(plain):
            form = match[1]
            if not _NOT.search(plain[: match.start(1)]):
                asked.setdefault(_FAMILY.get(form, form), (text.place, text.line(match.start(1))))
    if len(asked) > 1:
        names = sorted(asked)
        place, line = list(asked.values())[-1]
        yield found(
            "contradictory-format",
            f"The answer is to be {' and '.join(names)}.",
            "Ask for one of them, or say which part has which form.",
            place=place,
            line=line or None,
        )
    if wanted is None and not prompt.manifest.tools and not _FORM.search(words):
        yield found(
            "no-output-format",
            "No message says what the answer looks like.",
            "Say its form and length (one sentence, a list, JSON with these fields), or set response_format.",
            place="messages",
        )


def lengths(prompt: Prompt) -> Iterator[PromptFinding]:
    words = prompt.words
    short, long = _SHORT.search(words), _LONG.search(words)
    if short and long:
        yield found(
            "contradictory-length",
            f"It asks for {short[0]!r} and for {long[0]!r}.",
            "Keep one of them, or say of which part each is.",
            place="messages",
        )
    least = max((int(found[1]) for found in _AT_LEAST.finditer(words)), default=0)
    most = min((int(found[1]) for found in _AT_MOST.finditer(words)), default=0)
    if least and most and least > most:
        yield found(
            "contradictory-length",
            f"At least {least} words and at most {most} words.",
            "Keep one of them.",
            place="messages",
        )
    cap = _cap(prompt)
    if cap is not None and least and cap < least:  # a word has a token or more
        yield found(
            "contradictory-length",
            f"At least {least} words do not fit into max_tokens = {cap}.",
            "Allow more tokens, or ask for fewer words.",
            place="parameters.max_tokens",
        )


def ways_out(prompt: Prompt) -> Iterator[PromptFinding]:
    given = [
        name
        for name, variable in prompt.variables.items()
        if name in prompt.used and from_outside(variable) and not _PASSAGES.isdisjoint(name.casefold().split("_"))
    ]
    if given and not _WAY_OUT.search(prompt.words):
        yield found(
            "no-way-out",
            f"Nothing says what to do when {' or '.join(map(repr, given))} has no answer.",
            "Write: If the passages do not say it, answer that you do not know.",
            place="messages",
        )


def examples(prompt: Prompt) -> Iterator[PromptFinding]:
    """Answers of the assistant, and JSON in fences, against the schema of `response_format`."""
    wanted = prompt.manifest.response_format or {}
    document: Any = cast("dict[str, Any]", wanted.get("json_schema") or {}).get("schema")
    if wanted.get("type") != "json_schema" or not isinstance(document, dict):
        return
    try:
        schema = Schema(_without_patterns(document))
    except UsageError as error:
        yield found("example-schema", error.message, error.remedy or "Mend it.", place="response_format.json_schema")
        return
    for text in prompt.texts:
        snippets = [(0, text.text)] if text.role == "assistant" and text.text.strip() else []
        if text.role != "assistant":
            snippets = [(match.start(1), match[1]) for match in _FENCED.finditer(text.text)]
        for offset, snippet in snippets:
            if TAG.search(snippet):
                continue  # what is put in decides
            fault = _fault(schema, snippet)
            if fault:
                yield found(
                    "example-schema",
                    f"The example is not as the schema wants it: {fault}",
                    "Mend the example, or the schema.",
                    place=text.place,
                    line=text.line(offset),
                )


def sizes(prompt: Prompt) -> Iterator[PromptFinding]:
    """By an estimate of tokens; what is put in counts as nothing."""
    window = prompt.window
    if window is None:
        return
    fixed = sum(Estimator().estimate(TAG.sub("", text.text)) for text in prompt.texts)
    cap = _cap(prompt) or _USUAL_OUTPUT
    if fixed + cap > window:
        yield found(
            "too-long",
            f"About {fixed:,} tokens of text and {cap:,} of the answer, of a window of {window:,}.",
            "Shorten it, lower max_tokens, or take a model with a larger window.",
            place="messages",
        )
    elif 2 * fixed > window:
        yield found(
            "long",
            f"The fixed text has about {fixed:,} tokens, of a window of {window:,}.",
            "Shorten it, or take a model with a larger window.",
            place="messages",
        )


def _cap(prompt: Prompt) -> int | None:
    parameters = prompt.manifest.parameters
    value = parameters.get("max_completion_tokens", parameters.get("max_tokens"))
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _fault(schema: Schema, snippet: str) -> str:
    """What is wrong with an example; "" for nothing."""
    read = parse(snippet)
    if isinstance(read, Broken):
        return read.reason
    return "; ".join(f"{one.path or 'the whole'}: {one.message}" for one in schema.problems(read.value)[:3])


def _without_patterns(schema: Any) -> Any:
    """Expressions of a stranger are not run."""
    if isinstance(schema, dict):
        fields = cast("dict[str, Any]", schema)
        return {
            name: _without_patterns(value)
            for name, value in fields.items()
            if not (name == "pattern" and isinstance(value, str)) and name != "patternProperties"
        }
    return [_without_patterns(each) for each in cast("list[Any]", schema)] if isinstance(schema, list) else schema
