"""`genaiops prompt budget`: what a prompt takes of a model's window, part by part."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from genaiops.cli._noun import Noun
from genaiops.cli._output import Column
from genaiops.cli._session import Session, connected

_PARTS = (Column("PART", "name"), Column("TOKENS", "tokens", right=True), Column("OF", "of"))


Posted = Callable[[Session, str, str, Sequence[str], dict[str, Any]], dict[str, Any]]


def add_budget(command: Noun, posted: Posted) -> None:
    """Adds the verb. `posted`: what the API says of a prompt and its variables."""

    @command.verb("budget", example="genaiops prompt budget support/answer@prod --var company=Acme")
    @click.argument("reference")
    @click.option("--var", "variables", multiple=True, help="NAME=VALUE; a value that is JSON counts as such.")
    @click.option("--model", help="Whose window and tokenizer count. [the prompt's own]")
    @click.option("--answer", type=click.IntRange(0), help="Tokens to keep for the answer. [the prompt's max_tokens]")
    @connected
    def budget(
        session: Session, reference: str, variables: Sequence[str], model: str | None, answer: int | None
    ) -> int:
        """Show the tokens of each message, tool and variable of a prompt, and what the model's window leaves. The
        REFERENCE is NAME@ALIAS, NAME@sha256:..., or a file. Exit status 1 when it does not fit."""
        more: dict[str, Any] = {"model": model, "answer": answer}
        found = posted(session, "/api/prompts/budget", reference, variables, more)
        output = session.output
        if output.as_json:
            output.json(found)
        else:
            rows = [{**each, "of": "message"} for each in found["parts"]]
            rows += [{**each, "of": "variable, within the above"} for each in found["variables"]]
            output.rows(rows, _PARTS, empty="It has no text.")
            how = "exactly" if found["exact"] else "as an estimate"
            output.line(f"Together {found['request']} tokens, counted {how} by {found['counted_by']}.")
            output.line(_room(found))
        return int(found["left"] is not None and found["left"] < 0)


def _room(found: dict[str, Any]) -> str:
    answer = "an answer of unknown length" if found["answer"] is None else f"an answer of {found['answer']}"
    if found["window"] is None:
        return f"Nobody knows the window of {found['model'] or 'its model'}; name one with --model."
    if found["left"] < 0:
        return f"The window of {found['window']} is exceeded by {-found['left']}, with {answer}."
    return f"The window of {found['window']} leaves {found['left']}, after {answer}."
