"""`genaiops release report` and `bundle`: for who lets a release through, and for who audits it."""

from pathlib import Path
from typing import Any

import click

from genaiops.cli._noun import Noun
from genaiops.cli._session import Session, connected
from genaiops.cli._suite_export import write
from genaiops.core.errors import UsageError
from genaiops.sdk import path_of

_SUFFIXES = {".html": "html", ".htm": "html", ".pdf": "pdf"}
_FORMS = click.Choice(["markdown", "html", "pdf"])


def add_reports(command: Noun) -> None:
    @command.verb("report", example="genaiops release report support@latest -o report.html")
    @click.argument("release", required=False)
    @click.option("--commit", help="Of all releases and runs that name this commit, in place of a release.")
    @click.option("--format", "form", type=_FORMS, help="[by FILE's ending, or markdown]")
    @click.option("-o", "--output", "file", type=click.Path(dir_okay=False, path_type=Path), help="A file to write.")
    @connected
    def report(
        session: Session, release: str | None, *, commit: str | None, form: str | None, file: Path | None
    ) -> None:
        """Say what a release, or a commit, brings: suites and their verdicts, how it differs from what serves, what it
        was made from, who signed it off. The file is signed: genaiops suite verify checks it."""
        if (release is None) == (commit is None):
            raise UsageError(
                "A report is of one release or of one commit.",
                remedy="Write genaiops release report support@latest, or --commit SHA.",
                param="release",
            )
        path = path_of("/api/commits", commit, "report") if commit else path_of("/api/releases", str(release), "report")
        if session.output.as_json and file is None:
            session.output.json(session.client.get(path))
            return
        form = form or _SUFFIXES.get(file.suffix.lower() if file else "", "markdown")
        if form == "pdf" and file is None:
            raise UsageError("A PDF is not for a terminal.", remedy="Name a file with -o FILE.", param="output")
        data = session.client.request("GET", path, query={"format": form}).body
        if file is None:
            click.echo(data, nl=False)
            return
        write(file, data)
        session.output.result({"file": str(file), "format": form}, f"{file} is written.")

    @command.verb("bundle", example="genaiops release bundle support@latest -o support.tar.gz")
    @click.argument("release")
    @click.option(
        "-o", "--output", "file", type=click.Path(dir_okay=False, path_type=Path), required=True, help="A file."
    )
    @connected
    def bundle(session: Session, release: str, *, file: Path) -> None:
        """Write a release into one signed file, with all that it pins, its runs' verdicts, approvals and findings, and
        without prompts or answers of calls: genaiops release verify FILE checks it anywhere."""
        data = session.client.request("GET", path_of("/api/releases", release, "bundle")).body
        write(file, data)
        session.output.result(
            {"file": str(file), "bytes": len(data)}, f"{file} is written. Check it: genaiops release verify {file}"
        )


def verified_file(session: Session, path: Path, keys: tuple[str, ...]) -> int:
    """Of a bundle, without a server."""
    from genaiops.app.release_bundles import verify_bundle

    found = verify_bundle(path, keys)
    said: dict[str, Any] = {
        "file": str(path),
        "holds": not found.faults,
        "release_id": found.release,
        "key": found.key,
        "pinned": bool(keys),
        "files": found.files,
        "versions": found.versions,
        "faults": list(found.faults),
    }
    trusted = "the key that you gave" if keys else "the file's own key; --public-key names one to trust"
    text = (
        f"{path} is as it was written, of {found.release}: {found.files} files, {found.versions} versions with the "
        f"digests of their names, signed by {found.key} ({trusted})."
    )
    session.output.result(said, text if not found.faults else "\n".join((f"{path} does not hold:", *found.faults)))
    return 1 if found.faults else 0
