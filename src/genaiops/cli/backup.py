"""`genaiops backup`: everything of an installation in one file."""

from pathlib import Path

import click

from genaiops.cli._noun import single
from genaiops.cli._output import Output


@single("backup", example="genaiops backup /var/backups/genaiops-monday.tar.zst")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--home", help="The data directory. [GENAIOPS_HOME; ~/.local/share/genaiops]")
@click.option("--config", help="The settings' file.")
@click.option("--with-key", is_flag=True, help="Also the key of the secrets, and the administrator's: keep it safe.")
@click.option(
    "--keys-to",
    type=click.Path(path_type=Path),
    help="Write a copy of the keys of what people said, persons.keys, to this file: at another place than FILE.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    file: Path, home: str | None, config: str | None, with_key: bool, keys_to: Path | None, as_json: bool
) -> None:
    """Write records, telemetry, blobs and encrypted secrets of an installation into FILE, while it runs or not. What
    people said in it is sealed with persons.keys, which is not in it."""
    from genaiops.app import config as configuration
    from genaiops.app.backup import back_up, copy_keys

    settings = configuration.read({"home": home}, file=config).settings
    manifest = back_up(settings, file.absolute(), with_key=with_key)
    if keys_to is not None:
        copy_keys(settings, keys_to.absolute())
    kept = (
        "with the key of its secrets" if with_key else "without the key of its secrets (secrets.key): keep that apart"
    )
    said = "that copy of the keys" if keys_to else "persons.keys of the data directory: keep a copy apart"
    Output(as_json=as_json).result(
        {"file": str(file), "bytes": manifest.bytes, "entries": len(manifest.entries), "with_key": with_key},
        f"{file}: {len(manifest.entries)} files, {manifest.bytes / 1e6:.1f} MB before compression, {kept}. What "
        f"people said in it opens with {said}.",
    )
