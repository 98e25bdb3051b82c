"""`genaiops export`: how an installation is, as a file that `genaiops apply` reads."""

from pathlib import Path

import click
import msgspec

from genaiops.cli._described import to_yaml
from genaiops.cli._noun import single
from genaiops.cli._session import Session, connected
from genaiops.core.errors import UsageError


@single("export", example="genaiops export --only targets --only routes -o genaiops.yaml")
@click.option("--only", multiple=True, help="A section, such as targets; repeatable. [all]")
@click.option("-o", "--output", "file", type=click.Path(dir_okay=False, path_type=Path), help="A file to write.")
@connected
def command(session: Session, only: tuple[str, ...], file: Path | None) -> None:
    """Write the present state without secrets, as YAML (JSON with --json or a file's suffix)."""
    if file is not None and file.suffix not in {".yaml", ".yml", ".json"}:
        raise UsageError(f"{file} is neither YAML nor JSON.", remedy="Name it .yaml or .json.", param="output")
    state = session.client.get("/api/state", {"sections": ",".join(only) or None})
    if file is None and session.output.as_json:
        session.output.json(state)
        return
    text = to_yaml(state) if file is None or file.suffix != ".json" else _json(state)
    if file is None:
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error}.", remedy="Name another file.", param="output") from error
    session.output.result({"file": str(file)}, f"{file} is written.")


def _json(state: object) -> str:
    return msgspec.json.format(msgspec.json.encode(state)).decode() + "\n"
