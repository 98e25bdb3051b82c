"""What a log of Inspect holds: a header and samples, in a zip of JSON (deflated, or by zstandard) or in one JSON.

The format is that of inspect_ai's `log/_recorders/eval.py`, version 2: `header.json`, and `samples/ID_epoch_N.json`.
"""

import json
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from genaiops.core.errors import NotFound, TooLarge, UsageError

LARGEST: Final = 1 << 28
"""Bytes of one part, unpacked."""
MOST: Final = 100_000
"""Samples."""
_ZSTANDARD: Final = 93
_HEAD: Final = 30


class Log(msgspec.Struct, frozen=True):
    """`header`: `eval`, `status`, `results`, `stats`. `samples`: each with all epochs, in the order of the log."""

    header: Mapping[str, Any]
    samples: tuple[Mapping[str, Any], ...]


def is_inspect_json(document: Any) -> bool:
    """Whether a document of JSON is such a log."""
    if not isinstance(document, dict):
        return False
    fields = cast("dict[str, Any]", document)
    return isinstance(fields.get("eval"), dict) and "task" in fields["eval"] and {"status", "plan"} <= fields.keys()


def open_log(path: Path) -> Log:
    """NotFound, TooLarge and UsageError say what is wrong with the file."""
    try:
        if zipfile.is_zipfile(path):
            return _of_zip(path)
        if path.stat().st_size > LARGEST:
            raise TooLarge(
                f"{path} is larger than {LARGEST:,} bytes.", remedy="Take the .eval format, or fewer samples."
            )
        document = _object(path.read_bytes(), path.name)
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.", remedy="Name a log of Inspect.", param="file") from None
    except (OSError, zipfile.BadZipFile) as error:
        raise UsageError(f"{path} cannot be read: {error}.", remedy="Copy it again.", param="file") from None
    if not is_inspect_json(document):
        raise UsageError(f"{path} is no log of Inspect.", remedy="Give an .eval file, or its JSON.", param="file")
    samples = document.pop("samples", None) or ()
    return Log(document, tuple(cast("list[dict[str, Any]]", samples)))


def _of_zip(path: Path) -> Log:
    with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
        there = {each.filename: each for each in archive.infolist()}
        if "header.json" not in there:
            broken = "_journal/start.json" in there
            what = "was not ended: it has no header" if broken else "is no log of Inspect: it has no header.json"
            raise UsageError(f"{path} {what}.", remedy="Recover it: inspect log recover", param="file")
        header = _object(_part(archive, raw, there["header.json"]), "header.json")
        names = [name for name in there if name.startswith("samples/") and name.endswith(".json")]
        if len(names) > MOST:
            raise TooLarge(f"{path} has more than {MOST:,} samples.", remedy="Take fewer.")
        samples = tuple(_object(_part(archive, raw, there[name]), name) for name in names)
    return Log(header, samples)


def _part(archive: zipfile.ZipFile, raw: Any, entry: zipfile.ZipInfo) -> bytes:
    if entry.file_size > LARGEST:
        raise TooLarge(f"{entry.filename} is larger than {LARGEST:,} bytes.", remedy="Take fewer messages or samples.")
    if entry.compress_type != _ZSTANDARD:
        with archive.open(entry) as part:
            return _bounded(part)
    import zstandard

    raw.seek(entry.header_offset)  # zipfile itself knows zstandard from Python 3.14 on
    name, extra = struct.unpack("<HH", raw.read(_HEAD)[26:])
    raw.seek(name + extra, 1)
    try:
        with zstandard.ZstdDecompressor().stream_reader(raw.read(entry.compress_size)) as part:
            return _bounded(part)
    except zstandard.ZstdError as error:
        raise UsageError(f"{entry.filename} is broken: {error}.", remedy="Copy the log again.") from None


def _bounded(part: Any) -> bytes:
    data: bytes = part.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise TooLarge(f"A part of the log is larger than {LARGEST:,} bytes.", remedy="Take fewer samples.")
    return data


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        document = json.loads(data)  # Python's own: logs hold NaN
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{what} is no JSON: {error}.", remedy="Copy the log again.", param="file") from None
    if not isinstance(document, dict):
        raise UsageError(f"{what} is no object.", remedy="Give a log of Inspect.", param="file")
    return cast("dict[str, Any]", document)


def mapping(value: Any) -> Mapping[str, Any]:
    """An object; an empty one for anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def attached(value: Any, attachments: Mapping[str, Any]) -> Any:
    """Texts that stand elsewhere in the sample are put where they belong."""
    if isinstance(value, str):
        name = value.removeprefix("attachment://")
        return attachments.get(name, value) if name != value else value
    if isinstance(value, list):
        return [attached(each, attachments) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: attached(each, attachments) for name, each in cast("dict[str, Any]", value).items()}
    return value


def texts_of(content: Any) -> str:
    """The text of a message's content, which is a text or a list of parts."""
    return content if isinstance(content, str) else "\n".join(_texts(content))


def _texts(content: Any) -> Iterator[str]:
    for part in cast("list[Any]", content) if isinstance(content, list) else ():
        if isinstance(part, dict):
            text = cast("dict[str, Any]", part).get("text")
            if isinstance(text, str):
                yield text
