"""The conditions of a list of traces, as options."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

R = TypeVar("R")


def trace_filters(function: Callable[..., R]) -> Callable[..., R]:
    """Options with the names of the API's parameters."""
    options: tuple[Any, ...] = (
        click.option("--status", type=click.Choice(["ok", "error", "cancelled", "aborted"])),
        click.option("--model", help="The model that was asked for."),
        click.option("--target", "target_id", help="The target that answered."),
        click.option("--key-id", help="The id of the key."),
        click.option("--team", "team_id", help="Of the keys of a team."),
        click.option("--env", "environment_id", help="In an environment."),
        click.option("--app", "application", help="By an application."),
        click.option("--user", "user_id", help="The end user."),
        click.option("--session", "session_id", help="Of one conversation."),
        click.option("--operation", type=click.Choice(["chat", "text_completion", "embeddings"])),
        click.option("--error-type", help="What failed: rate_limit_exceeded, upstream_error, ..."),
    )
    for option in reversed(options):
        function = option(function)
    return function
