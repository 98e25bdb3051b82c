"""Files as pieces of fingerprints, made where the files lie: for the command line."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from genaiops.checks.documents import text_of
from genaiops.checks.verbatim import Index
from genaiops.core.digest import digest_bytes
from genaiops.core.errors import UsageError


class Piece(msgspec.Struct, frozen=True):
    """A document: its fingerprints, and the digest that they are asked for by."""

    id: str
    digest: str
    marks: bytes


def found_files(given: Sequence[str]) -> list[tuple[str, Path]]:
    """(id, file) of files, folders and patterns (`*`, `**`), in order. A file of a folder has its path in it as its id,
    any other its name. UsageError for what is not there, and for two files of one id."""
    found: dict[str, Path] = {}
    for one in given:
        path = Path(one)
        if path.is_dir():
            inside = ((each.relative_to(path).as_posix(), each) for each in sorted(path.rglob("*")) if _taken(each))
            pairs = list(inside)
        elif path.is_file():
            pairs = [(path.name, path)]
        else:
            root = Path(path.anchor) if path.is_absolute() else Path()
            pattern = str(path.relative_to(path.anchor)) if path.is_absolute() else one
            pairs = [(each.name, each) for each in sorted(root.glob(pattern)) if each.is_file()]
        if not pairs:
            raise UsageError(
                f"There is no file {one} that can be read.", remedy="Name files or folders.", param="files"
            )
        for name, file in pairs:
            if found.setdefault(name, file).resolve() != file.resolve():
                raise UsageError(
                    f"Two files would be the document {name!r}: {found[name]} and {file}.",
                    remedy="Name the folder that both are in.",
                    param="files",
                )
    return sorted(found.items())


def _taken(path: Path) -> bool:
    """Of a folder: nothing hidden. What cannot be read is told, so that nobody believes that it is protected."""
    return path.is_file() and not path.name.startswith(".")


def piece_of_file(document_id: str, path: Path, tell: Callable[[str], None] | None = None) -> Piece:
    """UsageError for a file that cannot be read. `tell` as of `text_of`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", remedy="Check the file.", param="files"
        ) from error
    return piece_of(document_id, text_of(document_id, data, tell))


def piece_of(document_id: str, text: str) -> Piece:
    marks = Index.exact([(document_id, text)]).write()
    return Piece(document_id, digest_bytes(marks), marks)


def rows_as_documents(rows: Iterator[dict[str, Any]], field: str | None) -> Iterator[tuple[str, str]]:
    """(id, text) of rows of a dataset: `field`, or all of their texts; the id is `row N`, or the row's own `id`."""
    for number, row in enumerate(rows):
        if field is not None and not isinstance(row.get(field), str):
            raise UsageError(f"Row {number} has no text {field!r}.", remedy="Name another field.", param="field")
        texts = [row[field]] if field is not None else [one for one in row.values() if isinstance(one, str)]
        own = row.get("id")
        yield (str(own) if isinstance(own, str | int) else f"row {number}"), "\n".join(texts)
