"""What a limit is set on: `--team search`, `--env prod`, ..."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from genaiops.cli._output import Row
from genaiops.cli._session import Session

R = TypeVar("R")

_KINDS = {"team": "team", "env": "environment", "app": "application", "tenant": "tenant", "for_key": "key"}


def scope_options(function: Callable[..., R]) -> Callable[..., R]:
    """Adds the options of which exactly one is given."""

    @click.option("--team", help="Of a team.")
    @click.option("--env", help="Of an environment.")
    @click.option("--app", help="Of an application.")
    @click.option("--for-key", help="Of a key, by its id or its name.")
    @click.option("--tenant", help="Of a business unit; the only one there is at first is default.")
    @functools.wraps(function)
    def run(*args: Any, **options: Any) -> R:
        return function(*args, **options)

    return run


def scope_of(session: Session, options: Mapping[str, str | None]) -> dict[str, str]:
    """`{"kind", "id"}` of the one option that was given."""
    given = [(name, value) for name, value in options.items() if value is not None]
    if len(given) != 1:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in _KINDS)
        raise click.UsageError(f"Say what it is set on, with one of {names}.")
    name, value = given[0]
    if name == "for_key":
        from genaiops.cli.key import find

        value = find(session, value)
    return {"kind": _KINDS[name], "id": value}


def scope_text(limit: Row) -> str:
    """`team search`; keys by their names."""
    return f"{limit['scope']['kind']} {limit['scope_name']}"
