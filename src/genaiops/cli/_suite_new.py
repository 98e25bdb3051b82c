"""`genaiops suite new`: a suite to begin with."""

from collections.abc import Sequence

import click

from genaiops.cli._noun import Verb
from genaiops.cli._output import Output
from genaiops.cli._session import plain
from genaiops.core.counting import counted
from genaiops.core.errors import UsageError


@click.command("new", cls=Verb, example="genaiops suite new answers.toml --task classification")
@click.argument("file")
@click.option("--task", metavar="TASK", help="Such as code, sql, summarisation, classification or agent.")
@click.option("--model", default="", help="A model or route of the gateway that is asked. [the cases bring answers]")
@plain
def new(output: Output, file: str, task: str | None, model: str) -> None:
    """Write a suite to begin with: cases of that task's form, and the metrics that are common for it. Without --task
    it asks which, and says what each proposes."""
    from genaiops.app.local_suites import begin_file, tasks

    if task is None:
        if output.as_json or not output.interactive:
            raise UsageError("No task is named.", remedy=f"Add --task, one of: {', '.join(tasks())}.", param="task")
        names = list(tasks())
        for number, (name, metrics) in enumerate(tasks().items(), start=1):
            output.line(f"{number:2} {name}: {', '.join(metrics)}")
        said = click.prompt(
            "Task, by number or name", type=click.Choice([*names, *_numbers(names)]), show_choices=False
        )
        task = _numbers(names).get(said, said)
    made = begin_file(file, task, model)
    then = f"genaiops suite run {file}{'' if model else ' --local'}"
    if task == "agent" and not model:
        then = f"write agent.py beside it, as the suite says, then: {then}"
    output.result(made, f"{file}: {counted(made['checks'], 'check')}, {counted(made['cases'], 'case')}. Next: {then}")


def _numbers(names: Sequence[str]) -> dict[str, str]:
    return {str(number): name for number, name in enumerate(names, start=1)}
