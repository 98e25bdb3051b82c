"""`genaiops restore`: a data directory out of a backup."""

from pathlib import Path

import click

from genaiops.cli._noun import single
from genaiops.cli._output import Output


@single(
    "restore",
    example="genaiops restore /var/backups/genaiops-monday.tar.zst --home /var/lib/genaiops --keys persons.keys",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--home", required=True, help="The data directory to make; empty or not there yet.")
@click.option("--records", help="An empty database for the records, as stores.records; else they go into the home.")
@click.option(
    "--keys",
    multiple=True,
    type=click.Path(path_type=Path),
    help="persons.keys of that installation, or its copies: who is erased in one of them is erased. Repeatable.",
)
@click.option("--without-keys", is_flag=True, help="Restore all but what people said.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    file: Path, home: str, records: str | None, keys: tuple[Path, ...], without_keys: bool, as_json: bool
) -> None:
    """Make a data directory of FILE: everything is verified first, and nothing is left when anything is wrong."""
    from genaiops.app.backup import restore
    from genaiops.app.home import Home

    place = Home(Path(home).expanduser().absolute())
    done = restore(file.absolute(), place, keys=keys, without_keys=without_keys, records_url=records)
    manifest = done.manifest
    counts = {"spans": done.erased, "rows of runs": done.erased_rows}
    gone = [f"{number:,} {what}" for what, number in counts.items() if number]
    lost = f" What was said in {' and '.join(gone)} is erased: no key opens it." if gone else ""
    hint = "" if manifest.with_key else " Put secrets.key there before the start, if there are secrets."
    Output(as_json=as_json).result(
        {
            "home": str(place.path),
            "made_at": manifest.made_at,
            "entries": len(manifest.entries),
            "erased": done.erased,
            "erased_rows": done.erased_rows,
        },
        f"{place.path} is as it was at {manifest.made_at}.{lost}{hint}",
    )
