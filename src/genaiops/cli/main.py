"""The `genaiops` command: the menu of nouns, and how errors are told."""

import importlib
import json
import keyword
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import click

import genaiops
from genaiops.core.errors import GenaiopsError

PANELS: Mapping[str, Mapping[str, str]] = {
    "Start": {
        "up": "Start everything here and keep it running.",
        "demo": "Real calls, so that every screen has something true to show.",
        "doctor": "Say what is wrong with an installation, and how to mend it.",
        "status": "Show what runs.",
    },
    "Gateway": {
        "model": "Models: the targets that serve them, and weights to pull.",
        "route": "Routes: which targets serve a name, by weight, and what to fall back on.",
        "cache": "Caches: which routes keep answers, and what that saved.",
        "price": "The price table: what a million tokens cost, since when.",
        "budget": "Budgets in money, energy, tokens or calls, for each period.",
        "limit": "Rate limits: requests and tokens a minute, calls at a time.",
        "key": "Keys for model calls and for the management API.",
        "usage": "Calls, tokens and money, by whom and for what.",
        "trace": "Traces: every call with its spans, tokens, timing and cost.",
    },
    "Hub: artifacts and what is released": {
        "use-case": "Use cases: what an application is for, and the KPIs that gate its releases.",
        "app": "Applications: AI systems in use, and which release of theirs serves where.",
        "release": "Releases: everything that an application runs on, pinned and named by its digest.",
        "prompt": "Prompts: messages with variables, their versions, and names that move.",
        "dataset": "Datasets: rows with immutable versions, from files, data frames and traces.",
        "lineage": "Lineage: what was made from what, from an answer back to its data.",
        "apply": "Bring an installation to what files say: all of it or nothing.",
        "export": "Write how an installation is, as a file that apply reads.",
        "import": "Take over the configuration of another gateway, or what other systems exported.",
    },
    "ARENA: evaluation and experiments": {
        "suite": "Suites: cases, who answers them, and what has to hold before a change goes on.",
        "run": "Runs of suites: what was asked, what it cost, and what the gate says.",
        "judge": "Judges: models that say how good an answer is, and how far they can be believed.",
        "redteam": "Red team: attacks on models and applications, offline, and how often they succeed.",
        "experiment": "Experiments: two releases compared on live traffic, by a rule that was written before.",
        "queue": "Queues: items that people label, how far they agree, and duels.",
        "fact": "Facts: claims of answers held against sources, by words and by people.",
    },
    "Guardrails and tasks": {
        "policy": "Policies: what guards calls, and which changes need another person's consent.",
        "task": "Tasks: answers and requests that a guard policy holds until somebody decides.",
        "alert": "Alerts: what is wrong with the installation, until somebody closes it.",
    },
    "Governance": {
        "approval": "Approvals: protected changes that wait for another person's consent.",
        "risk": "Risks of what models say: what monitors, detects and mitigates each here, or the gap.",
        "finding": "Findings in releases, runs and data, such as bias, and what is done about them.",
        "audit": "The audit log: who changed what, signed, and verified.",
    },
    "People and access": {
        "actor": "People and service accounts, and their roles.",
        "role": "Roles: what each may do, and in which kinds of environment.",
        "team": "Teams: people and keys that share budgets.",
        "group": "Groups of the identity provider: which roles and team their members have.",
        "tenant": "Business units: environments, teams and people of their own.",
        "env": "Environments: stages with keys, limits and data of their own.",
        "issuer": "Issuers: whose signatures make an end user's identity count.",
        "secret": "Secrets of providers: set, list, remove; never shown.",
    },
    "Operations": {
        "backup": "Write everything of an installation into one file, while it runs.",
        "restore": "Make a data directory of a backup, verified.",
        "machine": "Machines that share records and budgets.",
    },
}
"""Panel of the help -> noun -> one line. The command of a noun is `command` in `genaiops.cli.<noun>` (`import_`: a word
of Python; `use_case`: of two words)."""

NOT_BUILT: Mapping[str, str] = {"blueprint": "Blueprints, ready-made applications, are not built yet."}
"""Nouns that the system is meant to have. They stand below the panel of the Hub, and answer with their line."""

NOUNS: Mapping[str, str] = {noun: line for nouns in PANELS.values() for noun, line in nouns.items()}


class Menu(click.Group):
    """Loads a noun's file when the noun is used, so that no command pays for the imports of another."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's signature)
        if cmd_name not in NOUNS:
            return None
        file = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name.replace("-", "_")
        command: click.Command = importlib.import_module(f"genaiops.cli.{file}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click's)
        width = max(map(len, NOUNS)) + 2
        for panel, nouns in PANELS.items():
            with formatter.section(panel):
                formatter.write_dl([(noun.ljust(width - 2), line) for noun, line in nouns.items()])
                for line in NOT_BUILT.values() if panel.startswith("Hub") else ():
                    formatter.write_text(line)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and (missing := NOT_BUILT.get(args[0]) or NOT_BUILT.get(args[0].removesuffix("s"))):
            raise click.UsageError(missing, ctx)
        if args and args[0] not in NOUNS and not args[0].startswith("-"):
            raise click.UsageError(f"There is no command {args[0]!r}.{_nearest(args[0])}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Menu, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(genaiops.__version__, prog_name="genaiops")
@click.option("--debug", is_flag=True, help="Show the stack of an error.")
def root(debug: bool) -> None:
    """Operate generative-AI applications: gateway, keys, limits, costs and traces."""
    del debug  # main looks for it before click runs


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done or pass, 1 the answer is no, 2 wrong usage, 3 something outside failed, 4
    inconclusive."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        status: Any = root.main(args=given, prog_name="genaiops", standalone_mode=False)
    except GenaiopsError as error:
        if "--debug" in given:
            raise
        tell(error, as_json="--json" in given)
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Interrupted.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        if "--json" in given:
            body = {"message": error.format_message(), "remedy": _help_of(error), "code": "usage", "param": None}
            click.echo(json.dumps({"error": body}), err=True)
        else:
            error.show()
        sys.exit(2)
    sys.exit(status if isinstance(status, int) else 0)


def _help_of(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"See {context.command_path if context is not None else 'genaiops'} --help."


def tell(error: GenaiopsError, *, as_json: bool) -> None:
    """On standard error: what was wrong and what to do, or the same as one JSON object."""
    if as_json:
        body = {"message": error.message, "remedy": error.remedy, "code": error.code, "param": error.param}
        click.echo(json.dumps({"error": body}), err=True)
        return
    click.echo(f"error: {error.message}", err=True)
    if error.remedy:
        click.echo(f"remedy: {error.remedy}", err=True)


def _nearest(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, NOUNS, 1)
    return f" Did you mean {near[0]}?" if near else " See genaiops --help."
