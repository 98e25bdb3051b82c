"""Registered documents on the command line: fingerprints are made here, so that no text leaves this machine."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from genaiops.app.fingerprinting import Piece, found_files, piece_of, piece_of_file, rows_as_documents
from genaiops.cli._output import Column, Row
from genaiops.cli._session import Session
from genaiops.cli._values import short_time, tokens
from genaiops.core.counting import counted
from genaiops.core.errors import OutsideError, UsageError
from genaiops.sdk import dataset_rows, path_of

_ASKED = 32
"""Pieces of which it is asked at a time whether they are there."""
_TOLD = 100
"""Documents between two lines of progress."""
_COLUMNS = (
    Column("NAME", "name"),
    Column("DOCUMENTS", "documents", right=True),
    Column("WORDS", lambda row: tokens(row["words"]), right=True),
    Column("VERSION", lambda row: row["digest"][:19]),
    Column("ALIASES", lambda row: sorted(row["aliases"]), rank=1),
    Column("USED BY", lambda row: sorted({use["id"] for use in row["uses"]}), rank=1),
    Column("TITLE", "title", elastic=True, rank=2),
)
_LISTED = (
    Column("DOCUMENT", "id", elastic=True),
    Column("WORDS", lambda row: tokens(row["words"]), right=True),
    Column("FINGERPRINTS", lambda row: tokens(row["marks"]) if row["marks"] else "too short to be found", right=True),
    Column("TEXT", lambda row: row["digest"][:19], rank=1),
)


def list_documents(session: Session) -> None:
    session.output.rows(
        session.items("/api/fingerprints"),
        _COLUMNS,
        empty="No documents are registered. Make some: genaiops policy fingerprint NAME FILES.",
    )


def show_documents(session: Session, reference: str) -> None:
    name, _, tail = reference.partition("@")
    found: Row = session.client.get(path_of("/api/fingerprints", name), {"version": tail or "current"})
    if session.output.as_json:
        session.output.json(found)
        return
    session.output.rows(found["listed"], _LISTED, empty="")
    least = found["k"] + found["window"] - 1
    session.output.note(
        f"{name}@{found['digest'][:19]}: {counted(found['documents'], 'document')}, {tokens(found['words'])} words; "
        f"every run of {least} words is found, and no shorter one."
    )
    named: dict[str, list[str]] = {}
    for alias, digest in found["aliases"].items():
        named.setdefault(digest, []).append(alias)
    for row in reversed(found["versions"]):
        aliases = ", ".join(sorted(named.get(row["digest"], ()))) or "-"
        when = short_time(row["created_at"])
        session.output.note(f"version {row['digest'][:19]} ({aliases}), {when} by {row['created_by']}")
    for use in found["uses"]:
        old = "" if use["reference"].endswith(found["digest"]) else ", which is another version"
        session.output.note(f"pinned by the policy {use['id']} as {use['reference'][: len(name) + 20]}{old}")


def fingerprint(session: Session, name: str, files: Sequence[str], wanted: dict[str, Any]) -> None:
    """Send what is missing, and register the version."""
    if not files and not wanted["dataset"] and not wanted["remove"]:
        raise UsageError("Which documents?", remedy="Name files or folders, --from-dataset or --remove.", param="files")
    pieces, bad = _sent(session, files, wanted)
    if bad and not wanted["skip"]:
        raise UsageError(
            f"{counted(bad, 'file')} cannot be read; no version was made.",
            remedy="Mend them and run this again (what was sent is not sent again), or leave them out with --skip.",
            param="files",
        )
    alias = None if wanted["alias"] == "none" else wanted["alias"]
    body = {
        "pieces": pieces,
        "remove": list(wanted["remove"]),
        "anew": wanted["anew"],
        "alias": alias,
        "title": wanted["title"],
        "reason": wanted["reason"],
        "emergency": wanted["emergency"],
    }
    made: Row = session.write("PUT", path_of("/api/fingerprints", name), body)
    short = [row["id"] for row in made["listed"] if not row["marks"]]
    for each in short:
        session.output.note(f"{each}: fewer than {made['k']} words, which are never found.")
    named = f", and {name}@{alias} names it" if alias else ""
    count = f"{counted(made['documents'], 'document')}, {tokens(made['words'])} words"
    session.output.result(made, f"{name}@{made['digest'][:19]}: {count}{named}.")
    for use in made["uses"]:
        if not use["reference"].endswith(made["digest"]):
            session.output.note(f"The policy {use['id']} pins another version: push it again to take this one up.")


def undo_documents(session: Session, name: str, why: dict[str, str | None]) -> None:
    """What `current` named before."""
    moved = session.write("PUT", path_of("/api/fingerprints", name, "aliases", "current"), {"undo": True, **why})
    session.output.result(moved, f"{name}@current names {moved['version_id'].rpartition('@')[2][:19]}.")


def _sent(session: Session, files: Sequence[str], wanted: dict[str, Any]) -> tuple[list[str], int]:
    """(digests of the pieces, how many files were bad)."""
    found = found_files(files)
    bad = 0

    def pieces() -> Iterator[Piece]:
        nonlocal bad
        for document, path in found:
            try:
                yield piece_of_file(document, path, session.output.note)
            except UsageError as error:
                bad += 1
                session.output.note(f"{error.message} {error.remedy or ''}".rstrip())
        if wanted["dataset"]:
            rows = dataset_rows(session.client, wanted["dataset"])
            for document, text in rows_as_documents(rows, wanted["field"]):
                yield piece_of(document, text)

    digests: list[str] = []
    making = pieces()
    while some := list(islice(making, _ASKED)):
        _send(session, {piece.digest: piece for piece in some})
        before = len(digests)
        digests += (piece.digest for piece in some)
        if len(digests) // _TOLD > before // _TOLD:
            session.output.note(f"{counted(len(digests), 'document')} ...")
    return digests, bad


def _send(session: Session, pieces: dict[str, Piece]) -> None:
    missing = session.client.post("/api/fingerprints/missing", {"pieces": list(pieces)})["data"]
    for digest in missing:
        kept = session.client.post("/api/fingerprints/pieces", {"marks": pieces[digest].marks})
        if kept["piece"] != digest:
            raise OutsideError(
                "The installation keeps fingerprints in another way than this client.",
                remedy="Use the client of the installation's version.",
            )
