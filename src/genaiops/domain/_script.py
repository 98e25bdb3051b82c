"""Code that a suite brings: what answers, what makes something else of an answer, what says whether it is right."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

ScriptLanguage = Literal["javascript", "python", "ruby", "command"]


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A function: `code` is its body (one line: an expression), or `file` is where it stands, beside the suite, and
    `function` its name there ("": what the file exports). `takes`: names of its arguments, in order. `config`: handed
    to it as it is. Of a `command`, `code` is the line that is begun, and its arguments are JSON."""

    language: ScriptLanguage
    code: Annotated[str, Meta(max_length=200_000)] = ""
    file: Annotated[str, Meta(max_length=1000)] = ""
    function: Annotated[str, Meta(max_length=200)] = ""
    takes: tuple[str, ...] = ("output", "context")
    config: dict[str, Any] = {}

    @property
    def called(self) -> str:
        """How it is called where it failed."""
        if self.file:
            return f"{self.file}:{self.function}" if self.function else self.file
        line = " ".join(self.code.split())
        return f"{self.language} {line[:60]!r}"
