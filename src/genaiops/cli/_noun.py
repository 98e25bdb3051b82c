"""A noun with its verbs: `genaiops key create`. Each verb has one example that can be run as it stands."""

import difflib
import functools
import shlex
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])


class Verb(click.Command):
    """A command whose help ends with an example."""

    def __init__(self, *args: Any, example: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.example = example

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.option_name.lstrip("-")[:1].isdigit():
                raise click.UsageError(f"{error.option_name} is below 0, and nothing here can be.", ctx) from error
            raise

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click's)
        formatter.write_paragraph()
        formatter.write("Example:\n")
        formatter.write(f"  {self.example}\n")

    def example_arguments(self) -> list[str]:
        """The words of the example after `genaiops`; what a pipe feeds it is left out."""
        last = self.example.rpartition(" | ")[2]
        return shlex.split(last)[1:]


class Noun(click.Group):
    """A group of verbs that tells the nearest one when there is none of that name."""

    def verb(self, name: str, *, example: str) -> Callable[[Callable[..., Any]], click.Command]:
        """Decorator: the function becomes `genaiops NOUN NAME`; its docstring is the help."""
        return self.command(name, cls=Verb, example=example)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            raise click.UsageError(f"There is no command {args[0]!r}.{_nearest(args[0], list(self.commands))}", ctx)
        return super().resolve_command(ctx, args)


class Lead(Noun, Verb):
    """A command that does something by itself and has verbs beside: `genaiops usage`, `genaiops usage anomalies`."""


def noun(name: str, help_text: str) -> Noun:
    return Noun(name, help=help_text)


def single(name: str, *, example: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Decorator for a command without verbs: `genaiops status`."""
    return click.command(name, cls=Verb, example=example)


def lead(name: str, *, example: str) -> Callable[[Callable[..., Any]], Lead]:
    """Decorator for a command with verbs beside: what it does alone is left out when one of them is called."""

    def made(function: Callable[..., Any]) -> Lead:
        @functools.wraps(function)
        def alone(*args: Any, **options: Any) -> Any:
            if click.get_current_context().invoked_subcommand is None:
                return function(*args, **options)
            return None

        command: Lead = click.command(name, cls=Lead, example=example, invoke_without_command=True)(alone)
        return command

    return made


def _nearest(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, 1, 0.5)
    return f" Did you mean {near[0]}?" if near else f" There are: {', '.join(sorted(names))}."
