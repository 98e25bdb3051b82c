"""`genaiops restore`: a data directory out of a backup."""

from pathlib import Path

import click

from genaiops.cli._noun import single
from genaiops.cli._output import Output


@single("restore", example="genaiops restore /var/backups/genaiops-monday.tar.zst --home /var/lib/genaiops")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--home", required=True, help="The data directory to make; empty or not there yet.")
@click.option("--records", help="An empty database for the records, as stores.records; else they go into the home.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(file: Path, home: str, records: str | None, as_json: bool) -> None:
    """Make a data directory of FILE: everything is verified first, and nothing is left when anything is wrong."""
    from genaiops.app.backup import restore
    from genaiops.app.home import Home

    place = Home(Path(home).expanduser().absolute())
    manifest = restore(file.absolute(), place, records_url=records)
    hint = "" if manifest.with_key else " Put secrets.key there before the start, if there are secrets."
    Output(as_json=as_json).result(
        {"home": str(place.path), "made_at": manifest.made_at, "entries": len(manifest.entries)},
        f"{place.path} is as it was at {manifest.made_at}.{hint}",
    )
