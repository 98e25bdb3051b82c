"""What the commands that talk to a running installation share: its address, its key, and where they print."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from genaiops.cli._output import Output
from genaiops.sdk import Answer, Client, Query, Witness

P = ParamSpec("P")
R = TypeVar("R")


class Session:
    """One command's client and output. `home`: the data directory that it was told."""

    def __init__(self, client: Client, output: Output, home: str | None = None) -> None:
        self.client = client
        self.output = output
        self.home = home

    def items(self, path: str, query: Query | None = None) -> list[dict[str, Any]]:
        """A whole list that has no pages."""
        return self.client.get(path, query)["data"]

    def write(self, method: str, path: str, body: Any = None, *, query: Query | None = None) -> Any:
        """A change. Says on standard error when the workers do not have it in force yet; the answer's body."""
        answer: Answer = self.client.request(method, path, body, query=query)
        if not answer.published:
            self.output.note("Kept; not every worker has it in force yet. It will be within seconds.")
        return answer.json()


def connected(function: Callable[Concatenate[Session, P], R]) -> Callable[..., R]:
    """Adds the options that all these commands have, and hands in the Session."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.option("--home", help="The data directory of the installation. [GENAIOPS_HOME]")
    @click.option("--url", help="The address of the installation. [GENAIOPS_URL; what runs in the home]")
    @click.option("--key", "api_key", help="A key for it. [GENAIOPS_API_KEY, which other users do not see; admin.key]")
    @functools.wraps(function)
    def run(*args: Any, as_json: bool, home: str | None, url: str | None, api_key: str | None, **options: Any) -> R:
        session = Session(Client(url, api_key, home, witness=Witness()), Output(as_json=as_json), home)
        return function(session, *args, **options)

    return run


def plain(function: Callable[Concatenate[Output, P], R]) -> Callable[..., R]:
    """For commands that talk to no installation: adds --json, and hands in the Output."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @functools.wraps(function)
    def run(*args: Any, as_json: bool, **options: Any) -> R:
        return function(Output(as_json=as_json), *args, **options)

    return run


def consenting(function: Callable[P, R]) -> Callable[P, R]:
    """Adds the options of commands whose change may need another person's consent: `reason` and `emergency`."""
    emergency = click.option("--emergency", metavar="REASON", help="Why an administrator cannot wait for consent.")
    return click.option("--reason", default="", help="Why, for who has to consent.")(emergency(function))
