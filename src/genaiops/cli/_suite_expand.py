"""`genaiops suite expand`: families of cases that differ in nothing but an attribute, or a perturbation."""

from pathlib import Path
from typing import Any

import click
import msgspec

from genaiops.cli._noun import Noun
from genaiops.cli._output import Output
from genaiops.cli._session import plain
from genaiops.core.counting import counted
from genaiops.core.errors import UsageError

_SHOWN = 5


def add_expand(command: Noun) -> None:
    """Adds the verb."""

    @command.verb("expand", example="genaiops suite expand letters.toml --attribute gender --attribute race -o f.jsonl")
    @click.argument("file")
    @click.option(
        "--attribute",
        "attributes",
        multiple=True,
        metavar="NAME[=VALUES]",
        help="age, race, nationality, religion, gender or disability; repeatable.",
    )
    @click.option("--intersections", is_flag=True, help="Every value with every value of the others.")
    @click.option("--names", type=click.IntRange(1, 4), default=1, help="So many names of each group. [1]")
    @click.option("--perturbation", "kinds", multiple=True, metavar="KIND", help="Such as typos; repeatable.")
    @click.option("--cue", "cues", multiple=True, metavar="TEXT", help="A text without a bearing; repeatable.")
    @click.option("--seed", type=int, default=0, help="Of the typos. [0]")
    @click.option("-o", "--output", "to", type=click.Path(dir_okay=False, path_type=Path), help="A file to write.")
    @plain
    def expand(
        output: Output,
        file: str,
        *,
        attributes: tuple[str, ...],
        kinds: tuple[str, ...],
        cues: tuple[str, ...],
        to: Path | None,
        **more: int,
    ) -> None:
        """Write each case of FILE (a suite, or cases) as a family: with other people in it (--attribute; the words are
        English), or changed in what should change no answer (--perturbation, --cue). Cases have slots such as
        {a person}, {name}, {they}, or speak of one man, woman or person."""
        from genaiops.app.expanding import expand_file, perturbed_from, varied_from

        if bool(attributes) == bool(kinds or cues):
            raise UsageError(
                "A family is made of attributes, or of perturbations and cues.",
                remedy="Give --attribute, or --perturbation and --cue; for both, write two files.",
                param="attribute",
            )
        if attributes:
            how = varied_from(attributes, intersections=bool(more["intersections"]), names=more["names"])
        else:
            how = perturbed_from(kinds, cues, seed=more["seed"])
        _tell(output, expand_file(file, how), to)


def _tell(output: Output, found: Any, to: Path | None) -> None:
    """What was left out, and the cases: into the file, else printed."""
    from genaiops.app.expanding import case_lines, write_cases

    for each in found.left[:_SHOWN]:
        output.note(f"Left out: {each.case}: {each.why}")
    if len(found.left) > _SHOWN:
        output.note(f"Left out: {len(found.left) - _SHOWN} more.")
    if to is None:
        if output.as_json:
            output.json(found)
        else:
            click.echo(case_lines(found.cases), nl=False)
        return
    write_cases(found.cases, to)
    made = {"file": str(to), "cases": len(found.cases), "families": found.families}
    output.result(
        {**made, "left": msgspec.to_builtins(found.left), "language": found.language},
        f"{to} is written: {found.families} families, {counted(len(found.cases), 'case')}, {len(found.left)} left out.",
    )
