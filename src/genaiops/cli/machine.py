"""`genaiops machine`: the data directories that share records and budgets. Needs no running installation."""

import click
import msgspec

from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Output
from genaiops.cli._values import short_time

command = noun("machine", "Machines that share records and budgets.")

_COLUMNS = (
    Column("ID", "id"),
    Column("NAME", "name"),
    Column("STATE", "state"),
    Column("HEARD", lambda row: short_time(row["heard_at"])),
)


@command.verb("list", example="genaiops machine list")
@click.option("--home", help="The data directory. [GENAIOPS_HOME; ~/.local/share/genaiops]")
@click.option("--config", help="The settings' file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(home: str | None, config: str | None, as_json: bool) -> None:
    """List the machines, and when each was heard last."""
    from genaiops.app import config as configuration
    from genaiops.app.machines import known_machines

    found = known_machines(configuration.read({"home": home}, file=config).settings)
    output = Output(as_json=as_json)
    output.rows(msgspec.to_builtins(found), _COLUMNS, empty="This installation shares nothing with others.")


@command.verb("forget", example="genaiops machine forget lost-3f2a91bc")
@click.argument("machine_id")
@click.option("--home", help="The data directory. [GENAIOPS_HOME; ~/.local/share/genaiops]")
@click.option("--config", help="The settings' file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def forget(machine_id: str, home: str | None, config: str | None, as_json: bool) -> None:
    """Stop waiting for a machine that never comes back. What it had leased of hard budgets counts as used."""
    from genaiops.app import config as configuration
    from genaiops.app.machines import forget_machine

    leases = forget_machine(configuration.read({"home": home}, file=config).settings, machine_id)
    Output(as_json=as_json).result(
        {"id": machine_id, "leases": leases},
        f"{machine_id} is forgotten; its leases of {leases} counters count as used until their periods end.",
    )
