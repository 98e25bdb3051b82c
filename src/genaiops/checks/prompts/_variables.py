"""Rules about what is put into a prompt: declared, used, set apart, bounded, and where it stands."""

import re
from collections.abc import Iterator
from typing import Final

from genaiops.checks.prompts._finding import PromptFinding, found
from genaiops.checks.prompts._read import Prompt, Put, from_outside
from genaiops.core.errors import UsageError
from genaiops.domain import PromptManifest, link

_QUOTES: Final = "\"'`\u00ab\u00bb\u201c\u201d\u2018\u2019<>|"
_BEFORE: Final = re.compile(f"[{_QUOTES}]\\s*$")
_BEHIND: Final = re.compile(f"\\s*[{_QUOTES}]")
_FENCE: Final = re.compile(r"^\s*(?:```|~~~|\"\"\"|'''|---+|===+|###|<<<|>>>|<[^>]+>|\[[A-Z_ ]+\])")
_ROOM: Final = 400
"""Characters before and behind what is put in that are looked at for a border."""


def templates(prompt: Prompt) -> Iterator[PromptFinding]:
    """What would keep it from being pushed, apart from variables that nobody declares."""
    if prompt.manifest.includes or any("{{>" in text.text.replace(" ", "") for text in prompt.texts):
        return  # an include brings variables of its own, and is read where it is put in
    try:
        link(prompt.manifest, _no_include)
    except UsageError as error:
        if "is used and not declared" not in error.message:
            yield found("template", error.message, error.remedy or "Mend it.", place=error.param or "")


def _no_include(reference: str) -> PromptManifest:
    raise UsageError(f"{reference!r} is not put in.", remedy="Push it.")


def variables(prompt: Prompt) -> Iterator[PromptFinding]:
    told: set[str] = set()
    for put in prompt.puts:
        if put.name not in prompt.variables and put.name not in told and put.name.isidentifier():
            told.add(put.name)
            yield found(
                "undeclared-variable",
                f"{put.name!r} is used and not declared.",
                f"Declare it: variables: {{{put.name}: {{type: string}}}}; or write \\{{{{ for braces.",
                place=put.text.place,
                line=put.line,
            )
    for name in prompt.variables:
        if name not in prompt.used:
            yield found(
                "unused-variable", f"{name!r} is declared and not used.", "Use it, or take it out.", place="variables"
            )


def inputs(prompt: Prompt) -> Iterator[PromptFinding]:
    bounded: set[str] = set()
    for put in prompt.puts:
        variable = prompt.variables.get(put.name)
        if variable is None or not from_outside(variable):
            continue
        alone = put.text.whole and put.text.text.strip() == put.text.text[put.start : put.end]
        if put.text.role in ("system", "developer"):
            yield found(
                "untrusted-in-system",
                f"{put.name!r}, which others write, is put into the message of the {put.text.role}.",
                "Put it into a message of the user, between borders, and say above that it is data.",
                place=put.text.place,
                line=put.line,
            )
        if not alone and not _bordered(put):
            yield found(
                "undelimited-input",
                f"Nothing shows where {put.name!r} begins and ends.",
                f"Set it between borders: <{put.name}>{{{{{put.name}}}}}</{put.name}>, quotes, or a fence.",
                place=put.text.place,
                line=put.line,
            )
        if variable.max_length is None and variable.type == "string" and put.name not in bounded:
            bounded.add(put.name)
            yield found(
                "unbounded-input",
                f"{put.name!r} may have any length.",
                "Give it a max_length.",
                place="variables",
            )


def _bordered(put: Put) -> bool:
    """Whether a quote, a tag or a fence stands on both sides: in its line, or in a line above and one below."""
    text = put.text.text
    before, behind = text[max(0, put.start - _ROOM) : put.start], text[put.end : put.end + _ROOM]
    here = before.rpartition("\n")[2]
    after = behind.partition("\n")[0]
    if _BEFORE.search(here) and _BEHIND.match(after):
        return True
    above = [line for line in before.split("\n")[:-1] if line.strip()][-3:]
    below = [line for line in behind.split("\n")[1:] if line.strip()][:3]
    return any(_FENCE.match(line) for line in above) and any(_FENCE.match(line) for line in below)
