"""`genaiops up`: start everything here and keep it running."""

from typing import Any

import click


@click.command("up", short_help="Start everything here and keep it running.")
@click.option("--home", help="The data directory. [GENAIOPS_HOME; ~/.local/share/genaiops]")
@click.option("--host", help="The address to listen on. [127.0.0.1]")
@click.option("--port", type=int, help="The public port; 0 takes a free one. [GENAIOPS_PORT; 4000]")
@click.option("--workers", type=int, help="Gateway workers. [1]")
@click.option("--only", type=click.Choice(["gateway"]), help="No console and no embedded models.")
@click.option("--no-embedded", is_flag=True, help="Do not start the embedded models.")
@click.option("--config", help="The settings' file. [GENAIOPS_CONFIG; genaiops.toml in the data directory]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
def command(config: str | None, no_embedded: bool, as_json: bool, **flags: Any) -> int:
    """Start the gateway, the console and the embedded models on one port, and keep them running until Ctrl-C."""
    from genaiops.app import config as configuration
    from genaiops.app.settings import Settings
    from genaiops.app.supervisor import supervise
    from genaiops.app.terminal import Terminal

    given = {
        "home": flags["home"],
        "only": flags["only"],
        "listen.host": flags["host"],
        "listen.port": flags["port"],
        "gateway.workers": flags["workers"],
        "embedded.enabled": False if no_embedded else None,
    }

    def read() -> Settings:
        return configuration.read(given, file=config).settings

    return supervise(read(), read, Terminal(as_json=as_json))
