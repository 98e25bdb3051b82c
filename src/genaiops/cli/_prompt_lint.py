"""`genaiops prompt lint`: common faults of prompts, before a model is asked."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from genaiops.cli._noun import Noun
from genaiops.cli._output import Column
from genaiops.cli._prompt_file import read_prompt
from genaiops.cli._session import Session, connected
from genaiops.core.errors import UsageError


def _where(row: Mapping[str, Any]) -> str:
    """The line of the file, or else of the text."""
    place = row.get("place", "")
    if row.get("file_line") is not None:
        return f"line {row['file_line']}"
    return f"{place}, line {row['line']}" if row.get("line") is not None else place


_FINDINGS = (
    Column("SEVERITY", "severity"),
    Column("RULE", "rule"),
    Column("WHERE", _where),
    Column("WHAT", "message", elastic=True),
    Column("REMEDY", "remedy", elastic=True, rank=1),
)
_RULES = (
    Column("RULE", "id"),
    Column("SEVERITY", "severity"),
    Column("WHAT", "title", elastic=True),
    Column("WHY", "why", elastic=True, rank=1),
)


def add_lint(command: Noun) -> None:
    """The verb `lint`."""

    @command.verb("lint", example="genaiops prompt lint answer.yaml")
    @click.argument("prompt", required=False, metavar="FILE|NAME@ALIAS")
    @click.option("--model", help="The model or route whose window counts. [the prompt's own]")
    @click.option("--strict", is_flag=True, help="A warning is a fault, too.")
    @click.option("--rules", "only_rules", is_flag=True, help="Print the rules, and why they are there.")
    @connected
    def lint(session: Session, prompt: str | None, model: str | None, *, strict: bool, only_rules: bool) -> None:
        """Check a prompt for common faults, a file or a version of the Hub, and end with 1 where there is an error. A
        file without includes needs no server."""
        from genaiops.app import linting

        if only_rules or prompt is None:
            if prompt is None and not only_rules:
                raise UsageError("Which prompt?", remedy="Name a file, NAME@ALIAS, or say --rules.", param="prompt")
            session.output.rows(linting.rules(), _RULES, empty="")
            return
        if prompt == "-" or Path(prompt).is_file():
            manifest = read_prompt(prompt)
            if model is None and not linting.has_includes(manifest):
                report = linting.lint_manifest(manifest)
            else:
                report = session.client.post("/api/prompts/lint", {"manifest": manifest, "model": model})
            report = report if prompt == "-" else linting.placed(report, prompt, manifest)
        elif "@" not in prompt:
            raise UsageError(
                f"There is no file {prompt}.",
                remedy="Name a file, or a version of the Hub: NAME@ALIAS.",
                param="prompt",
            )
        else:
            report = session.client.post("/api/prompts/lint", {"prompt": prompt, "model": model})
        if session.output.as_json:
            session.output.json(report)
        else:
            session.output.rows(report["findings"], _FINDINGS, empty="No rule finds anything.")
        if linting.is_faulty(report, strict=strict):
            sys.exit(1)
