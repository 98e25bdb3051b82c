"""`genaiops apply`: bring an installation to what files say."""

import click

from genaiops.cli._applying import How, carry_out
from genaiops.cli._described import read_descriptions
from genaiops.cli._noun import single
from genaiops.cli._session import Session, connected


@single("apply", example="genaiops apply -f genaiops.yaml --dry-run")
@click.option(
    "-f", "--file", "files", multiple=True, required=True, help="YAML, JSON or TOML, a folder, or -; repeatable."
)
@click.option("--dry-run", is_flag=True, help="Make every check, say what would change, and change nothing.")
@click.option("--check", is_flag=True, help="As --dry-run, with status 1 when something would change.")
@click.option("--prune", is_flag=True, help="Remove what a section that is there does not name. [it stays]")
@click.option("--yes", is_flag=True, help="Do not ask. [asks on a terminal]")
@connected
def command(session: Session, files: tuple[str, ...], dry_run: bool, check: bool, prune: bool, yes: bool) -> int:
    """Make targets, routes, teams, environments, actors, applications, use cases, experiments, keys, budgets, limits,
    prices and issuers what files say: all of it or nothing."""
    how = How(prune=prune, look=dry_run, check=check, yes=yes)
    return carry_out(session, read_descriptions(files), how)
